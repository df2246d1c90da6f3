/*
 * config_apply.h - one named setting from any source; unknown names are explained.
 */
#ifndef HYPERCACHE_SERVER_CONFIG_APPLY_H
#define HYPERCACHE_SERVER_CONFIG_APPLY_H

#include "config/config.h"

/* Sets key `name`.  `where` starts a complaint: "file:3", "--node.id", ... */
void config_apply(config *cfg, const char *name, const char *where, const char *text,
                  config_origin origin, config_problems *problems);

/* One value from text into the struct that `key` is of: a config, or a config_store.  False: it is
 * unchanged and `why` holds the reason. */
bool config_field_set(void *of, const config_key *key, config_units units, const char *text,
                      char *why, size_t why_bytes);
void config_field_get(const void *of, const config_key *key, char text[CONFIG_VALUE_BYTES]);

#endif
