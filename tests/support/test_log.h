/*
 * test_log.h - a log that keeps the last records, each as a line of JSON.
 *
 * Threads: records may be written by several threads; look at them when those are done.
 */
#ifndef HYPERCACHE_TESTS_TEST_LOG_H
#define HYPERCACHE_TESTS_TEST_LOG_H

#include <stdatomic.h>

#include <hypercache/host.h>

#define TEST_LOG_LINES 64u
#define TEST_LOG_LINE_BYTES 1024u

typedef struct test_log {
    atomic_size_t count;                             /* records written so far */
    hc_log_level level_max;                          /* wants() says yes up to this level */
    char lines[TEST_LOG_LINES][TEST_LOG_LINE_BYTES]; /* record n is in lines[n % TEST_LOG_LINES] */
    hc_log table;                                    /* for an hc_host */
} test_log;

void test_log_init(test_log *log, hc_log_level level_max);
/* Whether one of the lines kept contains `text`. */
bool test_log_has(const test_log *log, const char *text);

#endif
