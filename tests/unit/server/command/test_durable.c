/* test_durable.c - a node and its log on a disk in memory: what is refused, held back and kept. */
#include "command/durable.h"
#include "command/handlers.h"
#include "support/test_client.h"
#include "support/test_disk.h"

typedef struct kept {
    test_client on;
    test_disk *disk;
    hc_host host;
    hc_persistence *log;
    uint64_t tickets;
    unsigned wakes; /* of the log's thread */
} kept;

static hc_status snapshot_wish(void *ctx, bool later, uint64_t *ticket_out)
{
    kept *of = ctx;
    (void)later;
    *ticket_out = ++of->tickets;
    return HC_OK;
}

static void wake(void *ctx)
{
    kept *of = ctx;
    of->wakes++;
}

static void kept_open(kept *of, test_disk *disk)
{
    char why[128];
    *of = (kept){.disk = disk};
    test_client_init(&of->on, NULL);
    of->host = (hc_host){.size = sizeof of->host, .io = test_disk_io(disk)};
    const hc_persistence_options options = {.size = sizeof options, .directory = "data"};
    assert_int_equal(hc_persistence_open(&of->host, &options, &of->log), HC_OK);
    durable_attach(of->on.node, of->log,
                   &(durable_calls){.ctx = of, .snapshot = snapshot_wish, .wake = wake});
    test_client_expect(&of->on, "GET k", "-LOADING...");
    test_client_expect(&of->on, "STORE CREATE s", "-LOADING...");
    assert_int_equal(durable_recover(of->on.node, why, sizeof why), HC_OK);
}

static void kept_close(kept *of)
{
    durable_detach(of->on.node);
    (void)hc_persistence_close(of->log);
    test_client_fini(&of->on);
}

static void test_what_was_written_comes_back_under_its_number(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    kept one;
    kept_open(&one, disk);
    test_client_expect(&one.on, "SET k zero", "+OK");
    test_client_expect(&one.on, "SWAPDB 0 3", "+OK");
    test_client_expect(&one.on, "STORE CREATE s PERSISTENCE aof", "+OK");
    kept_close(&one);
    kept_open(&one, disk);
    test_client_expect(&one.on, "GET k", "nil");
    test_client_expect(&one.on, "SELECT 3", "+OK");
    test_client_expect(&one.on, "GET k", "\"zero\"");
    test_client_expect(&one.on, "SELECT s", "+OK");
    kept_close(&one);
    test_disk_destroy(disk);
}

static void test_save_waits_for_its_own_snapshot_and_tells_how_that_ended(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    kept one;
    kept_open(&one, disk);
    request save = {.node = one.on.node, .session = &one.on.client};
    assert_true(save_holds(&save));
    assert_true(durable_hears(&one.on.client));
    assert_false(durable_lets(&one.on.client, 0));
    durable_snapshot_ended(one.on.node, 1, HC_OK);
    assert_true(durable_lets(&one.on.client, 0));
    test_client_expect(&one.on, "SAVE", "+OK");
    assert_true(save_holds(&save));
    durable_snapshot_ended(one.on.node, 2, HC_ERR_IO);
    test_client_expect(&one.on, "SAVE", "-ERR the snapshot failed...");
    kept_close(&one);
    test_disk_destroy(disk);
}

#define MS UINT64_C(1000000)

static void test_a_flush_wakes_the_thread_that_rests_and_once(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    kept one;
    kept_open(&one, disk);
    durable_log_works(one.on.node);
    durable_flush(one.on.node); /* it looks again before it rests */
    assert_int_equal(one.wakes, 0);
    assert_int_equal(durable_log_rests(one.on.node, 10 * MS), 0);
    durable_log_works(one.on.node);
    assert_int_equal(durable_log_rests(one.on.node, 10 * MS), 10 * MS);
    durable_flush(one.on.node);
    durable_flush(one.on.node);
    assert_int_equal(one.wakes, 1);
    kept_close(&one);
    test_disk_destroy(disk);
}

static void test_a_flush_for_later_lets_others_join_until_it_is_time(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    kept one;
    kept_open(&one, disk);
    node *on = one.on.node;
    durable_log_works(on);
    assert_int_equal(durable_log_rests(on, 10 * MS), 10 * MS);
    uint64_t at_ns = node_now_ns(on) + 3600 * 1000 * MS;
    durable_flush_by(on, at_ns);
    durable_flush_by(on, 1); /* the first one holds */
    assert_int_equal(one.wakes, 1);
    assert_int_equal(durable_log_rests(on, 10 * MS), 10 * MS); /* woken, it rests on */
    assert_in_range(durable_log_rests(on, 7200 * 1000 * MS), 1, 3600 * 1000 * MS);
    durable_flush(on); /* all are there */
    assert_int_equal(one.wakes, 2);
    assert_int_equal(durable_log_rests(on, 10 * MS), 0);
    durable_log_works(on);
    durable_flush_by(on, 1); /* which is over */
    assert_in_range(durable_log_rests(on, 10 * MS), 0, 1);
    kept_close(&one);
    test_disk_destroy(disk);
}

/* What a process that is killed had not written is at most some 10 ms old, after a quiet time too.
 */
static void test_the_first_write_after_a_quiet_time_wakes_the_log(void **state)
{
    (void)state;
    test_disk *disk = test_disk_create(1);
    kept one;
    kept_open(&one, disk);
    durable_log_works(one.on.node);
    assert_int_equal(durable_log_rests(one.on.node, 100 * MS), 100 * MS);
    test_client_expect(&one.on, "GET k", "nil");
    assert_int_equal(one.wakes, 0);
    test_client_expect(&one.on, "SET k 1", "+OK");
    test_client_expect(&one.on, "SET k 2", "+OK");
    assert_int_equal(one.wakes, 1);
    durable_log_works(one.on.node);
    test_client_expect(&one.on, "SET k 3", "+OK"); /* while it works: it may have missed that */
    assert_int_equal(durable_log_rests(one.on.node, 100 * MS), 10 * MS);
    durable_set_sync(one.on.node, HC_SYNC_ALWAYS);
    durable_log_works(one.on.node);
    assert_int_equal(durable_log_rests(one.on.node, 100 * MS), 100 * MS);
    unsigned wakes = one.wakes;
    test_client_expect(&one.on, "SET k 4", "+OK"); /* the transport asks for all that wait */
    assert_int_equal(one.wakes, wakes);
    kept_close(&one);
    test_disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_comes_back_under_its_number),
        cmocka_unit_test(test_save_waits_for_its_own_snapshot_and_tells_how_that_ended),
        cmocka_unit_test(test_a_flush_wakes_the_thread_that_rests_and_once),
        cmocka_unit_test(test_a_flush_for_later_lets_others_join_until_it_is_time),
        cmocka_unit_test(test_the_first_write_after_a_quiet_time_wakes_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
