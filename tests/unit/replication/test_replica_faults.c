/*
 * test_replica_faults.c - clusters under cuts, restarts without memory and full stops, from seeds:
 * afterwards all nodes agree, counters lie between what was confirmed and what may have been
 * applied, confirmed values are there, and what was deleted stays so.
 *
 * REPLICA_SEEDS=n in the environment runs more of them.
 */
#include "replication/replication_internal.h"
#include "support/sim_replicas.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNTERS 3u
#define REGISTERS 3u
#define STEPS 120u

typedef struct faults {
    sim_replicas *c;
    uint64_t seed;
    int amnesiac; /* at most one node at a time is without its data; -1: none */
    uint64_t amnesiac_until;
    sim_reply *adds[COUNTERS][STEPS * 2];
    unsigned add_count[COUNTERS];
    sim_reply *sets[REGISTERS][STEPS * 2];
    unsigned set_count[REGISTERS];
} faults;

static uint32_t below(faults *f, uint32_t bound)
{
    return (uint32_t)test_random_below(sim_random(f->c->network), bound);
}

static bool has_data(const sim_replicas *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->nodes[i].replica == NULL || !c->nodes[i].ready) return false;
    }
    return true;
}

static void fault(faults *f)
{
    sim_replicas *c = f->c;
    uint32_t one = below(f, c->count), other = below(f, c->count);
    switch (below(f, 8)) {
    case 0:
        sim_cut(c->network, one, other, one != other);
        break;
    case 1: {
        bool group[SIM_REPLICAS_MAX];
        for (uint32_t i = 0; i < c->count; i++)
            group[i] = below(f, 2) == 0;
        sim_split(c->network, group);
        break;
    }
    case 2:
    case 3:
    case 4:
        sim_split(c->network, NULL);
        break;
    case 5: /* one loses its memory, when all others have theirs */
        if (!has_data(c)) break;
        sim_replica_stop(c, one, false);
        sim_replica_start(c, one, false);
        sim_replicas_tell(c);
        break;
    default:
        break;
    }
}

static void work(faults *f)
{
    sim_replicas *c = f->c;
    uint32_t at = below(f, c->count), which = below(f, COUNTERS);
    char key[16], value[16];
    if (c->nodes[at].replica == NULL) return;
    if (below(f, 2) == 0) {
        (void)snprintf(key, sizeof key, "counter%u", which);
        f->adds[which][f->add_count[which]++] =
            sim_replica_ask(c, at, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, key, "+1");
    } else {
        (void)snprintf(key, sizeof key, "register%u", which);
        (void)snprintf(value, sizeof value, "%u", f->set_count[which]);
        bool deletes = below(f, 4) == 0;
        f->sets[which][f->set_count[which]++] =
            sim_replica_ask(c, at, deletes ? HC_REQUEST_DELETE : HC_REQUEST_SET, HC_LEVEL_QUORUM,
                            key, deletes ? "" : value);
    }
    (void)snprintf(key, sizeof key, "loose%u", below(f, 8));
    (void)sim_replica_ask(c, at, below(f, 3) == 0 ? HC_REQUEST_DELETE : HC_REQUEST_SET,
                          HC_LEVEL_ONE, key, "x");
}

static bool counters_hold(faults *f)
{
    bool good = true;
    for (uint32_t k = 0; k < COUNTERS; k++) {
        long long acked = 0, unsure = 0;
        char key[16];
        for (unsigned i = 0; i < f->add_count[k]; i++) {
            const sim_reply *said = f->adds[k][i];
            acked += said->said && said->outcome == HC_OUTCOME_DONE;
            unsure += !said->said || said->outcome == HC_OUTCOME_UNCERTAIN;
        }
        (void)snprintf(key, sizeof key, "counter%u", k);
        sim_reply read = sim_replica_do(f->c, 0, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "");
        long long got = strtoll(read.value, NULL, 10);
        bool answered = read.outcome == HC_OUTCOME_DONE || read.outcome == HC_OUTCOME_ABSENT;
        if (answered && got >= acked && got <= acked + unsure) continue;
        print_message("seed %llu: %s is %lld (outcome %d), %lld confirmed, %lld unsure\n",
                      (unsigned long long)f->seed, key, got, (int)read.outcome, acked, unsure);
        good = false;
    }
    return good;
}

/* What is read is of the newest confirmed write, or of one that is newer still. */
static bool registers_hold(faults *f)
{
    bool good = true;
    for (uint32_t k = 0; k < REGISTERS; k++) {
        uint64_t newest = 0;
        char key[16];
        for (unsigned i = 0; i < f->set_count[k]; i++) {
            const sim_reply *said = f->sets[k][i];
            bool wrote = said->said && said->outcome == HC_OUTCOME_DONE;
            if (wrote && said->version > newest) newest = said->version;
        }
        (void)snprintf(key, sizeof key, "register%u", k);
        sim_reply read = sim_replica_do(f->c, 1, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "");
        bool answered = read.outcome == HC_OUTCOME_DONE || read.outcome == HC_OUTCOME_ABSENT;
        if (answered && (read.version >= newest || read.version == 0)) continue;
        print_message("seed %llu: %s has version %llx (outcome %d), confirmed was %llx\n",
                      (unsigned long long)f->seed, key, (unsigned long long)read.version,
                      (int)read.outcome, (unsigned long long)newest);
        good = false;
    }
    return good;
}

static bool seed_run(uint64_t seed, uint32_t nodes, uint32_t rules_off)
{
    faults f = {.seed = seed};
    f.c = sim_replicas_make(seed, nodes);
    f.c->options.replicas = nodes;
    f.c->options.repair_interval_ms = 2000;
    for (uint32_t i = 0; i < nodes; i++)
        sim_replica_start(f.c, i, false);
    sim_replicas_tell(f.c);
    sim_replicas_run(f.c, 3);
    for (unsigned step = 0; step < STEPS; step++) {
        for (uint32_t i = 0; i < nodes; i++) {
            if (f.c->nodes[i].replica != NULL)
                hci_replica_rules_off(f.c->nodes[i].replica, rules_off);
        }
        if (below(&f, 3) == 0) fault(&f);
        work(&f);
        work(&f);
        sim_replicas_run(f.c, (double)below(&f, 400) / 1000);
    }
    sim_split(f.c->network, NULL);
    bool agree = false;
    for (unsigned i = 0; i < 60 && !agree; i++) {
        sim_replicas_run(f.c, 2);
        agree = i > 5 && sim_replicas_agree(f.c);
    }
    if (!agree) print_message("seed %llu: nodes do not agree\n", (unsigned long long)seed);
    bool good = agree && counters_hold(&f) && registers_hold(&f);
    sim_replicas_end(f.c);
    return good;
}

static void test_faults_lose_and_double_nothing(void **state)
{
    (void)state;
    const char *text = getenv("REPLICA_SEEDS"), *off = getenv("REPLICA_RULES_OFF"),
               *first_text = getenv("REPLICA_FIRST");
    unsigned seeds = text != NULL ? (unsigned)strtoul(text, NULL, 10) : 12, bad = 0;
    unsigned first = first_text != NULL ? (unsigned)strtoul(first_text, NULL, 10) : 1;
    uint32_t rules_off = off != NULL ? (uint32_t)strtoul(off, NULL, 0) : 0;
    for (unsigned seed = first; seed < first + seeds; seed++)
        bad += !seed_run(seed, seed % 4 == 0 ? 5 : 3, rules_off);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_lose_and_double_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
