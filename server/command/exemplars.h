/*
 * exemplars.h - the latest slow command of each kind and length, by its correlation id.
 *
 * From a graph of durations an operator comes to the one request that took so long: its id is in
 * the log, the event and the trace.  A fixed table; a new one takes the place of what hashes there.
 *
 * Threads: any; one lock, taken for slow commands alone and while a page of metrics is written.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_EXEMPLARS_H
#define HYPERCACHE_SERVER_COMMAND_EXEMPLARS_H

#include <pthread.h>

#include <hypercache/metrics.h>

#define EXEMPLARS_ID_CHARS 65u /* with its NUL; OpenMetrics allows 128 with the name */
#define EXEMPLARS_MAX 128u

typedef struct exemplar {
    size_t command; /* its row */
    uint32_t bucket;
    uint64_t ns; /* 0: none here */
    int64_t time_ms;
    char id[EXEMPLARS_ID_CHARS];
} exemplar;

typedef struct exemplars {
    pthread_mutex_t lock; /* guards the table */
    exemplar table[EXEMPLARS_MAX];
} exemplars;

void exemplars_init(exemplars *of);
void exemplars_fini(exemplars *of);
void exemplars_note(exemplars *to, size_t row, uint64_t ns, int64_t time_ms, const char *id);
/* That of a command and a bucket, as a page counts durations; false: there is none. */
bool exemplars_find(exemplars *of, size_t row, uint32_t bucket, exemplar *out);
/* The bucket in which the histograms of commands count a duration. */
uint32_t exemplars_bucket(uint64_t ns);

#endif
