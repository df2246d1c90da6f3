/* test_threads.c - starts them all, then waits for each. */
#include "support/test_threads.h"
#include "support/test.h"

#include <pthread.h>

void test_threads(size_t count, void *(*work)(void *), void *each, size_t each_bytes)
{
    pthread_t threads[TEST_THREADS_MAX];
    assert_in_range(count, 1, TEST_THREADS_MAX);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, work, (unsigned char *)each + i * each_bytes), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}
