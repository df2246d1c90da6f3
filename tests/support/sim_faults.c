/*
 * sim_faults.c - plans drawn from a seed; shrinking takes halves away, then quarters, down to
 * single faults (delta debugging: Zeller 1999), then halves the time that each of them lasts.
 */
#include "support/sim_faults.h"

#include "support/test_random.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[SIM_FAULT_KINDS] = {
#define X(name, text, help) text,
    SIM_FAULT_KINDS_LIST(X)
#undef X
};

const char *sim_fault_name(sim_fault_kind kind)
{
    return names[kind];
}

bool sim_fault_kills(sim_fault_kind kind)
{
    return kind == SIM_FAULT_KILL || kind == SIM_FAULT_STALE_DISK || kind == SIM_FAULT_TORN_DISK ||
           kind == SIM_FAULT_AMNESIA || kind == SIM_FAULT_MOVE;
}

static uint32_t below(test_random *random, uint32_t bound)
{
    return (uint32_t)test_random_below(random, bound);
}

static uint32_t amount_of(test_random *random, sim_fault_kind kind, uint32_t nodes)
{
    switch (kind) {
    case SIM_FAULT_LOSS:
    case SIM_FAULT_DOUBLE:
        return 10 + below(random, below(random, 3) == 0 ? 400 : 60);
    case SIM_FAULT_REORDER:
        return 5 + below(random, 100);
    case SIM_FAULT_TAIL:
        return 5 + below(random, 200);
    case SIM_FAULT_CORRUPT:
        return 1 + below(random, 50);
    case SIM_FAULT_SPLIT:
        return 1 + below(random, (1u << nodes) - 2);
    case SIM_FAULT_CLOCK_JUMP:
        return below(random, 2) ? 1700 + below(random, 600) : below(random, 4000);
    case SIM_FAULT_CLOCK_DRIFT:
        return below(random, 40000);
    case SIM_FAULT_CLOCK_STROBE:
        return 1 + below(random, below(random, 2) ? 400 : 4000);
    default:
        return 0;
    }
}

static sim_fault fault_make(test_random *random, sim_fault_kind kind, uint32_t nodes,
                            uint32_t length_ms)
{
    sim_fault made = {.kind = kind,
                      .at_ms = below(random, length_ms * 9 / 10),
                      .node = below(random, nodes),
                      .amount = amount_of(random, kind, nodes)};
    made.other = (made.node + 1 + below(random, nodes - 1)) % nodes;
    /* Mostly shorter than it takes to be found dead, often longer. */
    made.for_ms = 20 + below(random, below(random, 3) == 0 ? 300 : 8000);
    return made;
}

static int by_time(const void *a, const void *b)
{
    const sim_fault *x = a, *y = b;
    if (x->at_ms != y->at_ms) return x->at_ms < y->at_ms ? -1 : 1;
    return (x->kind > y->kind) - (x->kind < y->kind);
}

void sim_plan_make(sim_plan *plan, uint64_t seed, uint32_t nodes, uint32_t length_ms,
                   uint32_t kinds)
{
    test_random random;
    sim_fault_kind drawn[SIM_FAULT_KINDS], chosen[4];
    size_t drawn_count = 0, chosen_count = 0;
    assert(nodes >= 2 && length_ms >= 1000);
    test_random_init_quiet(&random, seed * 2 + 1);
    *plan = (sim_plan){.seed = seed, .nodes = nodes, .length_ms = length_ms};
    for (unsigned kind = 0; kind < SIM_FAULT_KINDS; kind++) {
        if (kinds >> kind & 1) drawn[drawn_count++] = (sim_fault_kind)kind;
    }
    if (drawn_count == 0) return;
    for (size_t want = 1 + below(&random, 4); chosen_count < want; chosen_count++)
        chosen[chosen_count] = drawn[below(&random, (uint32_t)drawn_count)];
    /* One fault every two seconds or so; some runs have twice that, and none is left out. */
    uint32_t most = length_ms / (below(&random, 2) ? 1000 : 2500) + 2;
    if (most > SIM_FAULTS_MAX) most = SIM_FAULTS_MAX;
    plan->count = 1 + below(&random, most);
    for (size_t i = 0; i < plan->count; i++)
        plan->faults[i] = fault_make(&random, chosen[i % chosen_count], nodes, length_ms);
    qsort(plan->faults, plan->count, sizeof plan->faults[0], by_time);
}

/* ---- shrinking ---- */

typedef struct shrinking {
    bool (*still_fails)(void *ctx, const sim_plan *plan);
    void *ctx;
    unsigned runs;
} shrinking;

static bool try_plan(shrinking *s, sim_plan *plan, const sim_plan *trial)
{
    if (s->runs >= SIM_SHRINK_RUNS_MAX) return false;
    s->runs++;
    if (!s->still_fails(s->ctx, trial)) return false;
    *plan = *trial;
    return true;
}

static bool remove_part(shrinking *s, sim_plan *plan, size_t first, size_t count)
{
    sim_plan trial = *plan;
    size_t after = plan->count - first - count;
    memmove(&trial.faults[first], &trial.faults[first + count], after * sizeof trial.faults[0]);
    trial.count -= count;
    return try_plan(s, plan, &trial);
}

unsigned sim_plan_shrink(sim_plan *plan, bool (*still_fails)(void *ctx, const sim_plan *plan),
                         void *ctx)
{
    shrinking s = {.still_fails = still_fails, .ctx = ctx};
    if (plan->count > 0 && remove_part(&s, plan, 0, plan->count)) return s.runs;
    for (size_t part = (plan->count + 1) / 2; part > 0 && plan->count > 1; part /= 2) {
        for (size_t first = 0; first < plan->count;) {
            size_t count = part < plan->count - first ? part : plan->count - first;
            if (!remove_part(&s, plan, first, count)) first += count;
        }
    }
    for (size_t i = 0; i < plan->count; i++) {
        for (sim_plan trial = *plan; trial.faults[i].for_ms > 40; trial = *plan) {
            trial.faults[i].for_ms /= 2;
            if (!try_plan(&s, plan, &trial)) break;
        }
    }
    return s.runs;
}

void sim_plan_print(const sim_plan *plan, FILE *to)
{
    (void)fprintf(to, "  plan of seed %llu: %u nodes, %u ms, %zu faults\n",
                  (unsigned long long)plan->seed, plan->nodes, plan->length_ms, plan->count);
    for (size_t i = 0; i < plan->count; i++) {
        const sim_fault *f = &plan->faults[i];
        (void)fprintf(to, "    %6u ms  %-15s for %5u ms  node %u, other %u, amount %u\n", f->at_ms,
                      names[f->kind], f->for_ms, f->node, f->other, f->amount);
    }
}
