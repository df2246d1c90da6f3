/*
 * test_log_journal.c - what the journal's socket receives: one datagram a line, with its fields.
 */
#include "telemetry/log_journal.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "telemetry/log_sink.h"

typedef struct journal {
    char folder[64], path[96];
    int fd;
} journal;

static void journal_make(journal *of)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(of->folder, sizeof of->folder, "/tmp/hypercache-test-XXXXXX");
    assert_non_null(mkdtemp(of->folder));
    (void)snprintf(of->path, sizeof of->path, "%s/socket", of->folder);
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", of->path);
    of->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(of->fd >= 0);
    assert_int_equal(bind(of->fd, (const struct sockaddr *)&at, sizeof at), 0);
}

static void journal_remove(journal *of)
{
    assert_int_equal(close(of->fd), 0);
    assert_int_equal(unlink(of->path), 0);
    assert_int_equal(rmdir(of->folder), 0);
}

/* The next datagram, as text. */
static const char *received(const journal *of)
{
    static char text[8192];
    ssize_t size = recv(of->fd, text, sizeof text - 1, 0);
    assert_true(size > 0);
    text[size] = '\0';
    return text;
}

static void test_a_json_line_arrives_with_its_fields(void **state)
{
    (void)state;
    static const char lines[] =
        "{\"level\":\"WARN\",\"correlationId\":\"c1\",\"component\":\"PERSISTENCE\","
        "\"message\":\"a \\\"level\\\":\\\"ERROR\\\"\",\"event\":\"disk_low\"}\n"
        "{\"level\":\"INFO\",\"component\":\"GOSSIP\"}\n";
    journal in;
    journal_make(&in);
    int fd = log_journal_open(in.path);
    assert_true(fd >= 0);
    assert_int_equal(log_journal_write(fd, lines, sizeof lines - 1), 0);
    assert_string_equal(
        received(&in),
        "PRIORITY=4\nSYSLOG_IDENTIFIER=hypercached\nMESSAGE={\"level\":\"WARN\","
        "\"correlationId\":\"c1\",\"component\":\"PERSISTENCE\",\"message\":\"a \\\"level\\\":"
        "\\\"ERROR\\\"\",\"event\":\"disk_low\"}\n"
        "COMPONENT=PERSISTENCE\nCORRELATION_ID=c1\nEVENT=disk_low\n");
    assert_string_equal(
        received(&in), "PRIORITY=6\nSYSLOG_IDENTIFIER=hypercached\n"
                       "MESSAGE={\"level\":\"INFO\",\"component\":\"GOSSIP\"}\nCOMPONENT=GOSSIP\n");
    assert_int_equal(close(fd), 0);
    journal_remove(&in);
}

static void test_a_sink_writes_to_the_journal(void **state)
{
    (void)state;
    journal in;
    log_sink *sink;
    journal_make(&in);
    log_sink_options options = {.node_id = "n1",
                                .fd = -1,
                                .json = true,
                                .level = HC_LOG_INFO,
                                .journal = true,
                                .journal_path = in.path,
                                .keys = HC_LOG_KEYS_HASHED};
    assert_int_equal(log_sink_start(&options, &sink), HC_OK);
    hc_log_record record = {.level = HC_LOG_ERROR,
                            .topic = HC_TOPIC_FILTER,
                            .message = "it is full",
                            .key = HC_SPAN("user:1"),
                            .duration_ns = -1};
    const hc_log *log = log_sink_log(sink);
    log->write(log->ctx, &record);
    const char *text = received(&in);
    assert_non_null(strstr(text, "PRIORITY=3\n"));
    assert_non_null(strstr(text, "COMPONENT=FILTER\n"));
    assert_non_null(strstr(text, "NODE_ID=n1\n"));
    assert_null(strstr(text, "user:1")); /* keys are hashed */
    log_sink_stop(sink);
    journal_remove(&in);
}

static void test_without_a_journal_there_is_no_sink(void **state)
{
    (void)state;
    log_sink *sink;
    log_sink_options options = {
        .node_id = "n1", .fd = -1, .journal = true, .journal_path = "/nowhere/at/all"};
    assert_int_equal(log_sink_start(&options, &sink), HC_ERR_NOT_FOUND);
    assert_null(sink);
}

static void test_lines_that_nobody_takes_are_counted(void **state)
{
    (void)state;
    journal in;
    journal_make(&in);
    int fd = log_journal_open(in.path);
    assert_true(fd >= 0);
    journal_remove(&in);
    assert_int_equal(log_journal_write(fd, "one\ntwo\n", 8), 2);
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_json_line_arrives_with_its_fields),
        cmocka_unit_test(test_a_sink_writes_to_the_journal),
        cmocka_unit_test(test_without_a_journal_there_is_no_sink),
        cmocka_unit_test(test_lines_that_nobody_takes_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
