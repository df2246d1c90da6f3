/*
 * test_log_names.c - names of levels and topics.
 */
#include "support/test.h"

#include <hypercache/log.h>

static void test_names_are_those_operators_write(void **state)
{
    (void)state;
    assert_string_equal(hc_log_level_name(HC_LOG_ERROR), "ERROR");
    assert_string_equal(hc_log_level_name(HC_LOG_TRACE), "TRACE");
    assert_string_equal(hc_topic_name(HC_TOPIC_RESP_SERVER), "RESP_SERVER");
    assert_string_equal(hc_topic_name(HC_TOPIC_SECURITY), "SECURITY");
}

static void test_each_name_is_there_once(void **state)
{
    (void)state;
    for (unsigned a = 0; a < HC_TOPICS; a++) {
        assert_string_not_equal(hc_topic_name((hc_topic)a), "UNKNOWN");
        for (unsigned b = 0; b < a; b++) {
            assert_string_not_equal(hc_topic_name((hc_topic)a), hc_topic_name((hc_topic)b));
        }
    }
}

static void test_a_key_is_shown_hashed_or_not_at_all(void **state)
{
    (void)state;
    char text[HC_LOG_KEY_CHARS], again[HC_LOG_KEY_CHARS];
    test_assert_span(hc_log_key(HC_LOG_KEYS_PLAIN, HC_SPAN("user:1"), text), HC_SPAN("user:1"));
    assert_int_equal(hc_log_key(HC_LOG_KEYS_OFF, HC_SPAN("user:1"), text).size, 0);
    hc_span hashed = hc_log_key(HC_LOG_KEYS_HASHED, HC_SPAN("user:1"), text);
    assert_int_equal(hashed.size, 16);
    test_assert_span(hc_log_key(HC_LOG_KEYS_HASHED, HC_SPAN("user:1"), again), hashed);
    (void)hc_log_key(HC_LOG_KEYS_HASHED, HC_SPAN("user:2"), again);
    assert_string_not_equal(text, again);
    assert_int_equal(hc_log_key(HC_LOG_KEYS_HASHED, HC_SPAN(""), text).size, 0);
}

static void test_values_out_of_range_have_a_name_too(void **state)
{
    (void)state;
    assert_string_equal(hc_log_level_name((hc_log_level)HC_LOG_LEVELS), "UNKNOWN");
    assert_string_equal(hc_log_level_name((hc_log_level)-1), "UNKNOWN");
    assert_string_equal(hc_topic_name((hc_topic)HC_TOPICS), "UNKNOWN");
    assert_string_equal(hc_topic_name((hc_topic)-1), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_those_operators_write),
        cmocka_unit_test(test_each_name_is_there_once),
        cmocka_unit_test(test_a_key_is_shown_hashed_or_not_at_all),
        cmocka_unit_test(test_values_out_of_range_have_a_name_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
