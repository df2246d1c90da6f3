/*
 * config_values.h - settings under the names clients know from Redis.
 *
 * A name stands for a setting of ours (loglevel is logging.level), or is a fact of the node (port,
 * databases), or has a fixed answer: features a client asks for before it goes on, and Redis's
 * settings of things that are not here, with what comes nearest to the truth.  What is fixed can
 * be "set" to what it is, for clients do that, and to nothing else.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_CONFIG_VALUES_H
#define HYPERCACHE_SERVER_COMMAND_CONFIG_VALUES_H

#include "command/node.h"

/* How Redis writes the value. */
typedef enum config_shape {
    SHAPE_FIXED = 0, /* `text` always */
    SHAPE_NODE,      /* the node tells (config_node_text); cannot change */
    SHAPE_TEXT,      /* as ours */
    SHAPE_NUMBER,    /* a plain number: count, milliseconds, bytes */
    SHAPE_MEMORY,    /* told in bytes; taken with Redis's units */
    SHAPE_SECONDS,   /* of a duration */
    SHAPE_YES_NO,    /* of a boolean */
    SHAPE_WORDS,     /* `words` */
    SHAPE_POLICY,    /* allkeys-lru, ... */
    SHAPE_OWN        /* `tell` and `read` */
} config_shape;

#define CONFIG_TEXT_CHARS 512u

typedef struct config_pair {
    const char *redis, *ours; /* both NULL: the end */
} config_pair;

typedef struct config_name {
    const char *name; /* Redis's */
    config_shape shape;
    const char *text;    /* SHAPE_FIXED */
    const char *setting; /* ours, dotted; NULL for SHAPE_FIXED and SHAPE_NODE */
    const config_pair *words;
    /* SHAPE_OWN: writes the setting as Redis would. */
    void (*tell)(const setting *now, char text[CONFIG_TEXT_CHARS]);
    /* SHAPE_OWN: makes of what a client sent the new text of the setting, which is now `now`.
     * False: `error` says why not. */
    bool (*read)(const setting *now, hc_span value, char text[CONFIG_TEXT_CHARS],
                 char error[SETTINGS_ERROR_BYTES]);
} config_name;

size_t config_name_count(void);
const config_name *config_name_at(size_t index);
/* NULL: not a name of Redis's that is known here.  Any case. */
const config_name *config_name_find(hc_span name);

/* The text of a SHAPE_NODE value; also of maxmemory and maxmemory-policy where there are no
 * settings. */
const char *config_node_text(const node *of, const config_name *which,
                             char text[CONFIG_TEXT_CHARS]);
/* A setting of ours as Redis writes it under the name `which`. */
const char *config_setting_text(const config_name *which, const setting *one,
                                char text[CONFIG_TEXT_CHARS]);
/* The other way: what a client sent for `which` as the text of our setting, which is now `now`.
 * False: it cannot be, `error` says why. */
bool config_setting_read(const config_name *which, const setting *now, hc_span value,
                         char text[CONFIG_TEXT_CHARS], char error[SETTINGS_ERROR_BYTES]);
/* The number of a setting of ours by its dotted name; `otherwise` when there is none. */
int64_t config_setting_number(const node *of, const char *name, int64_t otherwise);
/* "noeviction", "allkeys-s3fifo", "volatile-lru": an hc_eviction in the manner of Redis. */
const char *config_policy_name(uint32_t eviction);
/* These names, and short ones for all keys: "lru", "s3fifo"; any case.  False when it is none. */
bool config_policy_parse(hc_span name, uint32_t *eviction_out);

/* "100mb", "1g", "123": Redis's units, k 1000 and kb 1024.  False when it is none. */
bool config_memory_parse(hc_span text, uint64_t *bytes_out);

#endif
