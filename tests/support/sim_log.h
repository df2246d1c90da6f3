/*
 * sim_log.h - what happened in a run, to be read by a human: the last lines, by virtual time.
 *
 *     1203.417 ms  node 2   dead: node 0
 *     1203.500 ms  client 1 set q3 = 17 at node 2
 *
 * A log that is off costs one comparison a line.
 */
#ifndef HYPERCACHE_TESTS_SIM_LOG_H
#define HYPERCACHE_TESTS_SIM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_LOG_LINES_MAX 4096u
#define SIM_LOG_LINE_BYTES_MAX 128u

typedef struct sim_log {
    bool on;
    uint64_t count;
    char (*lines)[SIM_LOG_LINE_BYTES_MAX];
} sim_log;

void sim_log_init(sim_log *log, bool on);
void sim_log_fini(sim_log *log);
void sim_log_add(sim_log *log, uint64_t now_ns, const char *who, unsigned number,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
/* At most the last `lines_max` lines. */
void sim_log_print(const sim_log *log, size_t lines_max, FILE *to);

#endif
