/*
 * test_resp_encoder.c - each reply in both protocols, byte by byte.
 */
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "resp/resp_encoder.h"

typedef struct fixture {
    resp_encoder encoder;
} fixture;

static int setup(void **state)
{
    static fixture f;
    resp_encoder_init(&f.encoder, 1u << 20);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    resp_encoder_fini(&f->encoder);
    return 0;
}

static void assert_holds(resp_encoder *e, const char *want)
{
    test_assert_span(hc_span_make(e->data, e->size), span(want));
    assert_int_equal(e->base.ops->pending(&e->base), strlen(want));
    resp_encoder_clear(e);
}

/* Runs the same reply in protocol 2 and 3. */
#define BOTH(call, resp2, resp3)                                                                   \
    do {                                                                                           \
        to->protocol = 2;                                                                          \
        call;                                                                                      \
        assert_holds(e, resp2);                                                                    \
        to->protocol = 3;                                                                          \
        call;                                                                                      \
        assert_holds(e, resp3);                                                                    \
    } while (0)

#define FIXTURE                                                                                    \
    resp_encoder *e = &((fixture *)*state)->encoder;                                               \
    reply *to = &e->base;                                                                          \
    const reply_ops *ops = to->ops

static void test_lines_have_no_line_ends_inside(void **state)
{
    FIXTURE;
    BOTH(ops->status(to, span("OK")), "+OK\r\n", "+OK\r\n");
    BOTH(ops->status(to, span("PONG")), "+PONG\r\n", "+PONG\r\n");
    BOTH(ops->status(to, span("a\r\n+b\n")), "+a  +b \r\n", "+a  +b \r\n");
    BOTH(ops->error(to, span("ERR x\r\n+OK\r\ny")), "-ERR x  +OK  y\r\n", "-ERR x  +OK  y\r\n");
    BOTH(ops->status(to, span("")), "+\r\n", "+\r\n");
}

static void test_integers_of_every_length_and_sign(void **state)
{
    FIXTURE;
    BOTH(ops->integer(to, 0), ":0\r\n", ":0\r\n");
    BOTH(ops->integer(to, -1), ":-1\r\n", ":-1\r\n");
    BOTH(ops->integer(to, INT64_MAX), ":9223372036854775807\r\n", ":9223372036854775807\r\n");
    BOTH(ops->integer(to, INT64_MIN), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n");
    int64_t value = 1;
    for (int digits = 1; digits <= 18; digits++, value *= 10) {
        int64_t near[3] = {value - 1, value, value + 1};
        for (int i = 0; i < 3; i++) {
            char want[32];
            (void)snprintf(want, sizeof want, ":%lld\r\n", (long long)near[i]);
            BOTH(ops->integer(to, near[i]), want, want);
        }
    }
}

static void test_reals_are_the_shortest_text_that_reads_back(void **state)
{
    FIXTURE;
    BOTH(ops->real(to, 1.25), "$4\r\n1.25\r\n", ",1.25\r\n");
    BOTH(ops->real(to, 0.1), "$3\r\n0.1\r\n", ",0.1\r\n");
    BOTH(ops->real(to, 3), "$1\r\n3\r\n", ",3\r\n");
    BOTH(ops->real(to, 0.1 + 0.2), "$19\r\n0.30000000000000004\r\n", ",0.30000000000000004\r\n");
    BOTH(ops->real(to, -0.0), "$2\r\n-0\r\n", ",-0\r\n");
    BOTH(ops->real(to, (double)INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
    BOTH(ops->real(to, -(double)INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    BOTH(ops->real(to, (double)NAN), "$3\r\nnan\r\n", ",nan\r\n");
}

static void test_types_that_only_resp3_has_fall_back_in_resp2(void **state)
{
    FIXTURE;
    BOTH(ops->null(to), "$-1\r\n", "_\r\n");
    BOTH(ops->null_array(to), "*-1\r\n", "_\r\n");
    BOTH(ops->boolean(to, true), ":1\r\n", "#t\r\n");
    BOTH(ops->boolean(to, false), ":0\r\n", "#f\r\n");
    BOTH(ops->verbatim(to, span("a\r\nb")), "$4\r\na\r\nb\r\n", "=8\r\ntxt:a\r\nb\r\n");
    BOTH(ops->verbatim(to, span("")), "$0\r\n\r\n", "=4\r\ntxt:\r\n");
    BOTH(ops->array(to, 0), "*0\r\n", "*0\r\n");
    BOTH(ops->array(to, 1048576), "*1048576\r\n", "*1048576\r\n");
    BOTH(ops->map(to, 3), "*6\r\n", "%3\r\n");
    BOTH(ops->set(to, 10), "*10\r\n", "~10\r\n");
    BOTH(ops->push(to, 99), "*99\r\n", ">99\r\n");
}

static void test_a_bulk_gives_the_place_for_its_bytes(void **state)
{
    FIXTURE;
    memcpy(ops->bulk(to, 5), "a\r\nbc", 5);
    assert_non_null(ops->bulk(to, 0));
    memcpy(ops->bulk(to, 12), "hello, world", 12);
    assert_holds(e, "$5\r\na\r\nbc\r\n$0\r\n\r\n$12\r\nhello, world\r\n");
}

static void test_a_bulk_can_be_taken_back_until_something_follows(void **state)
{
    FIXTURE;
    ops->integer(to, 1);
    assert_non_null(ops->bulk(to, 100000));
    ops->bulk_cancel(to);
    memcpy(ops->bulk(to, 2), "xy", 2);
    ops->integer(to, 2);
    ops->bulk_cancel(to); /* too late: nothing happens */
    assert_holds(e, ":1\r\n$2\r\nxy\r\n:2\r\n");
}

static void test_the_protocol_changes_between_two_replies(void **state)
{
    FIXTURE;
    to->protocol = 2;
    ops->map(to, 1);
    to->protocol = 3;
    ops->map(to, 1);
    ops->null(to);
    assert_holds(e, "*2\r\n%1\r\n_\r\n");
}

static void test_replies_past_the_limit_fail_and_add_nothing(void **state)
{
    FIXTURE;
    const size_t limit = 1u << 20;
    assert_non_null(ops->bulk(to, limit - 100));
    size_t size = e->size;
    assert_null(ops->bulk(to, 200));
    assert_true(e->failed);
    ops->integer(to, 1);
    ops->status(to, span("OK"));
    ops->array(to, 1);
    ops->verbatim(to, span("x"));
    assert_null(ops->bulk(to, 1));
    assert_int_equal(e->size, size);
    resp_encoder_clear(e);
    assert_false(e->failed);
    assert_null(ops->bulk(to, SIZE_MAX));
    assert_true(e->failed);
    resp_encoder_clear(e);
    assert_non_null(ops->bulk(to, 1));
    resp_encoder_clear(e);
}

static void test_pending_counts_what_waits_elsewhere(void **state)
{
    FIXTURE;
    e->queued = 1000;
    ops->status(to, span("OK"));
    assert_int_equal(ops->pending(to), 1005);
    resp_encoder_clear(e);
}

static void test_a_huge_buffer_is_given_back(void **state)
{
    FIXTURE;
    e->bytes_max = 64u << 20;
    assert_non_null(ops->bulk(to, 32u << 20));
    resp_encoder_clear(e);
    assert_int_equal(e->capacity, 0);
    ops->status(to, span("OK"));
    size_t capacity = e->capacity;
    resp_encoder_clear(e);
    assert_int_equal(e->capacity, capacity);
}

static void test_lent_values_stop_the_batch_and_leave_gaps(void **state)
{
    FIXTURE;
    hc_view view = {.value = span("hello")}, second = {.value = span("again")};
    assert_false(ops->lend(to, &view)); /* the transport did not say that it can */
    e->may_lend = true;
    ops->integer(to, 7);
    assert_true(ops->lend(to, &view));
    assert_true(ops->pending(to) >= RESP_LENT_PENDING);
    ops->integer(to, 8);
    assert_true(ops->lend(to, &second));
    assert_int_equal(e->lent_count, 2);
    assert_int_equal(e->lents[0].at, 8);
    assert_int_equal(e->lents[1].at, 18);
    assert_int_equal(e->size, 20);
    assert_memory_equal(e->data, ":7\r\n$5\r\n\r\n:8\r\n$5\r\n\r\n", 20);
    resp_encoder_clear(e);
    assert_int_equal(e->lent_count, 0);
    assert_false(e->may_lend);
}

static void test_a_lent_value_can_be_taken_back_until_something_follows(void **state)
{
    FIXTURE;
    hc_view first = {.value = span("hello")}, second = {.value = span("again")};
    e->may_lend = true;
    assert_true(ops->lend(to, &first));
    assert_true(ops->lend(to, &second));
    ops->bulk_cancel(to);
    assert_int_equal(e->lent_count, 1);
    assert_true(ops->pending(to) >= RESP_LENT_PENDING);
    ops->bulk_cancel(to); /* only the latest */
    assert_int_equal(e->lent_count, 1);
    resp_encoder_clear(e);
    e->may_lend = true;
    ops->integer(to, 7);
    assert_true(ops->lend(to, &first));
    ops->bulk_cancel(to);
    assert_int_equal(e->lent_count, 0);
    assert_int_equal(ops->pending(to), 4);
    resp_encoder_clear(e);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_lines_have_no_line_ends_inside),
        TEST(test_integers_of_every_length_and_sign),
        TEST(test_reals_are_the_shortest_text_that_reads_back),
        TEST(test_types_that_only_resp3_has_fall_back_in_resp2),
        TEST(test_a_bulk_gives_the_place_for_its_bytes),
        TEST(test_a_bulk_can_be_taken_back_until_something_follows),
        TEST(test_the_protocol_changes_between_two_replies),
        TEST(test_replies_past_the_limit_fail_and_add_nothing),
        TEST(test_pending_counts_what_waits_elsewhere),
        TEST(test_a_huge_buffer_is_given_back),
        TEST(test_lent_values_stop_the_batch_and_leave_gaps),
        TEST(test_a_lent_value_can_be_taken_back_until_something_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
