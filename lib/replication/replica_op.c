/*
 * replica_op.c - requests under way: who runs them, who has confirmed, when they end.
 *
 *     request --> PARKED (nodes do not agree yet, or the key is being decided) --> again
 *             --> PROXY  (another node is the acting primary)                  --> its reply
 *             --> WRITE, CAS, READ .. (this node is): confirmations            --> reply
 *             --> GROUP  (this node is), which waits for its parts, each a CAS --> reply
 *
 * A request passed on once is not passed on again: the receiver runs it if it has the data, or says
 * "try again".  Every wait has an end: the request's deadline.
 */
#include "replication/replication_private.h"

#include <assert.h>
#include <string.h>

#define PARK_STEP_NS (20 * MS)
#define PARKS_MAX 10u /* PARK_NS together */
#define PROXY_NS (500 * MS)
#define CAS_RESEND_NS (100 * MS)

static_assert(PARKS_MAX * PARK_STEP_NS == PARK_NS, "parks");

/* ---- the table ---- */

static hc_status table_grow(hc_replica *r)
{
    uint32_t capacity = r->op_capacity == 0 ? 16 : r->op_capacity * 2;
    if (capacity > HC_REPLICA_REQUESTS_MAX) return HC_ERR_LIMIT;
    op **ops = hci_resize(&r->host, r->ops, r->op_capacity * sizeof *ops, capacity * sizeof *ops);
    if (ops == NULL) return HC_ERR_NO_MEMORY;
    r->ops = ops;
    r->op_capacity = capacity;
    return HC_OK;
}

/* A place for one more: one that is free, or a new one. */
static hc_status place_find(hc_replica *r, uint32_t *at_out)
{
    if (r->op_open < r->op_count) {
        for (uint32_t i = 0; i < r->op_count; i++) {
            if (r->ops[i] != NULL) continue;
            *at_out = i;
            return HC_OK;
        }
    }
    if (r->op_count == r->op_capacity) {
        hc_status status = table_grow(r);
        if (status != HC_OK) return status;
    }
    *at_out = r->op_count++;
    r->ops[*at_out] = NULL;
    return HC_OK;
}

hc_status hci_op_new(hc_replica *r, const hc_request *request, op **out)
{
    uint32_t at;
    size_t bytes = request->key.size + request->value.size + request->correlation.size + 1;
    *out = NULL;
    if (r->op_bytes > 0 && r->op_bytes + bytes > HC_REPLICA_REQUEST_BYTES_MAX) return HC_ERR_LIMIT;
    hc_status status = place_find(r, &at);
    if (status != HC_OK) return status;
    op *o = hci_allocate(&r->host, sizeof *o);
    if (o == NULL) return HC_ERR_NO_MEMORY;
    memset(o, 0, sizeof *o);
    o->bytes_size = bytes;
    o->bytes = hci_allocate(&r->host, o->bytes_size);
    if (o->bytes == NULL) {
        hci_release(&r->host, o, sizeof *o);
        return HC_ERR_NO_MEMORY;
    }
    size_t key = request->key.size, value = request->value.size;
    size_t correlation = request->correlation.size;
    if (key > 0) memcpy(o->bytes, request->key.data, key);
    if (value > 0) memcpy(o->bytes + key, request->value.data, value);
    if (correlation > 0) memcpy(o->bytes + key + value, request->correlation.data, correlation);
    o->request = *request;
    o->request.key = hc_span_make(o->bytes, key);
    o->request.value = hc_span_make(o->bytes + key, value);
    o->request.correlation = hc_span_make(o->bytes + key + value, correlation);
    o->id = ++r->op_life << 16 | (at + 1);
    o->kind = OP_PARKED;
    o->slot = hc_ring_slot(o->request.key);
    o->origin = NOBODY;
    uint32_t timeout =
        request->timeout_ms != 0 ? request->timeout_ms : r->options.request_timeout_ms;
    o->deadline_ns = r->now.now_ns + timeout * MS;
    o->retry_ns = NEVER;
    r->ops[at] = o;
    r->op_open++;
    r->op_bytes += bytes;
    *out = o;
    return HC_OK;
}

op *hci_op_find(hc_replica *r, uint64_t id)
{
    uint32_t at = (uint32_t)(id & 0xFFFF);
    if (at == 0 || at > r->op_count) return NULL;
    op *o = r->ops[at - 1];
    return o != NULL && o->id == id ? o : NULL;
}

void hci_op_end(hc_replica *r, op *o)
{
    r->ops[(o->id & 0xFFFF) - 1] = NULL;
    r->op_open--;
    r->op_bytes -= o->bytes_size;
    hci_release(&r->host, o->bytes, o->bytes_size);
    hci_release(&r->host, o->held, o->held_size);
    hci_release(&r->host, o->reply_bytes, o->reply_size);
    hci_group_end(r, o);
    hci_release(&r->host, o, sizeof *o);
}

bool hci_op_hold(hc_replica *r, op *o, const entry *e)
{
    size_t bytes = e->value.size + 1;
    if (o->held_size < bytes) {
        uint8_t *held = hci_allocate(&r->host, bytes);
        if (held == NULL) return false;
        if (e->value.size > 0) memcpy(held, e->value.data, e->value.size);
        hci_release(&r->host, o->held, o->held_size);
        o->held = held;
        o->held_size = bytes;
    } else if (e->value.size > 0) {
        memmove(o->held, e->value.data, e->value.size);
    }
    o->best = *e;
    o->best.value = hc_span_make(o->held, e->value.size);
    return true;
}

/* ---- replies ---- */

void hci_op_reply(hc_replica *r, op *o, hc_reply reply)
{
    if (o->replied) return;
    o->replied = true;
    reply.size = sizeof reply;
    if (o->kind != OP_PROXY)
        hci_traced_own(r, HC_TRACED_ANSWERED, o, reply.outcome <= HC_OUTCOME_ABSENT);
    if (o->origin == NOBODY) {
        reply.id = o->request.id;
        r->calls.reply(r->calls.ctx, &reply);
        return;
    }
    if (r->peers[o->origin]->member.boot_id != o->origin_boot) return;
    record told = {.kind = RECORD_PROXY_R,
                   .op = o->origin_op,
                   .result = reply.outcome,
                   .stream = (uint64_t)reply.have << 32 | reply.need,
                   .time = (uint64_t) - (int64_t)reply.status,
                   .entry = {.version = reply.version,
                             .flags = (unsigned)reply.type << ENTRY_TYPE_SHIFT,
                             .expires_at_ms = reply.expires_at_ms},
                   .value = reply.value};
    hci_peer_send(r, o->origin, &told);
}

uint32_t hci_majority(uint32_t of)
{
    return of / 2 + 1;
}

static uint32_t ones(uint32_t bits)
{
    return (uint32_t)__builtin_popcount(bits);
}

static uint32_t need_of(const hc_replica *r, hc_level level)
{
    uint32_t count = r->topology.now_count;
    return level == HC_LEVEL_ALL ? count : level == HC_LEVEL_ONE ? 1 : hci_majority(count);
}

void hci_op_finish(hc_replica *r, op *o, hc_outcome outcome)
{
    hc_reply reply = {.outcome = outcome,
                      .version = o->version,
                      .have = ones(o->yes_now),
                      .need = need_of(r, o->request.level),
                      .value = hc_span_make(o->reply_bytes, o->reply_size)};
    hci_op_reply(r, o, reply);
    hci_op_end(r, o);
}

/* ---- votes ---- */

void hci_op_votes_clear(hc_replica *r, op *o)
{
    o->yes_now = o->no_now = o->yes_next = o->no_next = 0;
    o->set_hash = r->topology.set_hash[block_of(r, o->slot)];
}

void hci_op_vote(hc_replica *r, op *o, uint32_t who, bool yes)
{
    int now = hci_place_now(r, o->slot, who), next = hci_place_next(r, o->slot, who);
    if (now >= 0) {
        o->no_now &= ~(1u << now);
        *(yes ? &o->yes_now : &o->no_now) |= 1u << now;
    }
    if (next >= 0) {
        o->no_next &= ~(1u << next);
        *(yes ? &o->yes_next : &o->no_next) |= 1u << next;
    }
}

bool hci_op_won(const hc_replica *r, const op *o)
{
    const topology *t = &r->topology;
    hc_level level = o->request.level;
    bool writes = o->kind != OP_READ;
    if (!rule(r, HCI_RULE_CONFIRM) && writes) return true;
    uint32_t need =
        o->kind == OP_READ || o->kind == OP_MEND ? hci_majority(t->now_count) : need_of(r, level);
    if (ones(o->yes_now) < need) return false;
    if (!t->joint || !rule(r, HCI_RULE_JOINT) || !writes) return true;
    return ones(o->yes_next) >= hci_majority(t->next_count);
}

bool hci_op_lost(const hc_replica *r, const op *o)
{
    const topology *t = &r->topology;
    uint32_t need = o->kind == OP_READ ? hci_majority(t->now_count) : need_of(r, o->request.level);
    if (ones(o->no_now) > t->now_count - need) return true;
    return t->joint && ones(o->no_next) > t->next_count - hci_majority(t->next_count);
}

/* Are enough there, with their data? */
bool hci_op_can(hc_replica *r, uint32_t slot, hc_level level, uint32_t *have, uint32_t *need)
{
    const topology *t = &r->topology;
    const uint16_t *now = hci_holders_now(r, slot), *next = hci_holders_next(r, slot);
    uint32_t next_have = 0;
    *have = 0;
    *need = need_of(r, level);
    for (uint32_t i = 0; i < t->now_count; i++)
        *have += hci_counts(r, slot, now[i]);
    for (uint32_t i = 0; i < t->next_count; i++)
        next_have += hci_counts(r, slot, next[i]);
    if (!rule(r, HCI_RULE_CONFIRM)) return true;
    return *have >= *need && (!t->joint || next_have >= hci_majority(t->next_count));
}

/* ---- who runs it ---- */

void hci_op_park(hc_replica *r, op *o, uint64_t wait_ns)
{
    o->kind = OP_PARKED;
    o->retry_ns = r->now.now_ns + wait_ns;
}

static bool only_reads(const op *o)
{
    return o->request.kind == HC_REQUEST_GET || (o->request.flags & HC_REQUEST_READS) != 0;
}

static void unplaced(hc_replica *r, op *o, hc_outcome outcome)
{
    if (o->tries++ < PARKS_MAX)
        hci_op_park(r, o, PARK_STEP_NS);
    else
        hci_op_finish(r, o, outcome);
}

/* What was passed on to a node that is gone is not answered by it any more.  Reads, and at ONE what
 * may be done twice, go to whoever acts now; of the rest nobody knows whether it was done. */
void hci_op_gone(hc_replica *r)
{
    for (uint32_t i = 0; i < r->op_count; i++) {
        op *o = r->ops[i];
        if (o == NULL || o->kind != OP_PROXY) continue;
        const hc_member *m = &r->peers[o->target]->member;
        if (m->state < HC_MEMBER_DEAD && m->boot_id == o->target_boot) continue;
        hc_request_kind kind = o->request.kind;
        bool again = only_reads(o) || (o->request.level == HC_LEVEL_ONE &&
                                       (kind == HC_REQUEST_SET || kind == HC_REQUEST_DELETE));
        if (again)
            unplaced(r, o, HC_OUTCOME_TRY_AGAIN);
        else
            hci_op_finish(r, o, HC_OUTCOME_UNCERTAIN);
    }
}

static void pass_on(hc_replica *r, op *o, uint32_t to)
{
    const hc_request *q = &o->request;
    uint64_t left_ns = o->deadline_ns - r->now.now_ns;
    record what = {.kind = RECORD_PROXY,
                   .op = o->id,
                   .result = q->kind,
                   .flags = q->level,
                   .seq = q->flags & HC_REQUEST_READS,
                   .time = left_ns / MS + 1,
                   .entry = {.flags = (unsigned)q->type << ENTRY_TYPE_SHIFT,
                             .expires_at_ms = q->expires_at_ms},
                   .key = q->key,
                   .value = q->value,
                   .trace = q->trace,
                   .correlation = q->correlation};
    o->kind = OP_PROXY;
    o->target = to;
    o->target_boot = r->peers[to]->member.boot_id;
    o->retry_ns = NEVER;
    if (only_reads(o) && left_ns > PROXY_NS) o->retry_ns = r->now.now_ns + PROXY_NS;
    r->stats.proxied++;
    hci_peer_send(r, to, &what);
}

static void run_here(hc_replica *r, op *o)
{
    /* At QUORUM a SET is a proposal as well: unseen until it is decided. */
    bool plain = o->request.level == HC_LEVEL_ALL && o->request.kind == HC_REQUEST_SET;
    o->retry_ns = NEVER;
    if (only_reads(o))
        hci_read_run(r, o);
    else if (o->request.kind == HC_REQUEST_GROUP)
        hci_group_run(r, o);
    else if (o->request.level == HC_LEVEL_ONE || plain)
        hci_write_run(r, o);
    else
        hci_cas_run(r, o);
}

void hci_op_run(hc_replica *r, op *o, bool may_pass)
{
    if (o->request.kind == HC_REQUEST_FLUSH) {
        hci_flush_run(r, o);
        return;
    }
    if (o->request.kind == HC_REQUEST_WAIT) {
        hci_wait_run(r, o);
        return;
    }
    bool here = (o->request.flags & HC_REQUEST_HERE) && o->request.level == HC_LEVEL_ONE;
    if (here && hci_place_now(r, o->slot, r->self) >= 0 && hci_counts(r, o->slot, r->self)) {
        run_here(r, o);
        return;
    }
    uint32_t acting = hci_acting(r, o->slot);
    bool hop = o->origin != NOBODY || !may_pass;
    if (acting == r->self) {
        run_here(r, o);
    } else if (acting == NOBODY) {
        unplaced(r, o, r->quarantined ? HC_OUTCOME_CLOCK : HC_OUTCOME_DOWN);
    } else if (!hop) {
        pass_on(r, o, acting);
    } else if (hci_counts(r, o->slot, r->self) && !r->quarantined &&
               hci_place_now(r, o->slot, r->self) >= 0) {
        run_here(r, o);
    } else {
        hci_op_finish(r, o, HC_OUTCOME_TRY_AGAIN);
    }
}

/* ---- between nodes ---- */

static bool proxy_known(const hc_replica *r, const record *what)
{
    if (what->result == HC_REQUEST_UPDATE) return r->calls.update != NULL;
    if (what->result == HC_REQUEST_GROUP)
        return r->calls.update_group != NULL &&
               hci_group_valid(what->value, hc_ring_slot(what->key));
    return what->result <= HC_REQUEST_DELETE;
}

void hci_proxy_take(hc_replica *r, uint32_t from, const record *what)
{
    op *o;
    hc_request q = {.size = sizeof q,
                    .kind = (hc_request_kind)what->result,
                    .level = (hc_level)what->flags,
                    .key = what->key,
                    .value = what->value,
                    .expires_at_ms = what->entry.expires_at_ms,
                    .type = (hc_type)(what->entry.flags >> ENTRY_TYPE_SHIFT),
                    .timeout_ms = what->time < 3600000 ? (uint32_t)what->time : 3600000,
                    .trace = what->trace,
                    .correlation = what->correlation};
    if (what->result == HC_REQUEST_UPDATE) q.flags = (uint32_t)what->seq & HC_REQUEST_READS;
    bool known = what->flags <= HC_LEVEL_ALL && proxy_known(r, what);
    hc_status status = known ? hci_op_new(r, &q, &o) : HC_ERR_UNSUPPORTED;
    if (status != HC_OK) {
        record told = {.kind = RECORD_PROXY_R,
                       .op = what->op,
                       .result = HC_OUTCOME_REFUSED,
                       .time = (uint64_t) - (int64_t)status};
        hci_peer_send(r, from, &told);
        return;
    }
    o->origin = from;
    o->origin_op = what->op;
    o->origin_boot = r->peers[from]->member.boot_id;
    o->request.trace = hci_traced(r, from, HC_TRACED_REQUEST, what, true);
    hci_op_run(r, o, false);
}

void hci_proxy_answer(hc_replica *r, uint32_t from, const record *what)
{
    op *o = hci_op_find(r, what->op);
    if (o == NULL || o->kind != OP_PROXY || o->target != from) return;
    if (what->result > HC_OUTCOME_REFUSED) return;
    if (what->result == HC_OUTCOME_TRY_AGAIN || what->result == HC_OUTCOME_DOWN) {
        unplaced(r, o, (hc_outcome)what->result);
        return;
    }
    hc_reply reply = {.outcome = (hc_outcome)what->result,
                      .status = (hc_status) - (int64_t)(what->time & 0xFF),
                      .value = what->value,
                      .expires_at_ms = what->entry.expires_at_ms,
                      .type = (hc_type)(what->entry.flags >> ENTRY_TYPE_SHIFT),
                      .have = (uint32_t)(what->stream >> 32),
                      .need = (uint32_t)what->stream,
                      .version = what->entry.version};
    hci_op_reply(r, o, reply);
    hci_op_end(r, o);
}

void hci_answer_take(hc_replica *r, uint32_t from, const record *what)
{
    op *o = hci_op_find(r, what->op);
    if (o == NULL || what->result > ANSWER_PENDING) return;
    switch (o->kind) {
    case OP_WRITE:
    case OP_MEND:
        hci_write_answer(r, o, from, what);
        break;
    case OP_CAS:
    case OP_COMPLETE:
        hci_cas_answer(r, o, from, what);
        break;
    case OP_READ:
        hci_read_answer(r, o, from, what);
        break;
    case OP_CONSULT:
        hci_consult_answer(r, o, from, what);
        break;
    case OP_WAIT:
        hci_wait_answer(r, o, from, what);
        break;
    case OP_FREE:
    case OP_PARKED:
    case OP_PROXY:
    case OP_FLUSH:
    case OP_GROUP:
        break;
    }
}

void hci_op_topology(hc_replica *r)
{
    for (uint32_t i = 0; i < r->op_count; i++) {
        op *o = r->ops[i];
        if (o == NULL || o->kind <= OP_PROXY || o->kind == OP_GROUP ||
            o->request.kind == HC_REQUEST_FLUSH)
            continue;
        if (o->set_hash == r->topology.set_hash[block_of(r, o->slot)]) continue;
        hci_op_votes_clear(r, o);
        if (o->kind == OP_WRITE || o->kind == OP_MEND)
            hci_write_again(r, o);
        else if (o->kind == OP_CAS || o->kind == OP_COMPLETE)
            hci_cas_resend(r, o);
        else if (o->kind == OP_READ)
            hci_op_park(r, o, MS);
        else if (o->kind == OP_WAIT)
            hci_wait_run(r, o);
        else
            hci_op_end(r, o);
    }
}

/* ---- in time ---- */

void hci_op_patience(hc_replica *r, uint32_t from)
{
    uint64_t until_ns = r->now.now_ns + r->options.request_timeout_ms * MS;
    for (uint32_t i = 0; i < r->op_count; i++) {
        op *o = r->ops[i];
        bool waits =
            o != NULL && ((o->kind == OP_PROXY && o->target == from) || o->kind == OP_READ);
        if (!waits) continue;
        if (o->deadline_ns < until_ns) o->deadline_ns = until_ns;
        if (o->retry_ns < until_ns) o->retry_ns = until_ns;
    }
}

static void op_late(hc_replica *r, op *o)
{
    bool reads = only_reads(o);
    switch (o->kind) {
    case OP_PARKED:
        hci_op_finish(r, o, HC_OUTCOME_TRY_AGAIN);
        break;
    case OP_WAIT:
        hci_wait_done(r, o);
        break;
    case OP_CAS: /* goes on until it is decided: only the answer is late */
    case OP_GROUP:
        hci_op_reply(r, o,
                     (hc_reply){.outcome = HC_OUTCOME_UNCERTAIN,
                                .have = ones(o->yes_now),
                                .need = need_of(r, o->request.level),
                                .version = o->version});
        o->deadline_ns = NEVER;
        break;
    case OP_CONSULT:
        hci_consult_decide(r, o, true);
        break;
    case OP_COMPLETE:
        o->deadline_ns = NEVER;
        break;
    case OP_FREE:
    case OP_PROXY:
    case OP_WRITE:
    case OP_READ:
    case OP_MEND:
    case OP_FLUSH:
        hci_op_finish(r, o, reads ? HC_OUTCOME_TRY_AGAIN : HC_OUTCOME_UNCERTAIN);
        break;
    }
}

static void op_retry(hc_replica *r, op *o)
{
    o->retry_ns = NEVER;
    switch (o->kind) {
    case OP_PARKED:
        hci_op_run(r, o, true);
        break;
    case OP_PROXY: /* a read: somebody else, perhaps */
        unplaced(r, o, HC_OUTCOME_TRY_AGAIN);
        break;
    case OP_CAS:
    case OP_COMPLETE:
        if (!hci_cas_superseded(r, o)) hci_cas_resend(r, o);
        break;
    case OP_READ:
        hci_read_decide(r, o, true);
        break;
    case OP_FLUSH:
        hci_flush_again(r, o);
        break;
    case OP_WAIT:
        hci_wait_run(r, o);
        break;
    case OP_FREE:
    case OP_WRITE:
    case OP_MEND:
    case OP_CONSULT:
    case OP_GROUP:
        break;
    }
}

uint64_t hci_op_tick(hc_replica *r)
{
    uint64_t next = NEVER;
    for (uint32_t i = 0; i < r->op_count; i++) {
        op *o = r->ops[i];
        if (o == NULL) continue;
        if (r->now.now_ns >= o->deadline_ns)
            op_late(r, o);
        else if (r->now.now_ns >= o->retry_ns)
            op_retry(r, o);
        o = r->ops[i];
        if (o == NULL) continue;
        if ((o->kind == OP_CAS || o->kind == OP_COMPLETE) && o->retry_ns == NEVER)
            o->retry_ns = r->now.now_ns + CAS_RESEND_NS;
        if (o->deadline_ns < next) next = o->deadline_ns;
        if (o->retry_ns < next) next = o->retry_ns;
    }
    return next;
}
