/*
 * test_threads.h - the same work on several threads at once.
 */
#ifndef HYPERCACHE_TESTS_TEST_THREADS_H
#define HYPERCACHE_TESTS_TEST_THREADS_H

#include <stddef.h>

#define TEST_THREADS_MAX 16u

/* Runs `work` on `count` threads and returns when all have ended.  The n-th is given
 * (char *)each + n * each_bytes, so with 0 bytes all are given the same. */
void test_threads(size_t count, void *(*work)(void *), void *each, size_t each_bytes);

#endif
