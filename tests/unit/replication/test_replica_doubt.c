/*
 * test_replica_doubt.c - keys in doubt, what the sweep finds, what a scan visits, messages cut
 * short.
 */
#include "support/test.h"
#include "support/test_talk.h"

#include <stdio.h>
#include <string.h>

/* ---- doubts ---- */

typedef struct voice { /* of a peer about the key in doubt */
    int version;       /* less than that of the key by this; 0: the same, 9: it has none */
    bool stub, floor;  /* floor: at the key's version */
} voice;

typedef struct doubt {
    const char *what;
    voice voices[2];
    bool drops, offers, newer;
} doubt;

static void voice_say(test_talk *t, uint32_t from, const record *question, const voice *v,
                      hc_span key)
{
    record spoken = {.kind = RECORD_ANSWER, .op = question->op};
    if (v->floor) spoken.seq = question->entry.version;
    if (v->version != 9) {
        spoken.entry = v->stub ? test_stub_at(0) : test_value_at(0, "other");
        spoken.entry.version = (uint64_t)((int64_t)question->entry.version - v->version);
        spoken.value = spoken.entry.value;
    }
    (void)key;
    test_talk_hear(t, from, &spoken);
}

static void test_of_a_doubtful_key_the_others_decide(void **state)
{
    (void)state;
    static const doubt cases[] = {
        {"most lack it, and may have deleted it",
         {{9, false, true}, {9, false, true}},
         true,
         false,
         false},
        {"most have it", {{0, false, false}, {9, false, true}}, false, true, false},
        {"all have answered, and neither",
         {{9, false, false}, {9, false, true}},
         true,
         false,
         false},
        {"one knows it deleted", {{0, true, false}, {0, false, false}}, false, true, true},
        {"one has something newer", {{-1024, false, false}, {0, false, false}}, false, true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_talk *t = test_talk_start();
        hc_replica *r = t->parts[0];
        hc_span key = HC_SPAN("doubtful");
        uint32_t slot = hc_ring_slot(key);
        bool live;
        entry e = test_value_at(test_talk_version(t, 1), "mine");
        assert_int_equal(hci_entry_put(r, key, &e, true), PUT_APPLIED);
        hci_offer(r, 2, slot, key, &e, e.version);
        hci_flush_out(r);
        const record *question = test_talk_last(t, RECORD_CONSULT, 1);
        assert_non_null(question);
        record asked = *question;
        t->said_count = 0;
        for (uint32_t from = 1; from < 3; from++)
            voice_say(t, from, &asked, &cases[i].voices[from - 1], key);
        uint64_t left = test_talk_here(t, key, &live);
        if ((left == 0) != cases[i].drops ||
            (test_talk_last(t, RECORD_PUT, 2) != NULL) != cases[i].offers)
            fail_msg("%s", cases[i].what);
        if (!cases[i].drops && cases[i].newer) assert_true(left > e.version || !live);
        assert_int_equal(r->op_open, 0);
        test_talk_end(t);
    }
}

static void test_a_doubt_that_too_few_answer_changes_nothing(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_replica *r = t->parts[0];
    hc_span key = HC_SPAN("doubtful");
    bool live;
    entry e = test_value_at(test_talk_version(t, 1), "mine");
    (void)hci_entry_put(r, key, &e, true);
    hci_offer(r, 2, hc_ring_slot(key), key, &e, e.version);
    test_talk_step(t, 400);
    assert_true(test_talk_here(t, key, &live) == e.version && live);
    assert_null(test_talk_last(t, RECORD_PUT, 2));
    assert_int_equal(r->op_open, 0);
    /* and one whose key was written meanwhile is at an end as well */
    hci_offer(r, 2, hc_ring_slot(key), key, &e, e.version);
    hci_flush_out(r);
    record question = *test_talk_last(t, RECORD_CONSULT, 1);
    entry later = test_value_at(test_talk_version(t, 1), "later");
    (void)hci_entry_put(r, key, &later, true);
    voice_say(t, 1, &question, &(voice){.version = 9}, key);
    assert_int_equal(r->op_open, 0);
    test_talk_end(t);
}

static void test_who_is_asked_tells_what_it_has(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_replica *r = t->parts[0];
    hc_span key = HC_SPAN("asked");
    uint32_t slot = hc_ring_slot(key);
    entry e = test_value_at(test_talk_version(t, 1), "mine");
    record question = {
        .kind = RECORD_CONSULT, .op = 5, .slot = slot, .entry = {.version = e.version}, .key = key};
    test_talk_hear(t, 1, &question);
    assert_true(test_talk_last(t, RECORD_ANSWER, 1)->entry.version == 0);
    (void)hci_entry_put(r, key, &e, true);
    test_talk_hear(t, 1, &question);
    assert_true(test_talk_last(t, RECORD_ANSWER, 1)->entry.version == e.version);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 1)->value.size, 0);
    question.entry.version--;
    test_talk_hear(t, 1, &question);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 1)->value.size, 4);
    bit_set(r->synced, block_of(r, slot), false);
    test_talk_hear(t, 1, &question);
    assert_int_equal(test_talk_last(t, RECORD_ANSWER, 1)->result, ANSWER_SYNCING);
    test_talk_end(t);
}

/* ---- the sweep ---- */

static void test_the_sweep_leaves_what_is_alive(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_replica *r = t->parts[0];
    bool live;
    entry flushed = test_value_at(test_talk_version(t, 1), "flushed");
    (void)hci_entry_put(r, HC_SPAN("flushed"), &flushed, true);
    test_talk_step(t, 10);
    uint64_t flush = test_talk_version(t, 2);
    test_talk_step(t, 10);
    entry kept = test_value_at(test_talk_version(t, 1), "kept"),
          short_lived = test_value_at(0, "short");
    (void)hci_entry_put(r, HC_SPAN("kept"), &kept, true);
    short_lived.version = test_talk_version(t, 1);
    short_lived.flags = ENTRY_EXPIRES;
    short_lived.expires_at_ms = t->now.wall_ms + 500;
    (void)hci_entry_put(r, HC_SPAN("short"), &short_lived, true);
    entry gone = test_stub_at(test_talk_version(t, 1));
    (void)hci_entry_put(r, HC_SPAN("gone"), &gone, true);
    hci_entry_flush(r, flush); /* not above all of them, so that it cannot take everything */
    assert_int_equal(hc_store_count(t->stores[0]), 4);
    test_talk_step(t, 600);
    test_talk_step(t, 600);
    assert_int_equal(hc_store_count(t->stores[0]), 3); /* the flushed one is gone */
    assert_true(test_talk_here(t, HC_SPAN("short"), &live) == short_lived.version && !live);
    /* stubs stay until the others are known to have them */
    for (unsigned i = 0; i < 10; i++)
        test_talk_step(t, 200);
    assert_int_equal(hc_store_count(t->stores[0]), 3);
    for (uint32_t i = 1; i < 3; i++)
        for (uint32_t slot = 0; slot < SLOTS; slot++)
            r->peers[i]->clean[slot] = UINT64_MAX;
    for (unsigned i = 0; i < 10; i++)
        test_talk_step(t, 200);
    assert_int_equal(hc_store_count(t->stores[0]), 1);
    assert_true(test_talk_here(t, HC_SPAN("kept"), &live) == kept.version && live);
    assert_true(r->floor[hc_ring_slot(HC_SPAN("gone"))] == 0);
    test_talk_end(t);
}

static void test_a_stub_that_one_holder_never_confirms_goes_above_a_floor(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    hc_replica *r = t->parts[0];
    entry gone = test_stub_at(test_talk_version(t, 1));
    (void)hci_entry_put(r, HC_SPAN("gone"), &gone, true);
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        r->peers[1]->clean[slot] = UINT64_MAX;
    for (unsigned i = 0; i < 20; i++)
        test_talk_step(t, 200);
    assert_int_equal(hc_store_count(t->stores[0]), 1);
    for (unsigned i = 0; i < 20; i++)
        test_talk_step(t, 200);
    assert_int_equal(hc_store_count(t->stores[0]), 0);
    assert_true(r->floor[hc_ring_slot(HC_SPAN("gone"))] == gone.version);
    test_talk_end(t);
}

/* ---- the background's pace ---- */

static uint64_t pace_after(test_talk *t, unsigned steps, uint64_t ms)
{
    hc_replica_stats s = {.size = sizeof s};
    for (unsigned i = 0; i < steps; i++)
        test_talk_step(t, ms);
    hc_replica_stats_get(t->parts[0], &s);
    return s.background_bytes_per_second;
}

static void test_the_background_yields_when_the_program_or_a_peer_is_late(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    uint64_t most = pace_after(t, 20, 5);
    assert_int_equal(most, 100000000);
    assert_int_equal(pace_after(t, 1, 1500), most / 2); /* the tick was due long ago */
    assert_true(pace_after(t, 50, 5) > most / 2);
    assert_int_equal(pace_after(t, 600, 5), most);
    test_talk_ask(t, HC_REQUEST_SET, HC_LEVEL_ONE, test_talk_key(t), "v");
    assert_true(pace_after(t, 100, 5) < most);
    assert_int_equal(pace_after(t, 400, 5), most / 10); /* it never stops */
    for (uint32_t i = 1; i < 3; i++)
        test_talk_hear(
            t, i, &(record){.kind = RECORD_ACK, .stream = 1, .seq = t->parts[0]->peers[i]->seq});
    assert_int_equal(pace_after(t, 600, 5), most);
    test_talk_end(t);
}

/* ---- bytes ---- */

static void test_a_message_that_ends_early_says_nothing(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    uint8_t bytes[256], message[512] = {0};
    uint64_t store_id;
    hc_node_id from;
    record what = {.kind = RECORD_PUT,
                   .slot = 1,
                   .op = 2,
                   .set_hash = 3,
                   .stream = 4,
                   .seq = 5,
                   .time = 6,
                   .expect = 7,
                   .entry = {.version = 8, .flags = ENTRY_EXPIRES, .expires_at_ms = 9},
                   .key = HC_SPAN("key"),
                   .value = HC_SPAN("value"),
                   .trace = {.trace_id = {1}}};
    size_t size = hci_wire_put(bytes, &what);
    for (size_t cut = 0; cut < size - 5; cut++) { /* the value is all the rest: any rest is one */
        record found;
        uint8_t shorter[256];
        memcpy(shorter, bytes, size);
        hc_span rest = hc_span_make(shorter, cut);
        assert_int_equal(hci_wire_take(&rest, &found), -1);
        if (cut < 4) continue;
        for (unsigned i = 0; i < 4; i++) /* and it says that it is so short */
            shorter[i] = (uint8_t)((cut - 4) >> 8 * i);
        rest = hc_span_make(shorter, cut);
        assert_int_equal(hci_wire_take(&rest, &found), -1);
    }
    hci_wire_head(t->parts[1], message, TEST_TALK_BOOT);
    hci_wire_seal(t->parts[1], message, ENVELOPE_BYTES);
    hc_span whole = hc_span_make(message, ENVELOPE_BYTES + ENVELOPE_TAIL_BYTES);
    assert_int_equal(hc_replica_message_peek(whole, &store_id, &from), HC_OK);
    assert_true(store_id == 3 && from.bytes[0] == 2);
    whole.size--;
    assert_int_equal(hc_replica_message_peek(whole, &store_id, &from), HC_ERR_CORRUPT);
    assert_int_equal(hc_replica_message_peek(hc_span_make(message, 3), &store_id, &from),
                     HC_ERR_CORRUPT);
    test_talk_end(t);
}

static void count_live(void *ctx, const hc_item *item)
{
    *(unsigned *)ctx += item->key.size > 0;
}

static void test_a_scan_visits_what_the_node_acts_for(void **state)
{
    (void)state;
    test_talk *t = test_talk_start();
    uint64_t cursor = 0;
    unsigned seen = 0, own = 0;
    char text[16];
    for (unsigned i = 0; i < 60; i++) {
        (void)snprintf(text, sizeof text, "scanned%u", i);
        hc_span key = hc_span_make(text, strlen(text));
        entry e = i % 5 == 0 ? test_stub_at(test_talk_version(t, 1))
                             : test_value_at(test_talk_version(t, 1), "v");
        (void)hci_entry_put(t->parts[0], key, &e, true);
        bool acts = hci_acting(t->parts[0], hc_ring_slot(key)) == t->parts[0]->self;
        own += acts && i % 5 != 0;
    }
    do {
        hc_replica_scan(t->parts[0], t->now, &cursor, 16, count_live, &seen);
    } while (cursor != 0);
    assert_int_equal(seen, own);
    assert_in_range(own, 1, 59);
    test_talk_end(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_doubtful_key_the_others_decide),
        cmocka_unit_test(test_a_doubt_that_too_few_answer_changes_nothing),
        cmocka_unit_test(test_who_is_asked_tells_what_it_has),
        cmocka_unit_test(test_the_sweep_leaves_what_is_alive),
        cmocka_unit_test(test_a_stub_that_one_holder_never_confirms_goes_above_a_floor),
        cmocka_unit_test(test_the_background_yields_when_the_program_or_a_peer_is_late),
        cmocka_unit_test(test_a_message_that_ends_early_says_nothing),
        cmocka_unit_test(test_a_scan_visits_what_the_node_acts_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
