/*
 * config_values.h - settings under the names clients know from Redis.
 *
 * Three kinds: facts of the node (maxmemory, databases, port), names for settings of ours
 * (loglevel is logging.level), and fixed answers about features a client asks for before it
 * goes on (save, appendonly).
 */
#ifndef HYPERCACHE_SERVER_COMMAND_CONFIG_VALUES_H
#define HYPERCACHE_SERVER_COMMAND_CONFIG_VALUES_H

#include "command/node.h"

typedef enum config_kind {
    CONFIG_FIXED = 0, /* `text` always */
    CONFIG_NODE,      /* the node tells (config_node_text); cannot change */
    CONFIG_MEMORY,    /* maxmemory: the node tells; changes through `setting` */
    CONFIG_SETTING    /* the value of `setting` */
} config_kind;

typedef struct config_name {
    const char *name; /* Redis's */
    config_kind kind;
    const char *text;    /* CONFIG_FIXED */
    const char *setting; /* ours, dotted */
} config_name;

size_t config_name_count(void);
const config_name *config_name_at(size_t index);
/* NULL: not a name of Redis's that is known here.  Any case. */
const config_name *config_name_find(hc_span name);

#define CONFIG_TEXT_CHARS 32u
/* The text of a CONFIG_NODE or CONFIG_MEMORY value. */
const char *config_node_text(const node *of, const config_name *which,
                             char text[CONFIG_TEXT_CHARS]);
/* A setting of ours as Redis writes such a value: yes and no, seconds, plain numbers. */
const char *config_setting_text(const setting *one, char text[CONFIG_TEXT_CHARS]);
/* The number of a setting of ours by its dotted name; `otherwise` when there is none. */
int64_t config_setting_number(const node *of, const char *name, int64_t otherwise);
/* "noeviction", "allkeys-s3fifo", "volatile-lru": an hc_eviction in the manner of Redis. */
const char *config_policy_name(uint32_t eviction);
/* These names, and short ones for all keys: "lru", "s3fifo"; any case.  False when it is none. */
bool config_policy_parse(hc_span name, uint32_t *eviction_out);

/* "100mb", "1g", "123": Redis's units, k 1000 and kb 1024.  False when it is none. */
bool config_memory_parse(hc_span text, uint64_t *bytes_out);

#endif
