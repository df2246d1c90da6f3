/*
 * test_clients.h - several clients of one node, for what one does that another notices.
 *
 *     TEST_TALK({1, "WATCH k", "+OK"}, {2, "SET k v", "+OK"}, {1, "MULTI", "+OK"}, {1, "EXEC",
 * "nil*"});
 *
 * Lines and replies are as in test_client.h.
 */
#ifndef HYPERCACHE_TESTS_TEST_CLIENTS_H
#define HYPERCACHE_TESTS_TEST_CLIENTS_H

#include "support/test_client.h"

#define TEST_CLIENTS_MAX 4u

typedef struct test_clients {
    test_client all[TEST_CLIENTS_MAX]; /* the first owns the node */
    unsigned count;
} test_clients;

typedef struct test_saying {
    unsigned who; /* from 1 */
    const char *line, *want;
} test_saying;

/* `count` clients of a node with one worker. */
void test_clients_init(test_clients *of, unsigned count, const node_options *options);
void test_clients_fini(test_clients *of);
/* "@1500" lets time pass. */
void test_clients_talk(test_clients *of, const test_saying *talk, size_t count);

/* Three clients on a fresh node. */
#define TEST_TALK(...)                                                                             \
    do {                                                                                           \
        const test_saying test_talk[] = {__VA_ARGS__};                                             \
        test_clients test_some;                                                                    \
        test_clients_init(&test_some, 3, NULL);                                                    \
        test_clients_talk(&test_some, test_talk, sizeof test_talk / sizeof test_talk[0]);          \
        test_clients_fini(&test_some);                                                             \
    } while (0)

#endif
