/*
 * test_command_memory.c - commands that allocate fail one allocation after another, and each time
 * say so or succeed, and leave nothing half done.
 */
#include <stdio.h>

#include "support/test_client.h"

#include "command/key_walk.h"
#include "command/leased.h"
#include "unit/server/short_memory.h"

#define OOM "-OOM the system gave no memory for this command"

enum { PAIRS = 80, GRANTS_MAX = 200, ARGS_MAX = 2 + 2 * PAIRS };

typedef struct many {
    hc_span args[ARGS_MAX];
    char keys[PAIRS][16];
    size_t argc;
} many;

/* "MSET k0 new k1 new ...": more pairs than are kept on the stack, and one value so large that the
 * store is asked carefully. */
static void many_init(many *of, hc_span name, hc_span large)
{
    of->argc = 0;
    of->args[of->argc++] = name;
    for (size_t i = 0; i < PAIRS; i++) {
        int size = snprintf(of->keys[i], sizeof of->keys[i], "k%zu", i);
        of->args[of->argc++] = hc_span_make(of->keys[i], (size_t)size);
        of->args[of->argc++] = i == PAIRS / 2 ? large : span("new");
    }
}

static void expect_all_or_none(test_client *on, bool all)
{
    test_client_expect(on, "GET k0", all ? "\"new\"" : "\"old\"");
    test_client_expect(on, "TTL k0", all ? ":-1" : ":100");
    test_client_expect(on, "GET k1", all ? "\"new\"" : "nil");
    test_client_expect(on, "STRLEN k40", all ? ":2097152" : ":3");
    test_client_expect(on, "EXISTS k79", all ? ":1" : ":0");
}

static void test_a_set_of_many_without_memory_leaves_no_part(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    size_t large_bytes = 2 << 20;
    uint8_t *large = calloc(1, large_bytes);
    many set;
    many_init(&set, span("MSET"), hc_span_make(large, large_bytes));
    size_t grants = 0, refused = 0;
    for (bool done = false; !done; grants++) {
        assert_true(grants < GRANTS_MAX);
        test_client on;
        test_client_init(&on, NULL);
        test_client_expect(&on, "SET k0 old EX 100", "+OK");
        test_client_expect(&on, "SET k40 old", "+OK");
        memory_grants = grants;
        const char *got = test_client_run_args(&on, set.args, set.argc);
        memory_grants = SIZE_MAX;
        done = strcmp(got, "+OK") == 0;
        if (!done) assert_string_equal(got, OOM);
        refused += !done;
        expect_all_or_none(&on, done);
        test_client_fini(&on);
    }
    assert_true(refused >= 3); /* keys, the list of what was, the old values */
    free(large);
}

static void *reserve_buffer(void *ctx, const hc_item *item)
{
    (void)item;
    return ctx;
}

static void test_a_lease_without_memory_is_refused_and_given_the_next_time(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    const leased_wish wish = {.lease_ms = 1000};
    char buffer[64];
    const hc_sink sink = {.ctx = buffer, .reserve = reserve_buffer};
    test_client on;
    test_client_init(&on, NULL);
    const leased_place place = {.values = on.client.store, .leases = on.client.store};
    leased_answer answer;
    size_t grants = 0;
    hc_status status;
    do {
        memory_grants = grants++;
        status = leased_get(on.node, &place, span("k"), &wish, &sink, &answer);
        memory_grants = SIZE_MAX;
        if (status != HC_OK) assert_int_equal(status, HC_ERR_NO_MEMORY);
        assert_true(grants < GRANTS_MAX);
    } while (status != HC_OK);
    assert_in_range(grants, 2, GRANTS_MAX);
    assert_int_equal(answer.state, LEASED_WON);
    assert_false(answer.found);
    test_client_fini(&on);
}

static void test_keys_that_could_not_be_looked_at_are_left_to_the_next_call(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "MSET a 1 b 2 c 3", "+OK");
    uint64_t cursor = 0, deleted;
    memory_grants = 0;
    assert_int_equal(key_delete_match(on.client.store, span("*"), &cursor, 100, NULL, &deleted),
                     HC_ERR_NO_MEMORY);
    memory_grants = SIZE_MAX;
    assert_int_equal(deleted, 0);
    assert_int_equal(cursor, 0);
    assert_int_equal(key_delete_match(on.client.store, span("*"), &cursor, 100, NULL, &deleted),
                     HC_OK);
    assert_int_equal(deleted, 3);
    test_client_fini(&on);
}

static void test_a_move_without_memory_leaves_the_key_where_it_was(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    const hc_span move[] = {span("MOVE"), span("k"), span("1")};
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "SET k v EX 100", "+OK");
    size_t grants = 0;
    const char *got;
    do {
        memory_grants = grants++;
        got = test_client_run_args(&on, move, 3);
        memory_grants = SIZE_MAX;
        bool moved = strcmp(got, ":1") == 0;
        if (!moved) assert_string_equal(got, OOM);
        test_client_expect(&on, "TTL k", moved ? ":-2" : ":100");
        assert_true(grants < GRANTS_MAX);
        got = moved ? NULL : got;
    } while (got != NULL);
    test_client_expect(&on, "SELECT 1", "+OK");
    test_client_expect(&on, "TTL k", ":100");
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_set_of_many_without_memory_leaves_no_part),
        cmocka_unit_test(test_a_lease_without_memory_is_refused_and_given_the_next_time),
        cmocka_unit_test(test_keys_that_could_not_be_looked_at_are_left_to_the_next_call),
        cmocka_unit_test(test_a_move_without_memory_leaves_the_key_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
