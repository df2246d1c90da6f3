/*
 * test.h - cmocka with the headers it expects, and spans as tests write them.
 */
#ifndef HYPERCACHE_TESTS_TEST_H
#define HYPERCACHE_TESTS_TEST_H

/* cmocka.h needs these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <hypercache/types.h>

/* ThreadSanitizer makes what takes and gives back memory some fifty times slower: tests of one
 * thread do less under it, and print a line that begins with "skipped". */
#if defined(__SANITIZE_THREAD__)
#define TEST_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_UNDER_TSAN 1
#endif
#endif
#ifndef TEST_UNDER_TSAN
#define TEST_UNDER_TSAN 0
#endif

/* The bytes of a string, without its final NUL. */
static inline hc_span span(const char *text)
{
    return hc_span_make(text, strlen(text));
}

#define test_assert_span(got, want)                                                                \
    do {                                                                                           \
        hc_span test_got = (got), test_want = (want);                                              \
        assert_int_equal(test_got.size, test_want.size);                                           \
        if (test_want.size > 0) {                                                                  \
            assert_memory_equal(test_got.data, test_want.data, test_want.size);                    \
        }                                                                                          \
    } while (0)

#endif
