/* operate_options.c - one table of flags; a value stands behind '=' or in the next word. */
#include "operate/operate_options.h"

#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 5000, WAIT_S = 120, KEYS = 64, LAG_MS = 1000 };

static const struct {
    const char *name;
    operate_flag flag;
    bool has_value;
    unsigned most; /* of a number; 0: a text */
} flags[] = {
    {"--json", OPERATE_FLAG_JSON, false, 0},
    {"--nodes", OPERATE_FLAG_NODES, true, 0},
    {"--node", OPERATE_FLAG_NODE, true, 0},
    {"--timeout-ms", OPERATE_FLAG_TIMEOUT, true, 600000},
    {"--slots", OPERATE_FLAG_SLOTS, false, 0},
    {"--key", OPERATE_FLAG_KEY, true, 0},
    {"--wait-s", OPERATE_FLAG_WAIT, true, 86400},
    {"--keys", OPERATE_FLAG_KEYS, true, OPERATE_KEYS_MAX},
    {"--lag-ms", OPERATE_FLAG_LAG, true, 3600000},
    {"--before-restart", OPERATE_FLAG_BEFORE, false, 0},
    {"--after-restart", OPERATE_FLAG_AFTER, false, 0},
};

static bool refuse(const operate_options *of, const char *word, const char *what)
{
    (void)fprintf(of->err, "hypercached %s: %s: %s\n", of->verb, word, what);
    return false;
}

static bool nodes_take(operate_options *to, const char *name, const char *value)
{
    free(to->node_text);
    to->node_text = strdup(value);
    to->node_count = 0;
    char *rest = to->node_text;
    if (rest == NULL) return refuse(to, name, "no memory");
    for (char *word; (word = strsep(&rest, ",")) != NULL;) {
        if (word[0] == '\0') continue;
        if (to->node_count == OPERATE_NODES_MAX) return refuse(to, name, "too many nodes");
        to->nodes[to->node_count++] = word;
    }
    return to->node_count > 0 || refuse(to, name, "names no node");
}

static bool number_take(operate_options *to, size_t row, const char *value)
{
    char *end;
    unsigned long number = strtoul(value, &end, 10);
    if (*end != '\0' || value[0] == '-' || number == 0 || number > flags[row].most)
        return refuse(to, flags[row].name, "not a number, or out of range");
    unsigned taken = (unsigned)number;
    if (flags[row].flag == OPERATE_FLAG_TIMEOUT) to->timeout_ms = taken;
    if (flags[row].flag == OPERATE_FLAG_WAIT) to->wait_s = taken;
    if (flags[row].flag == OPERATE_FLAG_KEYS) to->keys = taken;
    if (flags[row].flag == OPERATE_FLAG_LAG) to->lag_ms = taken;
    return true;
}

static bool value_take(operate_options *to, size_t row, const char *value)
{
    if (value == NULL || value[0] == '\0') return refuse(to, flags[row].name, "needs a value");
    if (flags[row].most > 0) return number_take(to, row, value);
    if (flags[row].flag == OPERATE_FLAG_KEY)
        to->key = value;
    else
        return nodes_take(to, flags[row].name, value);
    return true;
}

/* Returns how many words it took; 0: a mistake. */
static int flag_take(operate_options *to, unsigned allowed, int left, char *const *argv)
{
    const char *word = argv[0], *equals = strchr(word, '=');
    size_t size = equals != NULL ? (size_t)(equals - word) : strlen(word);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (strlen(flags[i].name) != size || strncmp(flags[i].name, word, size) != 0) continue;
        if ((flags[i].flag & allowed) == 0) break;
        to->given |= flags[i].flag;
        if (!flags[i].has_value) return equals == NULL || refuse(to, word, "takes no value");
        const char *value = equals != NULL ? equals + 1 : left > 1 ? argv[1] : NULL;
        if (!value_take(to, i, value)) return 0;
        return equals != NULL ? 1 : 2;
    }
    (void)refuse(to, word, "not known here");
    return 0;
}

bool operate_options_read(operate_options *to, unsigned flags_allowed, int argc, char *const *argv)
{
    to->timeout_ms = TIMEOUT_MS;
    to->wait_s = WAIT_S;
    to->keys = KEYS;
    to->lag_ms = LAG_MS;
    to->nodes[0] = ":6379";
    to->node_count = 1;
    for (int i = 0; i < argc;) {
        int took = flag_take(to, flags_allowed, argc - i, argv + i);
        if (took == 0) return false;
        i += took;
    }
    return true;
}

void operate_options_fini(operate_options *of)
{
    free(of->node_text);
    of->node_text = NULL;
}
