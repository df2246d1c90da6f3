/* test_redaction.c - what a log must not show of a request. */
#include "command/redaction.h"

#include "command/command.h"
#include "support/test.h"

enum { WORDS_MAX = 10 };

static void test_passwords_are_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *name, *sub;
        const char *words[WORDS_MAX];
        size_t from, to;
    } cases[] = {
        {"auth", NULL, {"AUTH", "pw"}, 1, 2},
        {"auth", NULL, {"AUTH", "me", "pw"}, 1, 3},
        {"hello", NULL, {"HELLO", "3"}, 2, 2},
        {"hello", NULL, {"HELLO", "3", "SETNAME", "x"}, 4, 4},
        {"hello", NULL, {"HELLO", "3", "auth", "me", "pw", "SETNAME", "x"}, 3, 5},
        {"hello", NULL, {"HELLO", "3", "AUTH", "me"}, 3, 4},
        {"config", "set", {"CONFIG", "SET", "maxmemory", "1"}, 4, 4},
        {"config", "set", {"CONFIG", "SET", "maxmemory", "1", "RequirePass", "pw"}, 3, 6},
        {"config", "set", {"CONFIG", "SET", "security.users", "pw"}, 3, 4},
        {"config", "get", {"CONFIG", "GET", "requirepass"}, 3, 3},
        {"set", NULL, {"SET", "auth", "pw"}, 3, 3},
    };
    command_table_prepare();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hc_span args[WORDS_MAX];
        request one = {.command = command_find(span(cases[i].name)), .args = args};
        if (cases[i].sub != NULL) one.command = command_find_sub(one.command, span(cases[i].sub));
        for (; cases[i].words[one.argc] != NULL; one.argc++)
            args[one.argc] = span(cases[i].words[one.argc]);
        size_t from, to;
        request_secrets(&one, &from, &to);
        assert_int_equal(from, cases[i].from);
        assert_int_equal(to, cases[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passwords_are_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
