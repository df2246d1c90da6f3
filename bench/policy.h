/*
 * policy.h - what miss_ratio asks of an eviction policy: one call per request.
 *
 * A policy stands for a cache with room for `capacity_bytes`.  An item takes the bytes of its key
 * and value plus the policy's own `overhead_bytes`, so that caches with costly and with cheap
 * bookkeeping are compared at equal memory.  Items are small numbers, 0..items->count - 1.
 *
 * Errors:    out of memory ends the program (a benchmark, not a library).
 * Ownership: the catalogue is borrowed and outlives the policy.
 * Threads:   none.
 */
#ifndef BENCH_POLICY_H
#define BENCH_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All items of a trace: sizes and lives, by item number. */
typedef struct catalogue {
    uint32_t count;
    const uint32_t *key_bytes;
    const uint32_t *value_bytes;
    const uint32_t *ttl_ms; /* 0: never expires */
    uint32_t popular;       /* items below this one come back; the others are asked for once */
} catalogue;

typedef struct policy policy;

typedef struct policy_ops {
    /* True for a hit.  A miss puts the item into the cache, as a client would. */
    bool (*access)(policy *self, uint32_t item, int64_t now_ms);
    /* The item, which is cached, has expired. */
    void (*expire)(policy *self, uint32_t item);
    void (*destroy)(policy *self);
} policy_ops;

/* First member of every policy. */
struct policy {
    const policy_ops *ops;
    const catalogue *items;
    uint64_t capacity_bytes;
    uint32_t overhead_bytes; /* of one item */
    uint64_t moved;          /* items copied or re-queued by evicting, what a policy costs */
};

static inline uint64_t policy_item_bytes(const policy *p, uint32_t item)
{
    return (uint64_t)p->items->key_bytes[item] + p->items->value_bytes[item] + p->overhead_bytes;
}

/* Exact, item by item (policy_exact.c). */
typedef policy *policy_create(const catalogue *items, uint64_t capacity_bytes,
                              uint32_t overhead_bytes);
policy_create policy_fifo_create;
policy_create policy_lru_create;
policy_create policy_lfu_create;
policy_create policy_ttl_create;
policy_create policy_random_create;
policy_create policy_sieve_create;
policy_create policy_s3fifo_create;

#endif
