/* test_sim_trial.c - a few clusters under faults, and that a broken rule would not go unseen; `make
 * sim` runs many. */
#include "support/sim_rules.h"
#include "support/sim_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ALL_KINDS ((1u << SIM_FAULT_KINDS) - 1)
#define FIRST_SEED 12u
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SEEDS 40u
#else
#define SEEDS 8u /* everything is slower there */
#endif

static void test_a_cluster_keeps_its_promises_under_faults(void **state)
{
    (void)state;
    static sim_plan plan;
    static sim_trial_result result;
    for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        sim_trial_plan(&plan, seed, ALL_KINDS);
        sim_trial_run(&plan, 0, NULL, &result);
        if (result.failed) fail_msg("seed %u: %s: %s", (unsigned)seed, result.name, result.text);
        assert_true(result.requests > 0 && result.histories > 0);
    }
}

/* 2 and 33: a flush beside increments; 23: a walk that broke its own stream; 56: a proposal whose
 * coordinator got its data anew; 75: expiry by clocks that differ; 89: a proposal for a slot that
 * went to others; 104 and 209: a vote for what was too far ahead to be stored. */
static void test_what_failed_once_does_not_fail_again(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {23, 33, 56, 75, 89, 104, 209};
    static sim_plan plan;
    static sim_trial_result result;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        sim_trial_plan(&plan, seeds[i], ALL_KINDS);
        sim_trial_run(&plan, 0, NULL, &result);
        if (result.failed)
            fail_msg("seed %u: %s: %s", (unsigned)seeds[i], result.name, result.text);
    }
}

static void test_a_run_follows_from_its_plan(void **state)
{
    (void)state;
    static sim_plan plan;
    static sim_trial_result a, b;
    sim_trial_plan(&plan, 4, ALL_KINDS);
    sim_trial_run(&plan, 0, NULL, &a);
    sim_trial_run(&plan, 0, NULL, &b);
    assert_memory_equal(&a, &b, sizeof a);
}

static void test_writes_that_wait_for_nobody_are_found_out(void **state)
{
    (void)state;
    static sim_plan plan;
    static sim_trial_result result;
    unsigned rule = 0;
    while (strcmp(sim_rule_name(rule), "confirm") != 0)
        rule++;
    bool failed = false;
    for (uint64_t seed = 1; seed <= 60 && !failed; seed++) {
        sim_trial_plan(&plan, seed, 1u << SIM_FAULT_SPLIT | 1u << SIM_FAULT_AMNESIA);
        sim_trial_run(&plan, 1u << rule, NULL, &result);
        failed = result.failed;
    }
    assert_true(failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cluster_keeps_its_promises_under_faults),
        cmocka_unit_test(test_what_failed_once_does_not_fail_again),
        cmocka_unit_test(test_a_run_follows_from_its_plan),
        cmocka_unit_test(test_writes_that_wait_for_nobody_are_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
