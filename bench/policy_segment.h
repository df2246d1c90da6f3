/*
 * policy_segment.h - the store's eviction, modelled: segments, 2-bit counters, little else.
 *
 * The model answers in a second what a rule is worth, and what each constant of it costs, before
 * and beside the store itself (policy_store.h).  docs/decisions/0005-eviction-policies.md says what
 * was found with it.
 */
#ifndef BENCH_POLICY_SEGMENT_H
#define BENCH_POLICY_SEGMENT_H

#include "policy.h"

typedef enum segment_rule {
    SEGMENT_S3FIFO, /* probation in small segments, what proves itself moves to main */
    SEGMENT_LRU,    /* oldest segment; used since it was written there: kept, counter to 0 */
    SEGMENT_LFU,    /* as s3fifo, with counters that fade slowly */
    SEGMENT_FIFO,   /* oldest segment, whole */
    SEGMENT_RANDOM, /* any segment, whole */
    SEGMENT_TTL,    /* segments by remaining time, the one that ends soonest, whole */
    SEGMENT_CLOCK,  /* oldest segment; counter above 0: kept, counter one less */
    SEGMENT_RULES
} segment_rule;

typedef struct segment_options {
    segment_rule rule;
    uint32_t shards;        /* 0: as the store chooses, one for each 4 MiB up to 16 */
    uint32_t segment_bytes; /* 0: 64 KiB */
    uint32_t small_percent; /* of the segments; 0: 15 */
    uint32_t promote_uses;  /* uses that lead from small to main; 0: 1 */
    uint32_t uses_max;      /* 0: 3 */
    uint32_t clean_percent; /* dead share from which a segment is cleaned first; 0: 25 */
    uint32_t step_items;    /* looked at for each write; 0: 64 */
    uint32_t ghost_bits;    /* of one fingerprint: 4, 8 or 16; 0: 8, SEGMENT_GHOST_NONE */
    uint32_t ghost_ways;    /* fingerprints in a set, oldest leaves first; 0: 1 */
    double ghost_per_item;  /* fingerprints an item; 0: 1 / 10.5, one a bucket */
    bool ghost_counted;     /* its bytes are part of the budget; a bucket has a byte to spare */
} segment_options;

#define SEGMENT_GHOST_NONE 99u /* as ghost_bits */

const char *segment_rule_name(segment_rule rule);
policy *policy_segment_create(const catalogue *items, uint64_t capacity_bytes,
                              const segment_options *options);

#endif
