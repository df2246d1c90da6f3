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

static hc_status update_ask(hc_replica *r, op *o, const entry *before, hc_update_action *action,
                            entry *after)
{
    hc_update u = {.size = sizeof u,
                   .key = o->request.key,
                   .arguments = o->request.value,
                   .present = before->version != 0,
                   .trace = o->request.trace};
    if (u.present) {
        u.value = before->value;
        u.expires_at_ms = before->expires_at_ms;
        u.type = (hc_type)(before->flags >> ENTRY_TYPE_SHIFT);
        u.version = before->version;
    }
    hc_status status = r->calls.update(r->calls.ctx, &u);
    if (status != HC_OK) return status;
    if (u.value.size > HC_REPLICA_VALUE_BYTES_MAX) return HC_ERR_LIMIT;
    if (u.expires_at_ms < 0 || u.expires_at_ms > HC_EXPIRY_MAX_MS) return HC_ERR_INVALID;
    *action = u.action;
    after->value = u.value;
    after->expires_at_ms = u.expires_at_ms;
    after->flags = (unsigned)u.type << ENTRY_TYPE_SHIFT;
    uint8_t *said = hci_allocate(&r->host, u.answer.size + 1);
    if (said == NULL) return HC_ERR_NO_MEMORY;
    if (u.answer.size > 0) memcpy(said, u.answer.data, u.answer.size);
    hci_release(&r->host, o->reply_bytes, o->reply_size);
    o->reply_bytes = NULL;
    o->reply_size = u.answer.size;
    if (u.answer.size > 0)
        o->reply_bytes = said;
    else
        hci_release(&r->host, said, 1);
    return HC_OK;
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
    } else if (q->kind == HC_REQUEST_DELETE) {
        o->absent = before->version == 0;
        *action = o->absent ? HC_UPDATE_KEEP : HC_UPDATE_DELETE;
    } else {
        status = update_ask(r, o, before, action, after);
    }
    if (after->expires_at_ms != HC_EXPIRY_NONE) after->flags |= ENTRY_EXPIRES;
    if (*action == HC_UPDATE_DELETE) *after = (entry){.flags = ENTRY_STUB};
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
    hci_replicate(r, o->slot, o->request.key, &o->best, waits ? o->id : 0, o->kind == OP_MEND,
                  &o->request.trace);
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
    if (o->kind == OP_WRITE) {
        hci_op_finish(r, o, HC_OUTCOME_DONE);
        return;
    }
    bool live = hci_entry_live(r, &o->best);
    hc_reply reply = {.outcome = live ? HC_OUTCOME_DONE : HC_OUTCOME_ABSENT,
                      .version = o->best.version};
    if (live) {
        reply.value = o->best.value;
        reply.expires_at_ms = o->best.expires_at_ms;
        reply.type = (hc_type)(o->best.flags >> ENTRY_TYPE_SHIFT);
    }
    hci_op_reply(r, o, reply);
    hci_op_end(r, o);
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
