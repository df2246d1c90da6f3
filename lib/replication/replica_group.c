/*
 * replica_group.c - GROUP: several keys of one slot, read and written in one step.
 *
 *     ONE            decided on what the acting primary has of all keys; what has changed is stored
 *                    and sent at once, all under one version
 *     QUORUM, ALL    a proposal for each key, all of one version (replica_cas.c):
 *
 *         group --+--> part k1   e1 -> p   YES YES       all accepted by most: all are committed
 *                 +--> part k2   e2 -> p   YES NO        one cannot be: all are taken back, and the
 *                                                        group is evaluated again
 *
 * Each part obeys C1 to C6 for itself, so each key keeps what is promised of it alone.  All of them
 * are one step as long as the acting primary lives: when it dies while they are under way, the
 * acceptors complete what each of them was proposed, key by key, so that some keys may have changed
 * and others not.  Nobody was told DONE then.
 *
 * As it goes to another node, the request's value is
 *     | count | size, key | size, key | ... | arguments |       numbers as in base/varint.h
 */
#include "replication/replication_private.h"

#include "base/varint.h"

#include <assert.h>
#include <string.h>

#define BUSY_NS (2 * MS)

/* ---- the keys as bytes ---- */

static bool count_take(hc_span *from, uint32_t *count_out)
{
    size_t head = hci_varint_get_checked(from->data, from->size, count_out);
    if (head == 0 || *count_out == 0 || *count_out > HC_REPLICA_GROUP_KEYS_MAX) return false;
    *from = hc_span_make(from->data + head, from->size - head);
    return true;
}

static bool key_take(hc_span *from, hc_span *key_out)
{
    uint32_t size;
    size_t head = hci_varint_get_checked(from->data, from->size, &size);
    if (head == 0 || size > from->size - head || size > HC_KEY_BYTES_MAX) return false;
    *key_out = hc_span_make(from->data + head, size);
    *from = hc_span_make(from->data + head + size, from->size - head - size);
    return true;
}

bool hci_group_valid(hc_span packed, uint32_t slot)
{
    uint32_t count;
    hc_span key;
    if (!count_take(&packed, &count)) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!key_take(&packed, &key) || hc_ring_slot(key) != slot) return false;
    }
    return true;
}

static hc_status keys_check(const hc_request *q, size_t *bytes_out)
{
    size_t bytes = HCI_VARINT_BYTES_MAX + q->value.size;
    if (q->keys == NULL || q->key_count == 0 || q->key.size != 0) return HC_ERR_INVALID;
    if (q->key_count > HC_REPLICA_GROUP_KEYS_MAX) return HC_ERR_LIMIT;
    for (size_t i = 0; i < q->key_count; i++) {
        if (q->keys[i].size > HC_KEY_BYTES_MAX) return HC_ERR_LIMIT;
        if (hc_ring_slot(q->keys[i]) != hc_ring_slot(q->keys[0])) return HC_ERR_INVALID;
        bytes += HCI_VARINT_BYTES_MAX + q->keys[i].size;
    }
    *bytes_out = bytes;
    return bytes <= HC_REPLICA_VALUE_BYTES_MAX ? HC_OK : HC_ERR_LIMIT;
}

hc_status hci_group_pack(hc_replica *r, hc_request *q)
{
    size_t bytes;
    hc_status status = keys_check(q, &bytes);
    if (status != HC_OK) return status;
    uint8_t *start = hci_buffer_room(r, &r->value, bytes), *to = start;
    if (to == NULL) return HC_ERR_NO_MEMORY;
    to += hci_varint_put(to, (uint32_t)q->key_count);
    for (size_t i = 0; i < q->key_count; i++) {
        to += hci_varint_put(to, (uint32_t)q->keys[i].size);
        if (q->keys[i].size > 0) memcpy(to, q->keys[i].data, q->keys[i].size);
        to += q->keys[i].size;
    }
    if (q->value.size > 0) memcpy(to, q->value.data, q->value.size);
    q->key = q->keys[0];
    q->value = hc_span_make(start, (size_t)(to - start) + q->value.size);
    q->keys = NULL;
    q->key_count = 0;
    return HC_OK;
}

/* ---- what is decided on, and what was decided ---- */

typedef struct member {
    uint64_t version; /* of what is stored, of a stub too */
    entry live;       /* version 0: nothing; its value is `bytes` */
    uint8_t *bytes;
    size_t bytes_size;
} member;

typedef struct group {
    uint32_t count;
    member *members;
    hc_update *updates;
} group;

static void group_fini(hc_replica *r, group *g)
{
    for (uint32_t i = 0; g->members != NULL && i < g->count; i++)
        hci_release(&r->host, g->members[i].bytes, g->members[i].bytes_size);
    hci_release(&r->host, g->members, g->count * sizeof *g->members);
    hci_release(&r->host, g->updates, g->count * sizeof *g->updates);
}

/* What is read next overwrites what was read before, so values are copied. */
static hc_status member_read(hc_replica *r, hc_span key, member *m)
{
    entry here;
    if (!hci_entry_get(r, key, &here)) return HC_OK;
    m->version = here.version;
    if (!hci_entry_live(r, &here)) return HC_OK;
    m->live = here;
    m->live.value = hc_span_make(NULL, 0);
    if (here.value.size == 0) return HC_OK;
    m->bytes = hci_allocate(&r->host, here.value.size);
    if (m->bytes == NULL) return HC_ERR_NO_MEMORY;
    m->bytes_size = here.value.size;
    memcpy(m->bytes, here.value.data, m->bytes_size);
    m->live.value = hc_span_make(m->bytes, m->bytes_size);
    return HC_OK;
}

static hc_status group_init(hc_replica *r, const op *o, group *g)
{
    hc_span left = o->request.value;
    *g = (group){.count = 0};
    bool whole = count_take(&left, &g->count);
    assert(whole); /* looked at when it came */
    (void)whole;
    g->members = hci_allocate(&r->host, g->count * sizeof *g->members);
    g->updates = hci_allocate(&r->host, g->count * sizeof *g->updates);
    if (g->members == NULL || g->updates == NULL) {
        hci_release(&r->host, g->members, g->count * sizeof *g->members);
        g->members = NULL;
        return HC_ERR_NO_MEMORY;
    }
    memset(g->members, 0, g->count * sizeof *g->members);
    for (uint32_t i = 0; i < g->count; i++) {
        hc_update *u = &g->updates[i];
        *u = (hc_update){.size = sizeof *u, .trace = o->request.trace};
        (void)key_take(&left, &u->key);
    }
    for (uint32_t i = 0; i < g->count; i++) {
        hc_update *u = &g->updates[i];
        hc_status status = member_read(r, u->key, &g->members[i]);
        if (status != HC_OK) return status;
        hci_update_fill(u, &g->members[i].live);
        u->arguments = left;
    }
    return HC_OK;
}

static hc_status group_decide(hc_replica *r, op *o, group *g)
{
    hc_status status = group_init(r, o, g);
    if (status == HC_OK) status = r->calls.update_group(r->calls.ctx, g->updates, g->count);
    for (uint32_t i = 0; status == HC_OK && i < g->count; i++)
        status = hci_update_check(&g->updates[i]);
    return status == HC_OK ? hci_op_answer_keep(r, o, g->updates[0].answer) : status;
}

/* Above all that is known of the keys. */
static uint64_t version_over(hc_replica *r, const op *o, const group *g)
{
    uint64_t over = r->floor[o->slot] > r->flush ? r->floor[o->slot] : r->flush;
    for (uint32_t i = 0; i < g->count; i++)
        if (g->members[i].version > over) over = g->members[i].version;
    return hci_clock_stamp(r, over);
}

static bool any_pending(hc_replica *r, const op *o)
{
    uint32_t count;
    hc_span left = o->request.value, key;
    if (!count_take(&left, &count)) return false;
    for (uint32_t i = 0; i < count; i++)
        if (key_take(&left, &key) && hci_pending_find(r, key) != NULL) return true;
    return false;
}

/* ---- at ONE ---- */

static void store_all(hc_replica *r, op *o, const group *g)
{
    hci_traced_own(r, HC_TRACED_SENDS, o, true);
    for (uint32_t i = 0; i < g->count; i++) {
        const hc_update *u = &g->updates[i];
        if (u->action == HC_UPDATE_KEEP) continue;
        if (o->version == 0) o->version = version_over(r, o, g);
        entry after = hci_update_entry(u);
        after.version = o->version;
        (void)hci_entry_put(r, u->key, &after, false);
        hci_replicate(r, o->slot, u->key, &after, 0, false, &o->request);
    }
}

/* ---- at QUORUM and ALL ---- */

static op *part_at(hc_replica *r, const op *o, uint32_t i)
{
    return hci_op_find(r, o->parts[i]);
}

static void parts_free(hc_replica *r, op *o)
{
    hci_release(&r->host, o->parts, o->part_room * sizeof *o->parts);
    o->parts = NULL;
    o->part_count = o->part_room = 0;
}

static hc_status part_add(hc_replica *r, op *o, const member *m, const hc_update *u)
{
    op *part;
    hc_request q = {.size = sizeof q,
                    .kind = HC_REQUEST_UPDATE,
                    .level = o->request.level,
                    .key = u->key,
                    .trace = o->request.trace,
                    .correlation = o->request.correlation};
    entry after = hci_update_entry(u);
    if (u->action == HC_UPDATE_KEEP)
        after = m->live.version != 0 ? m->live : (entry){.flags = ENTRY_STUB};
    after.flags &= ~(unsigned)ENTRY_TENTATIVE;
    after.version = o->version;
    hc_status status = hci_op_new(r, &q, &part);
    if (status != HC_OK) return status;
    part->replied = true; /* the group does that */
    part->deadline_ns = NEVER;
    part->version = o->version;
    part->expect = m->version;
    if (!hci_op_hold(r, part, &after) || !hci_cas_hold(r, part)) {
        hci_op_end(r, part);
        return HC_ERR_LIMIT;
    }
    part->group = o->id;
    o->parts[o->part_count++] = part->id;
    return HC_OK;
}

static hc_status propose_all(hc_replica *r, op *o, const group *g)
{
    o->parts = hci_allocate(&r->host, g->count * sizeof *o->parts);
    if (o->parts == NULL) return HC_ERR_NO_MEMORY;
    o->part_room = g->count;
    o->version = version_over(r, o, g);
    hci_traced_own(r, HC_TRACED_SENDS, o, false);
    for (uint32_t i = 0; i < g->count; i++) {
        hc_status status = part_add(r, o, &g->members[i], &g->updates[i]);
        if (status != HC_OK) return status;
    }
    o->kind = OP_GROUP;
    for (uint32_t i = 0; i < o->part_count; i++)
        hci_cas_resend(r, part_at(r, o, i));
    return HC_OK;
}

static void take_back_all(hc_replica *r, op *o)
{
    for (uint32_t i = 0; i < o->part_count; i++)
        hci_cas_abort(r, part_at(r, o, i));
    parts_free(r, o);
}

/* Is all of it accepted? */
void hci_group_look(hc_replica *r, uint64_t id)
{
    op *o = hci_op_find(r, id);
    if (o == NULL || o->kind != OP_GROUP) return;
    for (uint32_t i = 0; i < o->part_count; i++)
        if (!hci_op_won(r, part_at(r, o, i))) return;
    o->yes_now = part_at(r, o, 0)->yes_now;
    for (uint32_t i = 0; i < o->part_count; i++)
        hci_cas_commit(r, part_at(r, o, i));
    parts_free(r, o);
    hci_op_finish(r, o, HC_OUTCOME_DONE);
}

void hci_group_lost(hc_replica *r, uint64_t id)
{
    op *o = hci_op_find(r, id);
    if (o == NULL || o->kind != OP_GROUP) return;
    take_back_all(r, o);
    if (o->replied)
        hci_op_end(r, o);
    else
        hci_cas_back_off(r, o);
}

void hci_group_end(hc_replica *r, op *o)
{
    parts_free(r, o);
}

/* ---- as the acting primary ---- */

void hci_group_run(hc_replica *r, op *o)
{
    uint32_t have, need;
    group g;
    bool one = o->request.level == HC_LEVEL_ONE;
    if (!one && !hci_op_can(r, o->slot, o->request.level, &have, &need)) {
        hci_op_reply(r, o,
                     (hc_reply){.outcome = HC_OUTCOME_NO_REPLICAS, .have = have, .need = need});
        hci_op_end(r, o);
        return;
    }
    if (any_pending(r, o) || (!one && hci_flush_holds(r))) {
        hci_op_park(r, o, BUSY_NS);
        return;
    }
    o->version = 0;
    hc_status status = group_decide(r, o, &g);
    if (status == HC_OK && one) store_all(r, o, &g);
    if (status == HC_OK && !one) {
        status = propose_all(r, o, &g);
        if (status != HC_OK) take_back_all(r, o);
    }
    group_fini(r, &g);
    if (status != HC_OK) {
        hci_op_reply(r, o, (hc_reply){.outcome = HC_OUTCOME_REFUSED, .status = status});
        hci_op_end(r, o);
    } else if (one) {
        hci_op_finish(r, o, HC_OUTCOME_DONE);
    } else {
        hci_group_look(r, o->id);
    }
}
