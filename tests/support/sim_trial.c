/*
 * sim_trial.c - the phases of a run, and what is looked at during and after it.
 */
#include "support/sim_trial.h"

#include "support/sim_clients.h"
#include "support/sim_director.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTOR_TIMER SIM_CLIENTS_MAX
#define WATCH_TIMER (SIM_CLIENTS_MAX + 1)
#define WATCH_NS (500 * SIM_MS)
#define FORM_S_MAX 60u
#define QUIET_S_MAX 240u
#define READ_S_MAX 10u
#define SLOTS_SAMPLED 32u
#define TIMELINE_LINES 400u

typedef struct trial {
    sim_world *world;
    sim_clients clients;
    sim_director director;
    const sim_plan *plan;
    sim_trial_result *out;
    bool healthy;       /* nothing in the plan hurts wires or processes */
    sim_history broken; /* of the failure, if it has one */
    uint64_t versions[SIM_NODES_MAX][SIM_KEYS_MAX];
    uint64_t version_lives[SIM_NODES_MAX];
} trial;

static void fail(trial *t, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fail(trial *t, const char *name, const char *format, ...)
{
    if (t->out->failed) return;
    t->out->failed = true;
    (void)snprintf(t->out->name, sizeof t->out->name, "%s", name);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(t->out->text, sizeof t->out->text, format, arguments);
    va_end(arguments);
    sim_log_add(&t->world->log, sim_world_now(t->world), "CHECK", 0, "%s: %s", name, t->out->text);
}

static bool in_ring(const sim_node *at)
{
    return at->replica != NULL && !at->gone;
}

static hc_replica_stats stats_of(const sim_node *at)
{
    hc_replica_stats stats = {.size = sizeof stats};
    hc_replica_stats_get(at->replica, &stats);
    return stats;
}

static hc_replica_slot slot_of(const sim_node *at, uint32_t slot)
{
    hc_replica_slot found = {.size = sizeof found};
    hc_replica_slot_get(at->replica, slot, &found);
    return found;
}

/* ---- while it runs ---- */

static void watch_versions(trial *t, sim_node *at)
{
    uint64_t *seen = t->versions[at->number];
    /* a new life, or what it had was put in doubt: after an absence what nobody else has goes */
    uint64_t life = at->boot_id << 32 | at->unreadied;
    if (t->version_lives[at->number] != life) memset(seen, 0, sizeof t->versions[0]);
    t->version_lives[at->number] = life;
    for (uint32_t class = 0; class <= SIM_CLASS_PLAIN; class ++) {
        for (uint32_t i = 0; i < SIM_KEYS_AT_ONCE; i++) {
            uint32_t number = t->clients.current[class][i];
            sim_key *key = &t->clients.keys[number];
            hc_span name = hc_span_make(key->name, strlen(key->name));
            hc_replica_slot slot = slot_of(at, hc_ring_slot(name));
            bool live;
            uint64_t now = hc_replica_version(at->replica, sim_node_moment(at), name, &live);
            if (!slot.held || !slot.synced) {
                seen[number] = 0;
            } else if (now != 0 && now < seen[number]) {
                fail(t, "I5", "node %u, key %s: version %llx after %llx", at->number, key->name,
                     (unsigned long long)now, (unsigned long long)seen[number]);
            } else if (now != 0) {
                seen[number] = now;
            }
        }
    }
}

static bool same_holders(const hc_replica_slot *a, const hc_replica_slot *b)
{
    if (a->holder_count != b->holder_count || a->next_count != b->next_count) return false;
    return memcmp(a->holders, b->holders, a->holder_count * sizeof a->holders[0]) == 0 &&
           memcmp(a->next, b->next, a->next_count * sizeof a->next[0]) == 0;
}

static void watch_topology(trial *t, uint32_t slots)
{
    for (uint32_t i = 1; i < t->world->count; i++) {
        sim_node *a = &t->world->nodes[i - 1], *b = &t->world->nodes[i];
        if (a->replica == NULL || b->replica == NULL) continue;
        if (hc_replica_topology_id(a->replica) != hc_replica_topology_id(b->replica)) continue;
        for (uint32_t k = 0; k < slots; k++) {
            uint32_t slot = k;
            if (slots < HC_RING_SLOTS)
                slot = (uint32_t)test_random_below(&t->world->random, HC_RING_SLOTS);
            hc_replica_slot of_a = slot_of(a, slot), of_b = slot_of(b, slot);
            if (!same_holders(&of_a, &of_b))
                fail(t, "I1", "nodes %u and %u, one topology, slot %u", i - 1, i, slot);
        }
    }
}

static void watch_caps(trial *t, const sim_node *at)
{
    hc_replica_stats s = stats_of(at);
    uint64_t queue_max = t->world->options.replica.queue_bytes_max * (SIM_NODES_MAX - 1);
    if (queue_max > 0 && s.queue_bytes > queue_max)
        fail(t, "I7", "node %u queues %llu bytes", at->number, (unsigned long long)s.queue_bytes);
    if (s.pending > HC_REPLICA_PENDING_MAX || s.requests_open > HC_REPLICA_REQUESTS_MAX)
        fail(t, "I7", "node %u: %llu proposals, %u requests", at->number,
             (unsigned long long)s.pending, s.requests_open);
    if (s.dirty_slots > (uint64_t)HC_RING_SLOTS * SIM_NODES_MAX)
        fail(t, "I7", "node %u: %llu dirty", at->number, (unsigned long long)s.dirty_slots);
}

static void watch(trial *t)
{
    for (uint32_t i = 0; i < t->world->count; i++) {
        sim_node *at = &t->world->nodes[i];
        if (!sim_node_up(at)) continue;
        watch_caps(t, at);
        watch_versions(t, at);
    }
    watch_topology(t, SLOTS_SAMPLED);
    if (t->healthy && t->world->deaths > 0)
        fail(t, "I8", "%u told dead while all was well", t->world->deaths);
    if (t->clients.broken[0] != 0) fail(t, t->clients.broken_name, "%s", t->clients.broken);
    sim_world_timer(t->world, WATCH_TIMER, sim_world_now(t->world) + WATCH_NS);
}

/* ---- afterwards ---- */

/* Why all is not quiet, or NULL. */
static const char *unquiet_node(const trial *t, const sim_node *at, const sim_node *first)
{
    hc_replica_stats s = stats_of(at);
    for (uint32_t i = 0; i < t->world->count; i++) {
        if (!in_ring(&t->world->nodes[i])) continue;
        hc_node_id id = sim_node_id(i);
        const hc_member *found = hc_membership_find(at->members, &id);
        if (found == NULL || found->state != HC_MEMBER_ALIVE) return "a member is not seen alive";
        if (found->ring != HC_RING_ACTIVE) return "a member is not active";
    }
    if (hc_replica_topology_id(at->replica) != hc_replica_topology_id(first->replica))
        return "another topology";
    if (hc_replica_epoch(at->replica) != hc_replica_epoch(first->replica)) return "another epoch";
    if (s.synced_blocks != s.held_blocks) return "blocks without their data";
    if (s.pending != 0) return "undecided proposals";
    if (s.queue_bytes != 0) return "unconfirmed writes";
    if (s.dirty_slots != 0) return "slots owed to peers";
    if (s.requests_open != 0) return "requests under way";
    return s.quarantined ? "a clock not trusted" : NULL;
}

/* Does `at` name the node that acts as all others do, so that a client is sent on once at most? */
static bool acts_alike(const hc_replica_slot *a, const hc_replica_slot *b)
{
    return a->has_acting && b->has_acting &&
           memcmp(a->acting.bytes, b->acting.bytes, sizeof a->acting.bytes) == 0;
}

static const char *unequal_slots(const trial *t, uint32_t *slot_out)
{
    for (uint32_t slot = 0; slot < HC_RING_SLOTS; slot++) {
        hc_replica_slot first = {.holder_count = 0}, last = first;
        bool any = false, any_held = false;
        for (uint32_t i = 0; i < t->world->count; i++) {
            const sim_node *at = &t->world->nodes[i];
            if (!in_ring(at)) continue;
            hc_replica_slot found = slot_of(at, slot);
            *slot_out = slot;
            if (any && !acts_alike(&last, &found)) return "two act";
            last = found;
            any = true;
            if (!found.held) continue;
            if (any_held && found.digest != first.digest) return "digests differ";
            if (!any_held) first = found;
            any_held = true;
        }
        if (!any_held) return "nobody holds a slot";
    }
    return NULL;
}

static const char *unquiet(trial *t, uint32_t *where)
{
    const sim_node *first = NULL;
    for (uint32_t i = 0; i < t->world->count; i++) {
        const sim_node *at = &t->world->nodes[i];
        if (!in_ring(at)) continue;
        if (first == NULL) first = at;
        *where = i;
        const char *why = unquiet_node(t, at, first);
        if (why != NULL) return why;
    }
    return unequal_slots(t, where);
}

static void run_for(trial *t, uint64_t ns)
{
    sim_run(t->world->network, sim_world_now(t->world) + ns);
    if (sim_exhausted(t->world->network))
        fail(t, "L", "more than %u events: nodes that talk without end", SIM_EVENTS_MAX);
}

static void settle(trial *t)
{
    uint32_t where = 0;
    const char *why = NULL;
    uint64_t start = sim_world_now(t->world);
    for (unsigned s = 0; s < QUIET_S_MAX && !t->out->failed; s++) {
        why = sim_clients_idle(&t->clients) ? unquiet(t, &where) : "clients wait";
        if (why == NULL) break;
        run_for(t, SIM_SECOND);
    }
    t->out->settled_ms = (sim_world_now(t->world) - start) / SIM_MS;
    if (why != NULL) fail(t, "I2", "not quiet after %u s: %s (%u)", QUIET_S_MAX, why, where);
    watch_topology(t, HC_RING_SLOTS);
}

/* The versions that are left, beside the highest that was acknowledged. */
static void final_versions(trial *t, uint32_t number)
{
    const sim_key *key = &t->clients.keys[number];
    hc_span name = hc_span_make(key->name, strlen(key->name));
    for (uint32_t i = 0; i < t->world->count; i++) {
        sim_node *at = &t->world->nodes[i];
        bool live = false;
        if (!in_ring(at) || !slot_of(at, hc_ring_slot(name)).held) continue;
        uint64_t version = hc_replica_version(at->replica, sim_node_moment(at), name, &live);
        if (live && version < key->acked_version)
            fail(t, "I3", "node %u has key %s at %llx, acknowledged was %llx", i, key->name,
                 (unsigned long long)version, (unsigned long long)key->acked_version);
    }
}

static void final_reads(trial *t)
{
    uint32_t node = 0;
    for (uint32_t key = 0; key < t->clients.key_count && !t->out->failed; key++) {
        if (t->clients.keys[key].history == NULL) continue;
        final_versions(t, key);
        do {
            node = (node + 1) % t->world->count;
        } while (!in_ring(&t->world->nodes[node]));
        uint64_t done =
            t->clients.outcomes[HC_OUTCOME_DONE] + t->clients.outcomes[HC_OUTCOME_ABSENT];
        sim_clients_read(&t->clients, 0, key, node);
        for (unsigned i = 0; i < READ_S_MAX * 100 && !sim_clients_idle(&t->clients); i++)
            run_for(t, 10 * SIM_MS);
        if (t->clients.outcomes[HC_OUTCOME_DONE] + t->clients.outcomes[HC_OUTCOME_ABSENT] == done)
            fail(t, "L", "key %s cannot be read by way of node %u", t->clients.keys[key].name,
                 node);
    }
}

static const char *history_invariant(sim_class class)
{
    return class == SIM_CLASS_COUNTER || class == SIM_CLASS_LOCK ? "I13" : "I6";
}

static void check_histories(trial *t)
{
    sim_history *history = malloc(sizeof *history);
    assert(history != NULL);
    for (uint32_t i = 0; i < t->clients.key_count; i++) {
        const sim_key *key = &t->clients.keys[i];
        if (key->history == NULL || key->history->count == 0) continue;
        /* nodes whose clocks differ do not agree on when something expires */
        if (key->class == SIM_CLASS_LEASE && !t->clients.leases_exact) continue;
        sim_clients_history(&t->clients, i, history);
        sim_verdict verdict = sim_history_check(history);
        t->out->histories++;
        t->out->operations += history->count;
        t->out->too_hard += verdict == SIM_TOO_HARD;
        if (verdict != SIM_BROKEN || t->out->failed) continue;
        t->broken = *history;
        fail(t, history_invariant(key->class), "no order explains what was seen of key %s",
             key->name);
    }
    free(history);
}

/* ---- the run ---- */

static void on_timer(void *ctx, uint32_t timer)
{
    trial *t = ctx;
    if (timer < SIM_CLIENTS_MAX) sim_clients_timer(&t->clients, timer);
    if (timer == DIRECTOR_TIMER) sim_director_timer(&t->director);
    if (timer == WATCH_TIMER) watch(t);
}

static void on_reply(void *ctx, sim_node *at, const hc_reply *reply)
{
    trial *t = ctx;
    sim_clients_reply(&t->clients, at, reply);
}

static hc_status on_update(void *ctx, hc_update *update)
{
    (void)ctx;
    return sim_clients_update(update);
}

static uint32_t pick(test_random *random, uint32_t a, uint32_t b, uint32_t c)
{
    uint64_t die = test_random_below(random, 3);
    return die == 0 ? a : die == 1 ? b : c;
}

static bool has_fault(const sim_plan *plan, sim_fault_kind kind)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->faults[i].kind == kind) return true;
    }
    return false;
}

static bool is_healthy(const sim_plan *plan)
{
    const uint32_t harmless = 1u << SIM_FAULT_DOUBLE | 1u << SIM_FAULT_CLOCK_JUMP |
                              1u << SIM_FAULT_CLOCK_DRIFT | 1u << SIM_FAULT_CLOCK_STROBE |
                              1u << SIM_FAULT_LATER | 1u << SIM_FAULT_MEMORY |
                              1u << SIM_FAULT_JOIN | 1u << SIM_FAULT_LEAVE;
    for (size_t i = 0; i < plan->count; i++) {
        if (!(harmless >> plan->faults[i].kind & 1)) return false;
    }
    return true;
}

/* Numbers that make rare paths frequent. */
static hc_replica_options replica_options(const sim_plan *plan, test_random *random)
{
    hc_replica_options o = {.size = sizeof o, .replicas = 3, .expect_nodes = plan->nodes};
    o.blocks = pick(random, 16, 64, 512);
    o.request_timeout_ms = pick(random, 300, 1000, 2000);
    o.repair_interval_ms = pick(random, 500, 2000, 10000);
    o.stub_hold_ms = pick(random, 500, 3000, 30000);
    o.stub_keep_ms = pick(random, 3000, 10000, 3600000);
    o.beat_interval_ms = pick(random, 100, 250, 500);
    o.queue_bytes_max = pick(random, 4096, 65536, 1u << 20);
    if (has_fault(plan, SIM_FAULT_MEMORY)) o.queue_bytes_max = 1u << 20; /* large values */
    return o;
}

void sim_trial_plan(sim_plan *plan, uint64_t seed, uint32_t kinds)
{
    test_random random;
    test_random_init_quiet(&random, seed ^ UINT64_C(0x5eed));
    uint32_t nodes = pick(&random, 3, 3, 3 + (uint32_t)test_random_below(&random, 3));
    uint32_t length_ms = 5000 + (uint32_t)test_random_below(&random, 20000);
    sim_plan_make(plan, seed, nodes, length_ms, kinds);
    if (test_random_below(&random, 20) == 0) plan->count = 0; /* a calm run now and then */
}

static void trial_make(trial *t, const sim_plan *plan, uint32_t rules_off, bool log)
{
    test_random random;
    test_random_init_quiet(&random, plan->seed ^ UINT64_C(0xB06));
    sim_world_options o = {.seed = plan->seed,
                           .nodes = plan->nodes,
                           .spare = has_fault(plan, SIM_FAULT_JOIN) ? 2 : 0,
                           .replica = replica_options(plan, &random),
                           .rules_off = rules_off,
                           .log = log,
                           .reply = on_reply,
                           .timer = on_timer,
                           .update = on_update,
                           .ctx = t};
    t->world = sim_world_make(&o);
    sim_clients *c = &t->clients;
    sim_clients_init(c, t->world, plan->seed * 7 + 3, 3 + (uint32_t)(plan->seed % 4));
    c->think_ms = pick(&random, 5, 20, 60);
    c->flushes_too = pick(&random, 0, 0, 1) != 0;
    c->leases_exact = !has_fault(plan, SIM_FAULT_CLOCK_JUMP) &&
                      !has_fault(plan, SIM_FAULT_CLOCK_DRIFT) &&
                      !has_fault(plan, SIM_FAULT_CLOCK_STROBE);
    if (has_fault(plan, SIM_FAULT_MEMORY)) c->class_weights[SIM_CLASS_BALLAST] = 25;
    sim_director_init(&t->director, t->world, plan, DIRECTOR_TIMER);
}

static void form(trial *t)
{
    for (uint32_t i = 0; i < t->plan->nodes; i++)
        sim_node_start(&t->world->nodes[i], SIM_DISK_NOTHING);
    unsigned waited = 0;
    while (waited++ < FORM_S_MAX * 4 && !sim_director_whole(&t->director))
        run_for(t, SIM_SECOND / 4);
    if (!sim_director_whole(&t->director)) fail(t, "L", "not formed after %u s", FORM_S_MAX);
}

static void trial_tell(trial *t, FILE *tell)
{
    if (tell == NULL || !t->out->failed) return;
    sim_plan_print(t->plan, tell);
    sim_log_print(&t->world->log, TIMELINE_LINES, tell);
    if (t->broken.count > 0) {
        sim_history_shrink(&t->broken);
        (void)fprintf(tell, "  what was seen, ms:\n");
        sim_history_print(&t->broken, tell);
    }
    (void)fprintf(tell, "  %s: %s\n", t->out->name, t->out->text);
}

static void trial_count(trial *t)
{
    const sim_counters *wire = sim_counters_of(t->world->network);
    sim_trial_result *out = t->out;
    out->virtual_ns = sim_world_now(t->world) - SIM_SECOND;
    out->events = wire->events;
    out->messages = wire->datagrams + wire->reliables;
    out->bytes = wire->bytes;
    out->unanswered = t->clients.unanswered;
    memcpy(out->outcomes, t->clients.outcomes, sizeof out->outcomes);
    for (unsigned i = 0; i < SIM_OUTCOMES; i++)
        out->requests += out->outcomes[i];
    memcpy(out->injected, t->director.injected, sizeof out->injected);
}

void sim_trial_run(const sim_plan *plan, uint32_t rules_off, FILE *tell, sim_trial_result *out)
{
    trial *t = calloc(1, sizeof *t);
    assert(t != NULL);
    *out = (sim_trial_result){0};
    t->plan = plan;
    t->out = out;
    t->healthy = is_healthy(plan);
    trial_make(t, plan, rules_off, tell != NULL);
    form(t);
    if (!out->failed) {
        sim_clients_start(&t->clients);
        sim_director_start(&t->director);
        watch(t);
        for (uint32_t ms = 0; ms < plan->length_ms && !out->failed; ms += 500)
            run_for(t, SIM_SECOND / 2);
        sim_director_mend(&t->director);
        sim_clients_stop(&t->clients);
        settle(t);
    }
    if (!out->failed) final_reads(t);
    check_histories(t);
    trial_count(t);
    trial_tell(t, tell);
    sim_world_end(t->world);
    sim_clients_fini(&t->clients);
    free(t);
}

/* ---- shrinking ---- */

typedef struct shrink_ctx {
    uint32_t rules_off;
    const char *name;
} shrink_ctx;

static bool fails_alike(void *ctx, const sim_plan *plan)
{
    const shrink_ctx *of = ctx;
    sim_trial_result result;
    sim_trial_run(plan, of->rules_off, NULL, &result);
    return result.failed && strcmp(result.name, of->name) == 0;
}

unsigned sim_trial_shrink(sim_plan *plan, uint32_t rules_off, const sim_trial_result *failed)
{
    shrink_ctx ctx = {.rules_off = rules_off, .name = failed->name};
    return sim_plan_shrink(plan, fails_alike, &ctx);
}
