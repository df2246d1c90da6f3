/* test_debug_control.c - levels, captures, profiles and counts by DEBUG; and what a capture hides.
 */
#include "command/request_frame.h"

#include "support/test_client.h"

static void set_up(test_client *on, const node_options *options)
{
    test_client_init(on, options);
    atomic_store(&on->node->debug, NODE_DEBUG_YES);
    debug_mode_set(&on->node->debugging, true);
}

static void tear_down(test_client *on)
{
    debug_mode_set(&on->node->debugging, false);
    test_client_fini(on);
}

/* ---- levels ---- */

typedef struct heard {
    uint64_t for_ms[HC_TOPICS];
    hc_log_level levels[HC_TOPICS];
    unsigned count;
} heard;

static void level_set(void *ctx, hc_topic topic, hc_log_level level, uint64_t for_ms)
{
    heard *to = ctx;
    to->for_ms[topic] = for_ms;
    to->levels[topic] = level;
    to->count++;
}

static setting_level level_get(void *ctx, hc_topic topic)
{
    const heard *of = ctx;
    return (setting_level){
        .level = of->levels[topic], .configured = HC_LOG_WARN, .reverts_in_ms = of->for_ms[topic]};
}

static void test_levels_reach_the_settings(void **state)
{
    (void)state;
    heard got = {.count = 0};
    settings table = {.ctx = &got, .level_set = level_set, .level_get = level_get};
    node_options options = {.settings = &table};
    test_client on;
    set_up(&on, &options);
    test_client_expect(&on, "DEBUG LEVEL gossip trace 7", "+OK");
    assert_int_equal(got.count, 1);
    assert_int_equal(got.levels[HC_TOPIC_GOSSIP], HC_LOG_TRACE);
    assert_int_equal(got.for_ms[HC_TOPIC_GOSSIP], 7000);
    test_client_expect(&on, "DEBUG LEVEL all error", "+OK");
    assert_int_equal(got.count, 1 + HC_TOPICS);
    assert_int_equal(got.for_ms[HC_TOPIC_FILTER], 300000);
    test_client_expect(&on, "DEBUG LEVEL all reset", "+OK");
    assert_int_equal(got.for_ms[HC_TOPIC_FILTER], 0);
    test_client_expect(&on, "DEBUG LEVEL nobody trace", "-ERR no such component; ...");
    test_client_expect(&on, "DEBUG LEVEL gossip loud", "-ERR no such level; ...");
    test_client_expect(&on, "DEBUG LEVEL gossip trace 0",
                       "-ERR a number from 1 to 86400 is wanted");
    test_client_expect(&on, "DEBUG LEVEL gossip", "-ERR syntax error");
    test_client_expect(&on, "DEBUG LEVEL gossip reset 5", "-ERR syntax error");
    test_client_expect(&on, "DEBUG LEVEL", "*10 %4 \"component\" \"RESP_SERVER\" ...");
    tear_down(&on);
}

static void test_without_settings_levels_stay(void **state)
{
    (void)state;
    test_client on;
    set_up(&on, NULL);
    test_client_expect(&on, "DEBUG LEVEL", "-ERR levels of the log are not to be changed here");
    tear_down(&on);
}

/* ---- captures ---- */

static void capture_line(test_client *on, const hc_span *args, size_t argc, const char *said)
{
    uint32_t noted[2] = {0};
    request of = {.node = on->node, .session = &on->client, .args = args, .argc = argc};
    capture_talk talk = {.client = on->client.id,
                         .client_address = "127.0.0.1:50000",
                         .local_address = "127.0.0.1:6379",
                         .noted = noted};
    capture_request(&on->node->debugging.capture, &talk, &of);
    capture_reply(&on->node->debugging.capture, &talk, on->node, said, strlen(said));
}

static void test_a_capture_shows_what_it_may(void **state)
{
    (void)state;
    static const struct {
        hc_log_keys keys;
        const char *get, *reply, *auth;
    } cases[] = {
        {HC_LOG_KEYS_PLAIN, "$6\\x5cr\\x5cnsecret\\x5cr\\x5cn", "$5\\x5cr\\x5cnvalue",
         "$10\\x5cr\\x5cn(redacted)"},
        {HC_LOG_KEYS_HASHED, "$16\\x5cr\\x5cn", "+(11 bytes)", "$10\\x5cr\\x5cn(redacted)"},
        {HC_LOG_KEYS_OFF, "$5\\x5cr\\x5cn(key)", "+(11 bytes)", "$10\\x5cr\\x5cn(redacted)"},
    };
    const hc_span set[] = {HC_SPAN("SET"), HC_SPAN("secret"), HC_SPAN("private")};
    const hc_span auth[] = {HC_SPAN("AUTH"), HC_SPAN("user"), HC_SPAN("password")};
    test_client on;
    set_up(&on, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        atomic_store(&on.node->debugging.keys, (int)cases[i].keys);
        test_client_expect(&on, "DEBUG CAPTURE START", "+OK");
        capture_line(&on, set, 3, "$5\r\nvalue\r\n");
        capture_line(&on, auth, 3, "+OK\r\n");
        const char *text = test_client_run(&on, "DEBUG CAPTURE TEXT");
        assert_non_null(strstr(text, cases[i].get));
        assert_non_null(strstr(text, cases[i].reply));
        assert_non_null(strstr(text, cases[i].auth));
        assert_null(strstr(text, "password"));
        bool plain = cases[i].keys == HC_LOG_KEYS_PLAIN;
        assert_int_equal(strstr(text, "secret") != NULL, plain);
        assert_int_equal(strstr(text, "private") != NULL, plain);
    }
    tear_down(&on);
}

static void test_a_capture_is_started_stopped_and_cleared(void **state)
{
    (void)state;
    static const test_step steps[] = {
        {"DEBUG CAPTURE STATUS", "%6 \"running\" #f \"client\" :0 \"frames\" :0 \"bytes\" :0 "
                                 "\"bytes_max\" :0 \"dropped\" :0"},
        {"DEBUG CAPTURE START CLIENT 5 BYTES 65536", "+OK"},
        {"DEBUG CAPTURE STATUS", "%6 \"running\" #t \"client\" :5 \"frames\" :0 \"bytes\" :0 "
                                 "\"bytes_max\" :65536 \"dropped\" :0"},
        {"DEBUG CAPTURE FRAMES", "*0"},
        {"DEBUG CAPTURE FRAMES 0", "-ERR a number from 1 to 10000 is wanted"},
        {"DEBUG CAPTURE TEXT x", "-ERR value is not an integer or out of range"},
        {"DEBUG CAPTURE STOP", "+OK"},
        {"DEBUG CAPTURE STOP now", "-ERR syntax error"},
        {"DEBUG CAPTURE CLEAR", "+OK"},
        {"DEBUG CAPTURE START CLIENT", "-ERR syntax error"},
        {"DEBUG CAPTURE START BYTES 7", "-ERR a number from 65536 to 67108864 is wanted"},
        {"DEBUG CAPTURE START SPEED 7", "-ERR syntax error"},
        {"DEBUG CAPTURE REWIND", "-ERR syntax error"},
    };
    test_client on;
    set_up(&on, NULL);
    test_client_steps(&on, steps, sizeof steps / sizeof steps[0]);
    debug_mode_set(&on.node->debugging, false);
    assert_false(capture_state(&on.node->debugging.capture).running);
    tear_down(&on);
}

/* ---- profiles, counts ---- */

static void test_profiles_that_are_not_there_are_refused(void **state)
{
    (void)state;
    static const test_step steps[] = {
        {"DEBUG PROFILE CPU GET", "-ERR there is no profile; START one"},
        {"DEBUG PROFILE CPU START 0", "-ERR a number from 1 to 300 is wanted"},
        {"DEBUG PROFILE CPU PAUSE", "-ERR syntax error"},
        {"DEBUG PROFILE DISK START", "-ERR syntax error"},
        {"DEBUG PROFILE HEAP START", "-ERR gperftools is not there: ..."},
        {"DEBUG PROFILE HEAP GET", "-ERR gperftools is not there: ..."},
        {"DEBUG PROFILE HEAP STOP", "+OK"},
        {"DEBUG ALLOCATIONS", "nil"},
    };
    test_client on;
    set_up(&on, NULL);
    test_client_steps(&on, steps, sizeof steps / sizeof steps[0]);
    tear_down(&on);
}

static void test_allocations_are_told_by_subsystem(void **state)
{
    (void)state;
    static allocations counted;
    hc_host base = {.size = sizeof base};
    allocations_init(&counted, &base);
    const hc_memory *memory = allocations_host(&counted, ALLOCATION_STORES)->memory;
    void *block = memory->allocate(memory->ctx, 77);
    node_options options = {.allocations = &counted};
    test_client on;
    set_up(&on, &options);
    test_client_expect(&on, "DEBUG ALLOCATIONS",
                       "*4 %7 \"subsystem\" \"stores\" \"live_bytes\" :77 \"live_blocks\" :1 ...");
    memory->release(memory->ctx, block, 77);
    tear_down(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_reach_the_settings),
        cmocka_unit_test(test_without_settings_levels_stay),
        cmocka_unit_test(test_a_capture_shows_what_it_may),
        cmocka_unit_test(test_a_capture_is_started_stopped_and_cleared),
        cmocka_unit_test(test_profiles_that_are_not_there_are_refused),
        cmocka_unit_test(test_allocations_are_told_by_subsystem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
