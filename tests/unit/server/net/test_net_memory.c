/*
 * test_net_memory.c - the network when memory is short: a client may be lost, the server is not.
 */
#include "unit/server/net/net_fixture.h"
#include "unit/server/short_memory.h"

#define BLOCK_BYTES_MAX 100000u /* enough for a connection, not for what these clients want */

static void test_a_request_that_finds_no_memory_ends_its_client_alone(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    net_options options = options_make();
    start(&options);
    static char value[200000];
    memset(value, 'v', sizeof value);
    int fd = client_open();
    say(fd, "PING\r\n");
    expect(fd, "+PONG\r\n");
    memory_bytes_max = BLOCK_BYTES_MAX;
    say(fd, "*2\r\n$4\r\nECHO\r\n$1000000\r\n");
    for (int i = 0; i < 5; i++) {
        if (send(fd, value, sizeof value, MSG_NOSIGNAL) < 0) break;
    }
    assert_int_equal(read_to_end(fd), 0);
    (void)close(fd);
    assert_serves();
    memory_bytes_max = SIZE_MAX;
    stop();
    assert_true(test_log_has(&logged, "no memory for a request"));
}

static void test_a_reply_that_finds_no_memory_ends_its_client_alone(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    net_options options = options_make();
    start(&options);
    int fd = client_open();
    memory_bytes_max = BLOCK_BYTES_MAX;
    say(fd, "BIG 1000000\r\n");
    assert_int_equal(read_to_end(fd), 0);
    (void)close(fd);
    assert_serves();
    memory_bytes_max = SIZE_MAX;
    stop();
}

/* The 1st allocation of net_start fails, then the 2nd, until none does. */
static void test_start_without_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    net_options options = options_make();
    hc_status status = HC_ERR_NO_MEMORY;
    size_t grants = 0;
    for (; grants < 1000 && status != HC_OK; grants++) {
        memory_grants = grants;
        status = net_start(&options, &server);
        memory_grants = SIZE_MAX;
        assert_true(status == HC_OK || server == NULL);
    }
    assert_in_range(grants, 2, 999);
    assert_serves();
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_that_finds_no_memory_ends_its_client_alone),
        cmocka_unit_test(test_a_reply_that_finds_no_memory_ends_its_client_alone),
        cmocka_unit_test(test_start_without_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
