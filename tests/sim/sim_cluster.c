/*
 * sim_cluster.c - whole clusters under faults, seed by seed, in virtual time.
 *
 *     build/tests/sim/sim_cluster [--seeds N] [--from SEED] [--minutes CPU] [--hours H]
 *                             [--keep-going]
 *     build/tests/sim/sim_cluster --seed SEED [--whole]     one, told if it fails
 *
 * A seed that fails is run again with fewer and fewer faults while it fails, and what is left is
 * told: plan, timeline, the history that cannot be.  The same program, seed and flags give the same
 * run on any machine.  tests/support/sim_trial.h says what is checked.
 */
#include "support/sim_trial.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ALL_KINDS ((1u << SIM_FAULT_KINDS) - 1)

typedef struct sums {
    uint64_t seeds, failed, virtual_ns, events, messages, requests, answered, uncertain, unanswered;
    uint64_t injected[SIM_FAULT_KINDS], histories, operations, too_hard, settled_ms;
} sums;

static volatile uint64_t seed_now;

/* An assertion of the core ends the program: which seed was it? */
static void on_abort(int number)
{
    char text[64];
    (void)number;
    int size = snprintf(text, sizeof text, "aborted in seed %llu\n", (unsigned long long)seed_now);
    (void)!write(STDERR_FILENO, text, (size_t)size);
    (void)signal(SIGABRT, SIG_DFL);
}

static void add(sums *to, const sim_trial_result *r)
{
    to->seeds++;
    to->failed += r->failed;
    to->virtual_ns += r->virtual_ns;
    to->events += r->events;
    to->messages += r->messages;
    to->requests += r->requests;
    to->answered += r->outcomes[0] + r->outcomes[1];
    to->uncertain += r->outcomes[3];
    to->unanswered += r->unanswered;
    to->histories += r->histories;
    to->operations += r->operations;
    to->too_hard += r->too_hard;
    if (r->settled_ms > to->settled_ms) to->settled_ms = r->settled_ms;
    for (unsigned i = 0; i < SIM_FAULT_KINDS; i++)
        to->injected[i] += r->injected[i];
}

static void explain(uint64_t seed, const sim_trial_result *failed, bool whole)
{
    sim_plan plan;
    sim_trial_result again;
    sim_trial_plan(&plan, seed, ALL_KINDS);
    unsigned runs = whole ? 0 : sim_trial_shrink(&plan, 0, failed);
    (void)printf("seed %llu failed; shrunk in %u runs\n", (unsigned long long)seed, runs);
    sim_trial_run(&plan, 0, stdout, &again);
    (void)fflush(stdout);
}

static void report(const sums *of, double cpu_s)
{
    (void)printf("%llu seeds, %llu failed; %.2f simulated hours in %.0f CPU s\n",
                 (unsigned long long)of->seeds, (unsigned long long)of->failed,
                 (double)of->virtual_ns / 3.6e12, cpu_s);
    (void)printf("%llu events, %llu messages, %llu requests answered: %llu done, %llu uncertain; "
                 "%llu never\n",
                 (unsigned long long)of->events, (unsigned long long)of->messages,
                 (unsigned long long)of->requests, (unsigned long long)of->answered,
                 (unsigned long long)of->uncertain, (unsigned long long)of->unanswered);
    (void)printf("%llu histories of %llu operations checked, %llu of them too hard to decide; "
                 "slowest to come to rest: %.1f s\n",
                 (unsigned long long)(of->histories - of->too_hard),
                 (unsigned long long)of->operations, (unsigned long long)of->too_hard,
                 (double)of->settled_ms / 1000);
    (void)printf("checked: %s\nfaults:", SIM_INVARIANTS);
    for (unsigned i = 0; i < SIM_FAULT_KINDS; i++)
        (void)printf("%s %s %llu", i > 0 ? "," : "", sim_fault_name((sim_fault_kind)i),
                     (unsigned long long)of->injected[i]);
    (void)printf("\n");
}

static double cpu_now(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

typedef struct wishes {
    uint64_t from, seeds;
    double minutes, hours; /* of CPU; simulated; 0: as many as the seeds take */
    bool keep_going, whole, verbose;
} wishes;

static bool wishes_read(int argc, char **argv, wishes *w)
{
    *w = (wishes){.from = 1, .seeds = 100};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--keep-going") == 0) {
            w->keep_going = true;
        } else if (strcmp(argv[i], "--whole") == 0) {
            w->whole = true;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            w->verbose = true;
        } else if (value == NULL) {
            return false;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            w->seeds = strtoull(argv[++i], NULL, 0);
        } else if (strcmp(argv[i], "--from") == 0) {
            w->from = strtoull(argv[++i], NULL, 0);
        } else if (strcmp(argv[i], "--seed") == 0) {
            w->from = strtoull(argv[++i], NULL, 0);
            w->seeds = 1;
        } else if (strcmp(argv[i], "--minutes") == 0) {
            w->minutes = strtod(argv[++i], NULL);
            w->seeds = UINT64_MAX;
        } else if (strcmp(argv[i], "--hours") == 0) {
            w->hours = strtod(argv[++i], NULL);
            w->seeds = UINT64_MAX;
        } else {
            return false;
        }
    }
    return true;
}

static bool goes_on(const wishes *w, uint64_t done, uint64_t virtual_ns)
{
    if (w->minutes > 0 && cpu_now() >= w->minutes * 60) return false;
    return done < w->seeds && (w->hours <= 0 || (double)virtual_ns < w->hours * 3.6e12);
}

int main(int argc, char **argv)
{
    wishes w;
    sums all = {0};
    if (!wishes_read(argc, argv, &w)) {
        (void)fprintf(stderr, "usage: sim_cluster [--seeds N] [--from S] [--seed S] [--minutes M] "
                              "[--hours H] [--keep-going] [--whole] [--verbose]\n");
        return 2;
    }
    (void)signal(SIGABRT, on_abort);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (uint64_t i = 0; goes_on(&w, i, all.virtual_ns); i++) {
        sim_plan plan;
        sim_trial_result result;
        seed_now = w.from + i;
        sim_trial_plan(&plan, seed_now, ALL_KINDS);
        sim_trial_run(&plan, 0, NULL, &result);
        add(&all, &result);
        if (w.verbose)
            (void)printf("seed %llu: %.1f s of time, %.1f CPU s so far\n",
                         (unsigned long long)seed_now, (double)result.virtual_ns / 1e9, cpu_now());
        if (!result.failed) continue;
        if (w.keep_going) {
            (void)printf("seed %llu: %s: %s\n", (unsigned long long)seed_now, result.name,
                         result.text);
            (void)fflush(stdout);
            continue;
        }
        explain(seed_now, &result, w.whole);
        break;
    }
    report(&all, cpu_now());
    return all.failed > 0;
}
