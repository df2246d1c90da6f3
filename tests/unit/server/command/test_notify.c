/* test_notify.c - which events commands raise, under which names, in which order. */
#include "command/notify.h"

#include "command/pubsub.h"
#include "support/test_client.h"

static void test_letters_are_read_and_written_as_redis_does(void **state)
{
    (void)state;
    static const struct {
        const char *given, *printed, *whole;
    } cases[] = {{"", "", ""},
                 {"KEA", "AKE", "AKE"},
                 {"g$lshzxetdKE", "AKE", "AKE"},
                 {"AKEnm", "AKEm", "AnKEm"},
                 {"nKEg$", "g$nKE", "g$nKE"},
                 {"xE", "xE", "xE"},
                 {"nm", "nm", "nm"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t flags;
        char letters[NOTIFY_LETTERS_CHARS];
        assert_true(notify_parse(span(cases[i].given), &flags));
        notify_print(flags, letters);
        assert_string_equal(letters, cases[i].printed);
        notify_print_all(flags, letters);
        assert_string_equal(letters, cases[i].whole);
    }
    uint32_t flags;
    assert_false(notify_parse(span("KEq"), &flags));
    assert_false(notify_parse(span("k"), &flags));
}

/* A RESP3 client gets its own events behind the reply. */
static void begin(test_client *on, const char *letters, const char *pattern)
{
    uint32_t flags;
    char line[64] = "PSUBSCRIBE ";
    test_client_init(on, NULL);
    assert_true(notify_parse(span(letters), &flags));
    notify_set(on->node, flags);
    test_client_expect(on, "HELLO 3", "%7...");
    strcat(line, pattern);
    test_client_expect(on, line, ">3 ...");
}

#define EVENT(what, key)                                                                           \
    " >4 \"pmessage\" \"__keyevent@0__:*\" \"__keyevent@0__:" what "\" \"" key "\""

static void test_commands_raise_their_events_in_order(void **state)
{
    (void)state;
    static const test_step steps[] = {
        {"SET k 1", "+OK" EVENT("set", "k")},
        {"SET k 1 EX 9", "+OK" EVENT("set", "k") EVENT("expire", "k")},
        {"SET k 1 NX", "nil"},
        {"SETNX k 1", ":0"},
        {"SETNX k2 1", ":1" EVENT("set", "k2")},
        {"PSETEX k 9000 1", "+OK" EVENT("set", "k") EVENT("expire", "k")},
        {"MSET a 1 b 2", "+OK" EVENT("set", "a") EVENT("set", "b")},
        {"MSETNX a 1 c 2", ":0"},
        {"MSETEX 1 a 1 EX 5", ":1" EVENT("set", "a") EVENT("expire", "a")},
        {"GETSET a 2", "\"1\"" EVENT("set", "a")},
        {"APPEND a x", ":2" EVENT("append", "a")},
        {"SETRANGE a 0 z", ":2" EVENT("setrange", "a")},
        {"SETRANGE a 0 ''", ":2"},
        {"INCR n", ":1" EVENT("incrby", "n")},
        {"DECRBY n 3", ":-2" EVENT("incrby", "n")},
        {"INCR a", "-ERR value is not an integer or out of range"},
        {"INCRBYFLOAT n 0.5", "\"-1.5\"" EVENT("incrbyfloat", "n")},
        {"GETEX n PERSIST", "\"-1.5\""},
        {"GETEX n EX 5", "\"-1.5\"" EVENT("expire", "n")},
        {"GETEX n PERSIST", "\"-1.5\"" EVENT("persist", "n")},
        {"GETEX n PXAT 1", "\"-1.5\"" EVENT("del", "n")},
        {"GETDEL a", "\"zx\"" EVENT("del", "a")},
        {"EXPIRE b 10", ":1" EVENT("expire", "b")},
        {"EXPIRE b 10 NX", ":0"},
        {"PERSIST b", ":1" EVENT("persist", "b")},
        {"PERSIST b", ":0"},
        {"COPY b b2", ":1" EVENT("copy_to", "b2")},
        {"RENAME b b3", "+OK" EVENT("rename_from", "b") EVENT("rename_to", "b3")},
        {"RENAME b3 b3", "+OK"},
        {"RENAMENX b3 b2", ":0"},
        {"DELIFEQ b2 2", ":1" EVENT("del", "b2")},
        {"DEL nope k b3 k", ":2" EVENT("del", "k") EVENT("del", "b3")},
        {"EXPIRE k2 -1", ":1" EVENT("del", "k2")},
        {"SET m1 x", "+OK" EVENT("set", "m1")},
        {"HC.DELMATCH m*", "*2 \"0\" :1" EVENT("del", "m1")},
        {"GET nope", "nil"},
        {"MULTI", "+OK"},
        {"SET t 1", "+QUEUED"},
        {"DEL t", "+QUEUED"},
        {"EXEC", "*2 +OK :1" EVENT("set", "t") EVENT("del", "t")}};
    test_client on;
    begin(&on, "EA", "__keyevent@0__:*");
    test_client_steps(&on, steps, sizeof steps / sizeof steps[0]);
    test_client_fini(&on);
}

static void test_the_channel_by_key_comes_before_that_by_event(void **state)
{
    (void)state;
    test_client on;
    begin(&on, "K$E", "__key*");
    test_client_expect(&on, "SET k 1 EX 5",
                       "+OK >4 \"pmessage\" \"__key*\" \"__keyspace@0__:k\" \"set\" "
                       ">4 \"pmessage\" \"__key*\" \"__keyevent@0__:set\" \"k\"");
    test_client_expect(&on, "DEL k", ":1"); /* g is not asked for */
    notify_set(on.node, 0);
    test_client_expect(&on, "SET k 1", "+OK");
    notify_set(on.node, NOTIFY_STRING); /* neither K nor E */
    test_client_expect(&on, "SET k 1", "+OK");
    test_client_fini(&on);
}

static void test_stores_are_called_by_number_or_name(void **state)
{
    (void)state;
    test_client on;
    begin(&on, "KAn", "__keyspace*");
    test_client_expect(&on, "SELECT 11", "+OK");
    test_client_expect(&on, "SET k 1",
                       "+OK >4 \"pmessage\" \"__keyspace*\" \"__keyspace@11__:k\" \"new\" >4 "
                       "\"pmessage\" \"__keyspace*\" \"__keyspace@11__:k\" \"set\"");
    test_client_expect(&on, "STORE CREATE users", "+OK");
    test_client_expect(&on, "SELECT users", "+OK");
    test_client_expect(&on, "APPEND k 1",
                       ":1 >4 \"pmessage\" \"__keyspace*\" \"__keyspace@users__:k\" \"new\" >4 "
                       "\"pmessage\" \"__keyspace*\" \"__keyspace@users__:k\" \"append\"");
    test_client_expect(&on, "SELECT 0", "+OK");
    test_client_expect(&on, "SET m 1", "+OK...");
    test_client_expect(&on, "MOVE m 1",
                       ":1 >4 \"pmessage\" \"__keyspace*\" \"__keyspace@1__:m\" \"new\" >4 "
                       "\"pmessage\" \"__keyspace*\" \"__keyspace@0__:m\" \"move_from\" >4 "
                       "\"pmessage\" \"__keyspace*\" \"__keyspace@1__:m\" \"move_to\"");
    test_client_fini(&on);
}

static void test_what_expires_is_told_and_swapped_databases_keep_their_numbers(void **state)
{
    (void)state;
    test_client on;
    begin(&on, "Ex", "__keyevent*");
    test_client_expect(&on, "SET k 1 PX 100", "+OK");
    test_client_expect(&on, "SWAPDB 0 3", "+OK");
    test_clock_advance_ms(&on.clock, 1000);
    for (int i = 0; i < 100; i++)
        (void)node_maintain(on.node);
    test_client_expect(&on, "PING",
                       "+PONG >4 \"pmessage\" \"__keyevent*\" \"__keyevent@3__:expired\" \"k\"");
    /* A write in place of what has expired tells both. */
    test_client_expect(&on, "SET k 1 PX 100", "+OK");
    test_clock_advance_ms(&on.clock, 1000);
    test_client_expect(&on, "SET k 1",
                       "+OK >4 \"pmessage\" \"__keyevent*\" \"__keyevent@0__:expired\" \"k\"");
    test_client_fini(&on);
}

static void test_reading_what_is_not_there_is_a_miss(void **state)
{
    (void)state;
    static const test_step steps[] = {
        {"GET a", "nil" EVENT("keymiss", "a")},
        {"SET k 1", "+OK"},
        {"MGET a k b", "*3 nil \"1\" nil" EVENT("keymiss", "a") EVENT("keymiss", "b")},
        {"EXISTS a", ":0" EVENT("keymiss", "a")},
        {"TTL a", ":-2" EVENT("keymiss", "a")},
        {"GETDEL a", "nil" EVENT("keymiss", "a")},
        {"GETEX a", "nil" EVENT("keymiss", "a")},
        {"GETEX a EX 5", "nil" EVENT("keymiss", "a")},
        {"COPY a b", ":0" EVENT("keymiss", "a")},
        {"SET a 1 GET", "nil" EVENT("keymiss", "a")},
        {"MEMORY USAGE b", "nil"},
        {"DEL b", ":0"},
        {"INCR b", ":1"}};
    test_client on;
    begin(&on, "Em", "__keyevent@0__:*");
    test_client_steps(&on, steps, sizeof steps / sizeof steps[0]);
    test_client_fini(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_are_read_and_written_as_redis_does),
        cmocka_unit_test(test_commands_raise_their_events_in_order),
        cmocka_unit_test(test_the_channel_by_key_comes_before_that_by_event),
        cmocka_unit_test(test_stores_are_called_by_number_or_name),
        cmocka_unit_test(test_what_expires_is_told_and_swapped_databases_keep_their_numbers),
        cmocka_unit_test(test_reading_what_is_not_there_is_a_miss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
