/* sim_stage.c - see the header. */
#include "support/sim_stage.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sim_replicas *sim_stage_set(uint64_t seed, uint32_t nodes, uint32_t rules_off,
                            void (*change)(sim_replicas *c))
{
    sim_replicas *c = sim_replicas_make(seed, nodes);
    c->rules_off = rules_off;
    c->options.replicas = nodes;
    if (change != NULL) change(c);
    sim_stage_wires(c, 1);
    for (uint32_t i = 0; i < nodes; i++) {
        if (c->members[i].ring == HC_RING_ACTIVE) sim_replica_start(c, i, false);
    }
    sim_replicas_tell(c);
    sim_replicas_run(c, 3);
    return c;
}

const char *const sim_stage_unfit = "the schedule did not come to its point";

void sim_stage_patient(sim_replicas *c)
{
    c->options.request_timeout_ms = 10000;
    c->options.repair_interval_ms = 600000;
}

void sim_stage_wires(sim_replicas *c, uint64_t delay_ms)
{
    sim_weather *w = sim_weather_of(c->network);
    w->delay_min_ns = w->delay_max_ns = delay_ms * SIM_MS;
}

void sim_stage_part(sim_replicas *c, uint32_t a, uint32_t b, bool is_cut)
{
    sim_cut(c->network, a, b, is_cut);
    sim_cut(c->network, b, a, is_cut);
}

void sim_stage_isolate(sim_replicas *c, uint32_t number, bool is_cut)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (i != number) sim_stage_part(c, number, i, is_cut);
    }
}

void sim_stage_heal(sim_replicas *c)
{
    sim_split(c->network, NULL);
}

void sim_stage_amnesia(sim_replicas *c, uint32_t number)
{
    sim_replica_stop(c, number, false);
    sim_replica_start(c, number, false);
    sim_replicas_tell(c);
}

const char *sim_stage_key(sim_replicas *c, uint32_t first, uint32_t second)
{
    static char text[32];
    for (unsigned i = 0;; i++) {
        hc_replica_slot s = {.size = sizeof s};
        (void)snprintf(text, sizeof text, "key:%u", i);
        uint32_t slot = hc_ring_slot(hc_span_make(text, strlen(text)));
        hc_replica_slot_get(c->nodes[first].replica, slot, &s);
        assert(s.holder_count > 1 && i < 1000000);
        if (s.holders[0].bytes[0] == first + 1 && s.holders[1].bytes[0] == second + 1) return text;
    }
}

bool sim_stage_done(const sim_reply *said)
{
    return said->said && said->outcome <= HC_OUTCOME_ABSENT;
}

const char *sim_stage_read(sim_replicas *c, uint32_t at, const char *key, double seconds)
{
    for (double waited = 0; waited < seconds; waited += 1.2) {
        sim_reply *said = sim_replica_get(c, at, HC_LEVEL_QUORUM, key);
        sim_replicas_run(c, 1.2);
        if (sim_stage_done(said)) return said->value;
    }
    return NULL;
}

bool sim_stage_adds_up(sim_replicas *c, uint32_t at, const char *key, long confirmed, long possible)
{
    const char *read = sim_stage_read(c, at, key, 30);
    long sum = read != NULL ? strtol(read, NULL, 10) : -1;
    return sum >= confirmed && sum <= possible;
}
