/*
 * sim_history.c - a depth-first search for an order that explains all answers.
 *
 * A point of the search is (set of operations that took effect, value of the register).  From it an
 * operation may come next unless another one, still to come, was answered before it was invoked.
 * The search ends when all that were answered have their place; those without an answer are tried
 * last, for most runs can do without them.  Points once left in vain are kept as a hash of 128 bits
 * (taking two points for one is a matter of 1 in 2^80 here) and not entered again.
 */
#include "support/sim_history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct point {
    uint64_t low, high; /* both 0: none */
} point;

typedef struct frame { /* the choice that led to a point */
    size_t op;
    int64_t value; /* before it */
    unsigned way;  /* of applying it, see apply */
} frame;

typedef struct search {
    sim_op ops[SIM_HISTORY_OPS_MAX]; /* by invocation */
    size_t count, answered_left, first_left;
    bool done[SIM_HISTORY_OPS_MAX];
    bool may_vanish;
    int64_t value;
    point set; /* sum of the hashes of what is done */
    frame *stack;
    size_t depth, steps;
    point *seen; /* open addressing */
    size_t seen_count, seen_capacity;
} search;

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void set_toggle(search *s, size_t op, bool is_done)
{
    uint64_t low = mix(op), high = mix(op + SIM_HISTORY_OPS_MAX);
    s->done[op] = is_done;
    s->set.low = is_done ? s->set.low + low : s->set.low - low;
    s->set.high = is_done ? s->set.high + high : s->set.high - high;
    if (s->ops[op].returned_ns == SIM_PENDING) return;
    s->answered_left = is_done ? s->answered_left - 1 : s->answered_left + 1;
}

static void seen_grow(search *s)
{
    point *before = s->seen;
    size_t before_capacity = s->seen_capacity;
    s->seen_capacity = before_capacity == 0 ? 1024 : before_capacity * 2;
    s->seen = calloc(s->seen_capacity, sizeof *s->seen);
    assert(s->seen != NULL);
    for (size_t i = 0; i < before_capacity; i++) {
        if (before[i].low == 0 && before[i].high == 0) continue;
        size_t at = before[i].low & (s->seen_capacity - 1);
        while (s->seen[at].low != 0 || s->seen[at].high != 0)
            at = (at + 1) & (s->seen_capacity - 1);
        s->seen[at] = before[i];
    }
    free(before);
}

/* False: the search has been here. */
static bool seen_add(search *s)
{
    if ((s->seen_count + 1) * 2 > s->seen_capacity) seen_grow(s);
    uint64_t value = (uint64_t)s->value;
    point here = {mix(s->set.low ^ mix(value)), s->set.high + mix(~value)};
    size_t at = here.low & (s->seen_capacity - 1);
    for (; s->seen[at].low != 0 || s->seen[at].high != 0; at = (at + 1) & (s->seen_capacity - 1)) {
        if (s->seen[at].low == here.low && s->seen[at].high == here.high) return false;
    }
    s->seen[at] = here;
    s->seen_count++;
    return true;
}

/* Would `op` answer so of this value?  An operation without an answer never minds. */
static bool apply(const sim_op *op, int64_t *value)
{
    bool known = op->returned_ns != SIM_PENDING;
    switch (op->kind) {
    case SIM_READ:
        return !known || op->result == *value;
    case SIM_WRITE:
        *value = op->argument;
        return true;
    case SIM_CAS: {
        bool holds = *value == op->expected;
        if (known && holds != (op->result != 0)) return false;
        if (holds) *value = op->argument;
        return true;
    }
    case SIM_INCREMENT:
        *value = (*value == SIM_ABSENT ? 0 : *value) + op->argument;
        return !known || op->result == *value;
    case SIM_OP_KINDS:
        break;
    }
    return false;
}

/* The latest invocation that may come next: the earliest answer among those still to come. */
static uint64_t horizon(search *s)
{
    while (s->first_left > 0 && !s->done[s->first_left - 1])
        s->first_left--;
    while (s->first_left < s->count && s->done[s->first_left])
        s->first_left++;
    uint64_t earliest = SIM_PENDING;
    for (size_t i = s->first_left; i < s->count && s->ops[i].invoked_ns <= earliest; i++) {
        if (!s->done[i] && s->ops[i].returned_ns < earliest) earliest = s->ops[i].returned_ns;
    }
    return earliest;
}

/* Choices in their order: answered ones, then others; each as it is (way 0), then after the value
 * vanished (way 1).  Their number in one figure, so that a search goes on where it stopped. */
static bool step_down(search *s, size_t *choice)
{
    uint64_t until = horizon(s);
    size_t ways = s->may_vanish ? 2 : 1;
    for (; *choice < s->count * ways * 2; (*choice)++) {
        bool pending = *choice >= s->count * ways;
        size_t i = *choice % (s->count * ways) / ways, way = *choice % ways;
        if (i < s->first_left) { /* all of these are done */
            *choice = (pending ? s->count * ways : 0) + s->first_left * ways - 1;
            continue;
        }
        const sim_op *op = &s->ops[i];
        if (op->invoked_ns > until) { /* and so are all later ones */
            if (pending) return false;
            *choice = s->count * ways - 1;
            continue;
        }
        if (s->done[i] || pending != (op->returned_ns == SIM_PENDING)) continue;
        if (way == 1 && s->value == SIM_ABSENT) continue;
        int64_t before = s->value, value = way == 1 ? SIM_ABSENT : before;
        if (!apply(op, &value) || (pending && value == before)) continue;
        set_toggle(s, i, true);
        s->value = value;
        if (seen_add(s)) {
            s->stack[s->depth++] = (frame){.op = i, .value = before, .way = (unsigned)way};
            return true;
        }
        s->value = before;
        set_toggle(s, i, false);
    }
    return false;
}

static size_t step_up(search *s)
{
    frame last = s->stack[--s->depth];
    size_t ways = s->may_vanish ? 2 : 1;
    set_toggle(s, last.op, false);
    s->value = last.value;
    s->first_left = last.op < s->first_left ? last.op : s->first_left;
    bool pending = s->ops[last.op].returned_ns == SIM_PENDING;
    return (pending ? s->count * ways : 0) + last.op * ways + last.way + 1;
}

static int by_invocation(const void *a, const void *b)
{
    const sim_op *x = a, *y = b;
    if (x->invoked_ns != y->invoked_ns) return x->invoked_ns < y->invoked_ns ? -1 : 1;
    if (x->returned_ns != y->returned_ns) return x->returned_ns < y->returned_ns ? -1 : 1;
    return (x->client > y->client) - (x->client < y->client);
}

sim_verdict sim_history_check(const sim_history *of)
{
    search *s = calloc(1, sizeof *s);
    assert(s != NULL && of->count <= SIM_HISTORY_OPS_MAX);
    for (size_t i = 0; i < of->count; i++) { /* a read without an answer says nothing */
        if (of->ops[i].kind == SIM_READ && of->ops[i].returned_ns == SIM_PENDING) continue;
        s->ops[s->count++] = of->ops[i];
        if (of->ops[i].returned_ns != SIM_PENDING) s->answered_left++;
    }
    qsort(s->ops, s->count, sizeof *s->ops, by_invocation);
    s->may_vanish = of->may_vanish;
    s->value = SIM_ABSENT;
    s->stack = calloc(s->count + 1, sizeof *s->stack);
    assert(s->stack != NULL);
    sim_verdict verdict = SIM_LINEARIZABLE;
    size_t choice = 0;
    while (s->answered_left > 0) {
        if (++s->steps > SIM_HISTORY_STEPS_MAX) {
            verdict = SIM_TOO_HARD;
            break;
        }
        if (step_down(s, &choice)) {
            choice = 0;
        } else if (s->depth > 0) {
            choice = step_up(s);
        } else {
            verdict = SIM_BROKEN;
            break;
        }
    }
    free(s->seen);
    free(s->stack);
    free(s);
    return verdict;
}

/* ---- showing what is wrong ---- */

/* The history as it was known at `until`. */
static void cut_at(const sim_history *of, uint64_t until, sim_history *to)
{
    to->may_vanish = of->may_vanish;
    to->count = 0;
    for (size_t i = 0; i < of->count; i++) {
        sim_op op = of->ops[i];
        if (op.invoked_ns > until) continue;
        if (op.returned_ns > until) op.returned_ns = SIM_PENDING;
        if (op.kind == SIM_READ && op.returned_ns == SIM_PENDING) continue;
        to->ops[to->count++] = op;
    }
}

static bool changed_nothing(const sim_op *op)
{
    return op->kind == SIM_READ ||
           (op->kind == SIM_CAS && op->returned_ns != SIM_PENDING && op->result == 0);
}

void sim_history_shrink(sim_history *broken)
{
    sim_history *trial = malloc(sizeof *trial);
    assert(trial != NULL);
    uint64_t earliest = SIM_PENDING;
    for (size_t i = 0; i < broken->count; i++) { /* the earliest answer that cannot be */
        uint64_t until = broken->ops[i].returned_ns;
        if (until >= earliest) continue;
        cut_at(broken, until, trial);
        if (sim_history_check(trial) == SIM_BROKEN) earliest = until;
    }
    if (earliest != SIM_PENDING) {
        cut_at(broken, earliest, trial);
        *broken = *trial;
    }
    for (size_t i = broken->count; i-- > 0;) {
        if (!changed_nothing(&broken->ops[i])) continue;
        *trial = *broken;
        trial->count--;
        memmove(&trial->ops[i], &trial->ops[i + 1], (trial->count - i) * sizeof trial->ops[0]);
        if (sim_history_check(trial) == SIM_BROKEN) *broken = *trial;
    }
    free(trial);
}

static const char *value_text(int64_t value, char text[24])
{
    if (value == SIM_ABSENT) return "absent";
    (void)snprintf(text, 24, "%lld", (long long)value);
    return text;
}

void sim_history_print(const sim_history *of, FILE *to)
{
    static const char *const names[SIM_OP_KINDS] = {"read", "write", "cas", "increment"};
    sim_history *sorted = malloc(sizeof *sorted);
    assert(sorted != NULL);
    *sorted = *of;
    qsort(sorted->ops, sorted->count, sizeof sorted->ops[0], by_invocation);
    for (size_t i = 0; i < sorted->count; i++) {
        const sim_op *op = &sorted->ops[i];
        char a[24], b[24];
        bool known = op->returned_ns != SIM_PENDING;
        (void)fprintf(to, "    %10.3f .. ", (double)op->invoked_ns / 1e6);
        if (known) (void)fprintf(to, "%10.3f", (double)op->returned_ns / 1e6);
        (void)fprintf(to, "%s client %u  %s", known ? "" : "          ", op->client,
                      names[op->kind]);
        if (op->kind != SIM_READ) (void)fprintf(to, " %s", value_text(op->argument, a));
        if (op->kind == SIM_CAS) (void)fprintf(to, " if %s", value_text(op->expected, b));
        if (!known) (void)fprintf(to, ": not known");
        if (known && op->kind == SIM_CAS) (void)fprintf(to, op->result ? ": done" : ": not so");
        if (known && (op->kind == SIM_READ || op->kind == SIM_INCREMENT))
            (void)fprintf(to, ": %s", value_text(op->result, a));
        (void)fprintf(to, "\n");
    }
    free(sorted);
}
