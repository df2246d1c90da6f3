/*
 * tunable.h - settings that the modules of server/command act on while the node runs.
 *
 *     file, environment, flags --+                            +-> check    any is refused: nothing
 *     CONFIG SET, SIGHUP --------+-> one configuration (main) +            has changed
 *                                                             +-> apply    cannot fail
 *
 * A setting has one home: its row in config/config_keys.h.  With that alone the file, the
 * environment, flags, CONFIG GET, SET and REWRITE know it under its dotted name.  What makes it
 * work, and gives it Redis's name:
 *   1. config/config_keys.h, config.h  a row with CONFIG_LIVE, and its field
 *   2. tunables.c                      a row here: `apply` keeps the value where the module reads
 *                                      it, mostly an atomic of the node; `check`, if the row's
 *                                      kind and range do not say it all
 *   3. config_names.c                  a row: Redis's name, and in which shape Redis writes the
 *                                      value; functions of your own for a shape that is yours
 *                                      alone (SHAPE_OWN)
 * Settings of a part that is not in server/command (net, the log) are carried out by
 * server/tuning.c itself.
 *
 * Threads: apply runs on the thread of whoever changes the setting, one at a time, and before the
 *          first client is served; it must be short and must not change settings.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_TUNABLE_H
#define HYPERCACHE_SERVER_COMMAND_TUNABLE_H

#include "command/node.h"
#include "command/settings.h"

typedef struct tunable {
    const char *setting; /* dotted */
    /* Is the value one that apply can take?  False: `error` says why in a few words, as
     * "argument must be ...".  No node need be there.  NULL: it always is. */
    bool (*check)(const setting *to, char error[SETTINGS_ERROR_BYTES]);
    /* Takes the value: once at the start, then whenever it has changed.  `to` is borrowed. */
    void (*apply)(node *of, const setting *to);
} tunable;

/* True also for settings that nobody here acts on. */
bool node_setting_check(const setting *to, char error[SETTINGS_ERROR_BYTES]);
void node_setting_apply(node *of, const setting *to);

#endif
