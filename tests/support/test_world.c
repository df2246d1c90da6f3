/*
 * test_world.c - see test_world.h.
 */
#include "support/test_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

#define VALUE_BYTES_MAX 120000u
#define SEGMENT_BYTES 65536u
#define RING_BYTES 262144u

static const char *const store_names[TEST_WORLD_STORES] = {"alpha", "beta"};

static hc_span key_span(uint32_t key, char text[16])
{
    int length = snprintf(text, 16, "key:%" PRIu32, key);
    return hc_span_make(text, (size_t)length);
}

/* ---- hooks ---- */

static void hook_durable(void *ctx, uint64_t lsn)
{
    test_world *w = ctx;
    assert_true(lsn >= w->acked_lsn);
    w->acked_lsn = lsn;
}

static void hook_damage(void *ctx, const hc_damage *damage)
{
    test_world *w = ctx;
    (void)snprintf(w->problem, sizeof w->problem,
                   "%s: %s at %" PRIu64 ", LSN %" PRIu64 "..%" PRIu64, damage->file, damage->what,
                   damage->offset, damage->lsn_from, damage->lsn_to);
    w->damages++;
}

static uint32_t store_number(hc_span name)
{
    for (uint32_t i = 0; i < TEST_WORLD_STORES; i++) {
        if (name.size == strlen(store_names[i]) &&
            memcmp(name.data, store_names[i], name.size) == 0)
            return i;
    }
    return TEST_WORLD_STORES;
}

static hc_status recovery_open(void *ctx, const hc_persisted_store *info, hc_store **store_out)
{
    test_world *w = ctx;
    uint32_t number = store_number(info->name);
    if (number == TEST_WORLD_STORES) return HC_ERR_CORRUPT;
    if (info->settings.size != 4 || memcmp(info->settings.data, "sets", 4) != 0) {
        return HC_ERR_CORRUPT;
    }
    w->ids[number] = info->id;
    *store_out = w->stores[number];
    return HC_OK;
}

/* ---- stores, used again: making one costs more than all the rest ---- */

#define POOL_MAX 16u
static hc_store *pool[POOL_MAX];
static uint32_t pool_count;
static test_clock pool_clock;

static hc_store *store_take(void)
{
    if (pool_count > 0) return pool[--pool_count];
    test_clock_init(&pool_clock);
    hc_host host = {.size = sizeof host, .clock = &pool_clock.table};
    hc_store_options options = {.size = sizeof options, .shards = 1, .seed = 1};
    hc_store *store;
    assert_int_equal(hc_store_create(&host, &options, &store), HC_OK);
    return store;
}

static void store_put(hc_store *store)
{
    hc_store_flush(store);
    if (pool_count < POOL_MAX) {
        pool[pool_count++] = store;
    } else {
        hc_store_destroy(store);
    }
}

void test_world_end(void)
{
    while (pool_count > 0)
        hc_store_destroy(pool[--pool_count]);
}

/* ---- init ---- */

static void stores_add(test_world *w)
{
    for (uint32_t i = 0; i < TEST_WORLD_STORES && w->status == HC_OK; i++) {
        if (w->ids[i] != UINT32_MAX) continue;
        hc_persisted_store info = {.name = span(store_names[i]), .settings = HC_SPAN("sets")};
        if (i == 1) info.strategy = w->options.strategy;
        w->status = hc_persistence_add(w->p, &info, w->stores[i], &w->ids[i]);
    }
}

void test_world_init(test_world *w, const test_world_options *options, test_disk *disk)
{
    memset(w, 0, sizeof *w);
    w->options = *options;
    w->disk = disk;
    test_clock_init(&w->clock);
    test_random_init_quiet(&w->random, options->seed);
    w->host = (hc_host){.size = sizeof w->host,
                        .clock = &w->clock.table,
                        .random = &w->random.table,
                        .io = test_disk_io(disk)};
    for (uint32_t i = 0; i < TEST_WORLD_STORES; i++) {
        w->ids[i] = UINT32_MAX;
        w->stores[i] = store_take();
    }
    w->hooks = (hc_persistence_hooks){
        .size = sizeof w->hooks, .ctx = w, .durable = hook_durable, .damage = hook_damage};
    hc_persistence_options o = {.size = sizeof o,
                                .directory = options->directory != NULL ? options->directory : "d",
                                .hooks = &w->hooks,
                                .sync = options->sync,
                                .generations = 2 - options->one_generation,
                                .on_disk_error = options->on_disk_error,
                                .ring_bytes = RING_BYTES,
                                .segment_bytes = SEGMENT_BYTES,
                                .reserve_bytes = UINT64_MAX,
                                .low_disk_bytes = 1,
                                .threads = 2};
    hc_recovery recovery = {.size = sizeof recovery, .ctx = w, .open = recovery_open};
    w->status = hc_persistence_open(&w->host, &o, &w->p);
    if (w->status == HC_OK) w->status = hc_persistence_recover(w->p, &recovery);
    if (w->status != HC_OK) return;
    w->recovered_lsn = hc_persistence_lsn(w->p);
    stores_add(w);
}

void test_world_stop(test_world *w, bool killed)
{
    test_disk_faults *faults = test_disk_faults_of(w->disk);
    /* from here on nothing reaches the disk: closing is only for the memory */
    if (killed) faults->dead = true;
    (void)hc_persistence_close(w->p);
    faults->dead = false;
    faults->dies_at = 0;
    for (uint32_t i = 0; i < TEST_WORLD_STORES; i++)
        store_put(w->stores[i]);
    w->p = NULL;
}

static void history_free(test_world *w)
{
    for (uint32_t i = 0; i < w->change_count; i++)
        free(w->changes[i].value);
    free(w->changes);
    w->changes = NULL;
    w->change_count = 0;
}

void test_world_kill(test_world *w)
{
    test_world_stop(w, true);
    *test_disk_faults_of(w->disk) = (test_disk_faults){.before = NULL};
    history_free(w);
}

/* ---- acting ---- */

static void change_note(test_world *w, uint32_t store, uint32_t key)
{
    if (w->changes == NULL) w->changes = calloc(TEST_WORLD_CHANGES_MAX, sizeof *w->changes);
    assert_non_null(w->changes);
    assert_true(w->change_count < TEST_WORLD_CHANGES_MAX);
    test_change *c = &w->changes[w->change_count++];
    *c = (test_change){.lsn = UINT64_MAX, .store = store, .key = key};
    if (key == TEST_WORLD_KEYS) return;
    char text[16];
    hc_item item;
    hc_span name = key_span(key, text);
    c->present = hc_store_stat(w->stores[store], name, &item) == HC_OK;
    if (!c->present) return;
    c->expires_at_ms = item.expires_at_ms;
    c->size = item.value.size;
    c->value = malloc(c->size + 1);
    assert_non_null(c->value);
    assert_int_equal(hc_store_get(w->stores[store], name, c->value, c->size + 1, NULL), HC_OK);
}

static hc_span value_make(test_world *w, uint8_t *buffer)
{
    size_t size = (size_t)test_random_below(&w->random, 60);
    if (test_random_below(&w->random, 12) == 0) size = (size_t)test_random_below(&w->random, 9000);
    if (w->options.big_values && test_random_below(&w->random, 24) == 0) {
        size = 30000 + (size_t)test_random_below(&w->random, VALUE_BYTES_MAX - 30000);
    }
    uint64_t start = test_random_next(&w->random);
    for (size_t i = 0; i < size; i++)
        buffer[i] = (uint8_t)(start + i / 3);
    return hc_span_make(buffer, size);
}

/* Now and then far behind the end, so that the value leaves its segment. */
static void key_patch(test_world *w, uint32_t store, hc_span name, hc_txn *txn)
{
    uint8_t bytes[20];
    hc_txn own;
    size_t offset = (size_t)test_random_below(&w->random, 100);
    if (test_random_below(&w->random, 3) == 0)
        offset = (size_t)test_random_below(&w->random, 12000);
    hc_span patch = hc_span_make(bytes, 1 + (size_t)test_random_below(&w->random, sizeof bytes));
    test_random_bytes(&w->random, bytes, sizeof bytes);
    if (txn == NULL) hc_store_begin(w->stores[store], &name, 1, &own);
    (void)hc_txn_patch(txn == NULL ? &own : txn, name, offset, patch, NULL);
    if (txn == NULL) hc_store_end(&own);
}

static void key_change(test_world *w, uint32_t store, uint32_t key, hc_txn *txn)
{
    static uint8_t buffer[VALUE_BYTES_MAX];
    char text[16];
    hc_span name = key_span(key, text);
    hc_store *s = w->stores[store];
    hc_set_options options = {.size = sizeof options};
    if (test_random_below(&w->random, 4) == 0) {
        options.expires_at_ms =
            TEST_CLOCK_START_MS + 86400000 + (int64_t)test_random_below(&w->random, 100000);
    }
    uint64_t what = test_random_below(&w->random, 12);
    if (what >= 10) {
        key_patch(w, store, name, txn);
    } else if (what < 5) {
        hc_span value = value_make(w, buffer);
        if (txn != NULL) (void)hc_txn_set(txn, name, value, &options);
        if (txn == NULL) (void)hc_store_set(s, name, value, &options);
    } else if (what < 7) {
        if (txn != NULL) (void)hc_txn_delete(txn, name);
        if (txn == NULL) (void)hc_store_delete(s, name);
    } else if (what == 7 || txn != NULL) {
        if (txn != NULL) (void)hc_txn_expire(txn, name, options.expires_at_ms);
        if (txn == NULL) (void)hc_store_expire(s, name, options.expires_at_ms);
    } else {
        hc_span value = value_make(w, buffer);
        (void)hc_store_append(s, name, value, NULL);
    }
}

/* The last `count` changes end here. */
static void changes_end(test_world *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        w->changes[w->change_count - 1 - i].lsn = hc_persistence_lsn(w->p);
}

static void act_single(test_world *w)
{
    uint32_t store = (uint32_t)test_random_below(&w->random, TEST_WORLD_STORES);
    uint32_t key = (uint32_t)test_random_below(&w->random, TEST_WORLD_KEYS);
    if (test_random_below(&w->random, 60) == 0) {
        hc_store_flush(w->stores[store]);
        key = TEST_WORLD_KEYS;
    } else {
        key_change(w, store, key, NULL);
    }
    change_note(w, store, key);
    changes_end(w, 1);
}

static void act_txn(test_world *w)
{
    uint32_t store = (uint32_t)test_random_below(&w->random, TEST_WORLD_STORES);
    uint32_t first = (uint32_t)test_random_below(&w->random, TEST_WORLD_KEYS - 2);
    char text[3][16];
    hc_span names[3];
    hc_txn txn;
    for (uint32_t i = 0; i < 3; i++)
        names[i] = key_span(first + i, text[i]);
    hc_store_begin(w->stores[store], names, 3, &txn);
    for (uint32_t i = 0; i < 3; i++)
        key_change(w, store, first + i, &txn);
    hc_store_end(&txn);
    for (uint32_t i = 0; i < 3; i++)
        change_note(w, store, first + i);
    changes_end(w, 3);
}

static void act_group(test_world *w)
{
    uint32_t key = (uint32_t)test_random_below(&w->random, TEST_WORLD_KEYS);
    hc_persistence_begin_group(w->p);
    for (uint32_t i = 0; i < TEST_WORLD_STORES; i++) {
        key_change(w, i, key, NULL);
        (void)hc_persistence_step(w->p); /* half a group may reach the disk */
    }
    hc_persistence_end_group(w->p);
    for (uint32_t i = 0; i < TEST_WORLD_STORES; i++)
        change_note(w, i, key);
    changes_end(w, TEST_WORLD_STORES);
}

bool test_world_act(test_world *w)
{
    uint64_t wait_ns;
    if (w->change_count + 4 > TEST_WORLD_CHANGES_MAX) return false;
    test_clock_advance_ms(&w->clock, 1 + (int64_t)test_random_below(&w->random, 40));
    bool may_write = hc_persistence_admit(w->p, &wait_ns) == HC_OK;
    uint64_t what = test_random_below(&w->random, 20);
    if (may_write && what < 10) act_single(w);
    if (may_write && what == 10) act_txn(w);
    if (may_write && what == 11) act_group(w);
    if (what >= 12 && what < 18) (void)hc_persistence_step(w->p);
    if (what == 18) {
        test_clock_advance_ms(&w->clock, (int64_t)test_random_below(&w->random, 2500));
        (void)hc_persistence_step(w->p);
    }
    if (w->options.snapshots && test_random_below(&w->random, 12) == 0) {
        (void)hc_persistence_snapshot_begin(w->p);
    }
    uint64_t steps = w->options.snapshots ? test_random_below(&w->random, 3) : 0;
    for (; steps > 0; steps--)
        (void)hc_persistence_snapshot_step(w->p);
    return true;
}

/* ---- checking ---- */

/* What key is after all changes up to `lsn`; NULL: it never was. */
static const test_change *state_of(const test_world *w, uint32_t store, uint32_t key, uint64_t lsn)
{
    for (uint32_t i = w->change_count; i > 0; i--) {
        const test_change *c = &w->changes[i - 1];
        if (c->lsn > lsn || c->store != store) continue;
        if (c->key == key) return c->present ? c : NULL;
        if (c->key == TEST_WORLD_KEYS) return NULL;
    }
    return NULL;
}

static bool key_check(const test_world *w, test_world *after, uint32_t store, uint32_t key)
{
    static uint8_t buffer[4 * VALUE_BYTES_MAX];
    char text[16];
    hc_span name = key_span(key, text);
    const test_change *want = state_of(w, store, key, after->recovered_lsn);
    hc_item item;
    hc_status status = hc_store_stat(after->stores[store], name, &item);
    const char *wrong = NULL;
    if (want == NULL) {
        if (status != HC_ERR_NOT_FOUND) wrong = "is there";
    } else if (status != HC_OK) {
        wrong = "is not there";
    } else if (item.expires_at_ms != want->expires_at_ms) {
        wrong = "has another expiry";
    } else {
        size_t size = 0;
        uint8_t *to = item.value.size > sizeof buffer ? malloc(item.value.size) : buffer;
        size_t room = item.value.size > sizeof buffer ? item.value.size : sizeof buffer;
        (void)hc_store_get(after->stores[store], name, to, room, &size);
        if (size != want->size || memcmp(to, want->value, size) != 0) wrong = "has another value";
        if (to != buffer) free(to);
    }
    if (wrong == NULL) return true;
    (void)snprintf(after->problem, sizeof after->problem,
                   "%s of %s %s, recovered up to %" PRIu64 ", acked %" PRIu64, text,
                   store_names[store], wrong, after->recovered_lsn, w->acked_lsn);
    return false;
}

bool test_world_check(const test_world *w, test_world *after)
{
    if (after->status != HC_OK) {
        if (after->problem[0] == '\0') {
            (void)snprintf(after->problem, sizeof after->problem, "%s",
                           hc_status_text(after->status));
        }
        return false;
    }
    if (after->recovered_lsn < w->acked_lsn) {
        (void)snprintf(after->problem, sizeof after->problem,
                       "recovered up to %" PRIu64 ", but %" PRIu64 " was durable",
                       after->recovered_lsn, w->acked_lsn);
        return false;
    }
    for (uint32_t store = 0; store < TEST_WORLD_STORES; store++) {
        for (uint32_t key = 0; key < TEST_WORLD_KEYS; key++) {
            if (!key_check(w, after, store, key)) return false;
        }
    }
    return true;
}

void test_world_inherit(test_world *w, test_world *before)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < before->change_count; i++) {
        if (before->changes[i].lsn <= w->recovered_lsn) {
            before->changes[kept++] = before->changes[i];
        } else {
            free(before->changes[i].value);
        }
    }
    w->changes = before->changes;
    w->change_count = kept;
    before->changes = NULL;
    before->change_count = 0;
}
