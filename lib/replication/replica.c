/*
 * replica.c - making one, messages and time in, and what the program asks.
 */
#include "replication/replication_private.h"

#include "base/options.h"

#include <assert.h>
#include <string.h>

#define REPLICAS 3u
#define BLOCKS 512u
#define TICK_NS_MAX (1000 * MS)
#define TOKENS_MS_MAX 200
#define PACE_STEP_NS (100 * MS)
#define PACE_LATE_NS (10 * MS)  /* of a tick */
#define PACE_WAIT_NS (200 * MS) /* of what a peer has not confirmed */
#define PACE_LEAST 10u          /* of the most: repair always comes to its end */
#define SCRATCH_BYTES_KEPT ((size_t)4 << 20)

/* ---- making ---- */

static void use_default(uint32_t *value, uint32_t usual)
{
    if (*value == 0) *value = usual;
}

static hc_status options_resolve(const hc_replica_options *options, hc_replica_options *o)
{
    hc_status status = hci_options_copy(o, sizeof *o, options, options->size);
    if (status != HC_OK) return status;
    use_default(&o->replicas, REPLICAS);
    use_default(&o->blocks, BLOCKS);
    use_default(&o->expect_nodes, 1);
    use_default(&o->request_timeout_ms, 1000);
    use_default(&o->beat_interval_ms, 500);
    use_default(&o->repair_interval_ms, 10000);
    use_default(&o->stub_hold_ms, 30000);
    use_default(&o->stub_keep_ms, 3600000);
    use_default(&o->skew_warn_ms, 250);
    use_default(&o->skew_stop_ms, 500);
    use_default(&o->batch_bytes, 65536);
    if (o->queue_bytes_max == 0) o->queue_bytes_max = 64u << 20;
    if (o->background_bytes_per_second == 0) o->background_bytes_per_second = 100000000;
    bool blocks = o->blocks >= HC_RING_BLOCKS_MIN && o->blocks <= HC_RING_BLOCKS_MAX &&
                  (o->blocks & (o->blocks - 1)) == 0;
    bool others = o->replicas <= HC_RING_REPLICAS_MAX && o->slack_percent <= 100 &&
                  o->store != NULL && o->boot_id != 0;
    return blocks && others ? HC_OK : HC_ERR_INVALID;
}

static hc_status calls_resolve(const hc_replica_calls *calls, hc_replica_calls *out)
{
    hc_status status = hci_options_copy(out, sizeof *out, calls, calls->size);
    if (status != HC_OK) return status;
    return out->send != NULL && out->reply != NULL ? HC_OK : HC_ERR_INVALID;
}

static void *zeroed(hc_replica *r, size_t bytes)
{
    void *made = hci_allocate(&r->host, bytes);
    if (made != NULL) memset(made, 0, bytes);
    return made;
}

static size_t table_bytes(const hc_replica *r)
{
    return (size_t)r->topology.blocks * HOLDERS_MAX * sizeof(uint16_t);
}

static hc_status tables_make(hc_replica *r)
{
    topology *t = &r->topology;
    t->blocks = r->options.blocks;
    t->block_slots = SLOTS / t->blocks;
    t->now = zeroed(r, table_bytes(r));
    t->next = zeroed(r, table_bytes(r));
    t->set_hash = zeroed(r, t->blocks * sizeof *t->set_hash);
    r->synced = zeroed(r, t->blocks / 8);
    r->absent = zeroed(r, t->blocks / 8);
    r->held = zeroed(r, t->blocks / 8);
    r->merged = zeroed(r, t->blocks * sizeof *r->merged);
    r->merged_set = zeroed(r, t->blocks * sizeof *r->merged_set);
    r->leaving = zeroed(r, t->blocks * sizeof *r->leaving);
    bool all = t->now != NULL && t->next != NULL && t->set_hash != NULL && r->synced != NULL &&
               r->absent != NULL && r->held != NULL && r->merged != NULL && r->merged_set != NULL &&
               r->leaving != NULL;
    return all ? HC_OK : HC_ERR_NO_MEMORY;
}

static void count_visit(void *ctx, uint32_t slot, hc_span key, const entry *e)
{
    hc_replica *r = ctx;
    (void)key;
    if (r->high[slot] < e->version) r->high[slot] = e->version;
    (void)hci_clock_witness(r, e->version);
}

/* What is in the store already is from before: in doubt until others confirm it. */
static hc_status store_take(hc_replica *r)
{
    uint64_t cursor = 0;
    hc_effects follower = {.size = sizeof follower,
                           .ctx = r,
                           .changed = hci_evicted,
                           .kinds = 1u << HC_EFFECT_EVICTED};
    while (hci_entries_walk(r, NULL, &cursor, HC_SCAN_COUNT_MAX, count_visit, r))
        continue;
    r->flush = r->options.flush_version;
    (void)hci_clock_witness(r, r->flush);
    if (rule(r, HCI_RULE_G5_SYNC)) hci_sync_again(r);
    memset(r->stale_digest, 0xFF, sizeof r->stale_digest);
    return hc_store_follow(r->store, &follower);
}

hc_status hc_replica_create(const hc_host *host, const hc_replica_options *options,
                            const hc_replica_calls *calls, hc_moment now, hc_replica **replica_out)
{
    hc_replica_options o;
    hc_replica_calls c;
    hci_host resolved;
    *replica_out = NULL;
    hc_status status = options_resolve(options, &o);
    if (status == HC_OK) status = calls_resolve(calls, &c);
    if (status == HC_OK) status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    hc_replica *r = hci_allocate(&resolved, sizeof *r);
    if (r == NULL) return HC_ERR_NO_MEMORY;
    memset(r, 0, sizeof *r);
    r->host = resolved;
    r->options = o;
    r->calls = c;
    r->store = o.store;
    r->now = now;
    r->self = NOBODY;
    r->random = hci_random_uint64(&resolved);
    r->pace = o.background_bytes_per_second;
    r->ticked_ns = r->beat_ns = r->sweep_ns = now.now_ns;
    status = tables_make(r);
    if (status == HC_OK) status = store_take(r);
    if (status != HC_OK) {
        hc_replica_destroy(r);
        return status;
    }
    *replica_out = r;
    return HC_OK;
}

static void buffer_free(hc_replica *r, buffer *b)
{
    hci_release(&r->host, b->bytes, b->capacity);
}

void hc_replica_destroy(hc_replica *r)
{
    if (r == NULL) return;
    hci_host host = r->host;
    hc_effects follower = {.size = sizeof follower, .ctx = r, .changed = hci_evicted};
    topology *t = &r->topology;
    (void)hc_store_unfollow(r->store, &follower);
    for (uint32_t i = 0; i < r->op_count; i++) {
        if (r->ops[i] != NULL) hci_op_end(r, r->ops[i]);
    }
    while (r->pending_count > 0)
        hci_pending_remove(r, &r->pending[r->pending_count - 1]);
    for (uint32_t i = 0; i < r->peer_count; i++)
        hci_peer_destroy(r, r->peers[i]);
    hci_release(&host, r->ops, r->op_capacity * sizeof *r->ops);
    hci_release(&host, r->pending, r->pending_capacity * sizeof *r->pending);
    hci_release(&host, r->peers, r->peer_capacity * sizeof *r->peers);
    hci_release(&host, t->now, table_bytes(r));
    hci_release(&host, t->next, table_bytes(r));
    hci_release(&host, t->set_hash, t->blocks * sizeof *t->set_hash);
    hci_release(&host, r->synced, t->blocks / 8);
    hci_release(&host, r->absent, t->blocks / 8);
    hci_release(&host, r->held, t->blocks / 8);
    hci_release(&host, r->merged, t->blocks * sizeof *r->merged);
    hci_release(&host, r->merged_set, t->blocks * sizeof *r->merged_set);
    hci_release(&host, r->leaving, t->blocks * sizeof *r->leaving);
    buffer_free(r, &r->read);
    buffer_free(r, &r->build);
    buffer_free(r, &r->value);
    hci_release(&host, r, sizeof *r);
}

void hci_replica_rules_off(hc_replica *r, uint32_t rules)
{
    r->rules_off = rules;
}

/* ---- members ---- */

hc_status hc_replica_members(hc_replica *r, hc_moment now, const hc_member *members, size_t count)
{
    uint32_t number, seen = 0;
    r->now = now;
    for (uint32_t i = 0; i < r->peer_count; i++)
        r->peers[i]->known = false;
    for (size_t i = 0; i < count; i++) {
        hc_status status = hci_peer_update(r, &members[i], &number);
        if (status != HC_OK) return status;
        seen += members[i].ring != HC_RING_OUT && members[i].state <= HC_MEMBER_SUSPECT;
    }
    if (r->seen_nodes < seen) r->seen_nodes = seen;
    if (r->self == NOBODY) return HC_ERR_INVALID;
    hc_status status = hci_topology_update(r);
    if (status == HC_OK) (void)hci_sync_tick(r);
    hci_op_gone(r);
    hci_flush_out(r);
    return status;
}

/* ---- messages ---- */

void hci_record_take(hc_replica *r, uint32_t from, const record *what, uint64_t hlc)
{
    switch (what->kind) {
    case RECORD_BEAT:
        hci_beat_take(r, from, what, hlc);
        break;
    case RECORD_PUT:
    case RECORD_PULLED:
        hci_stream_take(r, from, what);
        break;
    case RECORD_ACK:
        hci_stream_acked(r, from, what);
        break;
    case RECORD_ANSWER:
        hci_answer_take(r, from, what);
        break;
    case RECORD_CAS:
        hci_cas_take(r, from, what);
        break;
    case RECORD_ABORT:
        hci_abort_take(r, from, what);
        break;
    case RECORD_STATUS:
        hci_status_take(r, from, what);
        break;
    case RECORD_READ:
        hci_read_take(r, from, what);
        break;
    case RECORD_PROXY:
        hci_proxy_take(r, from, what);
        break;
    case RECORD_PROXY_R:
        hci_proxy_answer(r, from, what);
        break;
    case RECORD_PULL:
        hci_pull_take(r, from, what);
        break;
    case RECORD_CONSULT:
        hci_consult_take(r, from, what);
        break;
    case RECORD_HOLD:
        hci_hold_take(r, from, what);
        break;
    case RECORD_HELD:
        hci_held_take(r, from, what);
        break;
    case RECORD_PIECE:
        hci_piece_take(r, from, what, hlc);
        break;
    case RECORD_HAD:
        hci_had_take(r, from, what);
        break;
    case RECORD_ROOT:
    case RECORD_BLOCKS:
    case RECORD_SLOTS:
    case RECORD_BUCKETS:
    case RECORD_KEYS:
    case RECORD_WANT:
    case RECORD_CLEAN:
        hci_repair_take(r, from, what);
        break;
    }
}

/* Of a message's head: the last flush comes before any key. */
static void flush_take(hc_replica *r, uint32_t from, uint64_t flush)
{
    peer *p = r->peers[from];
    bool news = flush > p->flush;
    if (news) p->flush = flush;
    if (flush > r->flush && hci_clock_witness(r, flush)) {
        hci_entry_flush(r, flush);
        hci_beat_send(r, from);
    }
    if (news) hci_flush_heard(r);
}

hc_status hc_replica_receive(hc_replica *r, hc_moment now, hc_span message)
{
    envelope e;
    record what;
    r->now = now;
    hc_status status = hci_wire_unseal(r, message, &e);
    uint32_t from = status == HC_OK ? hci_peer_find(r, &e.from) : NOBODY;
    if (status == HC_OK &&
        (from == NOBODY || from == r->self || r->self == NOBODY ||
         r->peers[from]->member.boot_id != e.from_boot || e.to_boot != r->options.boot_id)) {
        status = HC_ERR_NOT_FOUND;
    }
    if (status != HC_OK) {
        r->stats.dropped++;
        return status;
    }
    r->stats.received++;
    r->peers[from]->heard_ns = now.now_ns;
    (void)hci_clock_witness(r, e.hlc);
    flush_take(r, from, e.flush);
    for (int taken; (taken = hci_wire_take(&e.records, &what)) >= 0;) {
        if (taken == 1) hci_record_take(r, from, &what, e.hlc);
    }
    hci_flush_out(r);
    return HC_OK;
}

/* ---- requests ---- */

hc_status hc_replica_request(hc_replica *r, hc_moment now, const hc_request *request)
{
    hc_request q;
    op *o;
    r->now = now;
    hc_status status = hci_options_copy(&q, sizeof q, request, request->size);
    if (status != HC_OK) return status;
    if ((unsigned)q.kind > HC_REQUEST_WAIT || (unsigned)q.level > HC_LEVEL_ALL ||
        (unsigned)q.type > HC_TYPE_FILTER || q.expires_at_ms < 0 ||
        q.expires_at_ms > HC_EXPIRY_MAX_MS || r->self == NOBODY) {
        return HC_ERR_INVALID;
    }
    bool reads_one = q.kind == HC_REQUEST_GET && q.level == HC_LEVEL_ONE;
    bool flagged = (q.flags == HC_REQUEST_HERE && reads_one) ||
                   (q.flags == HC_REQUEST_READS && q.kind == HC_REQUEST_UPDATE);
    if (q.reserved != 0 || q.wait_reserved != 0 || (q.flags != 0 && !flagged))
        return HC_ERR_INVALID;
    if (q.kind == HC_REQUEST_UPDATE && r->calls.update == NULL) return HC_ERR_UNSUPPORTED;
    if (q.kind == HC_REQUEST_GROUP && r->calls.update_group == NULL) return HC_ERR_UNSUPPORTED;
    if (q.kind == HC_REQUEST_GROUP) status = hci_group_pack(r, &q);
    if (status != HC_OK) return status;
    if (q.key.size > HC_KEY_BYTES_MAX || q.value.size > HC_REPLICA_VALUE_BYTES_MAX ||
        q.correlation.size > HC_CORRELATION_BYTES_MAX)
        return HC_ERR_LIMIT;
    status = hci_op_new(r, &q, &o);
    if (status != HC_OK) return status;
    r->stats.requests++;
    hci_op_run(r, o, true);
    hci_flush_out(r);
    return HC_OK;
}

void hc_replica_batch_begin(hc_replica *r)
{
    r->batches++;
}

void hc_replica_batch_end(hc_replica *r, hc_moment now)
{
    assert(r->batches > 0);
    r->now = now;
    r->batches--;
    hci_flush_out(r);
}

/* ---- time ---- */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The background yields to clients: half as fast when the program or a peer is late, and a
 * twentieth of the most faster for each PACE_STEP_NS in which nobody was (AIMD). */
static void pace_look(hc_replica *r)
{
    uint64_t most = r->options.background_bytes_per_second;
    if (r->due_ns != 0 && r->now.now_ns > r->due_ns + PACE_LATE_NS) r->late = true;
    if (r->now.now_ns < r->pace_ns) return;
    bool slow = r->late;
    for (uint32_t i = 0; i < r->peer_count && !slow; i++) {
        const peer *p = r->peers[i];
        bool waits = p->first != NULL && !p->broken && p->large == 0;
        slow = waits && r->now.now_ns - p->first->made_ns > PACE_WAIT_NS;
    }
    uint64_t least = most / PACE_LEAST;
    if (slow)
        r->pace = r->pace / 2 > least ? r->pace / 2 : least;
    else
        r->pace = r->pace + most / 20 < most ? r->pace + most / 20 : most;
    r->late = false;
    r->pace_ns = r->now.now_ns + PACE_STEP_NS;
}

static void tokens_add(hc_replica *r, uint64_t passed_ns)
{
    int64_t rate = (int64_t)r->pace;
    int64_t ms = passed_ns / MS < 10000 ? (int64_t)(passed_ns / MS) : 10000;
    r->tokens += rate / 1000 * ms;
    if (r->tokens > rate / 1000 * TOKENS_MS_MAX) r->tokens = rate / 1000 * TOKENS_MS_MAX;
}

/* A large value came by; the next one may be long in coming. */
static void scratch_trim(hc_replica *r, buffer *b)
{
    if (b->capacity <= SCRATCH_BYTES_KEPT) return;
    hci_release(&r->host, b->bytes, b->capacity);
    *b = (buffer){NULL, 0};
}

uint64_t hc_replica_tick(hc_replica *r, hc_moment now)
{
    r->now = now;
    uint64_t passed = now.now_ns - r->ticked_ns;
    pace_look(r);
    if (passed >= MS) {
        tokens_add(r, passed);
        r->ticked_ns = now.now_ns;
    }
    if (r->self == NOBODY) return now.now_ns + TICK_NS_MAX;
    hci_clock_judge(r);
    uint64_t next = sooner(now.now_ns + TICK_NS_MAX, hci_sync_tick(r));
    if (now.now_ns >= r->beat_ns) {
        r->beat_ns = now.now_ns + r->options.beat_interval_ms * MS;
        for (uint32_t i = 0; i < r->peer_count; i++)
            hci_beat_send(r, i);
    }
    next = sooner(next, r->beat_ns);
    next = sooner(next, hci_op_tick(r));
    next = sooner(next, hci_pending_tick(r));
    next = sooner(next, hci_stream_tick(r));
    next = sooner(next, hci_pieces_tick(r));
    next = sooner(next, hci_repair_tick(r));
    next = sooner(next, hci_sweep_tick(r));
    scratch_trim(r, &r->read);
    scratch_trim(r, &r->build);
    scratch_trim(r, &r->value);
    hci_flush_out(r);
    r->due_ns = next > now.now_ns ? next : now.now_ns + MS;
    return r->due_ns;
}

/* ---- what it knows ---- */

static uint32_t ids_copy(const hc_replica *r, const uint16_t *who, uint32_t count, hc_node_id *to)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = r->peers[who[i]]->member.id;
    return count;
}

void hc_replica_slot_get(const hc_replica *r, uint32_t slot, hc_replica_slot *out)
{
    hc_replica_slot s = {.size = sizeof s};
    size_t size = out->size;
    assert(slot < SLOTS);
    if (r->self != NOBODY) {
        s.holder_count = ids_copy(r, hci_holders_now(r, slot), r->topology.now_count, s.holders);
        s.next_count = ids_copy(r, hci_holders_next(r, slot), r->topology.next_count, s.next);
        uint32_t acting = hci_acting(r, slot);
        s.has_acting = acting != NOBODY;
        if (s.has_acting) s.acting = r->peers[acting]->member.id;
        s.synced = bit_get(r->synced, block_of(r, slot));
        s.held = bit_get(r->held, block_of(r, slot));
    }
    if (size > offsetof(hc_replica_slot, digest))
        s.digest = hci_digest((hc_replica *)(uintptr_t)r, slot); /* may be counted anew */
    s.floor = r->floor[slot];
    memcpy(out, &s, size < sizeof s ? size : sizeof s);
    out->size = size;
}

uint64_t hc_replica_version(hc_replica *r, hc_moment now, hc_span key, bool *live_out)
{
    entry e;
    r->now = now;
    (void)hci_entry_get(r, key, &e);
    *live_out = hci_entry_live(r, &e);
    return e.version;
}

typedef struct scanning {
    hc_replica *r;
    hc_visit visit;
    void *ctx;
} scanning;

static void scan_visit(void *ctx, uint32_t slot, hc_span key, const entry *e)
{
    const scanning *to = ctx;
    if (hci_acting(to->r, slot) != to->r->self || !hci_entry_live(to->r, e)) return;
    hc_item item = {.key = key,
                    .value = e->value,
                    .expires_at_ms = e->flags & ENTRY_EXPIRES ? e->expires_at_ms : HC_EXPIRY_NONE,
                    .type = (hc_type)(e->flags >> ENTRY_TYPE_SHIFT)};
    to->visit(to->ctx, &item);
}

void hc_replica_scan(hc_replica *r, hc_moment now, uint64_t *cursor, size_t count, hc_visit visit,
                     void *ctx)
{
    scanning to = {r, visit, ctx};
    r->now = now;
    (void)hci_entries_walk(r, NULL, cursor, count, scan_visit, &to);
}

uint64_t hc_replica_topology_id(const hc_replica *r)
{
    return r->topology.id;
}

uint64_t hc_replica_epoch(const hc_replica *r)
{
    return r->topology.epoch;
}

hc_status hc_replica_peer_get(const hc_replica *r, hc_moment now, const hc_node_id *node,
                              hc_replica_peer *out)
{
    size_t size = out->size;
    uint32_t number = hci_peer_find(r, node);
    if (number == NOBODY || number == r->self) return HC_ERR_NOT_FOUND;
    const peer *p = r->peers[number];
    uint64_t silent_ns = p->heard_ns != 0 ? now.now_ns - p->heard_ns : NEVER;
    hc_replica_peer s = {.size = sizeof s,
                         .topology_id = p->beat_topology,
                         .epoch = p->beat_epoch,
                         .heard_ns = p->heard_ns,
                         .queue_bytes = p->queue_bytes,
                         .lag_ns = p->first != NULL ? now.now_ns - p->first->made_ns : 0,
                         .dirty_slots = p->dirty_count,
                         .offset_ms = p->offset_ms,
                         .there = p->known && p->member.state == HC_MEMBER_ALIVE &&
                                  silent_ns < ALIVE_SILENCE_NS,
                         .quarantined = p->quarantined};
    for (uint32_t b = 0; b < r->topology.blocks; b++)
        s.synced_blocks += bit_get(p->synced, b);
    memcpy(out, &s, size < sizeof s ? size : sizeof s);
    out->size = size;
    return HC_OK;
}

void hc_replica_stats_get(const hc_replica *r, hc_replica_stats *stats)
{
    size_t size = stats->size;
    hc_replica_stats s = r->stats;
    s.pending = r->pending_count;
    s.requests_open = r->op_open;
    s.background_bytes_per_second = r->pace;
    s.skew_ms = r->skew_ms;
    s.quarantined = r->quarantined;
    for (uint32_t b = 0; b < r->topology.blocks; b++) {
        s.held_blocks += bit_get(r->held, b);
        s.synced_blocks += bit_get(r->synced, b);
    }
    memcpy(stats, &s, size < sizeof s ? size : sizeof s);
    stats->size = size;
}
