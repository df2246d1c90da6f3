/* allocations.c - counts, and passes on to the default table. */
#include "debug/allocations.h"

#include <string.h>

static void add(_Atomic uint64_t *to, uint64_t amount)
{
    (void)atomic_fetch_add_explicit(to, amount, memory_order_relaxed);
}

static void subtract(_Atomic uint64_t *from, uint64_t amount)
{
    (void)atomic_fetch_sub_explicit(from, amount, memory_order_relaxed);
}

static void live_add(allocation_counter *of, uint64_t bytes)
{
    uint64_t now = atomic_fetch_add_explicit(&of->live_bytes, bytes, memory_order_relaxed) + bytes;
    uint64_t peak = atomic_load_explicit(&of->peak_bytes, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak(&of->peak_bytes, &peak, now)) {
    }
}

static void *counted_allocate(void *ctx, size_t bytes)
{
    allocation_counter *of = ctx;
    const hc_memory *base = hc_memory_default();
    void *block = base->allocate(base->ctx, bytes);
    if (block == NULL) {
        add(&of->refused, 1);
        return NULL;
    }
    add(&of->allocations, 1);
    add(&of->live_blocks, 1);
    live_add(of, bytes);
    return block;
}

static void *counted_resize(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    allocation_counter *of = ctx;
    const hc_memory *base = hc_memory_default();
    void *next = base->resize(base->ctx, block, old_bytes, new_bytes);
    if (next == NULL) {
        add(&of->refused, 1);
        return NULL;
    }
    add(&of->allocations, 1);
    if (block == NULL) add(&of->live_blocks, 1);
    if (block != NULL) subtract(&of->live_bytes, old_bytes);
    live_add(of, new_bytes);
    return next;
}

static void counted_release(void *ctx, void *block, size_t bytes)
{
    allocation_counter *of = ctx;
    const hc_memory *base = hc_memory_default();
    base->release(base->ctx, block, bytes);
    if (block == NULL) return;
    subtract(&of->live_blocks, 1);
    subtract(&of->live_bytes, bytes);
}

static void *counted_reserve(void *ctx, size_t bytes)
{
    allocation_counter *of = ctx;
    const hc_memory *base = hc_memory_default();
    void *space = base->reserve(base->ctx, bytes);
    add(space != NULL ? &of->reserved_bytes : &of->refused, space != NULL ? bytes : 1);
    return space;
}

static void counted_unreserve(void *ctx, void *space, size_t bytes)
{
    allocation_counter *of = ctx;
    const hc_memory *base = hc_memory_default();
    base->unreserve(base->ctx, space, bytes);
    subtract(&of->reserved_bytes, bytes);
}

static bool passed_discard(void *ctx, void *space, size_t bytes)
{
    const hc_memory *base = hc_memory_default();
    (void)ctx;
    return base->discard(base->ctx, space, bytes);
}

void allocations_init(allocations *of, const hc_host *base)
{
    memset(of, 0, sizeof *of);
    for (unsigned i = 0; i < ALLOCATION_OWNER_COUNT; i++) {
        allocation_counter *one = &of->owners[i];
        one->table = (hc_memory){.size = sizeof one->table,
                                 .ctx = one,
                                 .allocate = counted_allocate,
                                 .resize = counted_resize,
                                 .release = counted_release,
                                 .reserve = counted_reserve,
                                 .unreserve = counted_unreserve,
                                 .discard = passed_discard};
        one->host = *base;
        one->host.memory = &one->table;
    }
}

const hc_host *allocations_host(const allocations *of, allocation_owner owner)
{
    return &of->owners[owner].host;
}

const char *allocation_owner_name(allocation_owner owner)
{
    static const char *const names[] = {
#define X(id, name) name,
        ALLOCATION_OWNERS(X)
#undef X
    };
    return names[owner];
}

allocation_figures allocations_get(const allocations *of, allocation_owner owner)
{
    const allocation_counter *one = &of->owners[owner];
    return (allocation_figures){
        .live_bytes = atomic_load_explicit(&one->live_bytes, memory_order_relaxed),
        .live_blocks = atomic_load_explicit(&one->live_blocks, memory_order_relaxed),
        .peak_bytes = atomic_load_explicit(&one->peak_bytes, memory_order_relaxed),
        .allocations = atomic_load_explicit(&one->allocations, memory_order_relaxed),
        .refused = atomic_load_explicit(&one->refused, memory_order_relaxed),
        .reserved_bytes = atomic_load_explicit(&one->reserved_bytes, memory_order_relaxed)};
}
