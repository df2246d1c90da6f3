/*
 * test_replica_answers.c - proposals whose owner is gone, and answers that come late, contradict or
 * do not come.
 */
#include "support/test.h"
#include "support/test_talk.h"

/* ---- proposals ---- */

static void propose_on(test_talk *t, uint32_t from, hc_span key, uint64_t expect, uint64_t version)
{
    uint32_t slot = hc_ring_slot(key);
    test_talk_hear(
        t, from,
        &(record){.kind = RECORD_CAS,
                  .op = 77,
                  .slot = slot,
                  .set_hash = t->parts[0]->topology.set_hash[block_of(t->parts[0], slot)],
                  .expect = expect,
                  .entry = {.version = version},
                  .key = key,
                  .value = HC_SPAN("proposed")});
}

static void propose(test_talk *t, uint32_t from, hc_span key, uint64_t version)
{
    uint64_t nothing = 0;
    propose_on(t, from, key, nothing, version);
}

/* Its life ends, and the next one begins. */
static void reborn(test_talk *t, uint32_t number)
{
    t->members[number].boot_id++;
    t->parts[number]->options.boot_id++;
    assert_int_equal(hc_replica_members(t->parts[0], t->now, t->members, 3), HC_OK);
    test_talk_whole(t, true);
    t->said_count = 0;
    test_talk_step(t, 300);
}

/* Peer 1 proposed, and is gone: the replica asks the others to accept, and these answer. */
static test_talk *orphaned(uint64_t *version_out)
{
    test_talk *t = test_talk_start();
    hc_span key = test_talk_key(t);
    uint64_t version = test_talk_version(t, 1);
    propose(t, 1, key, version);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 1)->result, ANSWER_YES);
    assert_int_equal(t->parts[0]->pending_count, 1);
    reborn(t, 1);
    assert_non_null(test_talk_last(t, RECORD_CAS, 2));
    *version_out = version;
    return t;
}

static void completion_answer(test_talk *t, uint32_t from, answer result, uint64_t version)
{
    const record *asked = test_talk_last(t, RECORD_CAS, 2);
    record spoken = {.kind = RECORD_ANSWER,
                     .op = asked->op,
                     .expect = asked->entry.version,
                     .result = result,
                     .entry = test_value_at(version, "newer")};
    if (version != 0 && result == ANSWER_NEWER) spoken.value = spoken.entry.value;
    test_talk_hear(t, from, &spoken);
}

static void test_what_a_dead_node_proposed_is_completed_when_most_accept_it(void **state)
{
    (void)state;
    uint64_t version;
    bool live;
    test_talk *t = orphaned(&version);
    hc_span key = test_talk_key(t);
    completion_answer(t, 2, ANSWER_YES, 0);
    assert_true(test_talk_here(t, key, &live) == version && live);
    assert_int_equal(t->parts[0]->pending_count, 0);
    assert_non_null(test_talk_last(t, RECORD_PUT, 2));
    test_talk_end(t);
}

static void test_what_a_dead_node_proposed_yields_to_what_is_newer(void **state)
{
    (void)state;
    uint64_t version;
    bool live;
    test_talk *t = orphaned(&version);
    hc_span key = test_talk_key(t);
    completion_answer(t, 2, ANSWER_NEWER, version + 4096);
    assert_true(test_talk_here(t, key, &live) == version + 4096 && live);
    assert_int_equal(t->parts[0]->pending_count, 0);
    assert_int_equal(t->parts[0]->op_open, 0);
    test_talk_end(t);
}

static void test_what_most_refuse_for_good_was_never_committed(void **state)
{
    (void)state;
    uint64_t version;
    bool live;
    test_talk *t = orphaned(&version);
    hc_span key = test_talk_key(t);
    completion_answer(t, 2, ANSWER_FLOOR, version);
    assert_int_equal(t->parts[0]->pending_count, 1);
    completion_answer(t, 1, ANSWER_FLOOR, version);
    assert_int_equal(t->parts[0]->pending_count, 0);
    assert_int_equal(t->parts[0]->op_open, 0);
    assert_true(test_talk_here(t, key, &live) == 0);
    test_talk_end(t);
}

static void test_a_flush_ends_what_was_proposed_before_it(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_span key = test_talk_key(t);
    bool live;
    entry old = test_value_at(test_talk_version(t, 1), "old");
    (void)hci_entry_put(t->parts[0], key, &old, true);
    propose(t, 1, HC_SPAN("other"), test_talk_version(t, 1));
    assert_int_equal(t->parts[0]->pending_count, 1);
    t->parts[2]->flush = test_talk_version(t, 2);
    test_talk_step(t, 10);
    test_talk_hear(t, 2, &(record){.kind = RECORD_ACK, .stream = 1, .seq = 0});
    assert_true(t->parts[0]->flush == t->parts[2]->flush);
    test_talk_step(t, 10);
    assert_int_equal(t->parts[0]->pending_count, 0);
    assert_true(test_talk_here(t, key, &live) == 0);
    /* one that was evaluated on what died is refused, and so is one older than the flush */
    uint32_t slot = hc_ring_slot(key);
    record late = {.kind = RECORD_CAS,
                   .op = 78,
                   .slot = slot,
                   .set_hash = t->parts[0]->topology.set_hash[block_of(t->parts[0], slot)],
                   .expect = old.version,
                   .entry = {.version = test_talk_version(t, 1)},
                   .key = key,
                   .value = HC_SPAN("on the old")};
    test_talk_hear(t, 1, &late);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 1)->result, ANSWER_FLOOR);
    late.entry.version = old.version + 1;
    test_talk_hear(t, 1, &late);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 1)->result, ANSWER_FLOOR);
    assert_int_equal(t->parts[0]->pending_count, 0);
    test_talk_end(t);
}

static void test_who_asks_what_became_of_a_proposal_is_told(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_replica *r = t->parts[0];
    hc_span key = test_talk_key(t);
    uint32_t slot = hc_ring_slot(key);
    uint64_t version = test_talk_version(t, 1);
    bool live;
    record question = {.kind = RECORD_STATUS, .entry = {.version = version}, .key = key};
    test_talk_hear(t, 1, &question); /* never heard of: it may be forgotten */
    assert_true(test_talk_last(t, RECORD_ABORT, 1)->entry.version == version);
    entry e = test_value_at(version, "done");
    (void)hci_entry_put(r, key, &e, true);
    test_talk_hear(t, 1, &question); /* it was committed */
    assert_true(test_talk_last(t, RECORD_PUT, 1)->entry.version == version);
    hci_entry_drop(r, key, version);
    r->floor[slot] = version;
    t->said_count = 0;
    test_talk_hear(t, 1, &question); /* committed or not, it has gone since */
    assert_true(test_talk_here(t, key, &live) > version && !live);
    assert_true(test_talk_last(t, RECORD_PUT, 1)->entry.flags & ENTRY_STUB);
    test_talk_end(t);
}

/* ---- answers ---- */

static void answer_to(test_talk *t, record_kind kind, uint32_t from, answer result, entry e,
                      uint64_t floor)
{
    const record *asked = test_talk_last(t, kind, from);
    assert_non_null(asked);
    record spoken = {.kind = RECORD_ANSWER,
                     .op = asked->op,
                     .result = result,
                     .expect = kind == RECORD_READ ? asked->set_hash : asked->entry.version,
                     .entry = e,
                     .seq = floor};
    spoken.value = e.value;
    test_talk_hear(t, from, &spoken);
}

static void test_a_read_writes_back_what_only_some_have_before_it_answers(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_span key = test_talk_key(t);
    bool live;
    entry newer = test_value_at(test_talk_version(t, 1), "newer");
    test_talk_ask(t, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "");
    answer_to(t, RECORD_READ, 1, ANSWER_YES, newer, 0);
    assert_int_equal(t->reply_count, 0);
    assert_true(test_talk_here(t, key, &live) == newer.version);
    answer_to(t, RECORD_PUT, 2, ANSWER_NEWER, (entry){.version = newer.version + 4096}, 0);
    assert_int_equal(t->reply_count, 0); /* there is something newer: it reads again */
    test_talk_step(t, 5);
    entry newest = test_value_at(newer.version + 4096, "newest");
    answer_to(t, RECORD_READ, 2, ANSWER_YES, newest, 0);
    answer_to(t, RECORD_PUT, 2, ANSWER_YES, (entry){.version = 0}, 0);
    assert_int_equal(t->reply_count, 1);
    assert_string_equal(t->value, "newest");
    test_talk_end(t);
}

static void test_a_read_of_what_may_have_been_deleted_needs_most_to_have_it(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_replica *r = t->parts[0];
    hc_span key = test_talk_key(t);
    entry e = test_value_at(test_talk_version(t, 1), "doubtful");
    r->floor[hc_ring_slot(key)] = e.version;
    test_talk_ask(t, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "");
    answer_to(t, RECORD_READ, 1, ANSWER_YES, e, 0);
    assert_int_equal(t->reply_count, 0);
    test_talk_step(t, 60); /* the third says nothing: as if it were not there */
    assert_int_equal(t->reply_count, 1);
    assert_int_equal(t->reply.outcome, HC_OUTCOME_ABSENT);
    test_talk_end(t);
}

static void test_who_holds_a_proposal_does_not_vote_on_what_is_there(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_replica *r = t->parts[0];
    hc_span key = test_talk_key(t);
    uint32_t slot = hc_ring_slot(key);
    propose(t, 1, key, test_talk_version(t, 1));
    record read = {.kind = RECORD_READ, .op = 5, .slot = slot, .key = key};
    read.set_hash = r->topology.set_hash[block_of(r, slot)];
    test_talk_hear(t, 2, &read);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 2)->result, ANSWER_PENDING);
    read.set_hash++;
    test_talk_hear(t, 2, &read);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 2)->result, ANSWER_STALE);
    test_talk_ask(t, HC_REQUEST_GET, HC_LEVEL_QUORUM, key, "");
    answer_to(t, RECORD_READ, 1, ANSWER_YES, (entry){.version = 0}, 0);
    assert_int_equal(t->reply_count, 0);
    answer_to(t, RECORD_READ, 2, ANSWER_SYNCING, (entry){.version = 0}, 0);
    assert_int_equal(t->reply_count, 0); /* too few: again in a while */
    /* and a write waits until it is decided */
    test_talk_ask(t, HC_REQUEST_SET, HC_LEVEL_ONE, key, "v");
    test_talk_ask(t, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, key, "v");
    assert_int_equal(t->reply_count, 0);
    test_talk_step(t, 1500);
    assert_int_equal(t->reply_count, 3);
    test_talk_end(t);
}

static void test_a_write_that_meets_something_newer_is_uncertain(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_span key = test_talk_key(t);
    test_talk_ask(t, HC_REQUEST_SET, HC_LEVEL_ALL, key, "v");
    answer_to(t, RECORD_PUT, 1, ANSWER_SYNCING, (entry){.version = 0}, 0);
    answer_to(t, RECORD_PUT, 1, ANSWER_YES, (entry){.version = 0}, 0);
    assert_int_equal(t->reply_count, 0);
    uint64_t version = test_talk_last(t, RECORD_PUT, 2)->entry.version;
    answer_to(t, RECORD_PUT, 2, ANSWER_NEWER, (entry){.version = version + 4096}, 0);
    assert_int_equal(t->reply_count, 1);
    assert_int_equal(t->reply.outcome, HC_OUTCOME_UNCERTAIN);
    test_talk_end(t);
}

static void test_a_proposal_that_most_refuse_is_taken_back_and_evaluated_again(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_span key = test_talk_key(t);
    test_talk_ask(t, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, key, "v");
    uint64_t first = test_talk_last(t, RECORD_CAS, 1)->entry.version;
    answer_to(t, RECORD_CAS, 1, ANSWER_NEWER, test_value_at(first + 4096, "other"), 0);
    answer_to(t, RECORD_CAS, 2, ANSWER_BUSY, (entry){.version = 0}, 0);
    assert_true(test_talk_last(t, RECORD_ABORT, 1)->entry.version == first);
    test_talk_step(t, 50);
    const record *again = test_talk_last(t, RECORD_CAS, 1);
    assert_true(again->entry.version > first + 4096 && again->expect == first + 4096);
    answer_to(t, RECORD_CAS, 2, ANSWER_YES, (entry){.version = 0}, 0);
    assert_int_equal(t->reply.outcome, HC_OUTCOME_DONE);
    test_talk_end(t);
}

/* What it was evaluated on may have been deleted since, and the stub has gone. */
static void test_a_proposal_on_what_is_gone_and_below_the_floor_is_refused(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_replica *r = t->parts[0];
    hc_span key = test_talk_key(t);
    uint64_t *floor = &r->floor[hc_ring_slot(key)];
    uint64_t before = test_talk_version(t, 1), version = before + 4096;
    *floor = before;
    propose_on(t, 1, key, before, version);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 1)->result, ANSWER_FLOOR);
    assert_true(test_talk_last(t, RECORD_ANSWER, 1)->entry.version == before);
    assert_int_equal(r->pending_count, 0);
    *floor = before - 1;
    propose_on(t, 1, key, before, version);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 1)->result, ANSWER_YES);
    *floor = before; /* asked again: it has accepted, and stands by it */
    propose_on(t, 1, key, before, version);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 1)->result, ANSWER_YES);
    test_talk_end(t);
}

/* A deletion came, and its stub went, before the others answered: they cannot tell any more. */
static void test_a_proposal_on_what_was_deleted_meanwhile_is_evaluated_again(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_replica *r = t->parts[0];
    hc_span key = test_talk_key(t);
    entry old = test_value_at(test_talk_version(t, 1), "old");
    assert_int_equal(hci_entry_put(r, key, &old, true), PUT_APPLIED);
    entry stub = test_stub_at(test_talk_version(t, 2));
    test_talk_step(t, 5);
    test_talk_ask(t, HC_REQUEST_UPDATE, HC_LEVEL_QUORUM, key, "v");
    uint64_t first = test_talk_last(t, RECORD_CAS, 1)->entry.version;
    assert_true(test_talk_last(t, RECORD_CAS, 1)->expect == old.version && first > stub.version);
    assert_int_equal(hci_entry_put(r, key, &stub, true), PUT_APPLIED);
    hci_entry_drop(r, key, stub.version);
    answer_to(t, RECORD_CAS, 1, ANSWER_YES, (entry){.version = 0}, 0);
    assert_int_equal(t->reply_count, 0);
    assert_true(test_talk_last(t, RECORD_ABORT, 1)->entry.version == first);
    test_talk_step(t, 50);
    const record *again = test_talk_last(t, RECORD_CAS, 1);
    assert_true(again->entry.version > first && again->expect == 0);
    answer_to(t, RECORD_CAS, 2, ANSWER_YES, (entry){.version = 0}, 0);
    assert_int_equal(t->reply.outcome, HC_OUTCOME_DONE);
    test_talk_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_dead_node_proposed_is_completed_when_most_accept_it),
        cmocka_unit_test(test_what_a_dead_node_proposed_yields_to_what_is_newer),
        cmocka_unit_test(test_what_most_refuse_for_good_was_never_committed),
        cmocka_unit_test(test_a_flush_ends_what_was_proposed_before_it),
        cmocka_unit_test(test_who_asks_what_became_of_a_proposal_is_told),
        cmocka_unit_test(test_a_read_writes_back_what_only_some_have_before_it_answers),
        cmocka_unit_test(test_a_read_of_what_may_have_been_deleted_needs_most_to_have_it),
        cmocka_unit_test(test_who_holds_a_proposal_does_not_vote_on_what_is_there),
        cmocka_unit_test(test_a_write_that_meets_something_newer_is_uncertain),
        cmocka_unit_test(test_a_proposal_that_most_refuse_is_taken_back_and_evaluated_again),
        cmocka_unit_test(test_a_proposal_on_what_is_gone_and_below_the_floor_is_refused),
        cmocka_unit_test(test_a_proposal_on_what_was_deleted_meanwhile_is_evaluated_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
