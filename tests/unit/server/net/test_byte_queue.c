/*
 * test_byte_queue.c - what goes in comes out, in order, and memory follows what waits.
 */
#include "support/test.h"

#include "net/byte_queue.h"
#include "support/test_random.h"

static void test_an_empty_queue_owns_nothing(void **state)
{
    (void)state;
    byte_queue queue = {0};
    assert_int_equal(byte_queue_size(&queue), 0);
    assert_true(byte_queue_append(&queue, (const uint8_t *)"abc", 3));
    byte_queue_take(&queue, 3);
    assert_null(queue.data);
    assert_true(byte_queue_append(&queue, NULL, 0));
    assert_null(queue.data);
    byte_queue_fini(&queue);
}

static void test_bytes_come_out_as_they_went_in(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 7);
    byte_queue queue = {0};
    uint8_t bytes[5000];
    uint64_t in = 0, out = 0; /* byte n is n % 251 */
    for (int step = 0; step < 20000; step++) {
        size_t size = (size_t)test_random_below(&random, step % 100 == 0 ? sizeof bytes : 300);
        if (test_random_below(&random, 2) == 0) {
            for (size_t i = 0; i < size; i++)
                bytes[i] = (uint8_t)((in + i) % 251);
            assert_true(byte_queue_append(&queue, bytes, size));
            in += size;
        } else {
            if (size > byte_queue_size(&queue)) size = byte_queue_size(&queue);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(queue.data[queue.head + i], (out + i) % 251);
            byte_queue_take(&queue, size);
            out += size;
        }
        assert_int_equal(byte_queue_size(&queue), in - out);
    }
    byte_queue_fini(&queue);
}

static void test_room_is_made_by_moving_before_growing(void **state)
{
    (void)state;
    byte_queue queue = {0};
    static const uint8_t bytes[512] = {1};
    assert_true(byte_queue_append(&queue, bytes, sizeof bytes));
    size_t capacity = queue.capacity;
    byte_queue_take(&queue, 400);
    assert_true(byte_queue_append(&queue, bytes, 300));
    assert_int_equal(queue.capacity, capacity);
    assert_int_equal(queue.head, 0);
    byte_queue_fini(&queue);
}

static void test_bytes_move_into_a_spare_block(void **state)
{
    (void)state;
    byte_queue queue = {0}, spare = {0};
    assert_true(byte_queue_reserve(&spare, 100000));
    const uint8_t *large = spare.data, *small;
    assert_true(byte_queue_append(&queue, (const uint8_t *)"abcdef", 6));
    byte_queue_take(&queue, 2);
    small = queue.data;
    byte_queue_exchange(&queue, &spare);
    assert_ptr_equal(queue.data, large);
    assert_int_equal(byte_queue_size(&queue), 4);
    assert_memory_equal(queue.data + queue.head, "cdef", 4);
    assert_ptr_equal(spare.data, small);
    assert_int_equal(byte_queue_size(&spare), 0);
    byte_queue_fini(&queue);
    byte_queue_fini(&spare);
}

static void test_a_size_that_cannot_be_is_refused(void **state)
{
    (void)state;
    byte_queue queue = {0};
    assert_true(byte_queue_append(&queue, (const uint8_t *)"abc", 3));
    assert_false(byte_queue_reserve(&queue, SIZE_MAX / 2));
    assert_int_equal(byte_queue_size(&queue), 3);
    byte_queue_fini(&queue);
}

static void test_bytes_move_into_a_block_and_out_again(void **state)
{
    (void)state;
    byte_queue queue = {0};
    assert_true(byte_queue_append(&queue, (const uint8_t *)"abcdef", 6));
    byte_queue_take(&queue, 2);
    assert_true(byte_queue_to_block(&queue, NULL, 4));
    assert_non_null(queue.block);
    assert_ptr_equal(queue.data, hc_block_data(queue.block));
    assert_true(byte_queue_append(&queue, (const uint8_t *)"ghij", 4));
    assert_non_null(queue.block); /* it was just enough */
    assert_true(byte_queue_append(&queue, (const uint8_t *)"k", 1));
    assert_null(queue.block); /* it does not grow */
    assert_int_equal(byte_queue_size(&queue), 9);
    assert_memory_equal(queue.data + queue.head, "cdefghijk", 9);
    assert_false(byte_queue_to_block(&queue, NULL, HC_BLOCK_BYTES_MAX));
    assert_memory_equal(queue.data + queue.head, "cdefghijk", 9);
    byte_queue_fini(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_queue_owns_nothing),
        cmocka_unit_test(test_bytes_come_out_as_they_went_in),
        cmocka_unit_test(test_room_is_made_by_moving_before_growing),
        cmocka_unit_test(test_bytes_move_into_a_spare_block),
        cmocka_unit_test(test_bytes_move_into_a_block_and_out_again),
        cmocka_unit_test(test_a_size_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
