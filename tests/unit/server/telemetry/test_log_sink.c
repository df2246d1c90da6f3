/*
 * test_log_sink.c - lines come out whole and in order, or are counted; nobody waits for an output.
 */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "support/test_threads.h"
#include "support/test_wait.h"
#include "telemetry/log_sink.h"

static void say(const log_sink *sink, hc_log_level level, uint64_t number)
{
    const hc_log *log = log_sink_log(sink);
    if (!log->wants(log->ctx, level, HC_TOPIC_STORAGE_ENGINE)) return;
    hc_log_field field = {.name = "number", .kind = HC_FIELD_UINT, .value.u = number};
    hc_log_record record = {.level = level,
                            .topic = HC_TOPIC_STORAGE_ENGINE,
                            .message = "something happened",
                            .duration_ns = -1,
                            .fields = &field,
                            .field_count = 1};
    log->write(log->ctx, &record);
}

/* An empty file in a folder of its own. */
static void file_make(char path[64])
{
    (void)snprintf(path, 64, "/tmp/hypercache-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

/* The content of a file, to be freed. */
static char *file_text(const char *path)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &about), 0);
    char *text = malloc((size_t)about.st_size + 1);
    assert_non_null(text);
    assert_int_equal(read(fd, text, (size_t)about.st_size), about.st_size);
    text[about.st_size] = '\0';
    assert_int_equal(close(fd), 0);
    return text;
}

static log_sink *sink_to(const char *file, int fd, bool json)
{
    log_sink_options options = {
        .node_id = "n1", .file = file, .fd = fd, .json = json, .level = HC_LOG_INFO};
    log_sink *sink;
    assert_int_equal(log_sink_start(&options, &sink), HC_OK);
    return sink;
}

static void test_lines_are_whole_json_objects_in_order(void **state)
{
    (void)state;
    enum { LINES = 500 };
    char path[64];
    file_make(path);
    log_sink *sink = sink_to(path, -1, true);
    for (uint64_t i = 0; i < LINES; i++)
        say(sink, HC_LOG_INFO, i);
    assert_int_equal(log_sink_dropped(sink), 0);
    log_sink_stop(sink);
    char *text = file_text(path), *rest = text;
    for (int i = 0; i < LINES; i++) {
        char *line = strtok_r(rest, "\n", &rest);
        assert_non_null(line);
        json_t *object = json_loads(line, 0, NULL);
        assert_non_null(object);
        assert_int_equal(json_integer_value(json_object_get(object, "number")), i);
        assert_string_equal(json_string_value(json_object_get(object, "nodeId")), "n1");
        assert_string_equal(json_string_value(json_object_get(object, "component")),
                            "STORAGE_ENGINE");
        assert_non_null(json_string_value(json_object_get(object, "timestamp")));
        json_decref(object);
    }
    assert_null(strtok_r(rest, "\n", &rest));
    free(text);
    assert_int_equal(unlink(path), 0);
}

static void test_levels_are_kept_by_topic_and_change_at_run_time(void **state)
{
    (void)state;
    log_sink *sink = sink_to(NULL, -1, true);
    const hc_log *log = log_sink_log(sink);
    assert_true(log->wants(log->ctx, HC_LOG_INFO, HC_TOPIC_GOSSIP));
    assert_false(log->wants(log->ctx, HC_LOG_DEBUG, HC_TOPIC_GOSSIP));
    log_sink_level(sink, HC_TOPIC_GOSSIP, HC_LOG_TRACE);
    assert_true(log->wants(log->ctx, HC_LOG_TRACE, HC_TOPIC_GOSSIP));
    assert_false(log->wants(log->ctx, HC_LOG_DEBUG, HC_TOPIC_FILTER));
    log_sink_level(sink, HC_TOPIC_GOSSIP, HC_LOG_ERROR);
    assert_true(log->wants(log->ctx, HC_LOG_ERROR, HC_TOPIC_GOSSIP));
    assert_false(log->wants(log->ctx, HC_LOG_WARN, HC_TOPIC_GOSSIP));
    assert_false(log->wants(log->ctx, HC_LOG_ERROR, (hc_topic)HC_TOPICS));
    log_sink_stop(sink);
}

static void test_both_outputs_get_the_same_lines(void **state)
{
    (void)state;
    char path[64], other[64];
    file_make(path);
    file_make(other);
    int fd = open(other, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    log_sink *sink = sink_to(path, fd, false);
    say(sink, HC_LOG_WARN, 7);
    log_sink_stop(sink);
    assert_int_equal(close(fd), 0);
    char *one = file_text(path), *two = file_text(other);
    assert_non_null(strstr(one, "Z WARN  STORAGE_ENGINE something happened number=7\n"));
    assert_string_equal(one, two);
    free(one);
    free(two);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(other), 0);
}

/* A pipe that nobody reads stands for a stuck terminal or log collector. */
static void test_a_stuck_output_costs_lines_and_nothing_else(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    log_sink *sink = sink_to(NULL, ends[1], true);
    uint64_t said = 0;
    for (; log_sink_dropped(sink) == 0 && said < 100000; said++)
        say(sink, HC_LOG_INFO, said);
    assert_true(said > LOG_QUEUE_BYTES / LOG_LINE_BYTES_MAX);
    assert_int_equal(log_sink_dropped(sink), 1);

    /* Once it is read again, all that was queued comes, and then how many did not. */
    uint64_t numbers = 0, dropped = 0;
    FILE *from = fdopen(ends[0], "re");
    assert_non_null(from);
    char line[LOG_LINE_BYTES_MAX];
    while (dropped == 0 && fgets(line, sizeof line, from) != NULL) {
        json_t *object = json_loads(line, 0, NULL);
        assert_non_null(object);
        json_t *number = json_object_get(object, "number");
        if (number != NULL) {
            assert_int_equal(json_integer_value(number), numbers);
            numbers++;
        } else {
            dropped = (uint64_t)json_integer_value(json_object_get(object, "count"));
        }
        json_decref(object);
    }
    assert_int_equal(dropped, 1);
    assert_int_equal(numbers + dropped, said);
    log_sink_stop(sink);
    assert_int_equal(fclose(from), 0);
    assert_int_equal(close(ends[1]), 0);
}

static bool two_dropped(void *sink)
{
    return log_sink_dropped(sink) == 2;
}

static void test_an_output_that_fails_counts_its_lines(void **state)
{
    (void)state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    log_sink *sink = sink_to(NULL, full, true);
    say(sink, HC_LOG_INFO, 1);
    say(sink, HC_LOG_INFO, 2);
    assert_true(test_wait_until(two_dropped, sink));
    log_sink_stop(sink);
    assert_int_equal(close(full), 0);
}

static bool exists(void *path)
{
    return access(path, F_OK) == 0;
}

static void test_a_renamed_file_is_opened_anew_on_demand(void **state)
{
    (void)state;
    char path[64], renamed[80];
    file_make(path);
    log_sink *sink = sink_to(path, -1, false);
    say(sink, HC_LOG_INFO, 1);
    (void)snprintf(renamed, sizeof renamed, "%s.1", path);
    assert_int_equal(rename(path, renamed), 0);
    log_sink_reopen(sink);
    assert_true(test_wait_until(exists, path));
    say(sink, HC_LOG_INFO, 2);
    log_sink_stop(sink);
    char *old = file_text(renamed), *new = file_text(path);
    assert_non_null(strstr(old, "number=1"));
    assert_null(strstr(old, "number=2"));
    assert_non_null(strstr(new, "number=2"));
    free(old);
    free(new);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(renamed), 0);
}

static void test_a_file_that_cannot_be_opened_is_an_error(void **state)
{
    (void)state;
    log_sink_options options = {.node_id = "n", .file = "/nonexistent/log", .fd = -1};
    log_sink *sink;
    assert_int_equal(log_sink_start(&options, &sink), HC_ERR_IO);
    assert_int_equal(errno, ENOENT);
    assert_null(sink);
    log_sink_stop(NULL);
}

typedef struct talker {
    log_sink *sink;
    uint64_t first;
} talker;
enum { TALKERS = 4, WORDS = 200 };

static void *talk(void *ctx)
{
    const talker *who = ctx;
    for (uint64_t i = 0; i < WORDS; i++)
        say(who->sink, HC_LOG_INFO, who->first + i);
    return NULL;
}

static void test_threads_do_not_mix_their_lines(void **state)
{
    (void)state;
    char path[64];
    file_make(path);
    log_sink *sink = sink_to(path, -1, true);
    talker talkers[TALKERS];
    for (unsigned i = 0; i < TALKERS; i++)
        talkers[i] = (talker){sink, (uint64_t)i * WORDS};
    test_threads(TALKERS, talk, talkers, sizeof talkers[0]);
    uint64_t dropped = log_sink_dropped(sink);
    log_sink_stop(sink);
    char *text = file_text(path), *rest = text;
    uint64_t lines = 0, next[TALKERS] = {0};
    for (char *line; (line = strtok_r(rest, "\n", &rest)) != NULL; lines++) {
        json_t *object = json_loads(line, 0, NULL);
        assert_non_null(object);
        json_t *number = json_object_get(object, "number");
        if (number != NULL) {
            uint64_t value = (uint64_t)json_integer_value(number);
            assert_in_range(value / WORDS, 0, TALKERS - 1);
            assert_true(value % WORDS >= next[value / WORDS]); /* in order, some may be dropped */
            next[value / WORDS] = value % WORDS + 1;
        } else {
            lines--;
        }
        json_decref(object);
    }
    assert_int_equal(lines + dropped, TALKERS * WORDS);
    free(text);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_whole_json_objects_in_order),
        cmocka_unit_test(test_levels_are_kept_by_topic_and_change_at_run_time),
        cmocka_unit_test(test_both_outputs_get_the_same_lines),
        cmocka_unit_test(test_a_stuck_output_costs_lines_and_nothing_else),
        cmocka_unit_test(test_an_output_that_fails_counts_its_lines),
        cmocka_unit_test(test_a_renamed_file_is_opened_anew_on_demand),
        cmocka_unit_test(test_a_file_that_cannot_be_opened_is_an_error),
        cmocka_unit_test(test_threads_do_not_mix_their_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
