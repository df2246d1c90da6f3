/*
 * test_keeper.c - a node's data between one start and the next: written by the keeper's threads,
 * asked for by commands, refused when it cannot be trusted.
 */
#include "support/test.h"

#include "support/test_wait.h"

#include "command/durable.h"
#include "keeper.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WHY_BYTES 256u
#define PATH_BYTES 512u
#define DAMAGE_AT 4616 /* of the first log file: in a frame, behind the head of 4096 bytes */

typedef struct kept {
    char folder[64], data[80];
    config cfg;
    hc_host host;
    node *node;
    keeper *keeper;
    char why[WHY_BYTES];
    uint64_t wanted; /* of what kept_until waits for */
} kept;

static int setup(void **state)
{
    kept *k = calloc(1, sizeof *k);
    assert_non_null(k);
    (void)snprintf(k->folder, sizeof k->folder, "/tmp/hypercache-test-XXXXXX");
    assert_non_null(mkdtemp(k->folder));
    (void)snprintf(k->data, sizeof k->data, "%s/data", k->folder);
    config_defaults(&k->cfg);
    (void)snprintf(k->cfg.node.data_dir, sizeof k->cfg.node.data_dir, "%s", k->data);
    k->host = (hc_host){.size = sizeof k->host};
    *state = k;
    return 0;
}

/* The first by name that begins with `prefix` in the data directory; "": there is none. */
static void file_find(const kept *k, const char *prefix, char path[PATH_BYTES])
{
    DIR *folder = opendir(k->data);
    path[0] = '\0';
    for (struct dirent *one; folder != NULL && (one = readdir(folder)) != NULL;) {
        char found[PATH_BYTES];
        if (strncmp(one->d_name, prefix, strlen(prefix)) != 0 || one->d_name[0] == '.') continue;
        (void)snprintf(found, sizeof found, "%s/%s", k->data, one->d_name);
        if (path[0] == '\0' || strcmp(found, path) < 0) memcpy(path, found, sizeof found);
    }
    if (folder != NULL) (void)closedir(folder);
}

static int teardown(void **state)
{
    kept *k = *state;
    char path[PATH_BYTES];
    for (file_find(k, "", path); path[0] != '\0'; file_find(k, "", path))
        assert_int_equal(unlink(path), 0);
    (void)rmdir(k->data);
    assert_int_equal(rmdir(k->folder), 0);
    free(k);
    return 0;
}

static hc_status kept_open(kept *k)
{
    const node_options options = {.host = &k->host, .workers = 1};
    assert_int_equal(node_create(&options, &k->node), HC_OK);
    const keeper_options wish = {.host = &k->host, .node = k->node, .cfg = &k->cfg};
    hc_status status = keeper_open(&wish, &k->keeper, k->why, sizeof k->why);
    if (status == HC_OK) status = keeper_recover(k->keeper, k->why, sizeof k->why);
    return status;
}

static bool kept_close(kept *k)
{
    bool whole = keeper_stop(k->keeper);
    node_destroy(k->node);
    k->keeper = NULL;
    k->node = NULL;
    return whole;
}

static void set(kept *k, const char *key, const char *value)
{
    assert_int_equal(hc_store_set(node_store(k->node, 0), span(key), span(value), NULL), HC_OK);
}

static void assert_value(kept *k, const char *key, const char *want)
{
    char value[64] = "";
    size_t size = 0;
    hc_status status = hc_store_get(node_store(k->node, 0), span(key), value, sizeof value, &size);
    assert_int_equal(status, HC_OK);
    assert_int_equal(size, strlen(want));
    assert_memory_equal(value, want, size);
}

static hc_persistence_stats stats_of(const kept *k)
{
    hc_persistence_stats stats = {.size = sizeof stats};
    hc_persistence_stats_get(durable_log(k->node), &stats);
    return stats;
}

static void kept_until(kept *k, bool (*holds)(void *ctx), uint64_t wanted)
{
    k->wanted = wanted;
    assert_true(test_wait_until(holds, k));
}

static bool is_durable(void *ctx)
{
    kept *k = ctx;
    durable_flush(k->node);
    return hc_persistence_durable_lsn(durable_log(k->node)) >= k->wanted;
}

static bool is_over(void *ctx)
{
    kept *k = ctx;
    return durable_snapshot_is_over(k->node, k->wanted);
}

static bool has_snapshots(void *ctx)
{
    kept *k = ctx;
    return stats_of(k).snapshots >= k->wanted;
}

static void test_what_was_written_is_there_after_the_next_start(void **state)
{
    kept *k = *state;
    assert_int_equal(kept_open(k), HC_OK);
    assert_false(durable_is_loading(k->node));
    set(k, "k", "one");
    assert_true(kept_close(k));
    assert_int_equal(kept_open(k), HC_OK);
    assert_value(k, "k", "one");
    set(k, "k", "two");
    assert_true(kept_close(k));
    assert_int_equal(kept_open(k), HC_OK);
    assert_value(k, "k", "two");
    assert_true(kept_close(k));
}

static void test_the_log_thread_makes_durable_what_is_asked_for(void **state)
{
    kept *k = *state;
    k->cfg.persistence.sync = HC_SYNC_ALWAYS;
    assert_int_equal(kept_open(k), HC_OK);
    for (int i = 0; i < 3; i++) {
        set(k, "k", "v");
        kept_until(k, is_durable, hc_persistence_lsn(durable_log(k->node)));
    }
    assert_true(stats_of(k).syncs >= 3);
    assert_true(kept_close(k));
}

static void test_a_snapshot_that_is_asked_for_is_written_and_told(void **state)
{
    kept *k = *state;
    uint64_t ticket = 0, later = 0;
    assert_int_equal(kept_open(k), HC_OK);
    const durable_calls *calls = durable_calls_of(k->node);
    set(k, "k", "v");
    assert_int_equal(calls->snapshot(calls->ctx, false, &ticket), HC_OK);
    assert_int_equal(calls->snapshot(calls->ctx, true, &later), HC_OK);
    assert_true(later >= ticket);
    kept_until(k, is_over, later);
    assert_true(durable_snapshot_is_good(k->node, ticket));
    assert_int_equal(durable_snapshot_status(k->node), HC_OK);
    assert_true(stats_of(k).snapshot_lsn > 0);
    assert_true(kept_close(k));
}

static void test_snapshots_come_by_time_when_something_was_written(void **state)
{
    kept *k = *state;
    assert_int_equal(kept_open(k), HC_OK);
    durable_set_interval(k->node, 1);
    set(k, "k", "v");
    kept_until(k, has_snapshots, 1);
    assert_true(kept_close(k));
}

static void test_the_end_writes_a_snapshot_if_the_strategy_or_shutdown_wants_it(void **state)
{
    kept *k = *state;
    static const struct {
        uint32_t strategy;
        int wish;
        bool written;
    } cases[] = {{HC_STRATEGY_HYBRID, 0, false},
                 {HC_STRATEGY_HYBRID, 1, true},
                 {HC_STRATEGY_SNAPSHOT, -1, false},
                 {HC_STRATEGY_SNAPSHOT, 0, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(kept_open(k), HC_OK);
        durable_set_strategy(k->node, cases[i].strategy);
        set(k, "k", "v");
        uint64_t before = stats_of(k).snapshot_lsn;
        durable_set_last_snapshot(k->node, cases[i].wish);
        assert_true(kept_close(k));
        assert_int_equal(kept_open(k), HC_OK);
        assert_int_equal(stats_of(k).snapshot_lsn > before, cases[i].written);
        assert_true(kept_close(k));
    }
}

static void test_a_directory_has_one_keeper(void **state)
{
    kept *k = *state;
    assert_int_equal(kept_open(k), HC_OK);
    node *other;
    keeper *second = k->keeper;
    const node_options options = {.host = &k->host, .workers = 1};
    assert_int_equal(node_create(&options, &other), HC_OK);
    const keeper_options wish = {.host = &k->host, .node = other, .cfg = &k->cfg};
    assert_int_equal(keeper_open(&wish, &second, k->why, sizeof k->why), HC_ERR_BUSY);
    assert_null(second);
    node_destroy(other);
    assert_true(kept_close(k));
    assert_true(keeper_stop(NULL));
}

static void test_damage_is_refused_and_named(void **state)
{
    kept *k = *state;
    char path[PATH_BYTES];
    k->cfg.persistence.sync = HC_SYNC_ALWAYS;
    assert_int_equal(kept_open(k), HC_OK);
    for (int i = 0; i < 8; i++) { /* each proves that what was before it was durable */
        set(k, "k", i % 2 == 0 ? "even" : "odd");
        kept_until(k, is_durable, hc_persistence_lsn(durable_log(k->node)));
    }
    assert_true(kept_close(k));
    file_find(k, "log-", path);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, DAMAGE_AT, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, DAMAGE_AT, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(kept_open(k), HC_ERR_CORRUPT);
    assert_non_null(strstr(k->why, "log-"));
    assert_non_null(strstr(k->why, "data salvage"));
    (void)kept_close(k);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_written_is_there_after_the_next_start),
        TEST(test_the_log_thread_makes_durable_what_is_asked_for),
        TEST(test_a_snapshot_that_is_asked_for_is_written_and_told),
        TEST(test_snapshots_come_by_time_when_something_was_written),
        TEST(test_the_end_writes_a_snapshot_if_the_strategy_or_shutdown_wants_it),
        TEST(test_a_directory_has_one_keeper),
        TEST(test_damage_is_refused_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
