/* test_filter_commands.c - the CF commands, as RedisBloom documents them. */
#include <stdio.h>
#include <stdlib.h>

#include "support/test_client.h"
#include "support/test_memory.h"
#include "support/test_threads.h"

#include "command/filter_value.h"

static void test_items_are_added_found_counted_and_deleted(void **state)
{
    (void)state;
    TEST_STEPS({"CF.RESERVE cf 1000", "+OK"}, {"CF.EXISTS cf k1", "#f"}, {"CF.ADD cf k1", "#t"},
               {"CF.ADD cf k1", "#t"}, {"CF.EXISTS cf k1", "#t"}, {"CF.COUNT cf k1", ":2"},
               {"CF.MEXISTS cf k1 k2", "*2 #t #f"}, {"CF.DEL cf k1", "#t"},
               {"CF.COUNT cf k1", ":1"}, {"CF.DEL cf k1", "#t"}, {"CF.DEL cf k1", "#f"},
               {"CF.COUNT cf k1", ":0"}, {"CF.EXISTS cf k1", "#f"}, {"cf.add other ''", "#t"},
               {"cf.exists other ''", "#t"});
}

static void test_addnx_adds_what_is_not_in(void **state)
{
    (void)state;
    TEST_STEPS({"CF.ADDNX cf k1", "#t"}, {"CF.ADDNX cf k1", "#f"}, {"CF.COUNT cf k1", ":1"},
               {"CF.ADD cf k1", "#t"}, {"CF.COUNT cf k1", ":2"});
}

static void test_insert_adds_many_and_says_which(void **state)
{
    (void)state;
    TEST_STEPS({"CF.INSERT a ITEMS foo bar", "*2 :1 :1"}, {"CF.INSERT a ITEMS foo", "*1 :1"},
               {"CF.INSERTNX a items foo baz", "*2 :0 :1"},
               {"CF.INSERT b CAPACITY 10000 ITEMS foo", "*1 :1"},
               {"CF.INSERT c NOCREATE ITEMS foo", "-ERR not found"}, {"EXISTS c", ":0"},
               {"CF.INSERTNX b NOCREATE ITEMS foo bar", "*2 :0 :1"},
               {"CF.INSERT b NOCREATE CAPACITY 100 ITEMS new", "*1 :1"}, {"HELLO 3", "%7..."},
               {"CF.INSERT a ITEMS x", "*1 #t"}, {"CF.INSERTNX a ITEMS x y", "*2 :0 :1"});
}

static void test_bad_arguments_are_refused(void **state)
{
    (void)state;
    const char *arity = "-ERR wrong number of arguments for 'cf.insert' command";
    TEST_STEPS({"CF.RESERVE cf x", "-ERR Bad capacity"},
               {"CF.RESERVE cf 3", "-ERR Capacity must be at least (BucketSize * 2)"},
               {"CF.RESERVE cf 7 BUCKETSIZE 4", "-ERR Capacity must be at least..."},
               {"CF.RESERVE cf 1000001", "-ERR Capacity must be at most 1000000"},
               {"CF.RESERVE cf 10 BUCKETSIZE", "-ERR wrong number of arguments..."},
               {"CF.RESERVE cf 10 BUCKETSIZE x", "-ERR Couldn't parse BUCKETSIZE"},
               {"CF.RESERVE cf 10 BUCKETSIZE 0", "-ERR BUCKETSIZE: value must be..."},
               {"CF.RESERVE cf 10 MAXITERATIONS 0", "-ERR MAXITERATIONS: value must be..."},
               {"CF.RESERVE cf 10 EXPANSION -1", "-ERR EXPANSION: value must be..."},
               {"CF.RESERVE cf 10 NOSUCH 1", "-ERR syntax error"},
               {"CF.INSERT cf CAPACITY x ITEMS a", "-ERR Bad capacity"},
               {"CF.INSERT cf CAPACITY 3 ITEMS a", "-ERR Capacity must be at least..."},
               {"CF.INSERT cf nosuch ITEMS a", "-ERR Unknown argument received"},
               {"CF.INSERT cf NOCREATE ITEMS", arity}, {"CF.INSERT cf NOCREATE CAPACITY", arity},
               {"CF.INSERT cf NOCREATE nocreate", arity}, {"EXISTS cf", ":0"},
               {"CF.RESERVE cf 10", "+OK"}, {"CF.RESERVE cf 10", "-ERR item exists"},
               {"CF.DEL none a", "-ERR Not found"}, {"CF.INFO none", "-ERR not found"},
               {"CF.EXISTS none a", "#f"}, {"CF.MEXISTS none a b", "*2 #f #f"},
               {"CF.COUNT none a", ":0"});
}

static void test_a_fixed_filter_fills_up_and_a_growing_one_grows(void **state)
{
    (void)state;
    char line[64];
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "CF.RESERVE fixed 4 EXPANSION 0", "+OK");
    test_client_expect(&on, "CF.RESERVE chain 64 EXPANSION 2 MAXITERATIONS 1000", "+OK");
    const char *got = "#t";
    unsigned added = 0;
    for (; added < 100 && strcmp(got, "#t") == 0; added++) {
        (void)snprintf(line, sizeof line, "CF.ADD fixed %u", added);
        got = test_client_run(&on, line);
    }
    assert_string_equal(got, "-ERR Filter is full");
    assert_in_range(added, 5, 99);
    test_client_expect(&on, "CF.INSERT fixed ITEMS new1 new2", "*2 :-1 :-1");
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(line, sizeof line, "CF.ADD chain %u", i);
        test_client_expect(&on, line, "#t");
    }
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(line, sizeof line, "CF.EXISTS chain %u", i);
        test_client_expect(&on, line, "#t");
    }
    got = test_client_run(&on, "CF.INFO chain");
    assert_non_null(strstr(got, "+Number of items inserted :1000"));
    assert_non_null(strstr(got, "+Expansion rate :2 +Max iterations :500"));
    assert_null(strstr(got, "+Number of filters :1 "));
    test_client_fini(&on);
}

static void test_growth_ends_somewhere(void **state)
{
    (void)state;
    char line[64];
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "CF.RESERVE chain 4", "+OK"); /* each layer as small as the first */
    const char *got = "#t";
    unsigned added = 0;
    for (; added < 5000 && strcmp(got, "#t") == 0; added++) {
        (void)snprintf(line, sizeof line, "CF.ADD chain %u", added);
        got = test_client_run(&on, line);
    }
    assert_string_equal(got, "-ERR Maximum expansions reached");
    assert_in_range(added, 125, 4999);
    test_client_expect(&on, "CF.RESERVE large 1000000 EXPANSION 16", "+OK");
    test_client_expect(&on, "CF.INFO large", "%8 +Size...");
    test_client_fini(&on);
}

/* Adds items to a filter taken out, until it is too large to be put back. */
static void test_a_filter_grows_to_its_bytes_and_is_kept_then(void **state)
{
    (void)state;
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "CF.RESERVE f 900000 EXPANSION 16", "+OK");
    hc_filter *filter;
    request one = {.node = on.node, .session = &on.client};
    assert_int_equal(filter_read(&one, span("f"), &filter), HC_OK);
    assert_true(hc_filter_serialized_size(filter) < FILTER_BYTES_MAX);
    filter_edit edit;
    assert_int_equal(filter_edit_begin(&one, span("f"), &edit), HC_OK);
    hc_status status = HC_OK;
    for (unsigned i = 0; i < 2000000 && status == HC_OK; i++) {
        status = hc_filter_add(edit.filter, hc_span_make(&i, sizeof i));
        if (hc_filter_serialized_size(edit.filter) > FILTER_BYTES_MAX) break;
    }
    filter_edit_touch(&edit);
    assert_int_equal(filter_edit_save(&edit), HC_ERR_LIMIT);
    filter_edit_end(&edit);
    test_client_expect(&on, "CF.COUNT f x", ":0");
    test_client_expect(&on, "CF.ADD f x", "#t");
    test_client_fini(&on);
}

static void test_info_has_redisblooms_fields(void **state)
{
    (void)state;
    TEST_STEPS({"CF.ADD cf a", "#t"}, {"CF.ADD cf b", "#t"}, {"CF.DEL cf a", "#t"},
               {"CF.INFO cf", "%8 +Size..."}, {"CF.RESERVE fixed 100 EXPANSION 0", "+OK"},
               {"HELLO 3", "%7..."}, {"CF.INFO fixed", "%8 +Size..."});
    test_client on;
    test_client_init(&on, NULL);
    test_client_expect(&on, "CF.INSERT cf ITEMS a b c", "*3 :1 :1 :1");
    test_client_expect(&on, "CF.DEL cf a", "#t");
    const char *got = test_client_run(&on, "CF.INFO cf");
    assert_non_null(strstr(got, "+Number of filters :1 +Number of items inserted :2 "
                                "+Number of items deleted :1 +Bucket size :4 +Expansion rate :1 "
                                "+Max iterations :20"));
    test_client_fini(&on);
}

static void test_other_types_are_refused_both_ways(void **state)
{
    (void)state;
    const char *wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    TEST_STEPS({"SET s text", "+OK"}, {"CF.ADD s a", wrong}, {"CF.ADDNX s a", wrong},
               {"CF.INSERT s ITEMS a", wrong}, {"CF.EXISTS s a", wrong}, {"CF.MEXISTS s a", wrong},
               {"CF.COUNT s a", wrong}, {"CF.DEL s a", wrong}, {"CF.INFO s", wrong},
               {"CF.RESERVE s 100", wrong}, {"GET s", "\"text\""}, {"CF.ADD f a", "#t"},
               {"GET f", wrong}, {"GETDEL f", wrong}, {"GETEX f", wrong}, {"GETEX f EX 10", wrong},
               {"GETEX f PERSIST", wrong}, {"GETRANGE f 0 1", wrong}, {"SUBSTR f 0 1", wrong},
               {"SETRANGE f 0 x", wrong}, {"SETRANGE f 0 ''", wrong}, {"APPEND f x", wrong},
               {"STRLEN f", wrong}, {"INCR f", wrong}, {"DECRBY f 2", wrong},
               {"INCRBYFLOAT f 1", wrong}, {"GETSET f x", wrong}, {"SET f x GET", wrong},
               {"SETNX f x", ":0"}, {"MGET f", "*1 nil"}, {"MGET s f", "*2 \"text\" nil"},
               {"CF.EXISTS f a", "#t"}, {"TTL f", ":-1"}, {"SET f x", "+OK"}, {"GET f", "\"x\""});
}

static void test_a_filter_is_a_value_like_others(void **state)
{
    (void)state;
    TEST_STEPS({"CF.ADD f a", "#t"}, {"TYPE f", "+MBbloomCF"}, {"OBJECT ENCODING f", "\"raw\""},
               {"EXPIRE f 100", ":1"}, {"CF.ADD f b", "#t"}, {"TTL f", ":100"},
               {"RENAME f g", "+OK"}, {"CF.MEXISTS g a b c", "*3 #t #t #f"}, {"COPY g h", ":1"},
               {"CF.DEL h a", "#t"}, {"CF.EXISTS g a", "#t"}, {"CF.EXISTS h a", "#f"},
               {"SET s text", "+OK"}, {"SCAN 0 COUNT 100 TYPE string", "*2 \"0\" *1 \"s\""},
               {"DEL g", ":1"}, {"SCAN 0 COUNT 100 TYPE mbbloomcf", "*2 \"0\" *1 \"h\""},
               {"SCAN 0 COUNT 100 TYPE hash", "*2 \"0\" *0"}, {"@100001", ""},
               {"CF.EXISTS h b", "#f"}, {"EXISTS h", ":0"});
}

static void test_filters_of_several_keys_and_stores_are_kept_apart(void **state)
{
    (void)state;
    TEST_STEPS({"STORE CREATE z COMPRESSION zstd", "+OK"}, {"CF.ADD f a", "#t"},
               {"CF.ADD g b", "#t"}, {"CF.MEXISTS f a b", "*2 #t #f"},
               {"CF.MEXISTS g a b", "*2 #f #t"}, {"SELECT z", "+OK"}, {"CF.EXISTS f a", "#f"},
               {"CF.RESERVE f 100000", "+OK"}, {"CF.ADD f c", "#t"},
               {"CF.MEXISTS f a b c", "*3 #f #f #t"}, {"COPY f h", ":1"}, {"CF.ADD h d", "#t"},
               {"CF.MEXISTS f c d", "*2 #t #f"}, {"CF.MEXISTS h c d", "*2 #t #t"},
               {"SELECT 0", "+OK"}, {"CF.MEXISTS f a b c", "*3 #t #f #f"}, {"FLUSHALL", "+OK"},
               {"CF.MEXISTS f a b c", "*3 #f #f #f"});
}

/* Refuses the 1st request for memory of a CF.ADD, then the 2nd ... until none is refused. */
static void test_without_memory_the_filter_is_as_it_was(void **state)
{
    (void)state;
    test_memory memory = {.grants = SIZE_MAX};
    hc_host host = test_host(&memory);
    const node_options options = {.host = &host};
    node *made;
    session client;
    test_reply to;
    assert_int_equal(node_create(&options, &made), HC_OK);
    session_init(&client, made, &(session_options){.descriptor = -1});
    test_reply_init(&to);
    const hc_span args[] = {span("CF.ADD"), span("f"), span("item")};
    request one = {.node = made, .session = &client, .args = args, .argc = 3, .reply = &to.base};
    size_t grants = 0;
    bool done = false;
    for (; grants < 100 && !done; grants++) {
        memory.grants = grants;
        test_reply_clear(&to);
        assert_int_equal(request_run_batch(&one, 1, SIZE_MAX), 1);
        done = strcmp(test_reply_text(&to), "#t") == 0;
        memory.grants = SIZE_MAX;
        if (!done) assert_int_equal(hc_store_count(client.store), 0);
    }
    assert_in_range(grants, 2, 99);
    session_fini(&client);
    test_reply_fini(&to);
    node_destroy(made);
    assert_int_equal(memory.live_bytes, 0);
}

/* ---- threads ---- */

enum { WORKERS = 3, ITEMS = 150 };

typedef struct worker {
    node *node;
    unsigned number;
} worker;

/* Adds items of its own to a filter that all share, and looks for them. */
static void *add_own(void *argument)
{
    const worker *me = argument;
    session client;
    test_reply to;
    session_init(&client, me->node, &(session_options){.descriptor = -1, .worker = me->number});
    test_reply_init(&to);
    for (unsigned i = 0; i < ITEMS; i++) {
        char item[32];
        hc_span name =
            hc_span_make(item, (size_t)snprintf(item, sizeof item, "%u:%u", me->number, i));
        const hc_span add[] = {span("CF.ADD"), span("shared"), name},
                      exists[] = {span("CF.EXISTS"), span("shared"), name};
        request pair[] = {
            {.node = me->node, .session = &client, .args = add, .argc = 3, .reply = &to.base},
            {.node = me->node, .session = &client, .args = exists, .argc = 3, .reply = &to.base}};
        for (size_t r = 0; r < 2; r++) {
            test_reply_clear(&to);
            assert_int_equal(request_run_batch(&pair[r], 1, SIZE_MAX), 1);
            assert_string_equal(test_reply_text(&to), "#t");
        }
    }
    session_fini(&client);
    test_reply_fini(&to);
    return NULL;
}

static void test_nothing_added_by_several_threads_is_lost(void **state)
{
    (void)state;
    const node_options options = {.workers = WORKERS};
    node *made;
    assert_int_equal(node_create(&options, &made), HC_OK);
    worker workers[WORKERS] = {{made, 0}, {made, 1}, {made, 2}};
    test_threads(WORKERS, add_own, workers, sizeof workers[0]);
    session client;
    hc_filter *filter;
    session_init(&client, made, &(session_options){.descriptor = -1});
    request one = {.node = made, .session = &client};
    assert_int_equal(filter_read(&one, span("shared"), &filter), HC_OK);
    hc_filter_stats stats = {.size = sizeof stats};
    hc_filter_stats_get(filter, &stats);
    assert_int_equal(stats.items, WORKERS * ITEMS);
    session_fini(&client);
    node_destroy(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_are_added_found_counted_and_deleted),
        cmocka_unit_test(test_addnx_adds_what_is_not_in),
        cmocka_unit_test(test_insert_adds_many_and_says_which),
        cmocka_unit_test(test_bad_arguments_are_refused),
        cmocka_unit_test(test_a_fixed_filter_fills_up_and_a_growing_one_grows),
        cmocka_unit_test(test_growth_ends_somewhere),
        cmocka_unit_test(test_a_filter_grows_to_its_bytes_and_is_kept_then),
        cmocka_unit_test(test_info_has_redisblooms_fields),
        cmocka_unit_test(test_other_types_are_refused_both_ways),
        cmocka_unit_test(test_a_filter_is_a_value_like_others),
        cmocka_unit_test(test_filters_of_several_keys_and_stores_are_kept_apart),
        cmocka_unit_test(test_without_memory_the_filter_is_as_it_was),
        cmocka_unit_test(test_nothing_added_by_several_threads_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
