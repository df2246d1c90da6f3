/*
 * info_keyspace.c - INFO keyspace: databases by number, then named stores.
 *
 * avg_ttl is an estimate: the mean of what a few items chosen at random have left.  With up to
 * TTL_SAMPLES items that expire it is close to exact; where few of many items expire it may rest
 * on fewer samples, and is 0 when none was found.
 */
#include <inttypes.h>

#include "command/info_sections.h"

enum { TTL_SAMPLES = 16, TTL_TRIES = 256 };

typedef struct ttl_sample {
    int64_t now_ms, sum_ms;
    unsigned count;
} ttl_sample;

static void look(void *ctx, const hc_item *item)
{
    ttl_sample *of = ctx;
    if (item->expires_at_ms == HC_EXPIRY_NONE) return;
    if (item->expires_at_ms > of->now_ms) of->sum_ms += item->expires_at_ms - of->now_ms;
    of->count++;
}

static int64_t average_ttl_ms(node *on, hc_store *store, const hc_store_stats *stats)
{
    ttl_sample sample = {.now_ms = node_now_ms(on)};
    if (stats->keys_with_expiry == 0) return 0;
    for (unsigned i = 0; i < TTL_TRIES && sample.count < TTL_SAMPLES; i++)
        (void)hc_store_random(store, look, &sample);
    return sample.count > 0 ? sample.sum_ms / sample.count : 0;
}

static void print_counts(text *to, node *on, hc_store *store, const hc_store_stats *stats)
{
    text_printf(to, "keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=%" PRId64 "\r\n", stats->keys,
                stats->keys_with_expiry, average_ttl_ms(on, store, stats));
}

/* A name may hold a colon, at which readers of INFO divide a line: so it stands behind one. */
static void print_named(text *to, node *of)
{
    unsigned number = 0, database;
    hc_store_ref ref;
    for (uint32_t at = 0; node_store_next(of, &at, &ref); hc_store_ref_release(&ref)) {
        hc_store_info info = {.size = sizeof info};
        hc_store_stats stats = {.size = sizeof stats};
        hc_store_ref_info(&ref, &info);
        if (node_database_named(of, info.name, &database)) continue;
        hc_store_stats_get(ref.store, &stats);
        text_printf(to, "store%u:name=%.*s,", number++, (int)info.name.size,
                    (const char *)info.name.data);
        print_counts(to, of, ref.store, &stats);
    }
}

void info_keyspace(text *to, node *of)
{
    for (unsigned i = 0; i < NODE_DATABASES_MAX; i++) {
        hc_store *store = atomic_load_explicit(&of->stores[i], memory_order_acquire);
        if (store == NULL) continue;
        hc_store_stats stats = {.size = sizeof stats};
        hc_store_stats_get(store, &stats);
        if (stats.keys == 0) continue;
        text_printf(to, "db%u:", i);
        print_counts(to, of, store, &stats);
    }
    print_named(to, of);
}
