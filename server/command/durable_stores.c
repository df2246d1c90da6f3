/*
 * durable_stores.c - which stores the log keeps, and how they come back.
 *
 * What is known of a named store is kept beside its name as one line of text: seven numbers, of
 * which a later version may know more; a strategy of 0 is the node's.
 */
#include "command/durable_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SWAPPING "0.swapping" /* the name of one while two change theirs; no database, no store */

static kept_store *kept_named(durable *d, hc_span name)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        kept_store *one = &d->kept[i];
        if (one->ref.held == NULL || one->name_bytes != name.size) continue;
        if (memcmp(one->name, name.data, name.size) == 0) return one;
    }
    return NULL;
}

static kept_store *kept_of(durable *d, const hc_store *store)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (d->kept[i].ref.held != NULL && d->kept[i].ref.store == store) return &d->kept[i];
    }
    return NULL;
}

static void rename_kept(kept_store *one, hc_span name)
{
    one->name_bytes = name.size < sizeof one->name ? name.size : sizeof one->name;
    memcpy(one->name, name.data, one->name_bytes);
}

/* With a reference of its own to what `ref` refers to.  NULL: all are taken. */
static kept_store *kept_take(node *of, hc_span name, const hc_store_ref *ref)
{
    hc_store_info about = {.size = sizeof about};
    hc_store_ref_info(ref, &about);
    for (size_t i = 0; i < KEPT_MAX; i++) {
        kept_store *one = &of->durable->kept[i];
        if (one->ref.held != NULL) continue;
        *one = (kept_store){.is_logged = false};
        rename_kept(one, name);
        return hc_stores_acquire_at(of->registry, about.index, &one->ref) == HC_OK ? one : NULL;
    }
    return NULL;
}

static void kept_release(kept_store *one)
{
    hc_store_ref_release(&one->ref);
    *one = (kept_store){.is_logged = false};
}

void durable_stores_release(node *of)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (of->durable->kept[i].ref.held != NULL) kept_release(&of->durable->kept[i]);
    }
}

/* ---- settings as text ---- */

static hc_span settings_write(const node_store_settings *of, char text[KEPT_SETTINGS_BYTES])
{
    int chars =
        snprintf(text, KEPT_SETTINGS_BYTES,
                 "%" PRIu64 " %" PRId64 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %.17g %" PRIu32,
                 of->max_memory_bytes, of->default_ttl_ms, of->eviction, of->compression,
                 of->filter_bits, of->filter_rate, of->strategy);
    return hc_span_make(text, chars > 0 ? (size_t)chars : 0);
}

static bool settings_read(hc_span text, node_store_settings *out)
{
    char copy[KEPT_SETTINGS_BYTES];
    if (text.size >= sizeof copy) return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return sscanf(copy, "%" SCNu64 " %" SCNd64 " %" SCNu32 " %" SCNu32 " %" SCNu32 " %lf %" SCNu32,
                  &out->max_memory_bytes, &out->default_ttl_ms, &out->eviction, &out->compression,
                  &out->filter_bits, &out->filter_rate, &out->strategy) == 7;
}

/* ---- while the node serves ---- */

uint32_t durable_strategy(const node *of)
{
    return atomic_load(&of->durable->strategy);
}

uint32_t durable_strategy_of(node *of, const hc_store *store)
{
    pthread_mutex_lock(&of->stores_lock);
    const kept_store *one = durable_log(of) != NULL ? kept_of(of->durable, store) : NULL;
    uint32_t strategy = one != NULL ? one->strategy : HC_STRATEGY_DEFAULT;
    pthread_mutex_unlock(&of->stores_lock);
    return strategy;
}

/* Its own, or the node's. */
static uint32_t strategy_meant(node *of, const kept_store *one)
{
    return one->own_strategy != HC_STRATEGY_DEFAULT ? one->own_strategy : durable_strategy(of);
}

uint32_t durable_users_of(node *of, const hc_store *store)
{
    pthread_mutex_lock(&of->stores_lock);
    bool is_kept = kept_of(of->durable, store) != NULL;
    pthread_mutex_unlock(&of->stores_lock);
    return is_kept ? 1 : 0;
}

hc_status durable_store_added(node *of, hc_span name, const hc_store_ref *ref,
                              const node_store_settings *made_with)
{
    hc_persistence *log = durable_log(of);
    char text[KEPT_SETTINGS_BYTES];
    if (log != NULL && durable_is_loading(of)) return HC_OK; /* keep_others comes */
    kept_store *one = kept_take(of, name, ref);
    if (one == NULL) return HC_ERR_LIMIT;
    one->own_strategy = made_with->strategy;
    one->strategy = strategy_meant(of, one);
    if (log == NULL) return HC_OK; /* noted for keep_others, if there ever is one */
    hc_persisted_store info = {.name = name,
                               .settings = settings_write(made_with, text),
                               .strategy = (hc_strategy)one->strategy};
    hc_status status = hc_persistence_add(log, &info, ref->store, &one->id);
    one->is_logged = status == HC_OK;
    if (status != HC_OK) kept_release(one);
    return status;
}

void durable_store_dropped(node *of, hc_span name)
{
    hc_persistence *log = durable_log(of);
    kept_store *one = kept_named(of->durable, name);
    if (one == NULL) return;
    if (log != NULL && one->is_logged) (void)hc_persistence_drop(log, one->id);
    kept_release(one);
}

/* What a store was made with. */
static node_store_settings settings_of(const hc_store_ref *ref)
{
    hc_store_info about = {.size = sizeof about};
    hc_store_ref_info(ref, &about);
    return (node_store_settings){.max_memory_bytes = about.options->max_memory_bytes,
                                 .default_ttl_ms = about.options->default_ttl_ms,
                                 .eviction = about.options->eviction,
                                 .compression = about.options->compression,
                                 .filter_bits = about.options->filter_bits,
                                 .filter_rate = about.options->filter_rate};
}

static hc_status update(node *of, kept_store *one, hc_span name)
{
    char text[KEPT_SETTINGS_BYTES];
    node_store_settings made_with = settings_of(&one->ref);
    made_with.strategy = one->own_strategy;
    hc_persisted_store info = {.name = name,
                               .settings = settings_write(&made_with, text),
                               .strategy = (hc_strategy)one->strategy,
                               .id = one->id};
    hc_status status = hc_persistence_update(durable_log(of), &info);
    if (status == HC_OK) rename_kept(one, name);
    return status;
}

hc_status durable_swap(node *of, unsigned first, unsigned second)
{
    char names[2][16];
    hc_span spans[2];
    if (durable_log(of) == NULL || first == second) return HC_OK;
    const unsigned numbers[2] = {first, second};
    for (unsigned i = 0; i < 2; i++) {
        int chars = snprintf(names[i], sizeof names[i], "%u", numbers[i]);
        spans[i] = hc_span_make(names[i], (size_t)chars);
    }
    kept_store *a = kept_named(of->durable, spans[0]), *b = kept_named(of->durable, spans[1]);
    if (a == NULL || b == NULL || !a->is_logged || !b->is_logged) return HC_ERR_NO_MEMORY;
    hc_status status = update(of, a, HC_SPAN(SWAPPING));
    if (status == HC_OK) status = update(of, b, spans[0]);
    if (status == HC_OK) status = update(of, a, spans[1]);
    if (status != HC_OK) { /* a group: what was noted of it ends where it began */
        (void)update(of, b, spans[1]);
        (void)update(of, a, spans[0]);
    }
    return status;
}

/* Each gets the strategy that it is to have by now.  True: some had another. */
static bool strategies_follow(node *of)
{
    bool changed = false;
    for (size_t i = 0; i < KEPT_MAX; i++) {
        kept_store *one = &of->durable->kept[i];
        if (!one->is_logged || one->strategy == strategy_meant(of, one)) continue;
        one->strategy = strategy_meant(of, one);
        changed = true;
        (void)update(of, one, hc_span_make(one->name, one->name_bytes));
    }
    return changed;
}

void durable_set_strategy(node *of, uint32_t strategy)
{
    durable *d = of->durable;
    atomic_store(&d->strategy, strategy);
    if (durable_log(of) == NULL || durable_is_loading(of)) return;
    pthread_mutex_lock(&of->stores_lock);
    bool changed = strategies_follow(of);
    pthread_mutex_unlock(&of->stores_lock);
    uint64_t ticket;
    if (changed && d->calls.snapshot != NULL) (void)d->calls.snapshot(d->calls.ctx, true, &ticket);
}

/* ---- coming back ---- */

/* A store of that name, which the file may have listed already: then as it is there. */
static hc_status store_provide(node *of, const hc_persisted_store *info, hc_store_ref *ref)
{
    unsigned database;
    node_store_settings made_with = node_store_defaults(of);
    if (node_database_named(of, info->name, &database)) {
        if (node_store(of, database) == NULL) return HC_ERR_NO_MEMORY;
        return node_store_acquire(of, info->name, ref);
    }
    if (info->settings.size > 0 && !settings_read(info->settings, &made_with))
        return HC_ERR_CORRUPT;
    hc_status status = node_store_add(of, info->name, &made_with);
    if (status != HC_OK && status != HC_ERR_EXISTS) return status;
    return node_store_acquire(of, info->name, ref);
}

static void tell_why(node *of, const hc_persisted_store *info, hc_status status)
{
    const char *hint = "";
    if (status == HC_ERR_LIMIT) hint = " (cache.max_stores)";
    if (status == HC_ERR_INVALID) hint = " (cache.databases, for a number)";
    (void)snprintf(of->durable->why, of->durable->why_bytes,
                   "store '%.*s', which is kept there, cannot be made%s", (int)info->name.size,
                   (const char *)info->name.data, hint);
}

static hc_status on_open(void *ctx, const hc_persisted_store *info, hc_store **store_out)
{
    node *of = ctx;
    hc_store_ref ref = {0};
    hc_status status = store_provide(of, info, &ref);
    kept_store *one = status == HC_OK ? kept_of(of->durable, ref.store) : NULL;
    bool listed = one != NULL;
    if (status == HC_OK && !listed) one = kept_take(of, info->name, &ref);
    hc_store_ref_release(&ref);
    if (one == NULL) {
        if (status == HC_OK) status = HC_ERR_LIMIT;
        tell_why(of, info, status);
        return status;
    }
    node_store_settings made_with = {.strategy = HC_STRATEGY_DEFAULT};
    (void)settings_read(info->settings, &made_with); /* looked at already */
    one->id = info->id;
    one->is_logged = true;
    one->strategy = info->strategy;
    if (!listed) one->own_strategy = made_with.strategy;
    *store_out = one->ref.store;
    return HC_OK;
}

static void on_drop(void *ctx, const hc_persisted_store *info, hc_store *store)
{
    node *of = ctx;
    kept_store *one = kept_of(of->durable, store);
    if (one != NULL) kept_release(one);
    (void)node_store_drop(of, info->name);
}

static void on_update(void *ctx, const hc_persisted_store *info, hc_store *store)
{
    node *of = ctx;
    kept_store *one = kept_of(of->durable, store);
    if (one == NULL) return;
    one->strategy = info->strategy;
    rename_kept(one, info->name);
}

/* Databases that changed places, as their names say now. */
static void places_restore(node *of)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        kept_store *one = &of->durable->kept[i];
        unsigned wanted;
        if (one->ref.held == NULL || !one->is_logged) continue; /* those go by where they are */
        if (!node_database_named(of, hc_span_make(one->name, one->name_bytes), &wanted)) continue;
        int present = node_database_of(of, one->ref.store);
        if (present >= 0 && (unsigned)present != wanted) {
            (void)node_swap(of, (unsigned)present, wanted);
        }
    }
}

/* A database goes by the number that it has now, whatever it was created as. */
static hc_span name_now(const node *of, const hc_store *store, hc_span name, char number[16])
{
    int database = node_database_of(of, store);
    if (database < 0) return name;
    int chars = snprintf(number, 16, "%d", database);
    return hc_span_make(number, (size_t)chars);
}

/* A store that is there and that the log does not know. */
static hc_status keep_other(node *of, const hc_store_ref *ref)
{
    hc_store_info about = {.size = sizeof about};
    char text[KEPT_SETTINGS_BYTES], number[16];
    node_store_settings made_with = settings_of(ref);
    hc_store_ref_info(ref, &about);
    kept_store *one = kept_of(of->durable, ref->store);
    if (one == NULL)
        one = kept_take(of, about.name, ref); /* a client selected it while we loaded */
    if (one == NULL) return HC_ERR_LIMIT;
    if (one->is_logged) return HC_OK;
    made_with.strategy = one->own_strategy;
    one->strategy = strategy_meant(of, one);
    rename_kept(one, name_now(of, ref->store, about.name, number));
    hc_persisted_store info = {.name = hc_span_make(one->name, one->name_bytes),
                               .settings = settings_write(&made_with, text),
                               .strategy = (hc_strategy)one->strategy};
    hc_status status = hc_persistence_add(durable_log(of), &info, ref->store, &one->id);
    one->is_logged = status == HC_OK;
    return status;
}

/* Database 0 at the first start, those the file lists, those that were selected while loading. */
static hc_status keep_others(node *of)
{
    hc_status status = HC_OK;
    hc_store_ref ref;
    for (uint32_t at = 0; status == HC_OK && node_store_next(of, &at, &ref);) {
        status = keep_other(of, &ref);
        hc_store_ref_release(&ref);
    }
    return status;
}

/* Nobody writes before `loading` is over, and by then all stores are kept. */
hc_status durable_recover(node *of, char *why, size_t why_bytes)
{
    why[0] = '\0';
    of->durable->why = why;
    of->durable->why_bytes = why_bytes;
    const hc_recovery recovery = {
        .size = sizeof recovery, .ctx = of, .open = on_open, .drop = on_drop, .update = on_update};
    hc_status status = hc_persistence_recover(durable_log(of), &recovery);
    if (status != HC_OK) return status;
    places_restore(of);
    pthread_mutex_lock(&of->stores_lock);
    status = keep_others(of);
    if (status == HC_OK) {
        (void)strategies_follow(of); /* the snapshot that this wants is due by itself */
        atomic_store(&of->durable->loading, false);
        node_care_set(of, NODE_LOADING, false);
    }
    pthread_mutex_unlock(&of->stores_lock);
    return status;
}
