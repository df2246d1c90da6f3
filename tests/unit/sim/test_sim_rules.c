/*
 * test_sim_rules.c - each rule of the protocol is needed: a schedule holds with it and breaks
 * without it.  tests/sim/README.md has the table.
 */
#include "support/sim_schedules.h"
#include "support/sim_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_every_schedule_holds_with_all_rules(void **state)
{
    (void)state;
    const char *why;
    for (size_t i = 0; i < sim_schedules_count(); i++) {
        uint64_t seed = sim_schedule_breaks(&sim_schedules[i], 0, &why);
        if (seed != 0) print_error("%s, seed %u: %s\n", sim_schedules[i].name, (unsigned)seed, why);
        assert_int_equal(seed, 0);
    }
}

static void test_every_schedule_breaks_without_its_rule(void **state)
{
    (void)state;
    const char *why;
    unsigned unmissed = 0;
    for (size_t i = 0; i < sim_schedules_count(); i++) {
        const sim_schedule *s = &sim_schedules[i];
        if (sim_schedule_breaks(s, s->rule | s->beside, &why) == 0) {
            print_error("%s is not missed\n", s->name);
            unmissed++;
        } else if (why == sim_stage_unfit) {
            print_error("%s: %s\n", s->name, why);
            unmissed++;
        }
    }
    assert_int_equal(unmissed, 0);
}

static void test_of_two_that_cover_for_each_other_either_is_enough(void **state)
{
    (void)state;
    const char *why;
    for (size_t i = 0; i < sim_schedules_count(); i++) {
        const sim_schedule *s = &sim_schedules[i];
        if (s->beside == 0) continue;
        assert_int_equal(sim_schedule_breaks(s, s->rule, &why), 0);
        assert_int_equal(sim_schedule_breaks(s, s->beside, &why), 0);
    }
}

static void schedule_holds(const char *(*run)(uint64_t seed, uint32_t rules_off))
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        const char *why = run(seed, 0);
        if (why != NULL) fail_msg("seed %u: %s", (unsigned)seed, why);
    }
}

static void test_who_missed_a_change_of_the_ring_gets_its_data_again(void **state)
{
    (void)state;
    schedule_holds(sim_schedule_missed_change);
}

static void test_a_join_that_was_done_and_called_off_loses_nothing(void **state)
{
    (void)state;
    schedule_holds(sim_schedule_join_called_off);
}

static void test_a_vote_does_not_keep_those_from_their_data_whom_it_needs(void **state)
{
    (void)state;
    schedule_holds(sim_schedule_vote_beside_two_restarts);
}

static void test_two_that_were_absent_at_once_keep_what_they_confirmed(void **state)
{
    (void)state;
    schedule_holds(sim_schedule_two_absent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_schedule_holds_with_all_rules),
        cmocka_unit_test(test_every_schedule_breaks_without_its_rule),
        cmocka_unit_test(test_who_missed_a_change_of_the_ring_gets_its_data_again),
        cmocka_unit_test(test_a_join_that_was_done_and_called_off_loses_nothing),
        cmocka_unit_test(test_two_that_were_absent_at_once_keep_what_they_confirmed),
        cmocka_unit_test(test_a_vote_does_not_keep_those_from_their_data_whom_it_needs),
        cmocka_unit_test(test_of_two_that_cover_for_each_other_either_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
