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
} kept;

static hc_status snapshot_wish(void *ctx, bool later, uint64_t *ticket_out)
{
    kept *of = ctx;
    (void)later;
    *ticket_out = ++of->tickets;
    return HC_OK;
}

static void kept_open(kept *of, test_disk *disk)
{
    char why[128];
    *of = (kept){.disk = disk};
    test_client_init(&of->on, NULL);
    of->host = (hc_host){.size = sizeof of->host, .io = test_disk_io(disk)};
    const hc_persistence_options options = {.size = sizeof options, .directory = "data"};
    assert_int_equal(hc_persistence_open(&of->host, &options, &of->log), HC_OK);
    durable_attach(of->on.node, of->log, &(durable_calls){.ctx = of, .snapshot = snapshot_wish});
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_comes_back_under_its_number),
        cmocka_unit_test(test_save_waits_for_its_own_snapshot_and_tells_how_that_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
