/*
 * history.h - how the node has been: one sample a second, and one of fifteen seconds for hours.
 *
 *     seconds  |s|s|s|s|s|s|s|s| ...  the last HISTORY_SECONDS, about 15 minutes
 *     spans    |   15 s    |   15 s   | ...  the last HISTORY_SPANS, 4 hours
 *
 * Whoever looks at a node when it already hurts needs to see since when.  Both rings are of fixed
 * size, about 200 KiB together, and a sample costs some tens of microseconds on node_maintain's
 * thread; no request is touched.
 *
 * Rates are per second of the time since the sample before.  Quantiles are of the commands that
 * ended in that time, at most 6.25 % too high (histogram.h).  A span has the mean of its seconds,
 * but for durations the worst second's.
 *
 * Threads: history_tick belongs to one thread at a time; history_read to any.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_HISTORY_H
#define HYPERCACHE_SERVER_COMMAND_HISTORY_H

#include "command/node.h"

#define HISTORY_SECONDS 900u
#define HISTORY_SPAN_SECONDS 15u
#define HISTORY_SPANS 960u

/* field, name for clients, unit, is it a duration */
#define HISTORY_FIELDS(X)                                                                          \
    X(OPS, "ops", "1/s", false)                                                                    \
    X(READS, "reads", "1/s", false)                                                                \
    X(WRITES, "writes", "1/s", false)                                                              \
    X(ERRORS, "errors", "1/s", false)                                                              \
    X(HITS, "hits", "1/s", false)                                                                  \
    X(MISSES, "misses", "1/s", false)                                                              \
    X(EVICTED, "evicted", "1/s", false)                                                            \
    X(EXPIRED, "expired", "1/s", false)                                                            \
    X(INPUT_BYTES, "input_bytes", "bytes/s", false)                                                \
    X(OUTPUT_BYTES, "output_bytes", "bytes/s", false)                                              \
    X(CONNECTIONS, "connections", "1/s", false)                                                    \
    X(REJECTED, "rejected_connections", "1/s", false)                                              \
    X(P50, "p50", "s", true)                                                                       \
    X(P95, "p95", "s", true)                                                                       \
    X(P99, "p99", "s", true)                                                                       \
    X(P999, "p999", "s", true)                                                                     \
    X(LONGEST, "longest", "s", true)                                                               \
    X(USED_BYTES, "used_bytes", "bytes", false)                                                    \
    X(ITEM_BYTES, "item_bytes", "bytes", false)                                                    \
    X(GARBAGE_BYTES, "garbage_bytes", "bytes", false)                                              \
    X(INDEX_BYTES, "index_bytes", "bytes", false)                                                  \
    X(CLIENT_BYTES, "client_bytes", "bytes", false)                                                \
    X(HEAP_BYTES, "heap_bytes", "bytes", false)                                                    \
    X(RESIDENT_BYTES, "resident_bytes", "bytes", false)                                            \
    X(KEYS, "keys", "1", false)                                                                    \
    X(CLIENTS, "clients", "1", false)                                                              \
    X(PROCESSORS, "processors", "1", false) /* in use */

typedef enum history_field {
#define HISTORY_FIELD_ID(id, name, unit, duration) HISTORY_##id,
    HISTORY_FIELDS(HISTORY_FIELD_ID)
#undef HISTORY_FIELD_ID
        HISTORY_FIELD_COUNT
} history_field;

typedef struct history_sample {
    uint64_t at_ms; /* wall clock, at its end */
    float values[HISTORY_FIELD_COUNT];
} history_sample;

typedef enum history_ring { HISTORY_RING_SECONDS = 0, HISTORY_RING_SPANS } history_ring;

typedef struct history history;

/* NULL: no memory. */
history *history_create(void);
void history_destroy(history *of); /* accepts NULL */

/* Takes a sample when a second has passed since the last one; otherwise costs a comparison. */
void history_tick(history *of, node *on, uint64_t now_ns);

/* Copies the samples of a ring that are later than `after_ms`, oldest first; returns how many. When
 * there are more than `samples_max` it is the latest ones. */
size_t history_read(history *of, history_ring ring, uint64_t after_ms, history_sample *samples,
                    size_t samples_max);

/* Static texts; `field` is below HISTORY_FIELD_COUNT. */
const char *history_field_name(history_field field);
const char *history_field_unit(history_field field);

#endif
