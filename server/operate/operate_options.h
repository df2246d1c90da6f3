/* operate_options.h - the arguments of `hypercached cluster` and `hypercached sanity`. */
#ifndef HYPERCACHE_SERVER_OPERATE_OPERATE_OPTIONS_H
#define HYPERCACHE_SERVER_OPERATE_OPERATE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "operate/operate.h"

#define OPERATE_NODES_MAX 64u
#define OPERATE_KEYS_MAX 100000u

/* Which flags a verb takes. */
typedef enum operate_flag {
    OPERATE_FLAG_JSON = 1u << 0,
    OPERATE_FLAG_NODES = 1u << 1, /* --nodes A,B,C */
    OPERATE_FLAG_NODE = 1u << 2,  /* --node A */
    OPERATE_FLAG_TIMEOUT = 1u << 3,
    OPERATE_FLAG_SLOTS = 1u << 4,
    OPERATE_FLAG_KEY = 1u << 5,
    OPERATE_FLAG_WAIT = 1u << 6,
    OPERATE_FLAG_KEYS = 1u << 7,
    OPERATE_FLAG_LAG = 1u << 8,
    OPERATE_FLAG_BEFORE = 1u << 9, /* --before-restart */
    OPERATE_FLAG_AFTER = 1u << 10  /* --after-restart */
} operate_flag;

typedef struct operate_options {
    const char *verb; /* as it is called: "cluster status", "sanity" */
    unsigned given;   /* operate_flag */
    char *node_text;  /* what `nodes` point into */
    const char *nodes[OPERATE_NODES_MAX];
    size_t node_count;
    const char *key;
    unsigned timeout_ms, wait_s, keys, lag_ms;
    FILE *out, *err;
} operate_options;

static inline bool operate_has(const operate_options *of, operate_flag flag)
{
    return (of->given & flag) != 0;
}

/* Reads the words behind the verb; without --node or --nodes this machine's port 6379 is asked.
 * False: a mistake, which was told on `err`.  Finish it in either case. */
bool operate_options_read(operate_options *to, unsigned flags_allowed, int argc, char *const *argv);
void operate_options_fini(operate_options *of);

#endif
