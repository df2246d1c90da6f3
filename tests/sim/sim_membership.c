/*
 * sim_membership.c - how fast the dead are found, what gossip costs, who dies by mistake.
 *
 *     build/tests/sim/sim_membership [--quick | NODES]
 *
 * Memberships of 3 to 1000 nodes with their defaults, on a network of .1 to 1 ms; all in virtual
 * time, so the figures depend on the seeds alone.  Each size is one cluster, formed once, in which
 * the trials come one after the other.  bench/README.md has the table.
 */
#include "support/sim_members.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIALS_MAX 200u
#define STEP_S 0.02
#define REST_S 10 /* between two trials of one cluster: its nodes are healthy again */

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

/* ---- one cluster, asked many things ---- */

static bool all_know(const sim_members *c, const hc_node_id *id, bool ready)
{
    for (uint32_t i = 0; i < c->count; i++) {
        const hc_member *found = hc_membership_find(c->nodes[i].members, id);
        if (found == NULL || found->state != HC_MEMBER_ALIVE || found->ready != ready) return false;
    }
    return true;
}

static bool is_formed(const sim_members *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (hc_membership_count(c->nodes[i].members) != c->count) return false;
    }
    return true;
}

/* Seconds until all know all, who start at once and know one of them. */
static sim_members *cluster_form(uint64_t seed, uint32_t nodes, double *took_out)
{
    sim_members *c = sim_members_start(seed, nodes);
    double took = 0;
    for (; took < 120 && !is_formed(c); took += STEP_S)
        sim_members_run(c, STEP_S);
    *took_out = took;
    sim_members_run(c, nodes < 500 ? 20 : 60); /* until nobody has news to tell */
    return c;
}

/* Seconds from a silent death until all say so; then it comes back. */
static double death_time(sim_members *c)
{
    sim_members_run(c, (double)test_random_below(&c->random, 1000) / 1000);
    uint32_t dead = 1 + (uint32_t)test_random_below(&c->random, c->count - 1);
    hc_node_id id = sim_member_id(dead);
    sim_member_stop(c, dead);
    double took = 0;
    for (; took < 30 && !sim_members_say(c, dead, HC_MEMBER_DEAD); took += STEP_S)
        sim_members_run(c, STEP_S);
    sim_member_start(c, dead, dead, hc_span_make(NULL, 0));
    for (double waited = 0; waited < 60 && !all_know(c, &id, false); waited += 1)
        sim_members_run(c, 1);
    sim_members_run(c, REST_S);
    return took;
}

/* Seconds until all have heard what one says of itself. */
static double news_time(sim_members *c)
{
    uint32_t who = (uint32_t)test_random_below(&c->random, c->count);
    hc_node_id id = sim_member_id(who);
    hc_membership *of = c->nodes[who].members;
    bool ready = !hc_membership_at(of, 0)->ready;
    hc_membership_set_ready(of, sim_member_now(&c->nodes[who]), ready);
    double took = 0;
    for (; took < 30 && !all_know(c, &id, ready); took += STEP_S)
        sim_members_run(c, STEP_S);
    hc_membership_set_ready(of, sim_member_now(&c->nodes[who]), false);
    sim_members_run(c, 3);
    return took;
}

/* Bytes a node and second, and deaths, in idle time under this weather. */
static void idle(sim_members *c, double seconds, unsigned loss_permille, double *bytes_out,
                 unsigned *deaths_out)
{
    sim_weather_of(c->network)->loss_permille = loss_permille;
    uint64_t before_bytes = sim_counters_of(c->network)->bytes;
    c->deaths = 0;
    sim_members_run(c, seconds);
    *bytes_out = (double)(sim_counters_of(c->network)->bytes - before_bytes) / c->count / seconds;
    *deaths_out = c->deaths;
    sim_weather_of(c->network)->loss_permille = 0;
    sim_members_run(c, REST_S);
}

/* Deaths told of when up to 4 in 100 nodes stand still for `pause_s` again and again. */
static unsigned pauses(sim_members *c, unsigned rounds, double pause_s)
{
    uint32_t frozen = c->count < 25 ? 1 : c->count * 4 / 100;
    c->deaths = 0;
    for (unsigned round = 0; round < rounds; round++) {
        uint32_t first = (uint32_t)test_random_below(&c->random, c->count);
        for (uint32_t i = 0; i < frozen; i++)
            sim_member_freeze(&c->nodes[(first + i) % c->count]);
        sim_members_run(c, pause_s);
        for (uint32_t i = 0; i < frozen; i++)
            sim_member_thaw(&c->nodes[(first + i) % c->count]);
        sim_members_run(c, REST_S);
    }
    return c->deaths;
}

static void row(uint32_t nodes, unsigned trials, double idle_s)
{
    static distribution death, news;
    double formed, bytes, bytes_lossy;
    unsigned deaths, deaths_lossy;
    clock_t start = clock();
    sim_members *c = cluster_form(nodes, nodes, &formed);
    death.count = news.count = 0;
    for (unsigned i = 0; i < trials; i++) {
        add(&death, death_time(c));
        add(&news, news_time(c));
    }
    idle(c, idle_s, 0, &bytes, &deaths);
    idle(c, idle_s, 50, &bytes_lossy, &deaths_lossy);
    unsigned paused_1 = pauses(c, trials, 1), paused_2 = pauses(c, trials, 2);
    sim_members_end(c);
    printf(
        "| %u | %.2f | %.2f, %.2f | %.2f, %.2f | %.0f; %.0f | %u; %u in %.0f s | %u; %u of %u |\n",
        nodes, formed, at_percent(&death, 50), at_percent(&death, 99), at_percent(&news, 50),
        at_percent(&news, 99), bytes, bytes_lossy, deaths, deaths_lossy, idle_s, paused_1, paused_2,
        trials);
    fflush(stdout);
    (void)fprintf(stderr, "%u nodes: %.1f CPU s\n", nodes,
                  (double)(clock() - start) / CLOCKS_PER_SEC);
}

int main(int argc, char **argv)
{
    static const struct {
        uint32_t nodes;
        unsigned trials, quick_trials;
        double idle_s, quick_idle_s;
    } sizes[] = {{3, 200, 10, 3600, 60},
                 {10, 200, 10, 3600, 60},
                 {100, 100, 5, 600, 30},
                 {1000, 20, 1, 60, 5}};
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    unsigned long only = argc > 1 && !quick ? strtoul(argv[1], NULL, 10) : 0;
    printf(
        "| nodes | formed, s | death told to all, s: p50, p99 | news to all, s: p50, p99 | idle, "
        "B/s a node; at 5 %% loss | false deaths idle; at 5 %% loss | of pauses of 1 s; 2 s |\n"
        "|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (only != 0 && only != sizes[i].nodes) continue;
        row(sizes[i].nodes, quick ? sizes[i].quick_trials : sizes[i].trials,
            quick ? sizes[i].quick_idle_s : sizes[i].idle_s);
    }
    return 0;
}
