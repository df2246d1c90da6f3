/* test_slow_log.c - what an entry tells, and how many there are at most. */
#include "command/slow_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "support/test_reply.h"

static void expect(slow_log *log, size_t entries_max, const char *want)
{
    test_reply heard;
    test_reply_init(&heard);
    slow_log_reply(log, &heard.base, entries_max, false);
    assert_string_equal(test_reply_text(&heard), want);
    test_reply_fini(&heard);
}

static void test_the_latest_come_first(void **state)
{
    (void)state;
    slow_log log;
    slow_log_init(&log);
    const hc_span args[] = {span("GET"), span("k")};
    for (int i = 0; i < 3; i++) {
        const slow_command one = {.at_s = 100 + i,
                                  .microseconds = 7,
                                  .args = args,
                                  .argc = 2,
                                  .address = "1.2.3.4:5",
                                  .name = i == 2 ? "me" : NULL};
        slow_log_add(&log, &one);
    }
    expect(&log, 2,
           "*2 *6 :2 :102 :7 *2 \"GET\" \"k\" \"1.2.3.4:5\" \"me\""
           " *6 :1 :101 :7 *2 \"GET\" \"k\" \"1.2.3.4:5\" \"\"");
    slow_log_reset(&log);
    expect(&log, SIZE_MAX, "*0");
    slow_log_add(&log, &(slow_command){.args = args, .argc = 1});
    expect(&log, SIZE_MAX, "*1 *6 :3 :0 :0 *1 \"GET\" \"\" \"\"");
    slow_log_fini(&log);
}

static void test_long_ones_are_cut_as_redis_does(void **state)
{
    (void)state;
    static char bytes[131];
    memset(bytes, 'x', sizeof bytes);
    hc_span args[40];
    for (size_t i = 0; i < 40; i++)
        args[i] = i == 1 ? hc_span_make(bytes, sizeof bytes) : span("a");
    slow_log log;
    slow_log_init(&log);
    slow_log_add(&log, &(slow_command){.args = args, .argc = 40});
    char want[1024];
    int used =
        snprintf(want, sizeof want, "*1 *6 :0 :0 :0 *32 \"a\" \"%.128s... (3 more bytes)\"", bytes);
    for (size_t i = 2; i < 31; i++)
        used += snprintf(want + used, sizeof want - (size_t)used, " \"a\"");
    (void)snprintf(want + used, sizeof want - (size_t)used,
                   " \"... (9 more arguments)\" \"\" \"\"");
    expect(&log, SIZE_MAX, want);
    slow_log_fini(&log);
}

static void test_secrets_are_not_told(void **state)
{
    (void)state;
    const hc_span args[] = {span("HELLO"), span("3"),      span("AUTH"),
                            span("me"),    span("sesame"), span("SETNAME")};
    slow_log log;
    slow_log_init(&log);
    const slow_command one = {.args = args, .argc = 6, .secret_from = 3, .secret_to = 5};
    slow_log_add(&log, &one);
    expect(&log, 1,
           "*1 *6 :0 :0 :0 *6 \"HELLO\" \"3\" \"AUTH\" \"(redacted)\" \"(redacted)\" \"SETNAME\""
           " \"\" \"\"");
    slow_log_fini(&log);
}

static void test_entries_and_bytes_are_bounded(void **state)
{
    (void)state;
    static char bytes[SLOW_LOG_ARGUMENT_BYTES];
    hc_span args[SLOW_LOG_ARGUMENTS_MAX];
    for (size_t i = 0; i < SLOW_LOG_ARGUMENTS_MAX; i++)
        args[i] = hc_span_make(bytes, sizeof bytes);
    slow_log log;
    slow_log_init(&log);
    const slow_command one = {.args = args, .argc = SLOW_LOG_ARGUMENTS_MAX};
    for (int i = 0; i < 200; i++)
        slow_log_add(&log, &one);
    assert_int_equal(slow_log_count(&log), SLOW_LOG_ENTRIES);
    slow_log_limit(&log, SLOW_LOG_ENTRIES_MAX);
    for (int i = 0; i < 8000; i++)
        slow_log_add(&log, &one);
    assert_in_range(log.bytes, SLOW_LOG_BYTES_MAX / 2, SLOW_LOG_BYTES_MAX);
    assert_in_range(slow_log_count(&log), 2000, 7999);
    slow_log_limit(&log, 3);
    assert_int_equal(slow_log_count(&log), 3);
    slow_log_limit(&log, 0);
    slow_log_add(&log, &one);
    assert_int_equal(slow_log_count(&log), 0);
    assert_int_equal(log.bytes, 0);
    slow_log_fini(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_latest_come_first),
        cmocka_unit_test(test_long_ones_are_cut_as_redis_does),
        cmocka_unit_test(test_secrets_are_not_told),
        cmocka_unit_test(test_entries_and_bytes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
