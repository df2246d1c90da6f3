/* sim_schedules_changes.c - changes of the ring, confirmations, and equal versions. */
#include "support/sim_schedules.h"
#include "support/sim_stage.h"

#include <stdio.h>
#include <string.h>

#define QUORUM HC_LEVEL_QUORUM
#define EQUALS 20u

static const char *const unseen = "a confirmed write is not seen";

/* ---- joint ---- */

static void three_and_a_joiner(sim_replicas *c)
{
    sim_stage_patient(c);
    c->members[3].ring = HC_RING_JOINING;
    c->options.replicas = 3;
}

/* Node 3 joins.  A key that 0, 1 and 2 hold now, 0 first, and 0, 1 and 3 then. */
static const char *key_that_moves(uint64_t seed)
{
    static char text[32];
    sim_replicas *c = sim_stage_set(seed, 4, 0, three_and_a_joiner);
    sim_replica_start(c, 3, false);
    sim_replicas_tell(c);
    for (unsigned i = 0;; i++) {
        (void)snprintf(text, sizeof text, "key:%u", i);
        hc_replica_slot s = {.size = sizeof s};
        hc_replica_slot_get(c->nodes[0].replica, hc_ring_slot(hc_span_make(text, strlen(text))),
                            &s);
        bool stays = false, goes = true, comes = false;
        for (uint32_t k = 0; k < s.next_count; k++) {
            stays = stays || s.next[k].bytes[0] == 2;
            goes = goes && s.next[k].bytes[0] != 3;
            comes = comes || s.next[k].bytes[0] == 4;
        }
        if (s.holders[0].bytes[0] == 1 && stays && goes && comes) break;
    }
    sim_replicas_end(c);
    return text;
}

const char *sim_schedule_quorum_of_old(uint64_t seed, uint32_t rules_off)
{
    const char *key = key_that_moves(seed), *wrong = sim_stage_unfit;
    sim_replicas *c = sim_stage_set(seed, 4, rules_off, three_and_a_joiner);
    sim_reply *old = sim_replica_set(c, 0, HC_LEVEL_ALL, key, "old");
    sim_replicas_run(c, 1);
    sim_cut(c->network, 0, 1, true);
    sim_stage_wires(c, 2000); /* the write takes long to node 2, and in the meantime */
    sim_reply *said = sim_replica_set(c, 0, QUORUM, key, "new");
    sim_stage_wires(c, 1);
    sim_replica_start(c, 3, false); /* node 3 gets its data from 1 and 2 */
    for (uint32_t i = 1; i < 4; i++)
        sim_replica_tell(&c->nodes[i]);
    sim_replicas_run(c, 3);
    sim_replica_tell(&c->nodes[0]);
    sim_replicas_run(c, 1.5);
    if (sim_stage_done(old) && c->nodes[3].may_flip) wrong = NULL;
    bool confirmed = sim_stage_done(said);
    sim_stage_isolate(c, 0, true);
    c->members[3].ring = HC_RING_ACTIVE;
    sim_replicas_tell(c);
    sim_replicas_run(c, 5);
    const char *read = sim_stage_read(c, 1, key, 20);
    if (wrong == NULL && (read == NULL || (confirmed && strcmp(read, "new") != 0))) wrong = unseen;
    sim_replicas_end(c);
    return wrong;
}

/* Node 2 is cut off while node 3 takes the key over from it, and hears of that change and of the
 * next one, which gives the key back, at once. */
const char *sim_schedule_missed_change(uint64_t seed, uint32_t rules_off)
{
    const char *key = key_that_moves(seed), *wrong = sim_stage_unfit;
    sim_replicas *c = sim_stage_set(seed, 4, rules_off, three_and_a_joiner);
    sim_reply *old = sim_replica_set(c, 0, HC_LEVEL_ALL, key, "old");
    sim_replicas_run(c, 1);
    sim_replica_start(c, 3, false);
    sim_replicas_tell(c);
    sim_replicas_run(c, 3);
    bool joins = c->nodes[3].may_flip;
    sim_stage_isolate(c, 2, true);
    c->members[3].ring = HC_RING_ACTIVE;
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 2) sim_replica_tell(&c->nodes[i]);
    }
    sim_replicas_run(c, 4);
    sim_stage_part(c, 0, 1, true);
    sim_reply *said = sim_replica_set(c, 0, QUORUM, key, "new"); /* by 0 and 3 */
    sim_replicas_run(c, 0.5);
    c->members[3].ring = HC_RING_LEAVING;
    sim_stage_isolate(c, 2, false);
    sim_replicas_tell(c);
    sim_replicas_run(c, 2);
    if (sim_stage_done(old) && sim_stage_done(said) && joins && c->nodes[3].may_flip) wrong = NULL;
    sim_replica_stop(c, 3, false);
    c->members[3].ring = HC_RING_OUT;
    sim_stage_isolate(c, 0, true);
    sim_replicas_tell(c);
    sim_replicas_run(c, 5);
    const char *read = sim_stage_read(c, 1, key, 20);
    if (wrong == NULL && (read == NULL || strcmp(read, "new") != 0)) wrong = unseen;
    sim_replicas_end(c);
    return wrong;
}

/* Node 3 joins, and tells node 0 alone that it is done; these two confirm a write, and then node 3
 * dies and node 0 is not heard.  The others take node 3 out, as if it had never joined. */
const char *sim_schedule_join_called_off(uint64_t seed, uint32_t rules_off)
{
    const char *key = key_that_moves(seed), *wrong = sim_stage_unfit;
    sim_replicas *c = sim_stage_set(seed, 4, rules_off, three_and_a_joiner);
    sim_reply *old = sim_replica_set(c, 0, HC_LEVEL_ALL, key, "old");
    sim_replicas_run(c, 1);
    sim_replica_start(c, 3, false);
    sim_replicas_tell(c);
    sim_replicas_run(c, 3);
    bool joins = c->nodes[3].may_flip, group[4] = {true, false, false, true};
    sim_split(c->network, group);
    c->members[3].ring = HC_RING_ACTIVE;
    sim_replica_tell(&c->nodes[0]);
    sim_replica_tell(&c->nodes[3]);
    sim_replicas_run(c, 1);
    sim_reply *said = sim_replica_set(c, 0, QUORUM, key, "new");
    sim_replicas_run(c, 1);
    if (sim_stage_done(old) && sim_stage_done(said) && joins) wrong = NULL;
    sim_replica_stop(c, 3, false);
    c->members[3].ring = HC_RING_OUT;
    c->members[3].state = HC_MEMBER_DEAD;
    sim_replica_tell(&c->nodes[1]);
    sim_replica_tell(&c->nodes[2]);
    sim_replicas_run(c, 5);
    const char *read = sim_stage_read(c, 1, key, 5);
    if (wrong == NULL && read != NULL && strcmp(read, "new") != 0) wrong = unseen;
    sim_stage_heal(c);
    sim_replicas_tell(c);
    sim_replicas_run(c, 5);
    read = sim_stage_read(c, 1, key, 20);
    if (wrong == NULL && (read == NULL || strcmp(read, "new") != 0)) wrong = unseen;
    sim_replicas_end(c);
    return wrong;
}

/* ---- confirmations, ties ---- */

const char *sim_schedule_unconfirmed(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off, sim_stage_patient);
    const char *key = sim_stage_key(c, 0, 1), *wrong = NULL;
    sim_stage_isolate(c, 0, true);
    sim_reply *said = sim_replica_set(c, 0, QUORUM, key, "new");
    sim_replicas_run(c, 1);
    bool confirmed = sim_stage_done(said);
    sim_stage_heal(c);
    sim_stage_amnesia(c, 0);
    sim_replicas_run(c, 8);
    const char *read = sim_stage_read(c, 1, key, 20);
    if (read == NULL || (confirmed && strcmp(read, "new") != 0)) wrong = unseen;
    sim_replicas_end(c);
    return wrong;
}

static void one_tag(sim_replicas *c)
{
    sim_stage_patient(c);
    c->members[1].tag = c->members[0].tag;
}

static bool same_bytes(sim_replicas *c, hc_span key)
{
    uint8_t items[3][64];
    size_t sizes[3] = {0, 0, 0};
    for (uint32_t i = 0; i < 3; i++)
        (void)hc_store_get(c->nodes[i].store, key, items[i], sizeof items[i], &sizes[i]);
    bool same = sizes[0] == sizes[1] && sizes[1] == sizes[2] && sizes[0] > 0;
    return same && memcmp(items[0], items[1], sizes[0]) == 0 &&
           memcmp(items[1], items[2], sizes[0]) == 0;
}

const char *sim_schedule_equal_versions(uint64_t seed, uint32_t rules_off)
{
    sim_replicas *c = sim_stage_set(seed, 3, rules_off, one_tag);
    const char *wrong = NULL;
    unsigned equal = 0;
    char key[16];
    sim_stage_part(c, 0, 1, true);
    sim_replicas_run(c, 4);
    for (unsigned i = 0; i < EQUALS; i++) {
        (void)snprintf(key, sizeof key, "equal:%u", i);
        sim_replicas_run(c, 0.01);
        sim_reply *a = sim_replica_set(c, 0, HC_LEVEL_ONE, key, "left");
        sim_reply *b = sim_replica_set(c, 1, HC_LEVEL_ONE, key, "right");
        equal += a->said && b->said && a->version == b->version;
    }
    sim_stage_heal(c);
    sim_replicas_run(c, 12);
    for (unsigned i = 0; i < EQUALS && wrong == NULL; i++) {
        (void)snprintf(key, sizeof key, "equal:%u", i);
        if (!same_bytes(c, hc_span_make(key, strlen(key)))) wrong = "nodes differ for ever";
    }
    sim_replicas_end(c);
    return equal > 0 ? wrong : sim_stage_unfit;
}
