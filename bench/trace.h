/*
 * trace.h - request sequences to measure miss ratios with, each a pure function of a seed.
 *
 * A trace is an array of item numbers; every request is "get, and on a miss set".  Sizes and lives
 * of items are drawn apart from their popularity, for the sources publish no correlation.
 *
 *   zipf0.9 zipf1.0 zipf1.1   key 16 B, value 32 B, as the design study used
 *   scan    zipf 1.0, and every 200,000 requests 60,000 one-time items in a row
 *   drift   zipf 1.0, and every 30 requests one of the 1,000 hottest ranks gets another item
 *   etc     Facebook ETC: key sizes generalized extreme value, value sizes discrete up to 14 B and
 *           generalized Pareto above (Atikoglu et al., "Workload Analysis of a Large-Scale
 *           Key-Value Store", SIGMETRICS 2012, section 5); zipf 1.0
 *   tw14 tw25 tw29   three clusters of Twitter: mean key and value size, zipf exponent, share of
 *           items asked for once (Yang et al., "A Large Scale Analysis of Hundreds of In-memory
 *           Cache Clusters at Twitter", OSDI 2020, and its data set's table of March 2020); sizes
 *           log-normal around the mean, an assumption, for only means are published
 *   tw4     likewise, with its six times to live: the one trace in which items expire
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include "policy.h"

typedef struct trace {
    const char *name;
    catalogue items;
    size_t count; /* requests */
    uint32_t *requests;
    double requests_per_ms;                     /* of virtual time */
    uint32_t *key_bytes, *value_bytes, *ttl_ms; /* owned; items points at them */
} trace;

#define TRACE_KINDS 10u
#define TRACE_POPULATION_MIN 10000u
#define TRACE_OVERHEAD_BYTES 10u /* of an item, in what is called the footprint */

/* Fills *trace_out with the `kind`th trace, 0..TRACE_KINDS - 1, of `requests` requests over
 * `population` popular items (a half or a fifth of it where items are large) and others asked for
 * once.  `population` is at least TRACE_POPULATION_MIN. */
void trace_init(trace *trace_out, unsigned kind, uint32_t population, size_t requests,
                uint64_t seed);
void trace_fini(trace *t);

const char *trace_name(unsigned kind);
/* Bytes that all items would take that are asked for more than once by design. */
uint64_t trace_footprint_bytes(const trace *t);

#endif
