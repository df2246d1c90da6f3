/*
 * sim_schedules_deletes.c - what was deleted, flushed or acknowledged, and the rules G1 to G7 that
 * keep it so.
 */
#include "support/sim_schedules.h"
#include "support/sim_stage.h"

#include <assert.h>
#include <string.h>

#define QUORUM HC_LEVEL_QUORUM

static const char *const revived = "a key that was deleted is there again";

/* Each node in turn is asked; a key that is gone must be absent for all. */
static const char *gone_for_all(sim_replicas *c, const char *key)
{
    const char *wrong = NULL;
    for (uint32_t i = 0; i < c->count && wrong == NULL; i++) {
        const char *read = sim_stage_read(c, i, key, 20);
        if (read == NULL) wrong = "nobody answers";
        if (read != NULL && read[0] != 0) wrong = revived;
    }
    return wrong;
}

static bool set_everywhere(sim_replicas *c, const char *key, const char *value)
{
    sim_reply *said = sim_replica_set(c, 0, HC_LEVEL_ALL, key, value);
    sim_replicas_run(c, 1.5);
    return sim_stage_done(said);
}

static bool delete_now(sim_replicas *c, const char *key)
{
    sim_reply *said = sim_replica_ask(c, 0, HC_REQUEST_DELETE, QUORUM, key, "");
    sim_replicas_run(c, 0.5);
    return sim_stage_done(said);
}

static void hold_short(sim_replicas *c)
{
    c->options.stub_hold_ms = 3000;
    c->options.repair_interval_ms = 1000;
}

static bool flush_now(sim_replicas *c, const char *key)
{
    (void)key;
    sim_reply *said = sim_replica_ask(c, 0, HC_REQUEST_FLUSH, HC_LEVEL_ONE, "", "");
    sim_replicas_run(c, 0.5);
    return sim_stage_done(said);
}

/* A key goes while node 2 is cut off for `away_s`. */
static const char *gone_while_away(uint64_t seed, uint32_t rules_off,
                                   void (*options)(sim_replicas *c),
                                   bool (*goes)(sim_replicas *c, const char *key), double away_s)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off, options);
    const char *key = sim_stage_key(c, 0, 1), *wrong = sim_stage_unfit;
    if (set_everywhere(c, key, "old")) {
        sim_stage_isolate(c, 2, true);
        if (goes(c, key)) wrong = NULL;
        sim_replicas_run(c, away_s);
        sim_stage_heal(c);
        sim_replicas_run(c, 15);
        if (wrong == NULL) wrong = gone_for_all(c, key);
    }
    sim_replicas_end(c);
    return wrong;
}

/* For so long that what waits for node 2 was given up, and the stub is old enough. */
const char *sim_schedule_deleted_while_away(uint64_t seed, uint32_t rules_off)
{
    return gone_while_away(seed, rules_off, hold_short, delete_now, 12);
}

/* ---- disks ---- */

static void repair_seldom(sim_replicas *c)
{
    c->options.stub_hold_ms = 32000;
    c->options.repair_interval_ms = 20000;
}

/* Stops the node; its disk has this one item then, as an image of an earlier moment. */
static void restart_with(sim_replicas *c, uint32_t number, hc_span key, hc_span item)
{
    sim_replica *n = &c->nodes[number];
    sim_replica_stop(c, number, false);
    hc_status status = hc_store_create(&c->host, &c->store_options, &n->store);
    assert(status == HC_OK);
    status = hc_store_set(n->store, key, item, NULL);
    assert(status == HC_OK);
    (void)status;
    sim_replica_start(c, number, true);
    sim_replicas_tell(c);
}

const char *sim_schedule_old_disk(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off, repair_seldom);
    const char *key = sim_stage_key(c, 0, 1), *wrong = sim_stage_unfit;
    hc_span name = hc_span_make(key, strlen(key));
    uint8_t item[64];
    size_t size = 0;
    if (set_everywhere(c, key, "old") &&
        hc_store_get(c->nodes[2].store, name, item, sizeof item, &size) == HC_OK &&
        delete_now(c, key)) {
        sim_replicas_run(c, 31); /* all rounds of repair were clean, the stub is nearly over */
        restart_with(c, 2, name, hc_span_make(item, size));
        sim_replicas_run(c, 40);
        wrong = gone_for_all(c, key);
    }
    sim_replicas_end(c);
    return wrong;
}

/* ---- G4 ---- */

/* Without hints, so that repair alone finds what differs. */
static void keep_short(sim_replicas *c)
{
    c->options.stub_hold_ms = 1000;
    c->options.stub_keep_ms = 6000;
    c->options.repair_interval_ms = 2000;
}

const char *sim_schedule_stub_gone_early(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off | HCI_RULE_HINTS, keep_short);
    const char *key = sim_stage_key(c, 0, 1), *wrong = sim_stage_unfit;
    if (set_everywhere(c, key, "old")) {
        sim_stage_isolate(c, 2, true);
        if (delete_now(c, key)) wrong = NULL;
        sim_replicas_run(c, 7);  /* shorter than an absence: it was heard for three seconds yet */
        sim_stage_wires(c, 120); /* comparing takes longer than the sweep now */
        sim_stage_heal(c);
        sim_replicas_run(c, 20);
        sim_stage_wires(c, 1);
        sim_replicas_run(c, 5);
        if (wrong == NULL) wrong = gone_for_all(c, key);
    }
    sim_replicas_end(c);
    return wrong;
}

/* ---- G5, G6, G7 ---- */

const char *sim_schedule_empty_voter(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off | HCI_RULE_HINTS, sim_stage_patient);
    const char *key = sim_stage_key(c, 1, 2), *wrong = sim_stage_unfit;
    if (set_everywhere(c, key, "old")) {
        sim_stage_isolate(c, 2, true);
        sim_reply *said = sim_replica_set(c, 1, QUORUM, key, "new");
        sim_replicas_run(c, 7);
        if (sim_stage_done(said)) wrong = NULL;
        sim_stage_heal(c);
        sim_stage_isolate(c, 0, true);
        sim_stage_amnesia(c, 1);
        sim_replicas_run(c, 4);
        const char *read = sim_stage_read(c, 2, key, 5); /* nobody need answer here */
        if (wrong == NULL && read != NULL && strcmp(read, "new") != 0)
            wrong = "a confirmed write is not seen";
    }
    sim_replicas_end(c);
    return wrong;
}

static void patient_keep_short(sim_replicas *c)
{
    sim_stage_patient(c);
    c->options.stub_keep_ms = 6000;
}

/* Node 2 misses a write that the others confirm; then they hear nobody, so long that both doubt all
 * they have, and the only one beyond doubt is the one that missed it. */
const char *sim_schedule_two_absent(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off | HCI_RULE_HINTS, patient_keep_short);
    const char *key = sim_stage_key(c, 0, 1), *wrong = sim_stage_unfit;
    if (set_everywhere(c, key, "old")) {
        sim_stage_isolate(c, 2, true);
        sim_reply *said = sim_replica_set(c, 0, QUORUM, key, "new");
        sim_replicas_run(c, 7); /* longer than a stream waits, shorter than an absence */
        sim_stage_heal(c);
        sim_replicas_run(c, 1);
        sim_stage_part(c, 0, 1, true);
        sim_cut(c->network, 2, 0, true);
        sim_cut(c->network, 2, 1, true);
        sim_replicas_run(c, 12);
        sim_stage_heal(c);
        sim_replicas_run(c, 4);
        const char *read = sim_stage_read(c, 0, key, 20);
        if (sim_stage_done(said)) wrong = NULL;
        if (wrong == NULL && (read == NULL || strcmp(read, "new") != 0))
            wrong = "a confirmed write is not seen";
    }
    sim_replicas_end(c);
    return wrong;
}

static void keep_shorter(sim_replicas *c)
{
    c->options.stub_hold_ms = 1000;
    c->options.stub_keep_ms = 4000;
    c->options.repair_interval_ms = 1000;
}

const char *sim_schedule_long_absence(uint64_t seed, uint32_t rules_off)
{
    return gone_while_away(seed, rules_off, keep_shorter, delete_now, 14);
}

const char *sim_schedule_flushed_while_away(uint64_t seed, uint32_t rules_off)
{
    return gone_while_away(seed, rules_off, hold_short, flush_now, 8);
}
