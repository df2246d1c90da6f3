/*
 * test_wait.h - waiting for another thread or process, with a bound and without guessing a time.
 */
#ifndef HYPERCACHE_TESTS_TEST_WAIT_H
#define HYPERCACHE_TESTS_TEST_WAIT_H

#include <stdbool.h>

#define TEST_WAIT_MS_MAX 30000 /* enough for a loaded machine under a sanitizer */

/* Looks at `holds(ctx)` every millisecond.  Returns true as soon as it holds, false when it still
 * does not after TEST_WAIT_MS_MAX. */
bool test_wait_until(bool (*holds)(void *ctx), void *ctx);

#endif
