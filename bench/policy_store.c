/*
 * policy_store.c - a key is its item's number and filler, a value filler alone.
 */
#include "policy_store.h"

#include "measure.h"

#define KEY_BYTES_MAX 256u
#define VALUE_BYTES_MAX 65536u
#define MAINTAIN_EVERY 256u /* accesses; the daemon does it by time */
#define EPOCH_MS 1700000000000

typedef struct stored {
    policy base;
    hc_store *store;
    hc_clock clock;
    int64_t now_ms;
    uint64_t accesses, refused, memory_bytes_max;
    char key[KEY_BYTES_MAX];
    char value[VALUE_BYTES_MAX];
} stored;

static int64_t clock_wall_ms(void *ctx)
{
    return EPOCH_MS + ((stored *)ctx)->now_ms;
}

static uint64_t clock_monotonic_ns(void *ctx)
{
    return (uint64_t)((stored *)ctx)->now_ms * 1000000u;
}

static hc_span key_of(stored *p, uint32_t item)
{
    uint32_t bytes = p->base.items->key_bytes[item];
    for (uint32_t i = 0; i < 8; i++)
        p->key[i] = "0123456789abcdef"[item >> i * 4 & 15];
    return hc_span_make(p->key, bytes);
}

static void housekeep(stored *p)
{
    hc_store_stats stats = {.size = sizeof stats};
    while (hc_store_maintain(p->store, 0)) {
    }
    hc_store_stats_get(p->store, &stats);
    if (stats.memory_bytes > p->memory_bytes_max) p->memory_bytes_max = stats.memory_bytes;
    p->base.moved = stats.cleaned_segments;
}

static bool store_access(policy *self, uint32_t item, int64_t now_ms)
{
    stored *p = (stored *)self;
    p->now_ms = now_ms;
    if (++p->accesses % MAINTAIN_EVERY == 0) housekeep(p);
    hc_span key = key_of(p, item);
    size_t size;
    hc_status status = hc_store_get(p->store, key, p->value, sizeof p->value, &size);
    if (status == HC_OK) {
        if (size != self->items->value_bytes[item]) bench_die("a value has another size");
        return true;
    }
    hc_set_options options = {.size = sizeof options};
    if (self->items->ttl_ms[item])
        options.expires_at_ms = EPOCH_MS + now_ms + self->items->ttl_ms[item];
    hc_span value = hc_span_make(p->value, self->items->value_bytes[item]);
    if (hc_store_set(p->store, key, value, &options) != HC_OK) p->refused++;
    return false;
}

static void store_expire(policy *self, uint32_t item)
{
    (void)self; /* the store has seen the time */
    (void)item;
}

static void store_destroy(policy *self)
{
    stored *p = (stored *)self;
    if (p->refused > 0) fprintf(stderr, "the store refused %" PRIu64 " writes\n", p->refused);
    hc_store_destroy(p->store);
    free(p);
}

policy *policy_store_create(const catalogue *items, uint64_t capacity_bytes, hc_eviction eviction)
{
    static const policy_ops ops = {store_access, store_expire, store_destroy};
    stored *p = bench_alloc(1, sizeof *p);
    p->base = (policy){&ops, items, capacity_bytes, 0, 0};
    p->clock = (hc_clock){sizeof p->clock, p, clock_wall_ms, clock_monotonic_ns};
    memset(p->key, '.', sizeof p->key);
    memset(p->value, '.', sizeof p->value);
    hc_host host = {.size = sizeof host, .clock = &p->clock};
    hc_store_options options = {.size = sizeof options,
                                .max_memory_bytes = capacity_bytes,
                                .seed = 1,
                                .eviction = eviction};
    if (hc_store_create(&host, &options, &p->store) != HC_OK) bench_die("cannot create the store");
    return &p->base;
}

uint64_t policy_store_memory_bytes_max(const policy *self)
{
    return ((const stored *)self)->memory_bytes_max;
}
