/*
 * test_talk.h - one replica, and two peers that say what the test wants them to.
 *
 *     test_talk *t = test_talk_start();
 *     test_talk_hear(t, 1, &(record){.kind = RECORD_STATUS, ...});     peer 1 says it
 *     test_talk_last(t, RECORD_ABORT, 1);                              what peer 1 was told last
 *
 * All three hold every key and have all data, until the test says otherwise; the peers confirm
 * nothing by themselves.
 */
#ifndef HYPERCACHE_TESTS_TEST_TALK_H
#define HYPERCACHE_TESTS_TEST_TALK_H

#include "replication/replication_private.h"
#include "support/test_random.h"

#define TEST_SAID_MAX 512u
#define TEST_SAID_BYTES 256u

/* A record that the replica sent. */
typedef struct test_said {
    record what;
    uint32_t to;
    uint8_t bytes[TEST_SAID_BYTES];
} test_said;

typedef struct test_talk {
    test_random random;
    hc_host host;
    hc_member members[3];
    hc_replica *parts[3]; /* the first is the one; the others write its peers' messages */
    hc_store *stores[3];
    hc_moment now;
    test_said said[TEST_SAID_MAX];
    uint32_t said_count, reply_count;
    hc_reply reply; /* the last, less its value */
    char value[64];
} test_talk;

#define TEST_TALK_BOOT 10u

test_talk *test_talk_start(void);
void test_talk_end(test_talk *t);
void test_talk_step(test_talk *t, uint64_t ms); /* time passes; the peers are heard all along */
void test_talk_whole(test_talk *t, bool whole); /* the peers have all data, or none, they say */
/* Peer `from` says this, and with it the last flush that it knows of. */
void test_talk_hear(test_talk *t, uint32_t from, const record *what);
/* The last record of the kind that went to that peer; NULL: none. */
const record *test_talk_last(const test_talk *t, record_kind kind, uint32_t to);
void test_talk_ask(test_talk *t, hc_request_kind kind, hc_level level, hc_span key,
                   const char *value);
uint64_t test_talk_version(test_talk *t, uint32_t by); /* a new one, of that node */
uint64_t test_talk_here(test_talk *t, hc_span key, bool *live);
hc_span test_talk_key(test_talk *t); /* one for which the replica acts; static */
entry test_value_at(uint64_t version, const char *text);
entry test_stub_at(uint64_t version);

#endif
