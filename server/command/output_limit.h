/*
 * output_limit.h - push_limits as text: ours, and Redis's client-output-buffer-limit.
 *
 *     pubsub.output_limit          "32mb 8mb 60"    hard limit, soft limit, seconds
 *     client-output-buffer-limit   "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432
 * 8388608 60"
 *
 * Of Redis's three classes only pubsub says something here: a client that asks for replies and does
 * not read them has to wait (net.h), and there are no replicas of Redis's kind.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_OUTPUT_LIMIT_H
#define HYPERCACHE_SERVER_COMMAND_OUTPUT_LIMIT_H

#include "command/config_values.h"
#include "command/push.h"

/* False: not three words, or not numbers. */
bool output_limit_parse(hc_span words, push_limits *out);
/* For config_name, see there. */
void output_limit_tell(const setting *now, char text[CONFIG_TEXT_CHARS]);
bool output_limit_read(const setting *now, hc_span value, char text[CONFIG_TEXT_CHARS],
                       char error[SETTINGS_ERROR_BYTES]);

#endif
