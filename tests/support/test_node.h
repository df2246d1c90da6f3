/*
 * test_node.h - a node with one client, and commands as a test writes them.
 *
 *     test_node on;
 *     test_node_init(&on, NULL);
 *     test_node_expect(&on, "SET k 'two words' EX 10", "+OK");
 *     test_clock_advance_ms(&on.clock, 11000);
 *     test_node_expect(&on, "GET k", "nil");
 *     test_node_fini(&on);
 *
 * A line is words separated by blanks; '...' holds blanks, and \r \n \0 \xHH \\ stand for bytes in
 * either.  Replies are in the notation of test_reply.h; a wanted one that ends in "..." need only
 * begin so.  The clock is virtual and starts at TEST_CLOCK_START_MS.
 */
#ifndef HYPERCACHE_TESTS_TEST_NODE_H
#define HYPERCACHE_TESTS_TEST_NODE_H

#include "command/session.h"
#include "support/test.h"
#include "support/test_clock.h"
#include "support/test_host.h"
#include "support/test_reply.h"

#define TEST_NODE_WORDS_MAX 300u

typedef struct test_node {
    test_clock clock;
    hc_host host;
    node *node;
    session client;
    test_reply reply;
} test_node;

/* `options` NULL takes defaults; its host is ours in any case. */
void test_node_init(test_node *of, const node_options *options);
void test_node_fini(test_node *of);

/* Runs one command and returns its reply; "" when it gives none (CLIENT REPLY OFF, SHUTDOWN). */
const char *test_node_run(test_node *of, const char *line);
/* The same with arguments of any bytes. */
const char *test_node_run_args(test_node *of, const hc_span *args, size_t argc);
void test_node_expect(test_node *of, const char *line, const char *want);

/* Steps of a table, in order on one node; a line "@1500" lets 1500 ms pass. */
typedef struct test_step {
    const char *line, *want;
} test_step;
void test_node_steps(test_node *of, const test_step *steps, size_t count);

/* One fresh node for each table. */
#define TEST_STEPS(...)                                                                            \
    do {                                                                                           \
        const test_step test_steps[] = {__VA_ARGS__};                                              \
        test_node test_on;                                                                         \
        test_node_init(&test_on, NULL);                                                            \
        test_node_steps(&test_on, test_steps, sizeof test_steps / sizeof test_steps[0]);           \
        test_node_fini(&test_on);                                                                  \
    } while (0)

#endif
