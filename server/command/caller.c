/* caller.c - a command is taken out of HC.TRACE; ids that go on to other nodes. */
#include "command/caller.h"

#include <string.h>

#include "command/command_args.h"
#include "command/correlation.h"
#include "command/handlers.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { NEXT_NONE = 0, NEXT_COMMAND, NEXT_BUT_ONE };

static void caller_set(session *who, const session_caller *caller)
{
    if (!caller->known) return;
    who->caller = *caller;
    hc_trace_id_text(caller->context.trace_id, who->caller_id);
    who->correlation = hc_span_make(who->caller_id, HC_TRACE_ID_CHARS - 1);
}

static session_caller caller_parse(hc_span text)
{
    session_caller found = {.known = false};
    found.known = hc_traceparent_parse(text, &found.context, &found.sampled);
    return found;
}

bool caller_begin(request *of)
{
    session *who = of->session;
    if (who->next_caller_is == NEXT_COMMAND) caller_set(who, &who->next_caller);
    if (of->command == NULL || of->command->run != run_hc_trace || of->argc < 3) return false;
    session_caller caller = caller_parse(of->args[1]);
    caller_set(who, &caller);
    of->args += 2;
    of->argc -= 2;
    return true;
}

void caller_end(session *who, bool ran)
{
    if (ran && who->next_caller_is != NEXT_NONE) who->next_caller_is--;
    if (who->correlation.data != (const uint8_t *)who->caller_id) return; /* none, or of HTTP */
    who->correlation = (hc_span){.size = 0};
    who->caller = (session_caller){.known = false};
}

void run_hc_trace(request *of)
{
    session *who = of->session;
    if (of->argc > 2) { /* one within another */
        request_error(of, "ERR HC.TRACE may not stand before HC.TRACE");
        return;
    }
    session_caller caller = caller_parse(of->args[1]);
    who->next_caller = caller;
    who->next_caller_is = caller.known ? NEXT_BUT_ONE : NEXT_NONE;
    reply_ok(of->reply);
}

void caller_trace_id(hc_span name, uint8_t id[HC_TRACE_ID_BYTES])
{
    if (hc_trace_id_parse(name, id)) return;
    XXH128_canonical_t hash;
    XXH128_canonicalFromHash(&hash, XXH3_128bits(name.data, name.size));
    memcpy(id, hash.digest, HC_TRACE_ID_BYTES);
    id[HC_TRACE_ID_BYTES - 1] |= 1; /* never all zero */
}

void caller_tell(const request *of, hc_trace_context *trace_out, hc_span *name_out)
{
    const session *who = of->session;
    char id[CORRELATION_CHARS];
    *trace_out = (hc_trace_context){.trace_id = {0}};
    *name_out = (hc_span){.size = 0};
    bool asked = who->caller.known || correlation_is_told(of->node);
    if (!asked) return;
    if (who->caller.known) {
        memcpy(trace_out->trace_id, who->caller.context.trace_id, HC_TRACE_ID_BYTES);
    } else {
        request_correlation(of, id);
        caller_trace_id(hc_span_make(id, strlen(id)), trace_out->trace_id);
    }
    char text[HC_TRACE_ID_CHARS];
    hc_trace_id_text(trace_out->trace_id, text);
    hc_span named = who->correlation;
    bool same = named.size == HC_TRACE_ID_CHARS - 1 && memcmp(named.data, text, named.size) == 0;
    if (!same) *name_out = named;
}
