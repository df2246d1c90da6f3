/* test_capture.c - the ring keeps the latest frames whole, and what it prints others can read. */
#include "debug/capture.h"

#include "support/test.h"

#include <stdlib.h>

typedef struct page {
    uint8_t data[1 << 20];
    size_t size;
} page;

static void page_add(void *ctx, const void *bytes, size_t size)
{
    page *to = ctx;
    assert_true(size <= sizeof to->data - to->size);
    if (size > 0) memcpy(to->data + to->size, bytes, size);
    to->size += size;
}

static bool page_has(const page *in, const char *text)
{
    return memmem(in->data, in->size, text, strlen(text)) != NULL;
}

typedef struct fixture {
    capture ring;
    uint32_t noted[2];
    page page;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    capture_init(&f->ring);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    capture_fini(&f->ring);
    free(f);
    return 0;
}

static void note(fixture *f, uint64_t client, bool from_client, const char *text)
{
    capture_talk talk = {.client = client,
                         .client_address = "10.1.2.3:50000",
                         .local_address = "10.1.2.4:6379",
                         .noted = f->noted};
    if (capture_wants(&f->ring, client))
        capture_note(&f->ring, &talk, from_client, text, strlen(text), strlen(text));
}

static void test_off_nothing_is_wanted(void **state)
{
    fixture *f = *state;
    assert_false(capture_wants(&f->ring, 7));
    assert_int_equal(capture_start(&f->ring, 7, 0), HC_OK);
    assert_true(capture_wants(&f->ring, 7));
    assert_false(capture_wants(&f->ring, 8));
    assert_int_equal(capture_start(&f->ring, CAPTURE_ALL, 0), HC_OK);
    assert_true(capture_wants(&f->ring, 8));
    capture_stop(&f->ring);
    assert_false(capture_wants(&f->ring, 8));
    assert_int_equal(capture_start(&f->ring, 7, CAPTURE_BYTES_MIN - 1), HC_ERR_INVALID);
    assert_int_equal(capture_start(&f->ring, 7, (size_t)CAPTURE_BYTES_MAX + 1), HC_ERR_INVALID);
}

static void test_text_has_both_sides_in_order(void **state)
{
    fixture *f = *state;
    assert_int_equal(capture_start(&f->ring, 7, 0), HC_OK);
    note(f, 7, true, "PING\r\n");
    note(f, 7, false, "+PONG\r\n");
    note(f, 8, true, "GET x\r\n");
    capture_text(&f->ring, SIZE_MAX, &(capture_output){&f->page, page_add});
    assert_true(page_has(&f->page, "#1 client 7 10.1.2.3:50000 > 10.1.2.4:6379 6 bytes "
                                   "\"PING\\r\\n\"\n"));
    assert_true(page_has(&f->page, "#2 client 7 10.1.2.4:6379 > 10.1.2.3:50000 7 bytes "
                                   "\"+PONG\\r\\n\"\n"));
    assert_false(page_has(&f->page, "GET x"));
    capture_stop(&f->ring);
    assert_int_equal(capture_state(&f->ring).frames, 2);
    capture_clear(&f->ring);
    assert_int_equal(capture_state(&f->ring).bytes_max, 0);
}

static void count_frame(void *ctx, const capture_frame *frame, const uint8_t *data)
{
    uint64_t *latest = ctx;
    assert_int_equal(frame->number, *latest + 1);
    assert_int_equal(frame->kept, 1000);
    for (uint32_t i = 0; i < frame->kept; i++)
        assert_int_equal(data[i], 'a' + (frame->number - 1) % 26);
    *latest = frame->number;
}

static void test_the_oldest_go_and_the_others_stay_whole(void **state)
{
    fixture *f = *state;
    char text[1001] = {0};
    const uint64_t all = 1000;
    assert_int_equal(capture_start(&f->ring, CAPTURE_ALL, CAPTURE_BYTES_MIN), HC_OK);
    for (uint64_t i = 0; i < all; i++) {
        memset(text, (int)('a' + i % 26), 1000);
        note(f, 7, true, text);
        capture_status now = capture_state(&f->ring);
        assert_int_equal(now.frames + now.dropped, i + 1);
        assert_true(now.bytes <= now.bytes_max);
        uint64_t latest = i + 1 - now.frames;
        capture_each(&f->ring, SIZE_MAX, count_frame, &latest);
        assert_int_equal(latest, i + 1);
    }
    uint64_t latest = all - 3;
    capture_each(&f->ring, 3, count_frame, &latest);
    assert_int_equal(latest, all);
}

static void sum_frame(void *ctx, const capture_frame *frame, const uint8_t *data)
{
    uint32_t *sums = ctx;
    (void)data;
    assert_int_equal(frame->sequence, sums[0]);
    assert_true(frame->kept <= CAPTURE_KEPT_BYTES_MAX);
    sums[0] += frame->size;
    sums[1] += frame->kept;
}

static void test_long_frames_are_cut_and_say_how_long_they_were(void **state)
{
    fixture *f = *state;
    static char text[100001];
    uint32_t sums[2] = {0};
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(capture_start(&f->ring, CAPTURE_ALL, 0), HC_OK);
    note(f, 7, false, text);
    capture_each(&f->ring, SIZE_MAX, sum_frame, sums);
    assert_int_equal(sums[0], 100000);
    assert_int_equal(sums[1], 3 * CAPTURE_KEPT_BYTES_MAX + 100000 % CAPTURE_FRAME_BYTES_MAX);
    capture_text(&f->ring, SIZE_MAX, &(capture_output){&f->page, page_add});
    assert_true(page_has(&f->page, "\"...\n"));
}

static void test_packets_have_addresses_and_rising_sequence_numbers(void **state)
{
    fixture *f = *state;
    assert_int_equal(capture_start(&f->ring, CAPTURE_ALL, 0), HC_OK);
    note(f, 7, true, "PING\r\n");
    note(f, 7, false, "+PONG\r\n");
    note(f, 7, true, "QUIT\r\n");
    capture_pcap(&f->ring, &(capture_output){&f->page, page_add});
    assert_int_equal(f->page.size, 24 + 3 * (16 + 40) + 6 + 7 + 6);
    const uint8_t *third = f->page.data + 24 + 2 * (16 + 40) + 6 + 7;
    assert_memory_equal(third + 16 + 12, "\x0a\x01\x02\x03\x0a\x01\x02\x04", 8);
    assert_memory_equal(third + 16 + 20, "\xc3\x50\x18\xeb", 4);     /* ports */
    assert_memory_equal(third + 16 + 24, "\0\0\0\x07\0\0\0\x08", 8); /* 6 and 7 bytes before */
    assert_memory_equal(third + 16 + 40, "QUIT\r\n", 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_off_nothing_is_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_has_both_sides_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_oldest_go_and_the_others_stay_whole, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_long_frames_are_cut_and_say_how_long_they_were, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_packets_have_addresses_and_rising_sequence_numbers,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
