/*
 * cluster_slot_commands.c - CLUSTER's commands on slots and keys, its orders, READONLY and the
 * like.
 *
 * Keys of a slot are found by a walk in slices: what is not of the slot is passed over.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/cluster.h"
#include "command/cluster/cluster_answers.h"
#include "command/handlers.h"
#include "command/key_walk.h"

enum { SLOT_KEYS_BYTES_MAX = 64 << 20, SLOT_SLICE_KEYS = 1024 };

void run_cluster_keyslot(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    cluster_view_release(view);
    of->reply->ops->integer(of->reply, hc_ring_slot(of->args[2]));
}

/* ---- keys of a slot ---- */

typedef struct slot_walk {
    uint32_t slot;
    uint64_t found, wanted;
    text keys; /* as key_gather leaves them; nothing when they are only counted */
    bool counts_only;
} slot_walk;

static void slot_visit(void *ctx, const hc_item *item)
{
    slot_walk *walk = ctx;
    if (walk->found == walk->wanted || hc_ring_slot(item->key) != walk->slot) return;
    walk->found++;
    if (!walk->counts_only) key_gather(&walk->keys, item);
}

static void slot_walk_run(request *of, slot_walk *walk)
{
    uint64_t cursor = 0;
    do {
        (void)cluster_scan(of->node, &cursor, SLOT_SLICE_KEYS, slot_visit, walk);
    } while (cursor != 0 && walk->found < walk->wanted && !walk->keys.failed);
}

void run_cluster_countkeysinslot(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    cluster_view_release(view);
    int64_t slot;
    if (!request_integer(of, of->args[2], &slot)) return;
    if (slot < 0 || slot >= HC_RING_SLOTS) {
        request_error(of, "ERR Invalid slot");
        return;
    }
    slot_walk walk = {.slot = (uint32_t)slot, .wanted = UINT64_MAX, .counts_only = true};
    slot_walk_run(of, &walk);
    of->reply->ops->integer(of->reply, (int64_t)walk.found);
}

static void answer_keys(request *of, const text *keys)
{
    hc_span key;
    of->reply->ops->array(of->reply, key_count(keys));
    for (size_t at = 0; key_next(keys, &at, &key);)
        reply_text(of->reply, key);
}

void run_cluster_getkeysinslot(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    cluster_view_release(view);
    int64_t slot, count;
    if (!request_integer(of, of->args[2], &slot) || !request_integer(of, of->args[3], &count))
        return;
    if (slot < 0 || slot >= HC_RING_SLOTS || count < 0) {
        request_error(of, "ERR Invalid slot or number of keys");
        return;
    }
    slot_walk walk = {.slot = (uint32_t)slot, .wanted = (uint64_t)count};
    text_init(&walk.keys, SLOT_KEYS_BYTES_MAX);
    if (count > 0) slot_walk_run(of, &walk);
    if (walk.keys.failed)
        request_error(of, ERROR_NO_MEMORY);
    else
        answer_keys(of, &walk.keys);
    text_fini(&walk.keys);
}

/* ---- orders ---- */

static int head(hc_span of)
{
    return of.size < 128 ? (int)of.size : 128;
}

/* Without a third argument the other node listens for others where this one does. */
static bool meet_ports(request *of, uint16_t own_port, int64_t *port_out)
{
    int64_t client_port;
    const char *what = "base";
    hc_span wrong = of->args[3];
    bool fine = integer_parse(wrong, &client_port);
    *port_out = own_port;
    if (fine && of->argc == 5) {
        what = "bus";
        wrong = of->args[4];
        fine = integer_parse(wrong, port_out);
    }
    if (!fine)
        request_errorf(of, "ERR Invalid TCP %s port specified: %.*s", what, head(wrong),
                       (const char *)wrong.data);
    else if (client_port < 1 || client_port > UINT16_MAX || *port_out < 1 || *port_out > UINT16_MAX)
        request_errorf(of, "ERR Invalid node address specified: %.*s:%.*s", head(of->args[2]),
                       (const char *)of->args[2].data, head(of->args[3]),
                       (const char *)of->args[3].data);
    else
        return true;
    return false;
}

void run_cluster_meet(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    int64_t port;
    bool fine = of->argc <= 5;
    if (!fine) request_error_arity(of);
    fine = fine && meet_ports(of, view->members[0].is.address.port, &port);
    cluster_view_release(view);
    if (!fine) return;
    hc_span host = of->args[2];
    bool v6 = host.size > 0 && memchr(host.data, ':', host.size) != NULL;
    char address[CLUSTER_HOST_CHARS + 16];
    int chars = snprintf(address, sizeof address, v6 ? "[%.*s]:%" PRId64 : "%.*s:%" PRId64,
                         host.size < CLUSTER_HOST_CHARS ? (int)host.size : 0,
                         (const char *)host.data, port);
    hc_status status = cluster_meet(of->node, hc_span_make(address, (size_t)chars));
    if (status == HC_OK)
        reply_ok(of->reply);
    else if (status == HC_ERR_LIMIT)
        request_error(of, "ERR too many nodes are being contacted, try again later");
    else
        request_errorf(of, "ERR Invalid node address specified: %.*s:%.*s", head(host),
                       (const char *)host.data, head(of->args[3]), (const char *)of->args[3].data);
}

void run_cluster_forget(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    bool own = argument_is(of->args[2], view->members[0].id);
    cluster_view_release(view);
    hc_status status = own ? HC_ERR_CONFLICT : cluster_forget(of->node, of->args[2]);
    if (status == HC_OK)
        reply_ok(of->reply);
    else if (own)
        request_error(of, "ERR I tried hard but I can't forget myself...");
    else if (status == HC_ERR_CONFLICT)
        request_error(of, "ERR this node is alive, let it leave instead");
    else if (status == HC_ERR_LIMIT)
        request_error(of, "ERR too many orders wait, try again later");
    else
        cluster_unknown_node(of, of->args[2]);
}

void run_cluster_leave(request *of)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    cluster_view_release(view);
    if (cluster_leave(of->node) == HC_OK)
        reply_ok(of->reply);
    else
        request_error(of, "ERR too many orders wait, try again later");
}

void run_cluster_help(request *of)
{
    static const char *const lines[] = {
        "COUNTKEYSINSLOT <slot>",
        "    Return the number of keys in <slot>.",
        "FORGET <node-id>",
        "    Remove a dead node from the cluster.",
        "GETKEYSINSLOT <slot> <count>",
        "    Return key names stored by current node in a slot.",
        "INFO",
        "    Return information about the cluster.",
        "KEYSLOT <key>",
        "    Return the hash slot for <key>.",
        "LEAVE",
        "    Give this node's slots to the others; the ring of INFO cluster says when it is out.",
        "LINKS",
        "    Return information about the streams from this node to its peers.",
        "MEET <ip> <port> [<bus-port>]",
        "    Connect nodes into a working cluster.",
        "MYID",
        "    Return the node id.",
        "NODES",
        "    Return cluster configuration seen by node. Output format:",
        "    <id> <ip:port@bus-port> <flags> <master> <pings> <pongs> <epoch> <link> <slot> ...",
        "REPLICAS <node-id>",
        "    Return nothing: every node is a master of its slots.",
        "SHARDS",
        "    Return information about slot range mappings and the nodes associated with them.",
        "SLOTS",
        "    Return information about slots range mappings. Each range is made of:",
        "    start, end, IP address, port and id of the node that serves it",
    };
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    cluster_view_release(view);
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}

/* ---- what a client says of itself ---- */

static void know_slots(request *of, bool knows)
{
    const cluster_view *view = cluster_view_for(of);
    if (view == NULL) return;
    cluster_view_release(view);
    of->session->knows_slots |= knows;
    reply_ok(of->reply);
}

void run_asking(request *of)
{
    know_slots(of, true);
}

void run_readonly(request *of)
{
    know_slots(of, true);
}

void run_readwrite(request *of)
{
    know_slots(of, false);
}
