/*
 * shelf.h - one store on one disk, opened, left and opened again.
 *
 *     shelf s;
 *     shelf_init(&s, disk, "d");
 *     assert_int_equal(shelf_open(&s, HC_STRATEGY_DEFAULT), HC_OK);
 *     key_set(&s, "k", "v");
 *     assert_int_equal(shelf_close(&s), HC_OK);
 */
#ifndef HYPERCACHE_TESTS_PERSISTENCE_SHELF_H
#define HYPERCACHE_TESTS_PERSISTENCE_SHELF_H

#include <hypercache/stores.h>

#include "support/test.h"
#include "support/test_world.h"

/* One store on one disk, as small as it gets. */
typedef struct shelf {
    test_clock clock;
    test_random random;
    test_disk *disk; /* NULL: files */
    hc_host host;
    hc_persistence_hooks hooks;
    unsigned wakes;      /* of the host */
    unsigned stops_asks; /* so many more are answered "go on" */
    hc_persistence_options options;
    hc_persistence *p;
    hc_store *store;
    uint32_t id, opened, dropped, updated;
    uint32_t events[HC_PERSISTENCE_FATAL + 1];
    char name[HC_STORE_NAME_BYTES_MAX + 1];
} shelf;

static inline void on_event(void *ctx, const hc_persistence_event *event)
{
    ((shelf *)ctx)->events[event->kind]++;
}

static inline hc_status on_open(void *ctx, const hc_persisted_store *info, hc_store **store_out)
{
    shelf *s = ctx;
    s->opened++;
    s->id = info->id;
    memcpy(s->name, info->name.data, info->name.size);
    s->name[info->name.size] = '\0';
    *store_out = s->store;
    return HC_OK;
}

static inline void on_drop(void *ctx, const hc_persisted_store *info, hc_store *store)
{
    (void)info;
    ((shelf *)ctx)->dropped++;
    hc_store_flush(store);
}

static inline void on_update(void *ctx, const hc_persisted_store *info, hc_store *store)
{
    shelf *s = ctx;
    (void)store;
    s->updated++;
    memcpy(s->name, info->name.data, info->name.size);
    s->name[info->name.size] = '\0';
}

static inline void shelf_init(shelf *s, test_disk *disk, const char *directory)
{
    *s = (shelf){.disk = disk};
    test_clock_init(&s->clock);
    test_random_init_quiet(&s->random, 3);
    s->host = (hc_host){.size = sizeof s->host, .clock = &s->clock.table};
    s->host.random = &s->random.table;
    if (disk != NULL) s->host.io = test_disk_io(disk);
    s->hooks = (hc_persistence_hooks){.size = sizeof s->hooks, .ctx = s, .event = on_event};
    s->options = (hc_persistence_options){.size = sizeof s->options,
                                          .directory = directory,
                                          .hooks = &s->hooks,
                                          .ring_bytes = 256u << 10,
                                          .segment_bytes = 64u << 10,
                                          .reserve_bytes = UINT64_MAX,
                                          .low_disk_bytes = 1};
}

/* Opens and recovers; adds the store if it is not there. */
static inline hc_status shelf_open(shelf *s, hc_strategy strategy)
{
    hc_store_options options = {.size = sizeof options, .shards = 4, .seed = 9};
    const hc_recovery recovery = {
        .size = sizeof recovery, .ctx = s, .open = on_open, .drop = on_drop, .update = on_update};
    s->opened = 0;
    if (hc_store_create(&s->host, &options, &s->store) != HC_OK) return HC_ERR_NO_MEMORY;
    hc_status status = hc_persistence_open(&s->host, &s->options, &s->p);
    if (status == HC_OK) status = hc_persistence_recover(s->p, &recovery);
    if (status != HC_OK || s->opened > 0) return status;
    hc_persisted_store info = {.name = HC_SPAN("main"), .strategy = strategy};
    return hc_persistence_add(s->p, &info, s->store, &s->id);
}

static inline hc_status shelf_close(shelf *s)
{
    hc_status status = hc_persistence_close(s->p);
    hc_store_destroy(s->store);
    s->p = NULL;
    s->store = NULL;
    return status;
}

static inline void key_expect(shelf *s, const char *key, const char *value)
{
    char text[64] = "";
    size_t size = 0;
    hc_status status = hc_store_get(s->store, span(key), text, sizeof text, &size);
    if (value == NULL) {
        assert_int_equal(status, HC_ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(status, HC_OK);
    test_assert_span(hc_span_make(text, size), span(value));
}

static inline void key_set(shelf *s, const char *key, const char *value)
{
    assert_int_equal(hc_store_set(s->store, span(key), span(value), NULL), HC_OK);
}

#endif
