/*
 * follow.c - the stores that are kept, and their changes on the way to the ring.
 *
 * A store's follower is always there unless its strategy is `disabled`; whether it notes anything
 * is one flag, read under the shard's lock.  A snapshot sets the flag of every store before it
 * looks at the first key, and passes each shard's lock afterwards, so a change is either seen by
 * the snapshot or noted in the log behind its start.
 */
#include "persistence/persistence_private.h"

#include "host/relax.h"

#define SHORT_BYTES_MAX 4096u /* of a value that is one piece in every ring */

static const record_kind record_kinds[HC_EFFECT_KINDS] = {
    [HC_EFFECT_SET] = RECORD_SET,         [HC_EFFECT_APPEND] = RECORD_APPEND,
    [HC_EFFECT_EXPIRY] = RECORD_EXPIRY,   [HC_EFFECT_DELETE] = RECORD_DELETE,
    [HC_EFFECT_EXPIRED] = RECORD_EXPIRED, [HC_EFFECT_EVICTED] = RECORD_EVICTED,
    [HC_EFFECT_FLUSH] = RECORD_FLUSH,     [HC_EFFECT_COMMIT] = RECORD_COMMIT,
    [HC_EFFECT_PATCH] = RECORD_PATCH};

static void changed(void *ctx, const hc_effect *effect)
{
    followed_store *f = ctx;
    if (effect->kind == HC_EFFECT_COMMIT) {
        hci_group_commit(f->p, false);
        return;
    }
    if (!atomic_load_explicit(&f->logging, memory_order_relaxed)) return;
    if (effect->more) hci_group_begin(f->p, false);
    record r = {.kind = record_kinds[effect->kind],
                .type = (uint8_t)effect->type,
                .store = f->id,
                .group = hci_group_now(f->p, effect->more),
                .expires_at_ms = effect->expires_at_ms,
                .offset = effect->offset,
                .key = effect->key,
                .value = effect->value};
    if (effect->value.size > SHORT_BYTES_MAX) {
        hci_log_put_value(f->p, &r);
    } else {
        (void)hci_log_put(f->p, &r);
    }
}

static hc_effects effects_of(followed_store *f)
{
    return (hc_effects){.size = sizeof(hc_effects),
                        .ctx = f,
                        .changed = changed,
                        .kinds = (1u << HC_EFFECT_KINDS) - 1};
}

static bool strategy_logs(hc_strategy strategy)
{
    return strategy == HC_STRATEGY_HYBRID || strategy == HC_STRATEGY_LOG;
}

static void logging_set(followed_store *f, bool snapshot_active)
{
    bool on = f->entry.strategy != HC_STRATEGY_DISABLED &&
              (snapshot_active || (strategy_logs(f->entry.strategy) && !f->partial));
    atomic_store_explicit(&f->logging, on, memory_order_relaxed);
}

hc_status hci_follow_start(hc_persistence *p, uint32_t id, hc_store *store)
{
    followed_store *f = &p->stores[id];
    f->p = p;
    f->id = (uint16_t)id;
    f->store = store;
    logging_set(f, p->snapshot_active);
    if (f->attached || f->entry.strategy == HC_STRATEGY_DISABLED) return HC_OK;
    hc_effects effects = effects_of(f);
    hc_status status = hc_store_follow(store, &effects);
    f->attached = status == HC_OK;
    if (status != HC_OK) f->store = NULL;
    return status;
}

void hci_follow_stop(hc_persistence *p, uint32_t id)
{
    followed_store *f = &p->stores[id];
    if (f->attached) {
        hc_effects effects = effects_of(f);
        (void)hc_store_unfollow(f->store, &effects);
    }
    f->attached = false;
    while (atomic_load_explicit(&f->walkers, memory_order_acquire) > 0)
        hci_cpu_relax(); /* until a block is full, well under a millisecond */
    f->store = NULL;
    f->partial = false;
}

void hci_follow_all(hc_persistence *p, bool snapshot_active)
{
    for (uint32_t i = 0; i < HC_PERSISTED_STORES_MAX; i++) {
        if (p->stores[i].store != NULL) logging_set(&p->stores[i], snapshot_active);
    }
}

/* ---- the list ---- */

static hc_status info_check(const hc_persisted_store *info)
{
    if (!hc_store_name_fits(info->name)) return HC_ERR_INVALID;
    if (info->settings.size > HC_PERSISTED_SETTINGS_BYTES_MAX) return HC_ERR_INVALID;
    return (unsigned)info->strategy > HC_STRATEGY_DISABLED ? HC_ERR_INVALID : HC_OK;
}

static hc_strategy strategy_of(const hc_persisted_store *info)
{
    return info->strategy == HC_STRATEGY_DEFAULT ? HC_STRATEGY_HYBRID : info->strategy;
}

static bool name_is(const store_entry *entry, hc_span name)
{
    return entry->used && entry->name_bytes == name.size &&
           memcmp(entry->bytes, name.data, name.size) == 0;
}

/* HC_PERSISTED_STORES_MAX: none. */
static uint32_t id_of(const hc_persistence *p, hc_span name)
{
    uint32_t id = 0;
    while (id < HC_PERSISTED_STORES_MAX && !name_is(&p->stores[id].entry, name))
        id++;
    return id;
}

static void store_note(hc_persistence *p, uint32_t id)
{
    const store_entry *entry = &p->stores[id].entry;
    record r = {.kind = RECORD_STORE,
                .type = (uint8_t)entry->strategy,
                .store = (uint16_t)id,
                .group = hci_group_now(p, false),
                .key = entry_name(entry),
                .value = entry_settings(entry)};
    (void)hci_log_put(p, &r);
}

static hc_status add(hc_persistence *p, const hc_persisted_store *info, hc_store *store,
                     uint32_t *id_out)
{
    if (id_of(p, info->name) < HC_PERSISTED_STORES_MAX) return HC_ERR_EXISTS;
    uint32_t id = p->store_next; /* in turn, so that an id is used again late */
    uint32_t looked = 0;
    for (; looked < HC_PERSISTED_STORES_MAX && p->stores[id].entry.used; looked++)
        id = (id + 1) % HC_PERSISTED_STORES_MAX;
    if (looked == HC_PERSISTED_STORES_MAX) return HC_ERR_LIMIT;
    p->store_next = (id + 1) % HC_PERSISTED_STORES_MAX;
    followed_store *f = &p->stores[id];
    hc_status status =
        hci_store_entry_set(&p->host, &f->entry, info->name, info->settings, strategy_of(info));
    if (status != HC_OK) return status;
    store_note(p, id);
    status = hci_follow_start(p, id, store);
    if (status != HC_OK) {
        record drop = {.kind = RECORD_DROP, .store = (uint16_t)id};
        (void)hci_log_put(p, &drop);
        hci_store_entry_clear(&p->host, &f->entry);
        return status;
    }
    p->store_count++;
    *id_out = id;
    return HC_OK;
}

hc_status hc_persistence_add(hc_persistence *p, const hc_persisted_store *info, hc_store *store,
                             uint32_t *id_out)
{
    hc_status status = info_check(info);
    if (status != HC_OK) return status;
    hci_lock_acquire(&p->stores_lock);
    status = add(p, info, store, id_out);
    hci_lock_release(&p->stores_lock);
    return status;
}

hc_status hc_persistence_drop(hc_persistence *p, uint32_t id)
{
    hc_status status = HC_ERR_NOT_FOUND;
    hci_lock_acquire(&p->stores_lock);
    if (id < HC_PERSISTED_STORES_MAX && p->stores[id].entry.used) {
        hci_follow_stop(p, id);
        record r = {.kind = RECORD_DROP, .store = (uint16_t)id, .group = hci_group_now(p, false)};
        (void)hci_log_put(p, &r);
        hci_store_entry_clear(&p->host, &p->stores[id].entry);
        p->store_count--;
        status = HC_OK;
    }
    hci_lock_release(&p->stores_lock);
    return status;
}

static hc_status update(hc_persistence *p, const hc_persisted_store *info)
{
    uint32_t id = info->id;
    if (id >= HC_PERSISTED_STORES_MAX || !p->stores[id].entry.used) return HC_ERR_NOT_FOUND;
    uint32_t namesake = id_of(p, info->name);
    if (namesake != id && namesake < HC_PERSISTED_STORES_MAX) return HC_ERR_EXISTS;
    followed_store *f = &p->stores[id];
    bool logged_before = strategy_logs(f->entry.strategy);
    hc_strategy strategy = strategy_of(info);
    hc_status status =
        hci_store_entry_set(&p->host, &f->entry, info->name, info->settings, strategy);
    if (status != HC_OK) return status;
    if (!logged_before && strategy_logs(strategy)) f->partial = true;
    store_note(p, id);
    return hci_follow_start(p, id, f->store);
}

hc_status hc_persistence_update(hc_persistence *p, const hc_persisted_store *info)
{
    hc_status status = info_check(info);
    if (status != HC_OK) return status;
    hci_lock_acquire(&p->stores_lock);
    status = update(p, info);
    hci_lock_release(&p->stores_lock);
    return status;
}

hc_status hc_persistence_find(hc_persistence *p, hc_span name, uint32_t *id_out)
{
    hci_lock_acquire(&p->stores_lock);
    *id_out = id_of(p, name);
    hci_lock_release(&p->stores_lock);
    return *id_out < HC_PERSISTED_STORES_MAX ? HC_OK : HC_ERR_NOT_FOUND;
}
