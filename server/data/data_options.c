/* data_options.c - one table of flags; a value stands behind '=' or in the next word. */
#include "data/data_options.h"

#include <stdlib.h>
#include <string.h>

#include "command/node.h"

static const struct {
    const char *name;
    data_flag flag;
    bool has_value;
} flags[] = {
    {"--json", DATA_FLAG_JSON, false},         {"--skip", DATA_FLAG_SKIP, false},
    {"--truncate", DATA_FLAG_TRUNCATE, false}, {"--merge", DATA_FLAG_MERGE, false},
    {"--data-dir", DATA_FLAG_DIR, true},       {"--to", DATA_FLAG_TO, true},
    {"--database", DATA_FLAG_DATABASE, true},  {"--store", DATA_FLAG_STORE, true},
};

static bool refuse(const data_options *of, const char *word, const char *what)
{
    (void)fprintf(of->err, "hypercached data %s: %s: %s\n", of->verb, word, what);
    return false;
}

static bool value_take(data_options *to, data_flag flag, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0') return refuse(to, name, "needs a value");
    if (flag == DATA_FLAG_DIR) to->data_dir = value;
    if (flag == DATA_FLAG_TO) to->to = value;
    if (flag == DATA_FLAG_STORE) to->store = value;
    if (flag != DATA_FLAG_DATABASE) return true;
    char *end;
    long number = strtol(value, &end, 10);
    if (*end != '\0' || number < 0 || number >= (long)NODE_DATABASES_MAX)
        return refuse(to, name, "a database is a number from 0 to 15");
    to->database = (int)number;
    return true;
}

/* Returns how many words it took; 0: a mistake. */
static int flag_take(data_options *to, unsigned allowed, int left, char *const *argv)
{
    const char *word = argv[0], *equals = strchr(word, '=');
    size_t size = equals != NULL ? (size_t)(equals - word) : strlen(word);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strlen(flags[i].name) != size || strncmp(flags[i].name, word, size) != 0) continue;
        if ((flags[i].flag & allowed) == 0) break;
        to->given |= flags[i].flag;
        if (!flags[i].has_value) return equals == NULL || refuse(to, word, "takes no value");
        const char *value = equals != NULL ? equals + 1 : left > 1 ? argv[1] : NULL;
        if (!value_take(to, flags[i].flag, flags[i].name, value)) return 0;
        return equals != NULL ? 1 : 2;
    }
    (void)refuse(to, word, "unknown flag; see `hypercached data help`");
    return 0;
}

bool data_options_read(data_options *to, unsigned flags_allowed, int argc, char *const *argv)
{
    to->database = DATA_ALL_DATABASES;
    for (int i = 0; i < argc;) {
        if (argv[i][0] == '-' && argv[i][1] != '\0') {
            int took = flag_take(to, flags_allowed, argc - i, argv + i);
            if (took == 0) return false;
            i += took;
        } else if (to->path_count == sizeof to->paths / sizeof to->paths[0]) {
            return refuse(to, argv[i], "one word too many");
        } else {
            to->paths[to->path_count++] = argv[i++];
        }
    }
    return true;
}
