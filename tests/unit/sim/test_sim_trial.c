/* test_sim_trial.c - a few clusters under faults, and that a broken rule would not go unseen; `make
 * sim` runs many. */
#include "support/sim_rules.h"
#include "support/sim_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ALL_KINDS ((1u << SIM_FAULT_KINDS) - 1)
#define SEEDS 20u

static void test_a_cluster_keeps_its_promises_under_faults(void **state)
{
    (void)state;
    static sim_plan plan;
    static sim_trial_result result;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        sim_trial_plan(&plan, seed, ALL_KINDS);
        sim_trial_run(&plan, 0, NULL, &result);
        if (result.failed) fail_msg("seed %u: %s: %s", (unsigned)seed, result.name, result.text);
        assert_true(result.requests > 0 && result.histories > 0);
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
        cmocka_unit_test(test_a_run_follows_from_its_plan),
        cmocka_unit_test(test_writes_that_wait_for_nobody_are_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
