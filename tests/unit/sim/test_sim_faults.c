/* test_sim_faults.c - plans repeat with their seed, and shrink to what matters. */
#include "support/sim_faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ALL_KINDS ((1u << SIM_FAULT_KINDS) - 1)

static void test_a_plan_follows_from_its_seed(void **state)
{
    (void)state;
    static sim_plan a, b;
    sim_plan_make(&a, 7, 5, 30000, ALL_KINDS);
    sim_plan_make(&b, 7, 5, 30000, ALL_KINDS);
    assert_memory_equal(&a, &b, sizeof a);
    sim_plan_make(&b, 8, 5, 30000, ALL_KINDS);
    assert_memory_not_equal(&a, &b, sizeof a);
}

static void test_plans_draw_every_kind_and_only_those_allowed(void **state)
{
    (void)state;
    static sim_plan plan;
    uint32_t met = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        sim_plan_make(&plan, seed, 3, 20000, ALL_KINDS);
        assert_in_range(plan.count, 1, SIM_FAULTS_MAX);
        for (size_t i = 0; i < plan.count; i++) {
            const sim_fault *f = &plan.faults[i];
            met |= 1u << f->kind;
            assert_true(f->node < 3 && f->other < 3 && f->node != f->other);
            assert_true(f->at_ms < 20000 && f->for_ms > 0);
            if (i > 0) assert_true(plan.faults[i - 1].at_ms <= f->at_ms);
        }
    }
    assert_int_equal(met, ALL_KINDS);
    sim_plan_make(&plan, 9, 3, 20000, 1u << SIM_FAULT_PAUSE);
    assert_true(plan.count > 0);
    for (size_t i = 0; i < plan.count; i++)
        assert_int_equal(plan.faults[i].kind, SIM_FAULT_PAUSE);
}

/* Fails when the pause is there, lasts a second, and some kill comes after it. */
static bool pause_then_kill(void *ctx, const sim_plan *plan)
{
    unsigned *runs = ctx;
    bool paused = false;
    (*runs)++;
    for (size_t i = 0; i < plan->count; i++) {
        const sim_fault *f = &plan->faults[i];
        if (f->kind == SIM_FAULT_PAUSE && f->for_ms >= 1000) paused = true;
        if (f->kind == SIM_FAULT_KILL && paused) return true;
    }
    return false;
}

static void test_shrinking_keeps_the_faults_that_matter_alone(void **state)
{
    (void)state;
    static sim_plan plan;
    unsigned shrunk = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        unsigned asked = 0;
        sim_plan_make(&plan, seed, 5, 30000,
                      1u << SIM_FAULT_PAUSE | 1u << SIM_FAULT_KILL | 1u << SIM_FAULT_LOSS);
        if (!pause_then_kill(&asked, &plan)) continue;
        asked = 0;
        unsigned runs = sim_plan_shrink(&plan, pause_then_kill, &asked);
        assert_int_equal(runs, asked);
        assert_true(runs <= SIM_SHRINK_RUNS_MAX);
        assert_int_equal(plan.count, 2);
        assert_int_equal(plan.faults[0].kind, SIM_FAULT_PAUSE);
        assert_in_range(plan.faults[0].for_ms, 1000, 1999);
        assert_int_equal(plan.faults[1].kind, SIM_FAULT_KILL);
        shrunk++;
    }
    assert_in_range(shrunk, 5, 40);
}

static bool always(void *ctx, const sim_plan *plan)
{
    (void)ctx;
    (void)plan;
    return true;
}

static void test_what_fails_without_faults_needs_none(void **state)
{
    (void)state;
    static sim_plan plan;
    sim_plan_make(&plan, 3, 5, 30000, ALL_KINDS);
    assert_int_equal(sim_plan_shrink(&plan, always, NULL), 1);
    assert_int_equal(plan.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plan_follows_from_its_seed),
        cmocka_unit_test(test_plans_draw_every_kind_and_only_those_allowed),
        cmocka_unit_test(test_shrinking_keeps_the_faults_that_matter_alone),
        cmocka_unit_test(test_what_fails_without_faults_needs_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
