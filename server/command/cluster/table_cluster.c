/* table_cluster.c - the rows of the cluster; command.h says what the fields mean. */
#include "command/handlers.h"
#include "command/table.h"

enum {
    ORDER = COMMAND_ADMIN | COMMAND_STALE | COMMAND_NO_ASYNC_LOADING,
    WAY = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST
};

#define ROW(name_, arity_, flags_, run_)                                                           \
    .name = name_, .arity = arity_, .flags = flags_, .run = run_, .group = COMMAND_GROUP_CLUSTER
#define PER_NODE .complexity = "O(N) with N nodes", .tips = "nondeterministic_output"

static const command cluster_rows[] = {
    {ROW("countkeysinslot", 3, COMMAND_STALE, run_cluster_countkeysinslot), .since = "3.0.0",
     .complexity = "O(N) with N keys", .summary = "Returns how many keys of a slot are here",
     .arguments = "slot:integer"},
    {ROW("forget", 3, ORDER, run_cluster_forget), .since = "3.0.0", .complexity = "O(1)",
     .summary = "Takes a dead node out of the cluster", .arguments = "node-id"},
    {ROW("getkeysinslot", 4, COMMAND_STALE, run_cluster_getkeysinslot), .since = "3.0.0",
     .complexity = "O(N) with N keys", .summary = "Returns keys of a slot that are here",
     .tips = "nondeterministic_output", .arguments = "slot:integer count:integer"},
    {ROW("help", 2, COMMAND_LOADING | COMMAND_STALE, run_cluster_help), .since = "5.0.0",
     .complexity = "O(1)", .summary = "Returns a help text"},
    {ROW("info", 2, COMMAND_STALE, run_cluster_info), .since = "3.0.0", .complexity = "O(1)",
     .summary = "Returns the cluster's state as this node sees it",
     .tips = "nondeterministic_output"},
    {ROW("keyslot", 3, COMMAND_STALE, run_cluster_keyslot), .since = "3.0.0",
     .complexity = "O(N) with N bytes of the key", .summary = "Returns the slot of a key",
     .arguments = "key"},
    {ROW("leave", 2, ORDER, run_cluster_leave), .since = "0.1.0", .complexity = "O(N) with N keys",
     .summary = "Gives this node's slots to the others; it can be stopped when it is out"},
    {ROW("links", 2, COMMAND_STALE, run_cluster_links), .since = "7.0.0", PER_NODE,
     .summary = "Returns the streams to the other nodes"},
    {ROW("meet", -4, ORDER, run_cluster_meet), .since = "3.0.0", .complexity = "O(1)",
     .summary = "Contacts a node, so that its cluster and this one become one",
     .arguments = "ip port:integer [cluster_bus_port:integer]"},
    {ROW("myid", 2, COMMAND_STALE, run_cluster_myid), .since = "3.0.0", .complexity = "O(1)",
     .summary = "Returns the id of this node"},
    {ROW("nodes", 2, COMMAND_STALE, run_cluster_nodes), .since = "3.0.0", PER_NODE,
     .summary = "Returns the nodes and their slots, a line each"},
    {ROW("replicas", 3, COMMAND_ADMIN | COMMAND_STALE, run_cluster_replicas), .since = "5.0.0",
     .complexity = "O(1)", .summary = "Returns nothing: every node is a master of its slots",
     .tips = "nondeterministic_output", .arguments = "node-id"},
    {ROW("shards", 2, COMMAND_STALE, run_cluster_shards), .since = "7.0.0", PER_NODE,
     .summary = "Returns the nodes and their slots"},
    {ROW("slots", 2, COMMAND_STALE, run_cluster_slots), .since = "3.0.0", PER_NODE,
     .summary = "Returns ranges of slots and the nodes that serve them"},
};

static const command rows[] = {
    {ROW("asking", 1, COMMAND_FAST, run_asking), .since = "3.0.0", .complexity = "O(1)",
     .categories = COMMAND_CONNECTION,
     .summary = "Sent by clients after ASK, which this server never says"},
    {ROW("cluster", -2, 0, NULL), .since = "3.0.0", .complexity = "Depends on subcommand.",
     .summary = "A container for commands on the cluster", .subcommands = cluster_rows,
     .subcommand_count = sizeof cluster_rows / sizeof cluster_rows[0]},
    {ROW("readonly", 1, WAY, run_readonly), .since = "3.0.0", .complexity = "O(1)",
     .categories = COMMAND_CONNECTION,
     .summary = "Says that the client knows of slots; reads are answered as before"},
    {ROW("readwrite", 1, WAY, run_readwrite), .since = "3.0.0", .complexity = "O(1)",
     .categories = COMMAND_CONNECTION, .summary = "Takes READONLY back"},
};

const command_group_rows command_rows_cluster = {rows, sizeof rows / sizeof rows[0]};
