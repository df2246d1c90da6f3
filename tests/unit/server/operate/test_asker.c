/* test_asker.c - a question and its answer, whatever the other end sends, whole and in pieces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "operate/survey.h"
#include "support/test.h"

typedef struct pair {
    asker node;
    int other;
} pair;

static void pair_open(pair *to)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    asker_adopt(&to->node, ends[0], "a test");
    to->other = ends[1];
}

static void pair_close(pair *of)
{
    asker_close(&of->node);
    (void)close(of->other);
}

/* The answer to PING when the other end has said this, and then nothing more. */
static heard answered(pair *of, const char *said, size_t size)
{
    pair_open(of);
    assert_int_equal(write(of->other, said, size), (ssize_t)size);
    assert_int_equal(shutdown(of->other, SHUT_WR), 0);
    return asker_ask(&of->node, "PING", NULL);
}

static void test_every_kind_of_reply_is_read(void **state)
{
    (void)state;
    pair p;
    static const char said[] =
        "*6\r\n+fine\r\n-ERR no\r\n:-42\r\n$5\r\na\r\nbc\r\n$-1\r\n*1\r\n:7\r\n";
    heard got = answered(&p, said, sizeof said - 1);
    assert_int_equal(got.kind, HEARD_LIST);
    assert_int_equal(got.size, 6);
    assert_true(heard_is(&got.items[0], "fine"));
    assert_int_equal(got.items[1].kind, HEARD_ERROR);
    assert_string_equal(got.items[1].text, "ERR no");
    assert_int_equal(got.items[2].number, -42);
    assert_memory_equal(got.items[3].text, "a\r\nbc", 6);
    assert_int_equal(got.items[4].kind, HEARD_NOTHING);
    assert_int_equal(got.items[5].items[0].number, 7);
    heard_fini(&got);
    pair_close(&p);
}

static void test_words_are_sent_as_they_are(void **state)
{
    (void)state;
    pair p;
    char bytes[128];
    heard got = answered(&p, "+PONG\r\n", 7);
    assert_true(heard_is(&got, "PONG"));
    ssize_t size = read(p.other, bytes, sizeof bytes);
    assert_int_equal(size, 14);
    assert_memory_equal(bytes, "*1\r\n$4\r\nPING\r\n", 14);
    heard_fini(&got);
    pair_close(&p);
}

static void test_what_is_no_answer_fails_and_says_why(void **state)
{
    (void)state;
    static const char *const said[] = {
        "",
        "+PON",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\r\n",
        "$\r\n",
        "$12x\r\n",
        "$5\r\nabc",
        "*2\r\n:1\r\n",
        "*3\r\n+a\r\n*2\r\n$3\r\nabc\r\n",
        "*100000000\r\n",
        "$99999999999\r\n",
        ":99999999999999999999999999999\r\n",
        "+no carriage return\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        pair p;
        heard got = answered(&p, said[i], strlen(said[i]));
        assert_int_equal(got.kind, HEARD_FAILED);
        assert_non_null(strstr(got.text, "a test: "));
        heard_fini(&got);
        got = asker_ask(&p.node, "PING", NULL); /* and so does every later one */
        assert_int_equal(got.kind, HEARD_FAILED);
        heard_fini(&got);
        pair_close(&p);
    }
}

static void test_an_answer_longer_than_the_buffer_is_read_whole(void **state)
{
    (void)state;
    enum { ITEMS = 4000 };
    pair p;
    char *said = malloc(ITEMS * 16), *at = said;
    assert_non_null(said);
    at += sprintf(at, "*%d\r\n", ITEMS);
    for (int i = 0; i < ITEMS; i++)
        at += sprintf(at, "$5\r\n%05d\r\n", i);
    heard got = answered(&p, said, (size_t)(at - said));
    assert_int_equal(got.size, ITEMS);
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(atoi(got.items[i].text), i);
    heard_fini(&got);
    pair_close(&p);
    free(said);
}

static void test_addresses_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"[::1", "host:", "127.0.0.1:notaport", "127.0.0.1:99999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        asker node;
        char why[ASKER_WHY_CHARS] = "";
        assert_false(asker_open(&node, bad[i], 100, why));
        assert_true(why[0] != '\0');
        asker_close(&node);
    }
}

static void test_members_and_figures_of_info_are_read_back(void **state)
{
    (void)state;
    static const char info[] =
        "# "
        "Cluster\r\ncluster_enabled:1\r\ncluster_state:ok\r\ncluster_ready:1\r\ncluster_moving:"
        "0\r\n"
        "cluster_epoch:7\r\ncluster_topology:00ff\r\ncluster_slots_served:16384\r\n"
        "member0:id=aa,host=10.0.0.1,port=6379,cluster_port=7946,state=alive,ring=active,ready=1,"
        "linked=1,agrees=1,slots=8000,held=16384\r\n"
        "member1:id=bb,host=fe80::1,port=6380,cluster_port=7946,state=dead,ring=active,ready=0,"
        "linked=0,agrees=0,slots=8384,held=16384\r\n"
        "peer1:id=bb,lag_ms=12,queue_bytes=34,hinted_slots=5,clock_offset_ms=-6\r\n";
    char said[1024], why[ASKER_WHY_CHARS];
    pair p;
    survey *s = calloc(1, sizeof *s);
    assert_non_null(s);
    pair_open(&p);
    int size = sprintf(said, "$%zu\r\n%s\r\n", sizeof info - 1, info);
    assert_int_equal(write(p.other, said, (size_t)size), size);
    assert_true(survey_take(s, &p.node, why));
    assert_true(s->enabled && s->ready && !s->moving);
    assert_int_equal(s->epoch, 7);
    assert_string_equal(s->topology, "00ff");
    assert_int_equal(s->member_count, 2);
    assert_string_equal(s->members[0].address, "10.0.0.1:6379");
    assert_true(s->members[0].is_self && survey_is_well(&s->members[0]));
    assert_string_equal(s->members[1].address, "[fe80::1]:6380");
    assert_false(survey_is_well(&s->members[1]) || survey_is_gone(&s->members[1]));
    assert_int_equal(s->members[1].lag_ms, 12);
    assert_int_equal(s->members[1].hinted_slots, 5);
    assert_int_equal(s->members[1].clock_offset_ms, -6);
    free(s);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_reply_is_read),
        cmocka_unit_test(test_words_are_sent_as_they_are),
        cmocka_unit_test(test_what_is_no_answer_fails_and_says_why),
        cmocka_unit_test(test_an_answer_longer_than_the_buffer_is_read_whole),
        cmocka_unit_test(test_addresses_that_are_none_are_refused),
        cmocka_unit_test(test_members_and_figures_of_info_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
