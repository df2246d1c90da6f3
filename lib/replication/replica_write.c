/*
 * replica_write.c - writes, as the acting primary: decide, stamp, store, replicate, and wait as the
 * level says.
 *
 * Writes at ONE, and a SET at ALL; all else at QUORUM and ALL is a proposal (replica_cas.c), for
 * what is stored here is seen at once.  Fewer holders than needed, known beforehand, refuse the
 * write before anything is stored.  A replica that has something newer, or whose floor is higher,
 * says so: then nobody knows when this write was, and the answer is UNCERTAIN.  (With a higher
 * version it would take effect again, above what others wrote after they had seen it.)
 */
#include "replication/replication_private.h"

#include <string.h>

#define BUSY_NS (2 * MS)
#define AGAIN_MAX 4u /* with other holders, for the ring has changed */

void hci_update_fill(hc_update *u, const entry *before)
{
    u->present = before->version != 0;
    if (!u->present) return;
    u->value = before->value;
    u->expires_at_ms = before->expires_at_ms;
    u->type = (hc_type)(before->flags >> ENTRY_TYPE_SHIFT);
    u->version = before->version;
}

hc_status hci_update_check(const hc_update *u)
{
    if (u->value.size > HC_REPLICA_VALUE_BYTES_MAX) return HC_ERR_LIMIT;
    bool fits = u->expires_at_ms >= 0 && u->expires_at_ms <= HC_EXPIRY_MAX_MS;
    return fits ? HC_OK : HC_ERR_INVALID;
}

entry hci_update_entry(const hc_update *u)
{
    entry e = {.flags = ENTRY_STUB};
    if (u->action != HC_UPDATE_STORE) return e;
    e.flags = (unsigned)u->type << ENTRY_TYPE_SHIFT;
    if (u->expires_at_ms != HC_EXPIRY_NONE) e.flags |= ENTRY_EXPIRES;
    e.expires_at_ms = u->expires_at_ms;
    e.value = u->value;
    return e;
}

hc_status hci_op_answer_keep(hc_replica *r, op *o, hc_span text)
{
    uint8_t *said = NULL;
    if (text.size > 0) {
        said = hci_allocate(&r->host, text.size);
        if (said == NULL) return HC_ERR_NO_MEMORY;
        memcpy(said, text.data, text.size);
    }
    hci_release(&r->host, o->reply_bytes, o->reply_size);
    o->reply_bytes = said;
    o->reply_size = text.size;
    return HC_OK;
}

static hc_status update_ask(hc_replica *r, op *o, const entry *before, hc_update_action *action,
                            entry *after)
{
    hc_update u = {.size = sizeof u,
                   .key = o->request.key,
                   .arguments = o->request.value,
                   .trace = o->request.trace};
    hci_update_fill(&u, before);
    hc_status status = r->calls.update(r->calls.ctx, &u);
    if (status == HC_OK) status = hci_update_check(&u);
    if (status != HC_OK) return status;
    *action = u.action;
    *after = hci_update_entry(&u);
    return hci_op_answer_keep(r, o, u.answer);
}

hc_status hci_request_apply(hc_replica *r, op *o, const entry *before, hc_update_action *action,
                            entry *after)
{
    const hc_request *q = &o->request;
    hc_status status = HC_OK;
    *after = (entry){.version = 0};
    if (q->kind == HC_REQUEST_SET) {
        *action = HC_UPDATE_STORE;
        after->value = q->value;
        after->expires_at_ms = q->expires_at_ms;
        after->flags = (unsigned)q->type << ENTRY_TYPE_SHIFT;
        if (after->expires_at_ms != HC_EXPIRY_NONE) after->flags |= ENTRY_EXPIRES;
    } else if (q->kind == HC_REQUEST_DELETE) {
        o->absent = before->version == 0;
        *action = o->absent ? HC_UPDATE_KEEP : HC_UPDATE_DELETE;
        *after = (entry){.flags = ENTRY_STUB};
    } else {
        status = update_ask(r, o, before, action, after);
    }
    return status;
}

static void refuse(hc_replica *r, op *o, hc_status status)
{
    hci_op_reply(r, o, (hc_reply){.outcome = HC_OUTCOME_REFUSED, .status = status});
    hci_op_end(r, o);
}

static uint64_t version_over(hc_replica *r, op *o)
{
    entry here;
    uint64_t over = r->floor[o->slot] > r->flush ? r->floor[o->slot] : r->flush;
    if (hci_entry_get(r, o->request.key, &here) && here.version > over) over = here.version;
    return hci_clock_stamp(r, over);
}

/* Stores what `best` holds, and sends it. */
static void write_out(hc_replica *r, op *o)
{
    bool waits = o->request.level != HC_LEVEL_ONE || o->kind == OP_MEND;
    hci_op_votes_clear(r, o);
    put_result put = hci_entry_put(r, o->request.key, &o->best, o->kind == OP_MEND);
    bool stored = put == PUT_APPLIED || put == PUT_SAME;
    hci_traced_own(r, HC_TRACED_SENDS, o, stored);
    hci_replicate(r, o->slot, o->request.key, &o->best, waits ? o->id : 0, o->kind == OP_MEND,
                  &o->request);
    if (stored && hci_counts(r, o->slot, r->self)) hci_op_vote(r, o, r->self, true);
}

void hci_write_run(hc_replica *r, op *o)
{
    entry before, after;
    hc_update_action action;
    uint32_t have, need;
    if (o->request.level != HC_LEVEL_ONE &&
        !hci_op_can(r, o->slot, o->request.level, &have, &need)) {
        hci_op_reply(r, o,
                     (hc_reply){.outcome = HC_OUTCOME_NO_REPLICAS, .have = have, .need = need});
        hci_op_end(r, o);
        return;
    }
    if (hci_pending_find(r, o->request.key) != NULL) {
        hci_op_park(r, o, BUSY_NS);
        return;
    }
    (void)hci_entry_get(r, o->request.key, &before);
    if (!hci_entry_live(r, &before)) before = (entry){.version = 0};
    hc_status status = hci_request_apply(r, o, &before, &action, &after);
    if (status == HC_OK && !hci_op_hold(r, o, &after)) status = HC_ERR_NO_MEMORY;
    if (status != HC_OK) {
        refuse(r, o, status);
        return;
    }
    if (action == HC_UPDATE_KEEP) {
        o->version = before.version;
        hci_op_finish(r, o, o->absent ? HC_OUTCOME_ABSENT : HC_OUTCOME_DONE);
        return;
    }
    o->best.version = o->version = version_over(r, o);
    o->kind = OP_WRITE;
    write_out(r, o);
    if (o->request.level == HC_LEVEL_ONE || hci_op_won(r, o)) hci_op_finish(r, o, HC_OUTCOME_DONE);
}

static void write_done(hc_replica *r, op *o)
{
    if (o->kind == OP_WRITE)
        hci_op_finish(r, o, HC_OUTCOME_DONE);
    else
        hci_read_reply(r, o, &o->best);
}

void hci_write_again(hc_replica *r, op *o)
{
    if (o->tries++ >= AGAIN_MAX) return; /* the deadline ends it */
    write_out(r, o);
    if (hci_op_won(r, o)) write_done(r, o);
}

void hci_write_answer(hc_replica *r, op *o, uint32_t from, const record *what)
{
    if (what->result == ANSWER_YES) {
        if (what->expect != o->best.version) return; /* of an earlier try */
        hci_op_vote(r, o, from, true);
        if (hci_op_won(r, o)) write_done(r, o);
        return;
    }
    if (what->result != ANSWER_NEWER && what->result != ANSWER_FLOOR) return;
    if (what->expect != o->best.version) return;
    if (!hci_clock_witness(r, what->entry.version)) return;
    if (o->kind == OP_MEND) { /* there is something newer than what was found: read again */
        hci_op_park(r, o, BUSY_NS);
        return;
    }
    hci_op_finish(r, o, HC_OUTCOME_UNCERTAIN);
}
