/*
 * config_apply.h - one named setting from any source; unknown names are explained.
 */
#ifndef HYPERCACHE_SERVER_CONFIG_APPLY_H
#define HYPERCACHE_SERVER_CONFIG_APPLY_H

#include "config/config.h"

/* Sets key `name`.  `where` starts a complaint: "file:3", "--node.id", ... */
void config_apply(config *cfg, const char *name, const char *where, const char *text,
                  config_origin origin, config_problems *problems);

#endif
