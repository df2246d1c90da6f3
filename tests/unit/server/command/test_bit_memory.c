/*
 * test_bit_memory.c - commands on bits, and LCS, without memory: refused, and every value as it
 * was.
 */
#include "support/test_client.h"

#include "unit/server/short_memory.h"

#define OOM "-OOM the system gave no memory for this command"

enum { GRANTS_MAX = 100, WORDS_MAX = 8 };

typedef struct memory_case {
    const char *words[WORDS_MAX]; /* the command */
    const char *done;             /* its reply */
    const char *refused;          /* its reply without memory */
} memory_case;

/* A small and a large value, and what they are told by. */
static void fill(test_client *on)
{
    test_client_expect(on, "SET a ab EX 100", "+OK");
    test_client_expect(on, "SETBIT large 800000 1", ":0");
    test_client_expect(on, "SET r old", "+OK");
}

static void expect_unchanged(test_client *on)
{
    test_client_expect(on, "GET a", "\"ab\"");
    test_client_expect(on, "TTL a", ":100");
    test_client_expect(on, "STRLEN large", ":100001");
    test_client_expect(on, "BITCOUNT large", ":1");
    test_client_expect(on, "GET r", "\"old\"");
    test_client_expect(on, "DBSIZE", ":3");
}

static const memory_case cases[] = {
    {{"BITOP", "OR", "r", "a", "large"}, ":100001", OOM},
    {{"BITOP", "NOT", "large", "large"}, ":100001", OOM},
    {{"SETBIT", "a", "400000", "1"}, ":0", OOM},
    {{"SETBIT", "large", "2000000", "1"}, ":0", OOM},
    {{"SETRANGE", "a", "100000", "x"}, ":100001", OOM},
    {{"BITFIELD", "a", "SET", "u8", "400000", "1"}, "*1 :0", OOM},
    {{"LCS", "a", "large", "LEN"},
     ":0",
     "-ERR Insufficient memory, failed allocating transient memory for LCS"}};

static void test_without_memory_the_values_stay_as_they_were(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hc_span args[WORDS_MAX];
        size_t argc = 0, grants = 0;
        while (argc < WORDS_MAX && cases[i].words[argc] != NULL) {
            args[argc] = span(cases[i].words[argc]);
            argc++;
        }
        for (bool done = false; !done; grants++) {
            test_client on;
            test_client_init(&on, NULL);
            fill(&on);
            memory_grants = grants;
            const char *got = test_client_run_args(&on, args, argc);
            memory_grants = SIZE_MAX;
            done = strcmp(got, cases[i].done) == 0;
            if (!done) assert_string_equal(got, cases[i].refused);
            if (!done) expect_unchanged(&on);
            test_client_fini(&on);
            assert_true(grants < GRANTS_MAX);
        }
        assert_true(grants > 1); /* it was refused at least once */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_memory_the_values_stay_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
