/*
 * store_effect.c - telling followers what changed.
 *
 * An effect is told where the change was made, under the shard's lock, so the order in which a
 * follower hears of a key is the order of its changes.  A transaction holds several shards at once:
 * what is told inside has `more`, and one COMMIT follows before any of them is released.
 */
#include "base/options.h"
#include "store/store_private.h"

void hci_effect_tell(hc_store *store, shard *s, hc_effect *effect)
{
    const follower_list *list = &store->followers;
    effect->more = s->in_txn;
    if (s->in_txn) s->txn_told = true;
    for (uint32_t i = 0; i < list->count; i++) {
        const hc_effects *to = &list->tables[i];
        if (to->kinds >> effect->kind & 1) to->changed(to->ctx, effect);
    }
}

void hci_effect_commit(hc_store *store, const hc_txn *txn)
{
    bool told = false;
    shard *last = NULL;
    for (uint32_t i = 0; i < store->shard_count; i++) {
        if (!(txn->locked[i / 64] >> i % 64 & 1)) continue;
        last = &store->shards[i];
        told |= last->txn_told;
        last->in_txn = last->txn_told = false;
    }
    if (!told || !effect_wanted(store, HC_EFFECT_COMMIT)) return;
    hci_effect_tell(store, last, &(hc_effect){.kind = HC_EFFECT_COMMIT});
}

void hci_shards_lock(hc_store *store)
{
    for (uint32_t i = 0; i < store->shard_count; i++)
        hci_lock_acquire(&store->shards[i].lock);
}

void hci_shards_unlock(hc_store *store)
{
    for (uint32_t i = 0; i < store->shard_count; i++)
        hci_lock_release(&store->shards[i].lock);
}

static void kinds_gather(follower_list *list)
{
    list->kinds = 0;
    for (uint32_t i = 0; i < list->count; i++)
        list->kinds |= list->tables[i].kinds;
}

hc_status hc_store_follow(hc_store *store, const hc_effects *table)
{
    hc_effects copy;
    hc_status status = hci_options_copy(&copy, sizeof copy, table, table->size);
    if (status != HC_OK) return status;
    if (copy.changed == NULL || copy.kinds == 0 || copy.kinds >> HC_EFFECT_KINDS != 0) {
        return HC_ERR_INVALID;
    }
    follower_list *list = &store->followers;
    hci_shards_lock(store);
    if (list->count == HC_STORE_FOLLOWERS_MAX) {
        status = HC_ERR_LIMIT;
    } else {
        list->tables[list->count++] = copy;
        kinds_gather(list);
    }
    hci_shards_unlock(store);
    return status;
}

hc_status hc_store_unfollow(hc_store *store, const hc_effects *table)
{
    follower_list *list = &store->followers;
    hc_status status = HC_ERR_NOT_FOUND;
    hci_shards_lock(store);
    for (uint32_t i = 0; i < list->count && status != HC_OK; i++) {
        if (list->tables[i].changed != table->changed || list->tables[i].ctx != table->ctx)
            continue;
        list->count--;
        for (uint32_t k = i; k < list->count; k++)
            list->tables[k] = list->tables[k + 1];
        kinds_gather(list);
        status = HC_OK;
    }
    hci_shards_unlock(store);
    return status;
}
