/*
 * test_posix_memory.c - the default memory: blocks and address space.
 */
#include "support/test.h"

#include "host/posix/defaults.h"

#define SPACE_BYTES ((size_t)4 << 30) /* what a shard reserves */

static void test_reserved_space_is_large_zero_and_free_until_touched(void **state)
{
    (void)state;
    const hc_memory *memory = &hci_posix_memory;
    uint8_t *space = memory->reserve(memory->ctx, SPACE_BYTES);
    assert_non_null(space);
    assert_int_equal((uintptr_t)space % 4096, 0);
    assert_int_equal(space[0], 0);
    assert_int_equal(space[SPACE_BYTES - 1], 0);
    space[SPACE_BYTES - 1] = 1;
    assert_int_equal(space[SPACE_BYTES - 1], 1);
    memory->unreserve(memory->ctx, space, SPACE_BYTES);
}

static void test_discarded_part_reads_zero_and_the_rest_stays(void **state)
{
    (void)state;
    const hc_memory *memory = &hci_posix_memory;
    size_t page = 65536;
    uint8_t *space = memory->reserve(memory->ctx, 3 * page);
    assert_non_null(space);
    memset(space, 7, 3 * page);
    assert_true(memory->discard(memory->ctx, space + page, page));
    assert_int_equal(space[page - 1], 7);
    assert_int_equal(space[page], 0);
    assert_int_equal(space[2 * page - 1], 0);
    assert_int_equal(space[2 * page], 7);
    assert_false(memory->discard(memory->ctx, space + 1, page)); /* not at a page: refused */
    assert_int_equal(space[2 * page], 7);
    memory->unreserve(memory->ctx, space, 3 * page);
}

static void test_space_beyond_the_machine_is_refused(void **state)
{
    (void)state;
    assert_null(hci_posix_memory.reserve(hci_posix_memory.ctx, (size_t)1 << 60));
}

static void test_blocks_keep_their_content_when_resized(void **state)
{
    (void)state;
    const hc_memory *memory = &hci_posix_memory;
    char *block = memory->allocate(memory->ctx, 6);
    assert_non_null(block);
    memcpy(block, "hello", 6);
    block = memory->resize(memory->ctx, block, 6, 100000);
    assert_non_null(block);
    assert_string_equal(block, "hello");
    memory->release(memory->ctx, block, 100000);
    memory->release(memory->ctx, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserved_space_is_large_zero_and_free_until_touched),
        cmocka_unit_test(test_discarded_part_reads_zero_and_the_rest_stays),
        cmocka_unit_test(test_space_beyond_the_machine_is_refused),
        cmocka_unit_test(test_blocks_keep_their_content_when_resized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
