/*
 * test_events.c - a bounded ring: who is slow loses the oldest and is told, who emits never waits.
 */
#include "support/test.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>

#include "support/test_host.h"
#include <hypercache/event.h>

typedef struct heard {
    size_t count;
    hc_event_record last;
    char operation[64];
} heard;

static void hear(void *ctx, const hc_log_record *line, const hc_event_record *record)
{
    heard *to = ctx;
    to->count++;
    to->last = *record;
    (void)snprintf(to->operation, sizeof to->operation, "%s", line->operation);
}

static json_t *parse(const hc_event_record *record)
{
    json_t *object = json_loadb(record->json, record->json_bytes, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "(none)";
}

static void test_an_event_is_kept_and_told_as_one_json_object(void **state)
{
    (void)state;
    test_clock clock;
    test_clock_init(&clock);
    hc_host host = test_host_of(NULL, &clock, NULL, NULL);
    heard ear = {0};
    hc_events *events;
    hc_events_options options = {
        .size = sizeof options, .node_id = "n1", .deliver = hear, .ctx = &ear};
    assert_int_equal(hc_events_create(&host, &options, &events), HC_OK);
    hc_log_field field = {.name = "file", .kind = HC_FIELD_TEXT, .text = HC_SPAN("000001.log")};
    hc_event event = {.operation = "disk",
                      .message = "the disk failed",
                      .fields = &field,
                      .field_count = 1,
                      .correlation_id = HC_SPAN("abc")};
    hc_events_emit(events, HC_EVENT_DISK_FAILED, &event);
    assert_int_equal(ear.count, 1);
    assert_string_equal(ear.operation, "disk");
    hc_event_record record;
    uint64_t lost;
    assert_int_equal(hc_events_read(events, 0, &record, 1, &lost), 1);
    assert_int_equal(lost, 0);
    assert_int_equal(record.id, 1);
    assert_int_equal(record.level, HC_LOG_ERROR);
    json_t *object = parse(&record);
    assert_string_equal(text_of(object, "timestamp"), "2001-09-09T01:46:40.000Z");
    assert_string_equal(text_of(object, "event"), "disk_failed");
    assert_string_equal(text_of(object, "severity"), "critical");
    assert_string_equal(text_of(object, "component"), "PERSISTENCE");
    assert_string_equal(text_of(object, "runbook"), "docs/runbooks/persistence.md");
    assert_string_equal(text_of(object, "correlationId"), "abc");
    assert_string_equal(text_of(object, "nodeId"), "n1");
    assert_string_equal(text_of(object, "file"), "000001.log");
    json_decref(object);
    assert_int_equal(hc_events_read(events, 1, &record, 1, NULL), 0);
    hc_events_destroy(events);
}

static void test_a_slow_reader_is_told_what_it_missed(void **state)
{
    (void)state;
    hc_events *events;
    hc_events_options options = {.size = sizeof options, .capacity = 4};
    hc_event_record records[8];
    uint64_t lost;
    assert_int_equal(hc_events_create(NULL, &options, &events), HC_OK);
    for (unsigned i = 0; i < 10; i++)
        hc_events_emit(events, HC_EVENT_NODE_JOINED, NULL);
    assert_int_equal(hc_events_last(events), 10);
    assert_int_equal(hc_events_read(events, 2, records, 8, &lost), 4);
    assert_int_equal(lost, 4);
    assert_int_equal(records[0].id, 7);
    assert_int_equal(records[3].id, 10);
    assert_int_equal(hc_events_read(events, 7, records, 2, &lost), 2);
    assert_int_equal(lost, 0);
    assert_int_equal(records[0].id, 8);
    assert_int_equal(hc_events_count(events, HC_EVENT_NODE_JOINED), 10);
    assert_int_equal(hc_events_count(events, HC_EVENT_NODE_LEFT), 0);
    hc_events_destroy(events);
}

static void test_floods_are_told_once_and_counted(void **state)
{
    (void)state;
    test_clock clock;
    test_clock_init(&clock);
    hc_host host = test_host_of(NULL, &clock, NULL, NULL);
    heard ear = {0};
    hc_events *events;
    hc_events_options options = {.size = sizeof options, .deliver = hear, .ctx = &ear};
    assert_int_equal(hc_events_create(&host, &options, &events), HC_OK);
    for (unsigned i = 0; i < 1000; i++)
        hc_events_emit(events, HC_EVENT_LATENCY_HIGH, NULL);
    assert_int_equal(ear.count, 1);
    test_clock_advance_ms(&clock, HC_EVENT_QUIET_MS);
    hc_events_emit(events, HC_EVENT_LATENCY_HIGH, NULL);
    assert_int_equal(ear.count, 2);
    json_t *object = parse(&ear.last);
    assert_int_equal(json_integer_value(json_object_get(object, "suppressed")), 999);
    json_decref(object);
    assert_int_equal(hc_events_count(events, HC_EVENT_LATENCY_HIGH), 1001);
    assert_int_equal(hc_events_last(events), 2);
    hc_events_destroy(events);
}

static void test_a_filter_looks_at_component_level_and_correlation(void **state)
{
    (void)state;
    hc_events *events;
    hc_event_record record;
    assert_int_equal(hc_events_create(NULL, NULL, &events), HC_OK);
    hc_event event = {.correlation_id = HC_SPAN("x1")};
    hc_events_emit(events, HC_EVENT_DISK_LOW, &event);
    assert_int_equal(hc_events_read(events, 0, &record, 1, NULL), 1);
    const struct {
        hc_event_filter filter;
        bool matches;
    } rows[] = {
        {{.level_max = HC_LOG_TRACE}, true},
        {{.level_max = HC_LOG_WARN}, true},
        {{.level_max = HC_LOG_ERROR}, false},
        {{.topics = 1u << HC_TOPIC_PERSISTENCE, .level_max = HC_LOG_TRACE}, true},
        {{.topics = 1u << HC_TOPIC_GOSSIP, .level_max = HC_LOG_TRACE}, false},
        {{.level_max = HC_LOG_TRACE, .correlation_id = HC_SPAN("x1")}, true},
        {{.level_max = HC_LOG_TRACE, .correlation_id = HC_SPAN("x")}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(hc_event_matches(&record, &rows[i].filter), rows[i].matches);
    hc_events_destroy(events);
}

static void test_keys_are_shown_as_was_asked(void **state)
{
    (void)state;
    hc_events *events;
    hc_event_record records[3];
    hc_event event = {.key = HC_SPAN("user:secret")};
    assert_int_equal(hc_events_create(NULL, NULL, &events), HC_OK);
    hc_events_emit(events, HC_EVENT_DISK_LOW, &event);
    hc_events_keys(events, HC_LOG_KEYS_HASHED);
    hc_events_emit(events, HC_EVENT_DISK_LOW, &event);
    hc_events_keys(events, HC_LOG_KEYS_OFF);
    hc_events_emit(events, HC_EVENT_DISK_LOW, &event);
    assert_int_equal(hc_events_read(events, 0, records, 3, NULL), 3);
    json_t *plain = parse(&records[0]), *hashed = parse(&records[1]), *off = parse(&records[2]);
    assert_string_equal(text_of(plain, "key"), "user:secret");
    assert_int_equal(strlen(text_of(hashed, "key")), 16);
    assert_null(json_object_get(off, "key"));
    json_decref(plain);
    json_decref(hashed);
    json_decref(off);
    hc_events_destroy(events);
}

#define THREADS 4u
#define EACH 2000u

static void *emit_many(void *ctx)
{
    for (unsigned i = 0; i < EACH; i++)
        hc_events_emit(ctx, HC_EVENT_NODE_JOINED, NULL);
    return NULL;
}

/* Ids that a reader sees rise without a hole but for those it was told are lost. */
static void test_readers_and_writers_agree_whatever_the_threads_do(void **state)
{
    (void)state;
    hc_events *events;
    hc_events_options options = {.size = sizeof options, .capacity = 16};
    pthread_t threads[THREADS];
    hc_event_record records[8];
    uint64_t seen = 0, got = 0, missed = 0;
    assert_int_equal(hc_events_create(NULL, &options, &events), HC_OK);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, emit_many, events), 0);
    while (seen < THREADS * EACH) {
        uint64_t lost;
        size_t count = hc_events_read(events, seen, records, 8, &lost);
        if (count == 0) continue;
        missed += lost;
        for (size_t i = 0; i < count; i++)
            assert_int_equal(records[i].id, seen + lost + 1 + i);
        got += count;
        seen = records[count - 1].id;
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(got + missed, THREADS * EACH);
    hc_events_destroy(events);
}

static void test_each_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned a = 0; a < HC_EVENT_KINDS; a++) {
        const hc_event_meaning *means = hc_event_meaning_of((hc_event_kind)a);
        assert_non_null(means->name);
        /* What is wrong has a page that says what to do, and only that. */
        assert_int_equal(means->level <= HC_LOG_WARN, means->runbook != NULL);
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(means->name, hc_event_meaning_of((hc_event_kind)b)->name);
    }
}

static void test_without_memory_there_is_no_ring(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    hc_events *events = NULL;
    size_t grants = 0;
    for (; grants < 10 && events == NULL; grants++) {
        memory.grants = grants;
        hc_status status = hc_events_create(&host, NULL, &events);
        assert_int_equal(status, events != NULL ? HC_OK : HC_ERR_NO_MEMORY);
    }
    assert_int_equal(grants, 3);
    hc_events_destroy(events);
    assert_int_equal(memory.live_bytes, 0);
    hc_events_emit(NULL, HC_EVENT_NODE_STARTED, NULL);
    assert_int_equal(hc_events_last(NULL), 0);
    hc_events_options options = {.size = sizeof options, .capacity = HC_EVENTS_CAPACITY_MAX + 1};
    assert_int_equal(hc_events_create(NULL, &options, &events), HC_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_is_kept_and_told_as_one_json_object),
        cmocka_unit_test(test_a_slow_reader_is_told_what_it_missed),
        cmocka_unit_test(test_floods_are_told_once_and_counted),
        cmocka_unit_test(test_a_filter_looks_at_component_level_and_correlation),
        cmocka_unit_test(test_keys_are_shown_as_was_asked),
        cmocka_unit_test(test_readers_and_writers_agree_whatever_the_threads_do),
        cmocka_unit_test(test_each_kind_has_a_name_of_its_own),
        cmocka_unit_test(test_without_memory_there_is_no_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
