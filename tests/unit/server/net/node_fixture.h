/*
 * node_fixture.h - a node with all its commands behind one worker, and a log on a disk in memory
 * that moves when the test says so.
 *
 *     served s;
 *     served_start(&s, true);      sync `always`: replies wait until served_sync
 *     int fd = client_open();
 *     ...
 *     served_stop(&s);
 */
#ifndef HYPERCACHE_TESTS_NODE_FIXTURE_H
#define HYPERCACHE_TESTS_NODE_FIXTURE_H

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "command/durable.h"
#include "support/test_disk.h"
#include "unit/server/net/net_clients.h"

typedef struct served {
    node *node;
    test_disk *disk; /* NULL: there is no log */
    hc_host disk_host;
    hc_persistence *log;
    _Atomic uint64_t tickets; /* of snapshots asked for */
    uint64_t wanted;          /* of what served_until waits for */
} served;

static inline hc_status served_snapshot(void *ctx, bool later, uint64_t *ticket_out)
{
    served *s = ctx;
    (void)later;
    *ticket_out = atomic_fetch_add(&s->tickets, 1) + 1;
    return HC_OK;
}

static inline void served_wake(void *ctx)
{
    (void)ctx; /* the test is the log's thread, and comes by itself */
}

static inline void served_durable(void *ctx, uint64_t lsn)
{
    served *s = ctx;
    (void)lsn;
    durable_told(s->node);
}

static inline void served_log_open(served *s)
{
    char why[128];
    const hc_persistence_hooks hooks = {
        .size = sizeof hooks, .ctx = s, .durable = served_durable, .wake = served_wake};
    const hc_persistence_options options = {
        .size = sizeof options, .directory = "data", .hooks = &hooks, .sync = HC_SYNC_ALWAYS};
    s->disk = test_disk_create(1);
    s->disk_host = (hc_host){.size = sizeof s->disk_host, .io = test_disk_io(s->disk)};
    assert_int_equal(hc_persistence_open(&s->disk_host, &options, &s->log), HC_OK);
    durable_attach(s->node, s->log,
                   &(durable_calls){.ctx = s, .snapshot = served_snapshot, .wake = served_wake});
    assert_int_equal(durable_recover(s->node, why, sizeof why), HC_OK);
    durable_set_sync(s->node, HC_SYNC_ALWAYS);
}

static inline void served_start(served *s, bool with_log)
{
    static const char *const loopback[] = {"127.0.0.1"};
    memset(s, 0, sizeof *s);
    const node_options options = {.workers = 1};
    assert_int_equal(node_create(&options, &s->node), HC_OK);
    if (with_log) served_log_open(s);
    const net_options wires = {.node = s->node, .bind = loopback, .bind_count = 1, .workers = 1};
    assert_int_equal(net_start(&wires, &server), HC_OK);
}

static inline void served_stop(served *s)
{
    net_stop(server);
    server = NULL;
    if (s->log != NULL) {
        durable_detach(s->node);
        assert_int_equal(hc_persistence_close(s->log), HC_OK);
    }
    node_destroy(s->node);
    if (s->disk != NULL) test_disk_destroy(s->disk);
}

/* Everything written so far is made durable, and told. */
static inline void served_sync(served *s)
{
    while (hc_persistence_durable_lsn(s->log) < hc_persistence_lsn(s->log))
        (void)hc_persistence_step(s->log);
}

static inline bool served_commands(void *ctx)
{
    served *s = ctx;
    uint64_t commands =
        atomic_load_explicit(&node_worker_counters(s->node, 0)->commands, memory_order_relaxed);
    return commands >= s->wanted;
}

static inline bool served_parked(void *ctx)
{
    served *s = ctx;
    return atomic_load(&s->node->parked) == s->wanted;
}

/* Waits until what `holds` looks at has come to `wanted`. */
static inline void served_until(served *s, bool (*holds)(void *ctx), uint64_t wanted)
{
    s->wanted = wanted;
    assert_true(test_wait_until(holds, s));
}

static inline bool is_silent(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    return poll(&look, 1, 0) == 0;
}

#endif
