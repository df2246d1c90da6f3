/*
 * test_client.h - a node with one client, and commands as a test writes them.
 *
 *     test_client on;
 *     test_client_init(&on, NULL);
 *     test_client_expect(&on, "SET k 'two words' EX 10", "+OK");
 *     test_clock_advance_ms(&on.clock, 11000);
 *     test_client_expect(&on, "GET k", "nil");
 *     test_client_fini(&on);
 *
 * A line is words separated by blanks; '...' holds blanks, and \r \n \0 \xHH \\ stand for bytes in
 * either.  Replies are in the notation of test_reply.h; a wanted one that ends in "..." need only
 * begin so.  The clock is virtual and starts at TEST_CLOCK_START_MS.
 */
#ifndef HYPERCACHE_TESTS_TEST_CLIENT_H
#define HYPERCACHE_TESTS_TEST_CLIENT_H

#include "command/session.h"
#include "support/test.h"
#include "support/test_clock.h"
#include "support/test_host.h"
#include "support/test_reply.h"

#define TEST_CLIENT_WORDS_MAX 300u

typedef struct test_client {
    test_clock clock;
    hc_host host;
    node *node;
    session client;
    test_reply reply;
} test_client;

/* `options` NULL takes defaults; its host is ours in any case. */
void test_client_init(test_client *of, const node_options *options);
void test_client_fini(test_client *of);

/* Runs one command and returns its reply; "" when it gives none (CLIENT REPLY OFF, SHUTDOWN). */
const char *test_client_run(test_client *of, const char *line);
/* The same with arguments of any bytes. */
const char *test_client_run_args(test_client *of, const hc_span *args, size_t argc);
void test_client_expect(test_client *of, const char *line, const char *want);

/* Steps of a table, in order on one node; a line "@1500" lets 1500 ms pass. */
typedef struct test_step {
    const char *line, *want;
} test_step;
void test_client_steps(test_client *of, const test_step *steps, size_t count);

/* One fresh node for each table. */
#define TEST_STEPS(...)                                                                            \
    do {                                                                                           \
        const test_step test_steps[] = {__VA_ARGS__};                                              \
        test_client test_on;                                                                       \
        test_client_init(&test_on, NULL);                                                          \
        test_client_steps(&test_on, test_steps, sizeof test_steps / sizeof test_steps[0]);         \
        test_client_fini(&test_on);                                                                \
    } while (0)

#endif
