/* filter_reply.h - what the CF commands share in reading capacities and answering with errors. */
#ifndef HYPERCACHE_SERVER_COMMAND_FILTER_REPLY_H
#define HYPERCACHE_SERVER_COMMAND_FILTER_REPLY_H

#include "command/request.h"

#define FILTER_ERROR_NOT_FOUND "ERR not found"
#define FILTER_ERROR_EXPANSIONS "ERR Maximum expansions reached"
#define FILTER_ERROR_FULL "ERR Filter is full"

/* The error for a status of filter_value.h; `not_found` for HC_ERR_NOT_FOUND. */
void filter_reply_error(request *of, hc_status status, const char *not_found);
/* Answers with an error and returns false unless `text` is 2 * bucket_size..FILTER_CAPACITY_MAX. */
bool filter_take_capacity(request *of, hc_span text, int64_t bucket_size, uint64_t *capacity_out);

#endif
