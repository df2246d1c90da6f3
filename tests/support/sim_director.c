/*
 * sim_director.c - whenever a fault begins or ends, wires and weather are set anew from all that
 * last now; what happens to nodes is done and undone one by one.
 */
#include "support/sim_director.h"

#include <assert.h>
#include <string.h>

#define TIMER_NS (50 * SIM_MS)
#define RING_NODES_MIN 4u /* a node may leave then */
#define PRESSURE_BYTES (UINT64_C(4) << 20)

void sim_director_init(sim_director *d, sim_world *world, const sim_plan *plan, uint32_t timer)
{
    *d = (sim_director){.world = world, .plan = *plan, .timer = timer};
}

bool sim_director_whole(const sim_director *d)
{
    for (uint32_t i = 0; i < d->world->count; i++) {
        const sim_node *at = &d->world->nodes[i];
        hc_replica_stats stats = {.size = sizeof stats};
        if (at->gone || (at->replica == NULL && at->boot_id == 100)) continue;
        if (at->replica == NULL) return false;
        hc_replica_stats_get(at->replica, &stats);
        if (stats.held_blocks == 0 || stats.synced_blocks != stats.held_blocks) return false;
    }
    return true;
}

/* ---- wires and weather ---- */

static void cut_nodes(sim_director *d, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t a = from + (i & 1 ? SIM_NODES_MAX : 0), b = to + (i & 2 ? SIM_NODES_MAX : 0);
        sim_cut(d->world->network, a, b, true);
    }
}

static void cut_set(sim_director *d, const sim_fault *f)
{
    uint32_t count = d->world->count;
    if (f->kind == SIM_FAULT_ONE_WAY) {
        cut_nodes(d, f->node, f->other);
        return;
    }
    for (uint32_t a = 0; a < count; a++) {
        for (uint32_t b = 0; b < count; b++) {
            uint32_t apart = (a + count - b) % count;
            bool split = (f->amount >> a & 1) != (f->amount >> b & 1);
            bool far = apart != 0 && apart != 1 && apart != count - 1;
            if (f->kind == SIM_FAULT_SPLIT ? split : far) cut_nodes(d, a, b);
        }
    }
}

static void wires_set(sim_director *d)
{
    sim_weather *w = sim_weather_of(d->world->network);
    *w = (sim_weather){.delay_min_ns = SIM_MS / 10, .delay_max_ns = SIM_MS};
    sim_split(d->world->network, NULL);
    for (size_t i = 0; i < d->plan.count; i++) {
        const sim_fault *f = &d->plan.faults[i];
        if (d->until_ns[i] == 0) continue;
        if (f->kind == SIM_FAULT_LOSS) w->loss_permille = f->amount;
        if (f->kind == SIM_FAULT_DOUBLE) w->double_permille = f->amount;
        if (f->kind == SIM_FAULT_REORDER) w->delay_max_ns = f->amount * SIM_MS;
        if (f->kind == SIM_FAULT_TAIL) w->slow_permille = f->amount;
        if (f->kind == SIM_FAULT_CORRUPT) w->corrupt_permille = f->amount;
        if (f->kind == SIM_FAULT_ONE_WAY || f->kind == SIM_FAULT_SPLIT ||
            f->kind == SIM_FAULT_CIRCLE)
            cut_set(d, f);
    }
}

/* ---- nodes ---- */

static void save_for_later(sim_director *d)
{
    for (size_t i = d->next; i < d->plan.count; i++) {
        const sim_fault *f = &d->plan.faults[i];
        sim_node *at = &d->world->nodes[f->node];
        bool wanted = f->kind == SIM_FAULT_STALE_DISK || f->kind == SIM_FAULT_TORN_DISK;
        if (wanted && sim_node_up(at)) sim_node_save(at);
    }
}

/* What was evicted is told from what was never there by a floor, which is lost with the node. */
static bool has_evicted(const sim_director *d)
{
    return d->injected[SIM_FAULT_MEMORY] > 0;
}

static bool kill_begin(sim_director *d, const sim_fault *f)
{
    sim_node *at = &d->world->nodes[f->node];
    if (!sim_node_up(at) || at->gone || !sim_director_whole(d) || has_evicted(d)) return false;
    if (f->kind == SIM_FAULT_KILL || f->kind == SIM_FAULT_MOVE) sim_node_save(at);
    sim_node_stop(at);
    return true;
}

static bool join_begin(sim_director *d)
{
    if (!sim_director_whole(d)) return false;
    for (uint32_t i = d->world->options.nodes; i < d->world->count; i++) {
        sim_node *at = &d->world->nodes[i];
        if (at->boot_id != 100) continue;
        sim_node_start(at, SIM_DISK_NOTHING);
        return true;
    }
    return false;
}

static bool leave_begin(sim_director *d, const sim_fault *f)
{
    uint32_t there = 0;
    for (uint32_t i = 0; i < d->world->count; i++) {
        const sim_node *at = &d->world->nodes[i];
        there += at->replica != NULL && !at->gone && at->ring != HC_RING_LEAVING;
    }
    sim_node *at = &d->world->nodes[f->node];
    if (there < RING_NODES_MIN || !sim_node_up(at) || at->gone || !sim_director_whole(d)) {
        return false;
    }
    sim_node_leave(at);
    return true;
}

static bool fault_begin(sim_director *d, const sim_fault *f)
{
    sim_node *at = &d->world->nodes[f->node];
    if (sim_fault_kills(f->kind)) return kill_begin(d, f);
    switch (f->kind) {
    case SIM_FAULT_PAUSE:
        if (!sim_node_up(at)) return false;
        sim_node_freeze(at);
        return true;
    case SIM_FAULT_CLOCK_JUMP:
        sim_node_clock(at, (int64_t)f->amount - 2000, 0);
        return true;
    case SIM_FAULT_CLOCK_DRIFT:
        sim_node_clock(at, 0, (int64_t)f->amount - 20000);
        return true;
    case SIM_FAULT_CLOCK_STROBE:
        at->strobe_ms = f->amount;
        return true;
    case SIM_FAULT_CLOG:
        if (!sim_node_up(at)) return false;
        sim_node_clog(at, true);
        return true;
    case SIM_FAULT_LATER:
        at->later = true;
        return true;
    case SIM_FAULT_MEMORY:
        if (!sim_director_whole(d)) return false;
        return at->store != NULL && hc_store_limit(at->store, PRESSURE_BYTES) == HC_OK;
    case SIM_FAULT_JOIN:
        return join_begin(d);
    case SIM_FAULT_LEAVE:
        return leave_begin(d, f);
    default:
        return true;
    }
}

static void fault_end(sim_director *d, const sim_fault *f)
{
    sim_node *at = &d->world->nodes[f->node];
    if (sim_fault_kills(f->kind) && at->replica == NULL) {
        sim_disk_kind disk = SIM_DISK_ALL;
        if (f->kind == SIM_FAULT_AMNESIA) disk = SIM_DISK_NOTHING;
        if (f->kind == SIM_FAULT_TORN_DISK) disk = SIM_DISK_TORN;
        if (f->kind == SIM_FAULT_MOVE) sim_node_move(at);
        sim_node_start(at, disk);
    }
    if (f->kind == SIM_FAULT_PAUSE && at->replica != NULL && at->frozen) sim_node_thaw(at);
    if (f->kind == SIM_FAULT_CLOCK_JUMP || f->kind == SIM_FAULT_CLOCK_DRIFT)
        sim_node_clock(at, 0, 0);
    if (f->kind == SIM_FAULT_CLOCK_STROBE) at->strobe_ms = 0;
    if (f->kind == SIM_FAULT_CLOG) sim_node_clog(at, false);
    if (f->kind == SIM_FAULT_LATER) at->later = false;
    if (f->kind == SIM_FAULT_MEMORY && at->store != NULL)
        (void)hc_store_limit(at->store, SIM_STORE_BYTES_MAX);
}

/* ---- time ---- */

static void tell(sim_director *d, const sim_fault *f, const char *what)
{
    sim_log_add(&d->world->log, sim_world_now(d->world), "fault", f->node, "%s %s, other %u, %u",
                sim_fault_name(f->kind), what, f->other, f->amount);
}

static void ends_due(sim_director *d, uint64_t now)
{
    for (size_t i = 0; i < d->plan.count; i++) {
        if (d->until_ns[i] == 0 || d->until_ns[i] > now) continue;
        d->until_ns[i] = 0;
        tell(d, &d->plan.faults[i], "ends");
        fault_end(d, &d->plan.faults[i]);
        wires_set(d);
    }
}

void sim_director_start(sim_director *d)
{
    d->start_ns = sim_world_now(d->world);
    save_for_later(d);
    sim_world_timer(d->world, d->timer, d->start_ns + 1);
}

void sim_director_timer(sim_director *d)
{
    uint64_t now = sim_world_now(d->world);
    ends_due(d, now);
    for (; d->next < d->plan.count; d->next++) {
        const sim_fault *f = &d->plan.faults[d->next];
        if (d->start_ns + f->at_ms * SIM_MS > now) break;
        bool done = fault_begin(d, f);
        tell(d, f, done ? "begins" : "left out");
        if (!done) continue;
        d->injected[f->kind]++;
        d->until_ns[d->next] = now + (f->for_ms + 1) * SIM_MS;
        wires_set(d);
        if (d->next % 3 == 0) save_for_later(d);
    }
    sim_world_timer(d->world, d->timer, now + TIMER_NS);
}

void sim_director_mend(sim_director *d)
{
    d->next = d->plan.count;
    for (size_t i = 0; i < d->plan.count; i++)
        d->until_ns[i] = d->until_ns[i] == 0 ? 0 : 1;
    ends_due(d, UINT64_MAX);
    wires_set(d);
    sim_world_timer(d->world, d->timer, UINT64_MAX);
    for (uint32_t i = 0; i < d->world->count; i++)
        assert(d->world->nodes[i].boot_id == 100 || d->world->nodes[i].replica != NULL);
}
