/*
 * sim_schedules_proposals.c - increments that were confirmed are lost, or counted twice, without
 * the rules C1 to C6.
 *
 * A counter starts at 5.  Wires take a millisecond, so "at 2.5" is after the second message:
 *     0  CAS -->  1  YES -->  2 committed, client told;  PUT -->  3
 */
#include "support/sim_schedules.h"
#include "support/sim_stage.h"

#include <stdio.h>
#include <string.h>

#define QUORUM HC_LEVEL_QUORUM
#define START 5

static const char *const lost = "confirmed increments do not add up";

static sim_reply *add(sim_replicas *c, uint32_t at, const char *key, const char *what)
{
    return sim_replica_ask(c, at, HC_REQUEST_UPDATE, QUORUM, key, what);
}

static bool counter_made(sim_replicas *c, uint32_t at, const char *key)
{
    sim_reply *said = add(c, at, key, "+5");
    sim_replicas_run(c, 1);
    return sim_stage_done(said);
}

static void run_ms(sim_replicas *c, double ms)
{
    sim_replicas_run(c, ms / 1000);
}

/* What can be after these two of one each. */
static bool holds(sim_replicas *c, uint32_t at, const char *key, bool first_done, bool second_done)
{
    return sim_stage_adds_up(c, at, key, START + first_done + second_done, START + 2);
}

/* ---- C1 ---- */

/* A fifth holder accepts a proposal that all others refuse, since they know of a joining node; that
 * it is taken back does not reach it.  The clock of the coordinator went back, so that only what
 * was stored before makes versions rise. */
static void five_and_one_more(sim_replicas *c)
{
    sim_stage_patient(c);
    c->members[5].ring = HC_RING_OUT;
    c->members[5].boot_id = 1;
    c->options.replicas = 5;
}

static void newcomer(sim_replicas *c, uint32_t number, hc_member_ring ring, uint32_t told_from,
                     uint32_t told_to)
{
    c->members[number].ring = ring;
    for (uint32_t i = told_from; i <= told_to; i++)
        sim_replica_tell(&c->nodes[i]);
}

/* For which node 0 acts, and `joiner` would hold it. */
static const char *key_to_share(sim_replicas *c, uint32_t joiner)
{
    static char text[32];
    newcomer(c, joiner, HC_RING_JOINING, 1, 1);
    for (unsigned i = 0;; i++) {
        (void)snprintf(text, sizeof text, "key:%u", i);
        hc_replica_slot s = {.size = sizeof s};
        hc_replica_slot_get(c->nodes[1].replica, hc_ring_slot(hc_span_make(text, strlen(text))),
                            &s);
        bool next = false;
        for (uint32_t k = 0; k < s.next_count; k++)
            next = next || s.next[k].bytes[0] == joiner + 1;
        if (next && s.holders[0].bytes[0] == 1) break;
    }
    newcomer(c, joiner, HC_RING_OUT, 1, 1);
    sim_replicas_run(c, 2);
    return text;
}

const char *sim_schedule_version_twice(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 6, rules_off, five_and_one_more);
    const char *key = key_to_share(c, 5), *wrong = sim_stage_unfit;
    char more[16];
    (void)snprintf(more, sizeof more, "+%u", 10 + (unsigned)seed);
    if (counter_made(c, 0, key)) {
        (void)add(c, 0, key, "+0"); /* so that its version is of this moment */
        run_ms(c, 5);
        c->nodes[0].skew_ms = -400;
        sim_reply *first = add(c, 0, key, "+1");
        newcomer(c, 5, HC_RING_JOINING, 1, 3);
        run_ms(c, 1.5);
        sim_cut(c->network, 0, 4, true);
        run_ms(c, 80);
        newcomer(c, 5, HC_RING_OUT, 1, 3);
        run_ms(c, 20);
        sim_reply *second = add(c, 0, key, more);
        run_ms(c, 20);
        if (first->said && !sim_stage_done(first) && sim_stage_done(second)) wrong = NULL;
        sim_stage_heal(c);
        c->nodes[0].skew_ms = 0;
        sim_stage_amnesia(c, 0);
        sim_replicas_run(c, 10);
        long sum = START + 10 + (long)seed;
        if (wrong == NULL && !sim_stage_adds_up(c, 1, key, sum, sum)) wrong = lost;
    }
    sim_replicas_end(c);
    return wrong;
}

/* ---- C2, C3 ---- */

const char *sim_schedule_two_successors(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off, sim_stage_patient);
    const char *key = sim_stage_key(c, 0, 1), *wrong = sim_stage_unfit;
    if (counter_made(c, 0, key)) {
        sim_stage_part(c, 0, 1, true);
        sim_replicas_run(c, 4); /* node 1 acts as well now */
        sim_reply *first = add(c, 0, key, "+1");
        sim_replicas_run(c, 0.5);
        sim_reply *second = add(c, 1, key, "+1");
        sim_replicas_run(c, 1);
        if (sim_stage_done(first)) wrong = NULL;
        sim_stage_heal(c);
        sim_replicas_run(c, 12);
        if (wrong == NULL && !holds(c, 2, key, sim_stage_done(first), sim_stage_done(second)))
            wrong = lost;
    }
    sim_replicas_end(c);
    return wrong;
}

const char *sim_schedule_forgotten_vote(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off, sim_stage_patient);
    const char *key = sim_stage_key(c, 0, 1), *wrong = sim_stage_unfit;
    if (counter_made(c, 0, key)) {
        sim_stage_part(c, 0, 1, true);
        sim_replicas_run(c, 4);
        sim_reply *first = add(c, 0, key, "+1");
        run_ms(c, 2.5);
        sim_cut(c->network, 0, 2, true); /* the vote is counted, and what was decided not told */
        if (sim_stage_done(first)) wrong = NULL;
        run_ms(c, 500);
        sim_reply *second = add(c, 1, key, "+1");
        sim_replicas_run(c, 1.5);
        sim_stage_heal(c);
        sim_replicas_run(c, 12);
        if (wrong == NULL && !holds(c, 2, key, sim_stage_done(first), sim_stage_done(second)))
            wrong = lost;
    }
    sim_replicas_end(c);
    return wrong;
}

/* ---- C4, C5 ---- */

const char *sim_schedule_dead_coordinator(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off, sim_stage_patient);
    const char *key = sim_stage_key(c, 0, 1), *wrong = sim_stage_unfit;
    if (counter_made(c, 0, key)) {
        sim_cut(c->network, 0, 1, true);
        sim_reply *first = add(c, 0, key, "+1");
        run_ms(c, 2.5);
        sim_cut(c->network, 0, 2, true);
        if (sim_stage_done(first)) wrong = NULL;
        run_ms(c, 3);
        sim_stage_heal(c);
        sim_stage_amnesia(c, 0);
        sim_replicas_run(c, 10);
        if (wrong == NULL && !sim_stage_adds_up(c, 1, key, START + 1, START + 1)) wrong = lost;
    }
    sim_replicas_end(c);
    return wrong;
}

static void three_and_one_more(sim_replicas *c)
{
    sim_stage_patient(c);
    c->members[3].ring = HC_RING_OUT;
    c->members[3].boot_id = 1;
    c->options.replicas = 3;
}

/* The stream to node 2 has a gap, so that a commit waits there and its successor, a message of its
 * own, does not. */
const char *sim_schedule_unproven(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 4, rules_off, three_and_one_more);
    const char *key = key_to_share(c, 3), *wrong = sim_stage_unfit;
    if (counter_made(c, 0, key)) {
        sim_cut(c->network, 0, 1, true);
        sim_cut(c->network, 0, 2, true);
        (void)sim_replica_set(c, 0, HC_LEVEL_ONE, key, "5"); /* lost on the way, sent again later */
        run_ms(c, 2.5);
        sim_cut(c->network, 0, 2, false);
        sim_reply *first = add(c, 0, key, "+1");
        run_ms(c, 4.5);
        sim_cut(c->network, 2, 0, true);
        (void)add(c, 0, key, "+1"); /* accepted, and node 0 does not hear of it */
        run_ms(c, 2.5);
        if (sim_stage_done(first)) wrong = NULL;
        newcomer(c, 3, HC_RING_JOINING, 1, 2); /* now they refuse it, and it is taken back */
        sim_cut(c->network, 2, 0, false);
        sim_cut(c->network, 0, 1, false);
        run_ms(c, 110);
        newcomer(c, 3, HC_RING_OUT, 1, 2);
        sim_stage_heal(c);
        sim_stage_amnesia(c, 0);
        sim_replicas_run(c, 10);
        if (wrong == NULL && !sim_stage_adds_up(c, 1, key, START + 1, START + 2)) wrong = lost;
    }
    sim_replicas_end(c);
    return wrong;
}

/* ---- C6 ---- */

const char *sim_schedule_voter_without_data(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off, sim_stage_patient);
    const char *key = sim_stage_key(c, 0, 1), *wrong = sim_stage_unfit;
    if (counter_made(c, 0, key)) {
        sim_stage_part(c, 0, 1, true);
        sim_replicas_run(c, 4);
        sim_reply *first = add(c, 0, key, "+1");
        sim_replicas_run(c, 0.5);
        sim_cut(c->network, 1, 2, true);
        sim_reply *second = add(c, 1, key, "+1"); /* on its way until node 2 is another */
        run_ms(c, 50);
        if (sim_stage_done(first) && !second->said) wrong = NULL;
        sim_stage_part(c, 0, 2, true);
        sim_cut(c->network, 1, 2, false);
        sim_stage_amnesia(c, 2);
        sim_replicas_run(c, 2);
        bool both = sim_stage_done(second);
        sim_stage_heal(c);
        sim_replicas_run(c, 12);
        both = both || sim_stage_done(second);
        if (wrong == NULL && !holds(c, 2, key, true, both)) wrong = lost;
    }
    sim_replicas_end(c);
    return wrong;
}

/* The only one that keeps running holds a proposal whose coordinator has died; the other two have
 * their old data, and need its.  It needs one of them to complete the proposal. */
const char *sim_schedule_vote_beside_two_restarts(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off, sim_stage_patient);
    const char *key = sim_stage_key(c, 0, 1), *wrong = sim_stage_unfit;
    if (counter_made(c, 0, key)) {
        sim_stage_part(c, 0, 2, true);
        sim_cut(c->network, 1, 0, true);
        (void)add(c, 0, key, "+1");
        run_ms(c, 5);
        for (uint32_t i = 0; i < 3; i += 2)
            sim_replica_stop(c, i, true);
        sim_stage_heal(c);
        for (uint32_t i = 0; i < 3; i += 2)
            sim_replica_start(c, i, true);
        sim_replicas_tell(c);
        sim_replicas_run(c, 12);
        bool all = c->nodes[0].ready && c->nodes[1].ready && c->nodes[2].ready;
        wrong = all ? NULL : "who started again never had its data";
        if (all && !sim_stage_adds_up(c, 2, key, START + 1, START + 1)) wrong = lost;
    }
    sim_replicas_end(c);
    return wrong;
}
