/* log_words.c - names of levels and components, as log lines have them. */
#include "command/log_words.h"

#include <string.h>
#include <strings.h>

#include "command/command_args.h"

bool request_level(request *of, hc_span text, hc_log_level *level_out)
{
    for (unsigned i = 0; i < HC_LOG_LEVELS; i++) {
        const char *name = hc_log_level_name((hc_log_level)i);
        if (strlen(name) != text.size || strncasecmp(name, (const char *)text.data, text.size) != 0)
            continue;
        *level_out = (hc_log_level)i;
        return true;
    }
    request_error(of, "ERR no such level; ERROR, WARN, INFO, DEBUG or TRACE");
    return false;
}

bool request_component(request *of, hc_span text, uint32_t *topics)
{
    for (unsigned i = 0; i < HC_TOPICS; i++) {
        const char *name = hc_topic_name((hc_topic)i);
        if (strlen(name) != text.size || strncasecmp(name, (const char *)text.data, text.size) != 0)
            continue;
        *topics |= UINT32_C(1) << i;
        return true;
    }
    request_error(of, "ERR no such component; as in the field `component` of a log line");
    return false;
}
