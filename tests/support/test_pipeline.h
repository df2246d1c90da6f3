/* test_pipeline.h - many requests of one client as one batch. */
#ifndef HYPERCACHE_TESTS_TEST_PIPELINE_H
#define HYPERCACHE_TESTS_TEST_PIPELINE_H

#include "command/request.h"
#include "support/test_client.h"

#define TEST_PIPELINE_WORDS_MAX 12u

/* Runs the blank-separated lines in one batch, up to REQUEST_BATCH_MAX of them, and returns all
 * their replies in one line. */
const char *test_pipeline_run(test_client *of, const char *const *lines, size_t count);

#endif
