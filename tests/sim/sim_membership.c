/*
 * sim_membership.c - how fast the dead are found, what gossip costs, who dies by mistake.
 *
 *     build/tests/sim/sim_membership [--quick]
 *
 * Memberships of 3 to 1000 nodes with their defaults, on a network of .1 to 1 ms; all in virtual
 * time, so the figures depend on the seeds alone.  bench/README.md has the table.
 */
#include "support/sim_members.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIALS_MAX 200u
#define STEP_S 0.02

static int before(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct distribution {
    double values[TRIALS_MAX];
    unsigned count;
} distribution;

static double at_percent(distribution *of, unsigned percent)
{
    qsort(of->values, of->count, sizeof *of->values, before);
    return of->values[(of->count - 1) * percent / 100];
}

static void add(distribution *to, double value)
{
    assert(to->count < TRIALS_MAX);
    to->values[to->count++] = value;
}

/* Seconds from a silent death until all say so. */
static double death_time(uint64_t seed, uint32_t nodes)
{
    sim_members *c = sim_members_start(seed, nodes);
    sim_members_run(c, 20);
    sim_members_run(c, (double)test_random_below(&c->random, 1000) / 1000);
    sim_member_stop(c, 1 + (uint32_t)test_random_below(&c->random, nodes - 1));
    uint32_t dead = 0;
    while (c->nodes[dead].members != NULL)
        dead++;
    double took = 0;
    for (; took < 30 && !sim_members_say(c, dead, HC_MEMBER_DEAD); took += STEP_S)
        sim_members_run(c, STEP_S);
    sim_members_end(c);
    return took;
}

/* Seconds until all have heard what one says of itself. */
static double news_time(uint64_t seed, uint32_t nodes)
{
    sim_members *c = sim_members_start(seed, nodes);
    sim_members_run(c, 20);
    hc_node_id id = sim_member_id(1);
    hc_membership_set_ready(c->nodes[1].members, sim_member_now(&c->nodes[1]), true);
    double took = 0;
    for (uint32_t i = 0; i < nodes && took < 30;) {
        if (hc_membership_find(c->nodes[i].members, &id)->ready) {
            i++;
            continue;
        }
        sim_members_run(c, STEP_S);
        took += STEP_S;
    }
    sim_members_end(c);
    return took;
}

/* Bytes a node and second, and deaths, in idle time under this weather. */
static void idle(uint64_t seed, uint32_t nodes, double seconds, unsigned loss_permille,
                 double *bytes_out, unsigned *deaths_out)
{
    sim_members *c = sim_members_start(seed, nodes);
    sim_members_run(c, 30);
    sim_weather_of(c->network)->loss_permille = loss_permille;
    uint64_t before_bytes = sim_counters_of(c->network)->bytes;
    c->deaths = 0;
    sim_members_run(c, seconds);
    *bytes_out = (double)(sim_counters_of(c->network)->bytes - before_bytes) / nodes / seconds;
    *deaths_out = c->deaths;
    sim_members_end(c);
}

/* Deaths told of when up to 4 in 100 nodes stand still for `pause_s` again and again. */
static unsigned pauses(uint64_t seed, uint32_t nodes, unsigned rounds, double pause_s)
{
    sim_members *c = sim_members_start(seed, nodes);
    uint32_t frozen = nodes < 25 ? 1 : nodes * 4 / 100;
    sim_members_run(c, 30);
    c->deaths = 0;
    for (unsigned round = 0; round < rounds; round++) {
        uint32_t first = (uint32_t)test_random_below(&c->random, nodes);
        for (uint32_t i = 0; i < frozen; i++)
            sim_member_freeze(&c->nodes[(first + i) % nodes]);
        sim_members_run(c, pause_s);
        for (uint32_t i = 0; i < frozen; i++)
            sim_member_thaw(&c->nodes[(first + i) % nodes]);
        sim_members_run(c, 10);
    }
    unsigned deaths = c->deaths;
    sim_members_end(c);
    return deaths;
}

static void row(uint32_t nodes, unsigned trials, double idle_s)
{
    static distribution death, news;
    double bytes, bytes_lossy;
    unsigned deaths, deaths_lossy;
    clock_t start = clock();
    death.count = news.count = 0;
    for (unsigned i = 0; i < trials; i++) {
        add(&death, death_time(1000 + i, nodes));
        add(&news, news_time(2000 + i, nodes));
    }
    idle(1, nodes, idle_s, 0, &bytes, &deaths);
    idle(2, nodes, idle_s, 50, &bytes_lossy, &deaths_lossy);
    unsigned paused_1 = pauses(3, nodes, trials, 1), paused_2 = pauses(4, nodes, trials, 2);
    printf("%5u | %5.2f %5.2f | %5.2f %5.2f | %6.0f %6.0f | %u %u in %.0f s | %u %u in %u | %.1f\n",
           nodes, at_percent(&death, 50), at_percent(&death, 99), at_percent(&news, 50),
           at_percent(&news, 99), bytes, bytes_lossy, deaths, deaths_lossy, idle_s, paused_1,
           paused_2, trials, (double)(clock() - start) / CLOCKS_PER_SEC);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    printf(
        "nodes | death told to all, s: p50 p99 | news to all, s: p50 p99 | idle B/node/s, at 5 %% "
        "loss | false deaths idle, at 5 %% loss | of pauses of 1 s, 2 s | CPU s\n");
    row(3, quick ? 10 : 100, quick ? 60 : 3600);
    row(10, quick ? 10 : 100, quick ? 60 : 3600);
    row(100, quick ? 2 : 20, quick ? 30 : 600);
    if (!quick) row(1000, 3, 60);
    return 0;
}
