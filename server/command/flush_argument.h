/* flush_argument.h - of FLUSHDB and FLUSHALL: nothing, SYNC or ASYNC. */
#ifndef HYPERCACHE_SERVER_COMMAND_FLUSH_ARGUMENT_H
#define HYPERCACHE_SERVER_COMMAND_FLUSH_ARGUMENT_H

#include "command/command_args.h"

static inline bool flush_argument_fits(const request *of)
{
    if (of->argc == 1) return true;
    return of->argc == 2 && (argument_is(of->args[1], "sync") || argument_is(of->args[1], "async"));
}

#endif
