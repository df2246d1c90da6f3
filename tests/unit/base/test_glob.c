/* test_glob.c - patterns as Redis reads them, and a bound on their cost. */
#include <stdlib.h>

#include "support/test.h"

#include <hypercache/glob.h>

static void test_patterns_match_as_in_redis(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"**", "abc", true},
        {"a", "a", true},
        {"a", "b", false},
        {"a", "", false},
        {"a*", "abc", true},
        {"*c", "abc", true},
        {"a*c", "abc", true},
        {"a*c", "abcd", false},
        {"*b*", "abc", true},
        {"*x*", "abc", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"?", "", false},
        {"*?", "a", true},
        {"h[ae]llo", "hello", true},
        {"h[ae]llo", "hillo", false},
        {"h[^e]llo", "hallo", true},
        {"h[^e]llo", "hello", false},
        {"h[a-b]llo", "hbllo", true},
        {"h[b-a]llo", "hbllo", true},
        {"h[a-b]llo", "hcllo", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"a\\", "a\\", true},
        {"[\\]]", "]", true},
        {"[abc", "b", true},
        {"[abc", "d", false},
        {"[", "a", false},
        {"[^", "a", true},
        {"[]", "a", false},
        {"a[", "a", false},
        {"[a-", "-", true},
        {"*a*b*c*", "xxaxxbxxcxx", true},
        {"*a*b*c*", "xxbxxaxxcxx", false},
        {"*.[ch]", "glob.c", true},
        {"A", "a", false},
        {"user:*:name", "user:1:2:name", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool got = hc_glob_match(span(cases[i].pattern), span(cases[i].text));
        if (got != cases[i].matches)
            print_error("pattern '%s' text '%s'\n", cases[i].pattern, cases[i].text);
        assert_int_equal(got, cases[i].matches);
    }
}

static void test_case_is_folded_on_demand(void **state)
{
    (void)state;
    assert_true(hc_glob_match_any_case(span("MAX*"), span("maxmemory")));
    assert_true(hc_glob_match_any_case(span("[A-C]x"), span("bX")));
    assert_true(hc_glob_match_any_case(span("\\Ax"), span("ax")));
    assert_false(hc_glob_match(span("MAX*"), span("maxmemory")));
}

static void test_every_byte_value_is_plain_text(void **state)
{
    (void)state;
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    assert_true(hc_glob_match(span("*"), hc_span_make(all, sizeof all)));
    assert_true(hc_glob_match(hc_span_make("\0*", 2), hc_span_make(all, sizeof all)));
}

/* Plain recursion would need about 2^30 steps for each of these; the test would not end. */
static void test_many_stars_do_not_multiply(void **state)
{
    (void)state;
    enum { BYTES = 65536 };
    char *text = malloc(BYTES);
    memset(text, 'a', BYTES);
    assert_false(
        hc_glob_match(span("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), hc_span_make(text, BYTES)));
    assert_false(
        hc_glob_match(span("*a?*a?*a?*a?*[a-f]*a?*a?*[^b]*b*"), hc_span_make(text, BYTES)));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns_match_as_in_redis),
        cmocka_unit_test(test_case_is_folded_on_demand),
        cmocka_unit_test(test_every_byte_value_is_plain_text),
        cmocka_unit_test(test_many_stars_do_not_multiply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
