/* test_sim_history.c - the checker of histories, against good ones, bad ones, and all orders. */
#include "support/sim_history.h"
#include "support/test_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define NONE SIM_ABSENT

typedef struct example {
    const char *name;
    bool may_vanish;
    sim_op ops[8];
} example;

#define READ(c, from, to, value)                                                                   \
    {                                                                                              \
        .kind = SIM_READ, .client = c, .invoked_ns = (from)*MS, .returned_ns = (to)*MS,            \
        .result = value                                                                            \
    }
#define WRITE(c, from, to, value)                                                                  \
    {                                                                                              \
        .kind = SIM_WRITE, .client = c, .invoked_ns = (from)*MS, .returned_ns = (to)*MS,           \
        .argument = value                                                                          \
    }
#define LOST_WRITE(c, from, value)                                                                 \
    {                                                                                              \
        .kind = SIM_WRITE, .client = c, .invoked_ns = (from)*MS, .returned_ns = SIM_PENDING,       \
        .argument = value                                                                          \
    }
#define CAS(c, from, to, want, value, done)                                                        \
    {                                                                                              \
        .kind = SIM_CAS, .client = c, .invoked_ns = (from)*MS, .returned_ns = (to)*MS,             \
        .expected = want, .argument = value, .result = done                                        \
    }
#define ADD(c, from, to, sum)                                                                      \
    {                                                                                              \
        .kind = SIM_INCREMENT, .client = c, .invoked_ns = (from)*MS, .returned_ns = (to)*MS,       \
        .argument = 1, .result = sum                                                               \
    }

static const example good[] = {
    {"nothing", false, {{0}}},
    {"a read before any write", false, {READ(1, 1, 2, NONE)}},
    {"write, then read", false, {WRITE(1, 1, 2, 7), READ(2, 3, 4, 7)}},
    {"a read beside a write sees either",
     false,
     {WRITE(1, 1, 9, 7), READ(2, 2, 3, NONE), READ(2, 4, 5, 7)}},
    {"two writes at once, in either order",
     false,
     {WRITE(1, 1, 9, 7), WRITE(2, 1, 9, 8), READ(3, 10, 11, 7)}},
    {"a write without an answer is seen late",
     false,
     {LOST_WRITE(1, 1, 7), READ(2, 2, 3, NONE), READ(2, 40, 50, 7)}},
    {"a write without an answer is never seen", false, {LOST_WRITE(1, 1, 7), READ(2, 2, 3, NONE)}},
    {"delete", false, {WRITE(1, 1, 2, 7), WRITE(1, 3, 4, NONE), READ(1, 5, 6, NONE)}},
    {"one of two takes the lock",
     false,
     {CAS(1, 1, 5, NONE, 7, 1), CAS(2, 1, 5, NONE, 8, 0), READ(1, 6, 7, 7)}},
    {"sums of two at once", false, {ADD(1, 1, 9, 2), ADD(2, 1, 9, 1), ADD(1, 10, 11, 3)}},
    {"evicted", true, {WRITE(1, 1, 2, 7), READ(2, 3, 4, NONE), CAS(2, 5, 6, NONE, 9, 1)}},
};

static const example bad[] = {
    {"a value from nowhere", false, {READ(1, 1, 2, 7)}},
    {"a lost write", false, {WRITE(1, 1, 2, 7), READ(2, 3, 4, NONE)}},
    {"an old value", false, {WRITE(1, 1, 2, 7), WRITE(1, 3, 4, 8), READ(2, 5, 6, 7)}},
    {"new, then old, beside a write",
     false,
     {WRITE(1, 1, 2, 7), WRITE(1, 3, 9, 8), READ(2, 4, 5, 8), READ(2, 6, 7, 7)}},
    {"a revived delete", false, {WRITE(1, 1, 2, 7), WRITE(1, 3, 4, NONE), READ(2, 5, 6, 7)}},
    {"two take one lock", false, {CAS(1, 1, 5, NONE, 7, 1), CAS(2, 1, 5, NONE, 8, 1)}},
    {"a refusal without a reason", false, {CAS(1, 1, 5, NONE, 7, 0)}},
    {"a sum given twice", false, {ADD(1, 1, 9, 1), ADD(2, 1, 9, 1)}},
    {"a lost sum", false, {ADD(1, 1, 2, 1), ADD(1, 3, 4, 2), READ(2, 5, 6, 1)}},
    {"seen and unseen again", false, {LOST_WRITE(1, 1, 7), READ(2, 2, 3, 7), READ(2, 4, 5, NONE)}},
    {"two readers disagree on the order",
     false,
     {WRITE(1, 1, 20, 7), WRITE(2, 1, 20, 8), READ(3, 2, 3, 7), READ(3, 4, 5, 8),
      READ(4, 6, 7, 7)}},
    {"evicted, and back again", true, {WRITE(1, 1, 2, 7), READ(2, 3, 4, NONE), READ(2, 5, 6, 7)}},
};

static void history_of(const example *from, sim_history *to)
{
    to->count = 0;
    to->may_vanish = from->may_vanish;
    while (to->count < 8 && from->ops[to->count].invoked_ns > 0) {
        to->ops[to->count] = from->ops[to->count];
        to->count++;
    }
}

static void examples_check(const example *of, size_t count, sim_verdict want)
{
    static sim_history history;
    for (size_t i = 0; i < count; i++) {
        history_of(&of[i], &history);
        if (sim_history_check(&history) != want) fail_msg("%s", of[i].name);
    }
}

static void test_good_histories_pass(void **state)
{
    (void)state;
    examples_check(good, sizeof good / sizeof good[0], SIM_LINEARIZABLE);
}

static void test_bad_histories_are_found(void **state)
{
    (void)state;
    examples_check(bad, sizeof bad / sizeof bad[0], SIM_BROKEN);
}

/* ---- against trying all orders ---- */

static bool step(const sim_op *op, int64_t *value)
{
    bool known = op->returned_ns != SIM_PENDING;
    int64_t was = *value, sum = (was == NONE ? 0 : was) + op->argument;
    if (op->kind == SIM_READ) return !known || op->result == was;
    if (op->kind == SIM_WRITE) *value = op->argument;
    if (op->kind == SIM_CAS && was == op->expected) *value = op->argument;
    if (op->kind == SIM_CAS) return !known || (was == op->expected) == (op->result == 1);
    if (op->kind == SIM_INCREMENT) *value = sum;
    return op->kind != SIM_INCREMENT || !known || op->result == sum;
}

static bool some_order(const sim_history *of, unsigned done, int64_t value)
{
    bool complete = true;
    for (size_t i = 0; i < of->count; i++)
        complete = complete && (done >> i & 1 || of->ops[i].returned_ns == SIM_PENDING);
    if (complete) return true;
    for (size_t i = 0; i < of->count; i++) {
        int64_t next = value;
        bool first = !(done >> i & 1);
        for (size_t j = 0; j < of->count; j++)
            first = first && (done >> j & 1 || of->ops[j].returned_ns >= of->ops[i].invoked_ns);
        if (first && step(&of->ops[i], &next) && some_order(of, done | 1u << i, next)) return true;
        if (first && of->may_vanish && value != NONE) {
            next = NONE;
            if (step(&of->ops[i], &next) && some_order(of, done | 1u << i, next)) return true;
        }
    }
    return false;
}

static sim_op random_op(test_random *random)
{
    sim_op op = {.kind = (sim_op_kind)test_random_below(random, SIM_OP_KINDS),
                 .client = (uint32_t)test_random_below(random, 9),
                 .invoked_ns = 1 + test_random_below(random, 12)};
    op.returned_ns = op.invoked_ns + test_random_below(random, 8);
    if (test_random_below(random, 5) == 0) op.returned_ns = SIM_PENDING;
    op.argument = 1 + (int64_t)test_random_below(random, 2);
    op.expected = test_random_below(random, 2) ? NONE : 1 + (int64_t)test_random_below(random, 2);
    if (op.kind == SIM_WRITE && test_random_below(random, 4) == 0) op.argument = NONE;
    op.result = 1 + (int64_t)test_random_below(random, 3);
    if (op.kind == SIM_READ && test_random_below(random, 3) == 0) op.result = NONE;
    if (op.kind == SIM_CAS) op.result = (int64_t)test_random_below(random, 2);
    return op;
}

static void test_the_verdict_is_that_of_trying_all_orders(void **state)
{
    (void)state;
    static sim_history history;
    test_random random;
    unsigned broken = 0, rounds = 20000;
    test_random_init(&random, 5);
    for (unsigned round = 0; round < rounds; round++) {
        history.count = 1 + test_random_below(&random, 6);
        history.may_vanish = test_random_below(&random, 4) == 0;
        for (size_t i = 0; i < history.count; i++)
            history.ops[i] = random_op(&random);
        sim_verdict want = some_order(&history, 0, NONE) ? SIM_LINEARIZABLE : SIM_BROKEN;
        broken += want == SIM_BROKEN;
        if (sim_history_check(&history) != want) {
            sim_history_print(&history, stdout);
            fail_msg("round %u", round);
        }
    }
    assert_in_range(broken, rounds / 10, rounds * 9 / 10); /* both kinds were met */
}

/* ---- long ones ---- */

/* What `clients` would see of a true register: each operation takes effect inside its time. */
static void long_history(test_random *random, size_t count, uint32_t clients, sim_history *to)
{
    uint64_t now = 1, free_at[16] = {0};
    int64_t value = NONE;
    to->count = 0;
    to->may_vanish = false;
    while (to->count < count) {
        sim_op op = random_op(random);
        op.client = (uint32_t)test_random_below(random, clients);
        now += 1 + test_random_below(random, 20);
        if (free_at[op.client] >= now) continue; /* it waits for an answer */
        uint64_t longest = now - free_at[op.client] < 100 ? now - free_at[op.client] : 100;
        op.invoked_ns = now - test_random_below(random, longest);
        op.returned_ns = now + test_random_below(random, 15);
        free_at[op.client] = op.returned_ns + 1;
        op.argument = (int64_t)to->count + 1;
        if (op.kind == SIM_INCREMENT) op.argument = 1;
        op.expected = test_random_below(random, 2) ? value : op.expected;
        op.result = value;
        if (op.kind == SIM_CAS) op.result = value == op.expected;
        if (op.kind == SIM_CAS && op.result) value = op.argument;
        if (op.kind == SIM_WRITE) value = op.argument;
        if (op.kind == SIM_INCREMENT) op.result = value = (value == NONE ? 0 : value) + 1;
        if (test_random_below(random, 20) == 0) op.returned_ns = SIM_PENDING;
        to->ops[to->count++] = op;
    }
}

static void test_long_histories_of_a_true_register_pass(void **state)
{
    (void)state;
    static sim_history history;
    test_random random;
    test_random_init(&random, 6);
    for (unsigned round = 0; round < 300; round++) {
        long_history(&random, 200, 8, &history);
        assert_int_equal(sim_history_check(&history), SIM_LINEARIZABLE);
    }
}

/* One read of a long history is given a value that was overwritten long before. */
static void test_one_stale_read_in_a_long_history_is_found_and_shown_alone(void **state)
{
    (void)state;
    static sim_history history;
    test_random random;
    unsigned broken = 0;
    test_random_init(&random, 7);
    for (unsigned round = 0; round < 50; round++) {
        long_history(&random, 120, 4, &history);
        size_t read = 90;
        while (read < history.count &&
               (history.ops[read].kind != SIM_READ || history.ops[read].returned_ns == SIM_PENDING))
            read++;
        if (read == history.count) continue;
        history.ops[read].result = 1000000;
        assert_int_equal(sim_history_check(&history), SIM_BROKEN);
        sim_history_shrink(&history);
        assert_int_equal(sim_history_check(&history), SIM_BROKEN);
        unsigned reads = 0;
        for (size_t i = 0; i < history.count; i++)
            reads += history.ops[i].kind == SIM_READ;
        assert_int_equal(reads, 1);
        broken++;
    }
    assert_in_range(broken, 25, 50);
}

static void test_a_shrunk_history_ends_where_it_was_broken(void **state)
{
    (void)state;
    static sim_history history;
    const example *longer =
        &(example){"an old value, and much after it",
                   false,
                   {WRITE(1, 1, 2, 7), WRITE(1, 3, 4, 8), READ(3, 4, 5, 8), READ(2, 5, 6, 7),
                    WRITE(1, 7, 8, 9), READ(1, 9, 10, 9), READ(1, 9, 11, 7)}};
    history_of(longer, &history);
    sim_history_shrink(&history);
    assert_int_equal(history.count, 3);
    assert_int_equal(history.ops[2].result, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_histories_pass),
        cmocka_unit_test(test_bad_histories_are_found),
        cmocka_unit_test(test_the_verdict_is_that_of_trying_all_orders),
        cmocka_unit_test(test_long_histories_of_a_true_register_pass),
        cmocka_unit_test(test_one_stale_read_in_a_long_history_is_found_and_shown_alone),
        cmocka_unit_test(test_a_shrunk_history_ends_where_it_was_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
