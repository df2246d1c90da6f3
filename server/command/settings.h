/*
 * settings.h - how CONFIG reaches the configuration, without knowing how it is kept.
 *
 * main supplies this table.  Names are HyperCache's dotted ones ("cache.max_memory",
 * "logging.level"); the translation of Redis's names is CONFIG's own business
 * (config_commands.c), and so are values that follow from the node alone (maxmemory-policy,
 * databases, port ...).
 *
 * Values travel as text, as in the YAML file; beside the text stands the number where there is
 * one, so that CONFIG can print it in Redis's units.
 *
 * Threads: called from any worker, several at once.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_SETTINGS_H
#define HYPERCACHE_SERVER_COMMAND_SETTINGS_H

#include <hypercache/log.h>
#include <hypercache/types.h>

#define SETTINGS_CHANGES_MAX 64u /* of one CONFIG SET */
#define SETTINGS_VALUE_BYTES_MAX 4096u
#define SETTINGS_ERROR_BYTES 256u

typedef enum setting_kind {
    SETTING_TEXT = 0,
    SETTING_BOOL,     /* text "true" or "false"; number 1 or 0 */
    SETTING_INTEGER,  /* number */
    SETTING_BYTES,    /* text as a plain number of bytes, or with a unit; number: bytes */
    SETTING_DURATION, /* text with a unit; number: milliseconds */
    SETTING_LIST      /* text: items with one blank between them */
} setting_kind;

typedef struct setting {
    const char *name; /* dotted; NUL-terminated */
    const char *text; /* NUL-terminated; secrets come masked */
    int64_t number;
    int64_t min, max; /* of number, where it is a count, bytes or milliseconds; 0, 0: not told */
    setting_kind kind;
    bool changeable; /* at run time */
} setting;

/* `one` and its texts are borrowed until it returns.  Must not call back into settings. */
typedef void (*settings_visit)(void *visit_ctx, const setting *one);

typedef struct setting_change {
    const char *name;  /* dotted; NUL-terminated; as the client spelled it, so any case */
    const char *value; /* NUL-terminated, no NUL inside; plain numbers are bytes resp. ms */
} setting_change;

/* How much a component says. */
typedef struct setting_level {
    hc_log_level level;      /* now */
    hc_log_level configured; /* without level_set */
    uint64_t reverts_in_ms;  /* to the configured; 0: it is that, or stays */
} setting_level;

typedef struct settings {
    void *ctx; /* first argument of every call below */
    /* Visits all settings in a fixed order. */
    void (*each)(void *ctx, settings_visit visit, void *visit_ctx);
    /* Makes all `count` (1..SETTINGS_CHANGES_MAX) changes, or none: then *failed_out is the index
     * of the one refused and `error` (SETTINGS_ERROR_BYTES) says why in a few words without an
     * "ERR", such as "argument must be between 1 and 65535".  What takes effect at run time has
     * done so on return (a new cache.max_memory calls node_set_max_memory).  Names in one call
     * are distinct.
     *   HC_ERR_NOT_FOUND    no such name
     *   HC_ERR_UNSUPPORTED  cannot change at run time
     *   HC_ERR_INVALID      the value is not acceptable */
    hc_status (*change)(void *ctx, const setting_change *changes, size_t count, size_t *failed_out,
                        char *error);
    /* Writes what was set at run time into the configuration file; `error` as above.  NULL as for
     * HC_ERR_UNSUPPORTED.
     *   HC_ERR_UNSUPPORTED  there is no file
     *   HC_ERR_IO           it cannot be written, or edited */
    hc_status (*rewrite)(void *ctx, char *error);
    /* Counters that RESETSTAT should clear beside the node's own; may be NULL. */
    void (*reset_statistics)(void *ctx);
    /* Up to `level` is logged of `topic` for `for_ms`, whatever is configured and changed in that;
     * 0: no longer.  NULL, as the next two: levels are nobody's affair. */
    void (*level_set)(void *ctx, hc_topic topic, hc_log_level level, uint64_t for_ms);
    setting_level (*level_get)(void *ctx, hc_topic topic);
    /* Some times a second, by one thread: takes levels back whose time is over. */
    void (*tick)(void *ctx);
} settings;

#endif
