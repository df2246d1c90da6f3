/* sim_replicas.c - what replicas ask for, done by a network in memory. */
#include "support/sim_replicas.h"

#include "replication/replication_internal.h"
#include "support/test_host.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_START_MS INT64_C(1790000000000)

static hc_node_id id_of(uint32_t number)
{
    return (hc_node_id){{(uint8_t)(number + 1), 7}};
}

hc_moment sim_replica_now(const sim_replica *at)
{
    uint64_t now_ns = sim_now(at->in->network);
    return (hc_moment){now_ns, WALL_START_MS + (int64_t)(now_ns / SIM_MS) + at->skew_ms};
}

/* ---- what replicas ask for ---- */

static void on_send(void *ctx, const hc_node_id *to, hc_span message)
{
    sim_replica *from = ctx;
    sim_send(from->in->network, from->number, to->bytes[0] - 1u, true, message);
}

static void on_reply(void *ctx, const hc_reply *reply)
{
    sim_replica *at = ctx;
    sim_reply *to = &at->in->replies[reply->id];
    assert(reply->id < SIM_REPLIES_MAX && !to->said);
    *to = (sim_reply){true, reply->outcome, reply->status, reply->version, reply->have, reply->need,
                      ""};
    size_t size =
        reply->value.size < sizeof to->value - 1 ? reply->value.size : sizeof to->value - 1;
    if (size > 0) memcpy(to->value, reply->value.data, size);
    to->value[size] = '\0';
}

/* "+n" adds; "nx text" sets what is absent; "keep"; "del". */
static hc_status on_update(void *ctx, hc_update *u)
{
    sim_replica *at = ctx;
    char arguments[64] = "", before[64] = "";
    assert(u->arguments.size < sizeof arguments && u->value.size < sizeof before);
    memcpy(arguments, u->arguments.data, u->arguments.size);
    if (u->value.size > 0) memcpy(before, u->value.data, u->value.size);
    if (strcmp(arguments, "fail") == 0) return HC_ERR_NOT_NUMBER;
    if (strcmp(arguments, "keep") == 0) {
        u->action = HC_UPDATE_KEEP;
        u->answer = HC_SPAN("kept");
        return HC_OK;
    }
    if (strcmp(arguments, "del") == 0) {
        u->action = HC_UPDATE_DELETE;
        return HC_OK;
    }
    u->action = HC_UPDATE_STORE;
    if (strncmp(arguments, "nx ", 3) == 0) {
        u->action = u->present ? HC_UPDATE_KEEP : HC_UPDATE_STORE;
        u->answer = u->present ? HC_SPAN("no") : HC_SPAN("yes");
        (void)snprintf(at->text, sizeof at->text, "%s", arguments + 3);
        if (!u->present) u->value = hc_span_make(at->text, strlen(at->text));
        return HC_OK;
    }
    long long sum = strtoll(before, NULL, 10) + strtoll(arguments, NULL, 10);
    (void)snprintf(at->text, sizeof at->text, "%lld", sum);
    u->value = u->answer = hc_span_make(at->text, strlen(at->text));
    return HC_OK;
}

static long long number_in(hc_span text)
{
    char digits[64] = "";
    assert(text.size < sizeof digits);
    if (text.size > 0) memcpy(digits, text.data, text.size);
    return strtoll(digits, NULL, 10);
}

static hc_status on_update_group(void *ctx, hc_update *updates, size_t count)
{
    sim_replica *at = ctx;
    assert(count == 2);
    long long amount = number_in(updates[0].arguments);
    long long sums[] = {number_in(updates[0].value) - amount, number_in(updates[1].value) + amount};
    if (sums[0] < 0) return HC_ERR_CONFLICT;
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(at->texts[i], sizeof at->texts[i], "%lld", sums[i]);
        updates[i].action = HC_UPDATE_STORE;
        updates[i].value = hc_span_make(at->texts[i], strlen(at->texts[i]));
    }
    updates[0].answer = updates[1].value;
    return HC_OK;
}

static void on_changed(void *ctx, bool ready, bool may_flip)
{
    sim_replica *at = ctx;
    at->ready = ready;
    at->may_flip = may_flip;
}

static void on_view(void *ctx, uint64_t epoch, uint64_t topology_id)
{
    sim_replica *at = ctx;
    at->epoch = epoch;
    at->topology_id = topology_id;
}

static void on_flushed(void *ctx, uint64_t version)
{
    sim_replica *at = ctx;
    at->flush = version;
}

/* Of the cluster, or of the node that was given the request or runs it. */
static bool trace_is_known(const sim_replica *at, const hc_traced *what)
{
    const sim_replicas *in = at->in;
    hc_span named = in->correlation;
    bool same = memcmp(what->trace.trace_id, in->trace.trace_id, HC_TRACE_ID_BYTES) == 0 &&
                named.size == what->correlation.size &&
                (named.size == 0 || memcmp(named.data, what->correlation.data, named.size) == 0);
    uint8_t first = what->trace.span_id[0];
    bool of_cluster = memcmp(what->trace.span_id, in->trace.span_id, HC_SPAN_ID_BYTES) == 0;
    bool of_others = what->kind >= HC_TRACED_WRITE && what->kind <= HC_TRACED_READ;
    if (!in->respans || what->kind == HC_TRACED_REQUEST) return same && of_cluster;
    if (of_others) return same && first >= 0xE0 && first != 0xE0 + at->number;
    return same && (of_cluster || first == 0xE0 + at->number);
}

static void on_traced(void *ctx, hc_traced *what)
{
    sim_replica *at = ctx;
    assert((unsigned)what->kind < HC_TRACED_KINDS);
    at->untaken += what->taken == 0 && what->kind != HC_TRACED_SENDS;
    if (trace_is_known(at, what))
        at->traced[what->kind]++;
    else
        at->strangers++;
    bool runs = what->kind == HC_TRACED_REQUEST || what->kind == HC_TRACED_SENDS;
    if (at->in->respans && runs)
        memset(what->trace.span_id, 0xE0 + (int)at->number, sizeof what->trace.span_id);
}

static void tick(sim_replica *at)
{
    if (at->replica == NULL) return;
    sim_wake(at->in->network, at->number, hc_replica_tick(at->replica, sim_replica_now(at)));
}

static void on_wake(void *ctx, uint32_t number)
{
    sim_replicas *c = ctx;
    tick(&c->nodes[number]);
}

static void on_deliver(void *ctx, uint32_t to, uint32_t from, bool reliable, hc_span bytes)
{
    sim_replicas *c = ctx;
    sim_replica *at = &c->nodes[to];
    (void)from;
    (void)reliable;
    if (at->replica == NULL) return;
    (void)hc_replica_receive(at->replica, sim_replica_now(at), bytes);
    tick(at);
}

/* ---- a cluster ---- */

void sim_replica_start(sim_replicas *c, uint32_t number, bool keep)
{
    sim_replica *n = &c->nodes[number];
    hc_status status = HC_OK;
    n->boot_id++;
    n->ready = n->may_flip = false;
    if (!keep || n->store == NULL) {
        hc_store_destroy(n->store);
        n->flush = 0;
        status = hc_store_create(&c->host, &c->store_options, &n->store);
        assert(status == HC_OK);
    }
    hc_replica_options o = c->options;
    o.self = id_of(number);
    o.boot_id = n->boot_id;
    o.store = n->store;
    o.flush_version = n->flush;
    hc_replica_calls calls = {.size = sizeof calls,
                              .ctx = n,
                              .send = on_send,
                              .reply = on_reply,
                              .update = on_update,
                              .changed = on_changed,
                              .traced = on_traced,
                              .view = on_view,
                              .update_group = on_update_group,
                              .flushed = on_flushed};
    status = hc_replica_create(&c->host, &o, &calls, sim_replica_now(n), &n->replica);
    assert(status == HC_OK);
    (void)status;
    hci_replica_rules_off(n->replica, c->rules_off);
    c->members[number].boot_id = n->boot_id;
    c->members[number].state = HC_MEMBER_ALIVE;
}

void sim_replica_stop(sim_replicas *c, uint32_t number, bool keep)
{
    sim_replica *n = &c->nodes[number];
    hc_replica_destroy(n->replica);
    n->replica = NULL;
    if (!keep) {
        hc_store_destroy(n->store);
        n->store = NULL;
    }
    sim_drop(c->network, number);
}

void sim_replica_tell(sim_replica *n)
{
    const sim_replicas *c = n->in;
    hc_member known[SIM_REPLICAS_MAX];
    size_t count = 0;
    if (n->replica == NULL) return;
    for (uint32_t k = 0; k < c->count; k++) {
        if (c->members[k].boot_id != 0) known[count++] = c->members[k];
    }
    hc_status status = hc_replica_members(n->replica, sim_replica_now(n), known, count);
    assert(status == HC_OK);
    (void)status;
    tick(n);
}

void sim_replicas_tell(sim_replicas *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        sim_replica_tell(&c->nodes[i]);
}

void sim_replica_state(sim_replicas *c, uint32_t number, hc_member_state state)
{
    c->members[number].state = state;
    sim_replicas_tell(c);
}

void sim_replicas_run(sim_replicas *c, double seconds)
{
    sim_run(c->network, sim_now(c->network) + (uint64_t)(seconds * 1e9));
}

sim_replicas *sim_replicas_make(uint64_t seed, uint32_t count)
{
    sim_replicas *c = calloc(1, sizeof *c);
    assert(c != NULL && count <= SIM_REPLICAS_MAX);
    c->count = count;
    c->network = sim_create(&(sim_options){
        .seed = seed, .nodes = count, .deliver = on_deliver, .wake = on_wake, .ctx = c});
    test_random_init_quiet(&c->random, seed + 1);
    c->host = test_host_of(NULL, NULL, &c->random, NULL);
    c->options = (hc_replica_options){.size = sizeof c->options,
                                      .cluster_id = 77,
                                      .store_id = 5,
                                      .secret = {1, 2, 3},
                                      .blocks = 64};
    c->store_options =
        (hc_store_options){.size = sizeof c->store_options, .shards = 4, .by_slot = 1};
    for (uint32_t i = 0; i < count; i++) {
        c->nodes[i] = (sim_replica){.in = c, .number = i};
        c->members[i] = (hc_member){
            .id = id_of(i), .ring = HC_RING_ACTIVE, .weight = 100, .tag = (uint16_t)(i + 1)};
    }
    return c;
}

sim_replicas *sim_replicas_start(uint64_t seed, uint32_t count)
{
    sim_replicas *c = sim_replicas_make(seed, count);
    for (uint32_t i = 0; i < count; i++)
        sim_replica_start(c, i, false);
    sim_replicas_tell(c);
    return c;
}

void sim_replicas_end(sim_replicas *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        hc_replica_destroy(c->nodes[i].replica);
        hc_store_destroy(c->nodes[i].store);
    }
    sim_destroy(c->network);
    free(c);
}

/* ---- requests ---- */

static sim_reply *ask(sim_replicas *c, uint32_t at, hc_request q)
{
    sim_replica *n = &c->nodes[at];
    assert(c->reply_count < SIM_REPLIES_MAX);
    uint32_t id = c->reply_count++;
    q.size = sizeof q;
    q.id = id;
    q.trace = c->trace;
    q.flags = c->flags;
    q.correlation = c->correlation;
    hc_status status = hc_replica_request(n->replica, sim_replica_now(n), &q);
    assert(status == HC_OK);
    (void)status;
    tick(n);
    return &c->replies[id];
}

sim_reply *sim_replica_ask(sim_replicas *c, uint32_t at, hc_request_kind kind, hc_level level,
                           const char *key, const char *value)
{
    return ask(c, at,
               (hc_request){.kind = kind,
                            .level = level,
                            .key = hc_span_make(key, strlen(key)),
                            .value = hc_span_make(value, strlen(value))});
}

sim_reply *sim_replica_transfer(sim_replicas *c, uint32_t at, hc_level level, const char *from,
                                const char *to, const char *amount)
{
    const hc_span keys[] = {hc_span_make(from, strlen(from)), hc_span_make(to, strlen(to))};
    return ask(c, at,
               (hc_request){.kind = HC_REQUEST_GROUP,
                            .level = level,
                            .value = hc_span_make(amount, strlen(amount)),
                            .keys = keys,
                            .key_count = 2});
}

sim_reply *sim_replica_set(sim_replicas *c, uint32_t at, hc_level level, const char *key,
                           const char *value)
{
    return sim_replica_ask(c, at, HC_REQUEST_SET, level, key, value);
}

sim_reply *sim_replica_get(sim_replicas *c, uint32_t at, hc_level level, const char *key)
{
    return sim_replica_ask(c, at, HC_REQUEST_GET, level, key, "");
}

sim_reply sim_replica_do(sim_replicas *c, uint32_t at, hc_request_kind kind, hc_level level,
                         const char *key, const char *value)
{
    sim_reply *said = sim_replica_ask(c, at, kind, level, key, value);
    sim_replicas_run(c, 1.2);
    return *said;
}

/* ---- what is so ---- */

uint32_t sim_replica_acting(sim_replicas *c, uint32_t at, const char *key)
{
    hc_replica_slot s = {.size = sizeof s};
    hc_replica_slot_get(c->nodes[at].replica, hc_ring_slot(hc_span_make(key, strlen(key))), &s);
    return s.has_acting ? s.acting.bytes[0] - 1u : UINT32_MAX;
}

const char *sim_replica_key(sim_replicas *c, uint32_t number, unsigned nth)
{
    static char text[32];
    for (unsigned i = 0;; i++) {
        (void)snprintf(text, sizeof text, "key:%u", i);
        if (sim_replica_acting(c, number, text) != number) continue;
        if (nth-- == 0) return text;
    }
}

bool sim_replicas_agree(sim_replicas *c)
{
    for (uint32_t slot = 0; slot < HC_RING_SLOTS; slot++) {
        uint64_t digest = 0;
        bool any = false;
        for (uint32_t i = 0; i < c->count; i++) {
            hc_replica_slot s = {.size = sizeof s};
            if (c->nodes[i].replica == NULL) continue;
            hc_replica_slot_get(c->nodes[i].replica, slot, &s);
            if (!s.held) continue;
            if (any && s.digest != digest) return false;
            digest = s.digest;
            any = true;
        }
    }
    return true;
}
