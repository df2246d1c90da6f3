/*
 * slow_report.h - who is told of a run that took too long: SLOWLOG, LATENCY, the log, events.
 *
 * Threads: the worker's own.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_SLOW_REPORT_H
#define HYPERCACHE_SERVER_COMMAND_SLOW_REPORT_H

#include "command/command.h"
#include "command/node.h"

/* The run of `count` requests from `told` on, or around it, took `ns`, which a threshold calls
 * slow. */
void slow_report(const request *told, size_t count, uint64_t ns);

#endif
