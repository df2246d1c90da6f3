/* log_words.h - levels and components of the log as arguments, in any case. */
#ifndef HYPERCACHE_SERVER_COMMAND_LOG_WORDS_H
#define HYPERCACHE_SERVER_COMMAND_LOG_WORDS_H

#include "command/request.h"

/* False: answered with an error. */
bool request_level(request *of, hc_span text, hc_log_level *level_out);
/* Adds its bit, 1u << hc_topic. */
bool request_component(request *of, hc_span text, uint32_t *topics);

#endif
