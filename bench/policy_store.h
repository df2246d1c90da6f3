/*
 * policy_store.h - the store itself, as a policy: get, and on a miss set, through the public API.
 *
 * max_memory_bytes is the budget that all policies get; what an item costs the store finds out
 * itself, so overhead_bytes is 0.  Time is the trace's.
 */
#ifndef BENCH_POLICY_STORE_H
#define BENCH_POLICY_STORE_H

#include "policy.h"

#include <hypercache/store.h>

/* Ends the program when the store cannot be made. */
policy *policy_store_create(const catalogue *items, uint64_t capacity_bytes, hc_eviction eviction);

/* The most memory the store said it had, in bytes. */
uint64_t policy_store_memory_bytes_max(const policy *self);

#endif
