/*
 * replay_records.c - records put back into stores.
 *
 * SETs are gathered and put in batches, so that their cache misses overlap; anything else first
 * lets the batch through.  Over the fuzzy state of a snapshot every record is applied as it stands;
 * only APPEND looks first: a string that is longer than the record's offset has the tail already,
 * and one that is shorter, or not there, is about to be replaced or deleted further on; and PATCH
 * makes no key.
 */
#include "persistence/persistence_private.h"
#include "store/store_internal.h"

/* A value arriving in pieces. */
typedef struct assembly {
    record first; /* key and value are in `bytes` */
    uint8_t *bytes;
    size_t size, capacity;
    struct assembly *next;
} assembly;
#define ASSEMBLIES_MAX 4096u /* values in pieces at once: as many as threads that write such */

struct replay {
    const hci_host *host;
    replay_target target;
    uint32_t first_share; /* of 256: where in a store a batch begins */
    hc_store *store;      /* of the batch */
    hci_load_item items[HCI_LOAD_ITEMS_MAX];
    size_t count;
    uint64_t records;
    assembly *assemblies;
    uint32_t assembly_count;
};

hc_status hci_replay_create(const hci_host *host, const replay_target *target, uint32_t first_share,
                            replay **out)
{
    replay *made = hci_allocate(host, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->host = host;
    made->target = *target;
    made->first_share = first_share;
    made->store = NULL;
    made->count = 0;
    made->records = 0;
    made->assemblies = NULL;
    made->assembly_count = 0;
    *out = made;
    return HC_OK;
}

static void assembly_remove(replay *to, assembly **at)
{
    assembly *gone = *at;
    *at = gone->next;
    if (gone->bytes != NULL) hci_release(to->host, gone->bytes, gone->capacity);
    hci_release(to->host, gone, sizeof *gone);
    to->assembly_count--;
}

void hci_replay_destroy(replay *to)
{
    if (to == NULL) return;
    while (to->assemblies != NULL)
        assembly_remove(to, &to->assemblies);
    hci_release(to->host, to, sizeof *to);
}

uint64_t hci_replay_count(const replay *from)
{
    return from->records;
}

hc_status hci_replay_flush(replay *to)
{
    size_t count = to->count;
    if (count == 0) return HC_OK;
    to->count = 0;
    uint32_t first = to->first_share * hci_store_shards(to->store) / 256;
    return hci_store_load(to->store, first, to->items, count);
}

static hc_status set_add(replay *to, hc_store *store, const record *r)
{
    hc_status status = HC_OK;
    if (r->type > HC_TYPE_FILTER) return HC_ERR_CORRUPT;
    if (to->count == HCI_LOAD_ITEMS_MAX || to->store != store) status = hci_replay_flush(to);
    to->store = store;
    to->items[to->count++] = (hci_load_item){.key = r->key,
                                             .value = r->value,
                                             .expires_at_ms = r->expires_at_ms,
                                             .type = (hc_type)r->type};
    return status;
}

static hc_status append(hc_store *store, const record *r)
{
    hc_item item;
    if (hc_store_stat(store, r->key, &item) != HC_OK || item.value.size != r->offset) return HC_OK;
    if (item.type != HC_TYPE_STRING) return HC_OK;
    return hc_store_append(store, r->key, r->value, NULL);
}

/* Over a state that has it already it changes nothing that the patches behind it will not; over a
 * value that is another by then, it is followed by what made that one. */
static hc_status patch(hc_store *store, const record *r)
{
    hc_txn txn;
    hc_item item;
    hc_store_begin(store, &r->key, 1, &txn);
    hc_status status = HC_OK;
    bool is_there = hc_txn_get(&txn, r->key, &item) == HC_OK && item.type == HC_TYPE_STRING;
    if (is_there) status = hc_txn_patch(&txn, r->key, (size_t)r->offset, r->value, NULL);
    hc_store_end(&txn);
    return status == HC_ERR_LIMIT ? HC_ERR_CORRUPT : status;
}

/* What is not there any more is no error: it is deleted further on. */
static hc_status absent_is_ok(hc_status status)
{
    return status == HC_ERR_NOT_FOUND ? HC_OK : status;
}

static hc_status apply(replay *to, hc_store *store, const record *r)
{
    if (r->kind == RECORD_SET) return set_add(to, store, r);
    hc_status status = hci_replay_flush(to);
    if (status != HC_OK) return status;
    switch (r->kind) {
    case RECORD_APPEND:
        return append(store, r);
    case RECORD_PATCH:
        return patch(store, r);
    case RECORD_EXPIRY:
        return absent_is_ok(hc_store_expire(store, r->key, r->expires_at_ms));
    case RECORD_DELETE:
    case RECORD_EXPIRED:
    case RECORD_EVICTED:
        return absent_is_ok(hc_store_delete(store, r->key));
    case RECORD_FLUSH:
        hc_store_flush(store);
        return HC_OK;
    default:
        return HC_OK;
    }
}

/* ---- values in pieces ---- */

static hc_status assembly_grow(replay *to, assembly *a, hc_span more)
{
    if (more.size > HC_KEY_BYTES_MAX + (size_t)HC_VALUE_BYTES_MAX - a->size) return HC_ERR_CORRUPT;
    if (a->size + more.size > a->capacity) {
        size_t capacity = 2 * (a->size + more.size);
        uint8_t *grown = hci_resize(to->host, a->bytes, a->capacity, capacity);
        if (grown == NULL) return HC_ERR_NO_MEMORY;
        a->bytes = grown;
        a->capacity = capacity;
    }
    if (more.size > 0) memcpy(a->bytes + a->size, more.data, more.size);
    a->size += more.size;
    return HC_OK;
}

static assembly **assembly_of(replay *to, uint64_t group)
{
    assembly **at = &to->assemblies;
    while (*at != NULL && (*at)->first.group != group)
        at = &(*at)->next;
    return at;
}

static hc_status assembly_begin(replay *to, const record *r)
{
    assembly **at = assembly_of(to, r->group);
    if (*at != NULL) assembly_remove(to, at); /* its end was dropped: so is the beginning */
    if (to->assembly_count == ASSEMBLIES_MAX) return HC_ERR_CORRUPT;
    assembly *made = hci_allocate(to->host, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    *made = (assembly){.first = *r, .next = to->assemblies};
    to->assemblies = made;
    to->assembly_count++;
    hc_status status = assembly_grow(to, made, r->key);
    return status == HC_OK ? assembly_grow(to, made, r->value) : status;
}

static hc_status assembly_add(replay *to, const record *r)
{
    assembly **at = assembly_of(to, r->group);
    if (*at == NULL) return HC_OK; /* it began before the snapshot, which has it */
    hc_status status = assembly_grow(to, *at, r->value);
    if (status != HC_OK || (r->flags & RECORD_MORE)) return status;
    record whole = (*at)->first;
    size_t key_bytes = whole.key.size;
    whole.key = hc_span_make((*at)->bytes, key_bytes);
    whole.value = hc_span_make((*at)->bytes + key_bytes, (*at)->size - key_bytes);
    hc_store *store = to->target.store_of(to->target.ctx, whole.store);
    if (store != NULL) status = apply(to, store, &whole);
    if (status == HC_OK) status = hci_replay_flush(to); /* its bytes go now */
    assembly_remove(to, at);
    return status;
}

hc_status hci_replay_record(replay *to, const record *r)
{
    to->records++;
    if (r->kind == RECORD_STORE || r->kind == RECORD_DROP) {
        hc_status status = hci_replay_flush(to);
        return status == HC_OK ? to->target.store_record(to->target.ctx, r) : status;
    }
    if (r->kind == RECORD_PIECE) return assembly_add(to, r);
    if (r->flags & RECORD_MORE) return assembly_begin(to, r);
    if (r->kind == RECORD_COMMIT || r->kind == RECORD_GAP) return HC_OK;
    hc_store *store = to->target.store_of(to->target.ctx, r->store);
    return store == NULL ? HC_OK : apply(to, store, r);
}
