/* test_match_commands.c - HC.DELMATCH: deletes by pattern, some keys at a time. */
#include <stdio.h>
#include <stdlib.h>

#include "support/test_client.h"

static void test_delmatch_deletes_what_matches_and_nothing_else(void **state)
{
    (void)state;
    TEST_STEPS({"HC.DELMATCH *", "*2 \"0\" :0"}, {"MSET user:1 a user:2 b page:1 c user b", "+OK"},
               {"HC.DELMATCH user:*", "*2 \"0\" :2"}, {"EXISTS user:1 user:2 page:1 user", ":2"},
               {"hc.delmatch [pu]* count 500 cursor 0", "*2 \"0\" :2"}, {"DBSIZE", ":0"});
}

static void test_delmatch_refuses_what_cannot_be(void **state)
{
    (void)state;
    TEST_STEPS({"HC.DELMATCH", "-ERR wrong number of arguments for 'hc.delmatch' command"},
               {"HC.DELMATCH * COUNT 0", "-ERR syntax error"},
               {"HC.DELMATCH * COUNT x", "-ERR value is not an integer or out of range"},
               {"HC.DELMATCH * CURSOR x", "-ERR invalid cursor"},
               {"HC.DELMATCH * CURSOR", "-ERR syntax error"},
               {"HC.DELMATCH * 5", "-ERR syntax error"});
    test_client on;
    test_client_init(&on, NULL);
    char line[HC_GLOB_PATTERN_BYTES_MAX + 32];
    size_t used = (size_t)sprintf(line, "HC.DELMATCH ");
    memset(line + used, 'a', HC_GLOB_PATTERN_BYTES_MAX + 1);
    line[used + HC_GLOB_PATTERN_BYTES_MAX + 1] = '\0';
    test_client_expect(&on, line, "-ERR pattern is longer than 1024 bytes");
    test_client_fini(&on);
}

/* Calls with the cursor of the one before until it is 0; returns how many. */
static unsigned delete_in_slices(test_client *on, const char *pattern, unsigned count,
                                 unsigned *deleted_out)
{
    unsigned calls = 0;
    unsigned long long cursor = 0;
    *deleted_out = 0;
    do {
        char line[128];
        unsigned deleted;
        snprintf(line, sizeof line, "HC.DELMATCH %s CURSOR %llu COUNT %u", pattern, cursor, count);
        assert_int_equal(sscanf(test_client_run(on, line), "*2 \"%llu\" :%u", &cursor, &deleted),
                         2);
        assert_true(deleted <= count + 64); /* a slice ends with a bucket of the store */
        *deleted_out += deleted;
        calls++;
        assert_true(calls < 100000);
    } while (cursor != 0);
    return calls;
}

static void test_a_walk_in_slices_misses_no_key(void **state)
{
    (void)state;
    enum { KEYS = 5000 };
    test_client on;
    test_client_init(&on, NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        char line[64];
        snprintf(line, sizeof line, "SET %s:%u v", i % 2 == 0 ? "even" : "odd", i);
        test_client_expect(&on, line, "+OK");
    }
    unsigned deleted;
    assert_in_range(delete_in_slices(&on, "even:*", 100, &deleted), KEYS / 2 / 116, KEYS);
    assert_int_equal(deleted, KEYS / 2);
    assert_int_equal(hc_store_count(on.client.store), KEYS / 2);
    (void)delete_in_slices(&on, "*", 1, &deleted);
    assert_int_equal(deleted, KEYS / 2);
    test_client_expect(&on, "DBSIZE", ":0");
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delmatch_deletes_what_matches_and_nothing_else),
        cmocka_unit_test(test_delmatch_refuses_what_cannot_be),
        cmocka_unit_test(test_a_walk_in_slices_misses_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
