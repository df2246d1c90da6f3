/*
 * test_reply.h - a reply that is written down as one line of text.
 *
 *     +OK   -ERR ...   :7   ,1.5   #t   nil   nil*   "bulk\r\n"   ="verbatim"
 *     *2 "a" "b"       %1 "name" :7       ~1 +write       >1 "push"
 *
 * Bytes outside 0x20..0x7e, quotes and backslashes in a bulk are written \xHH; CR and LF as \r, \n.
 *
 * Misuse of the table (a bulk cancelled that is not the latest reply, an aggregate that is not
 * filled) makes test_reply_text fail the test.
 */
#ifndef HYPERCACHE_TESTS_TEST_REPLY_H
#define HYPERCACHE_TESTS_TEST_REPLY_H

#include "command/reply.h"

#define TEST_REPLY_BYTES_MAX (1u << 20)

typedef struct test_reply {
    reply base; /* first */
    char *text; /* what is complete so far */
    size_t size;
    uint8_t *bulk; /* a bulk being filled; NULL: none */
    size_t bulk_size;
    size_t wanted;  /* replies still owed: 1, plus what aggregates announced, less what came */
    size_t pending; /* what pending() says */
    bool refuse_bulks;
} test_reply;

/* Protocol 2. */
void test_reply_init(test_reply *to);
void test_reply_fini(test_reply *to);
/* Forgets what came; one reply is owed again. */
void test_reply_clear(test_reply *to);
/* The line, valid until the next call; asserts that exactly one whole reply came, and any number of
 * pushes after it. */
const char *test_reply_text(test_reply *to);

#endif
