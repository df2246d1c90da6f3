/* table_server.c - the rows of the server as a whole; command.h says what the fields mean. */
#include "command/handlers.h"
#include "command/table.h"

enum {
    FAST = COMMAND_FAST,
    ANY_TIME = COMMAND_LOADING | COMMAND_STALE,
    ADMIN = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE
};

#define ROW(name_, arity_, flags_, categories_, run_)                                              \
    .name = name_, .arity = arity_, .flags = flags_, .categories = categories_, .run = run_,       \
    .group = COMMAND_GROUP_SERVER
#define FLUSH_TIPS "request_policy:all_shards response_policy:all_succeeded"

static const command config_rows[] = {
    {ROW("get", -3, ADMIN, 0, run_config_get), .since = "2.0.0",
     .complexity = "O(N) with N settings", .summary = "Returns settings",
     .arguments = "parameter*"},
    {ROW("help", 2, ANY_TIME, 0, run_config_help), .since = "5.0.0", .complexity = "O(1)",
     .summary = "Returns a help text"},
    {ROW("resetstat", 2, ADMIN, 0, run_config_resetstat), .since = "2.0.0", .complexity = "O(1)",
     .summary = "Starts the counters again from zero"},
    {ROW("rewrite", 2, ADMIN, 0, run_config_rewrite), .since = "2.8.0", .complexity = "O(1)",
     .summary = "Writes settings that were changed into the configuration file"},
    {ROW("set", -4, ADMIN, 0, run_config_set), .since = "2.0.0",
     .complexity = "O(N) with N settings", .summary = "Changes settings at run time",
     .tips = "request_policy:all_nodes response_policy:all_succeeded",
     .arguments = "data{parameter value}*"},
};

#define EVERY_NODE "nondeterministic_output request_policy:all_nodes response_policy:special"
#define LATENCY(name_, arity_, run_)                                                               \
    ROW(name_, arity_, ADMIN, 0, run_), .since = "2.8.13", .tips = EVERY_NODE

static const command latency_rows[] = {
    {LATENCY("doctor", 2, run_latency_doctor), .complexity = "O(1)",
     .summary = "Says what can be said about slow events"},
    {LATENCY("graph", 3, run_latency_graph), .complexity = "O(1)",
     .summary = "Draws the latest samples of an event", .arguments = "event"},
    {ROW("help", 2, ANY_TIME, 0, run_latency_help), .since = "2.8.13", .complexity = "O(1)",
     .summary = "Returns a help text"},
    {ROW("histogram", -2, ADMIN, 0, run_latency_histogram), .since = "7.0.0", .tips = EVERY_NODE,
     .complexity = "O(N) with N commands", .summary = "Returns how long commands took",
     .arguments = "[command*]"},
    {LATENCY("history", 3, run_latency_history), .complexity = "O(1)",
     .summary = "Returns the samples of an event", .arguments = "event"},
    {LATENCY("latest", 2, run_latency_latest), .complexity = "O(1)",
     .summary = "Returns the latest sample of every event"},
    {ROW("reset", -2, ADMIN, 0, run_latency_reset), .since = "2.8.13", .complexity = "O(1)",
     .summary = "Forgets the samples of events", .arguments = "[event*]",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
};

static const command slowlog_rows[] = {
    {ROW("get", -2, COMMAND_ADMIN | ANY_TIME, 0, run_slowlog_get), .since = "2.2.12",
     .complexity = "O(N) with N entries", .summary = "Returns the latest slow commands",
     .tips = "request_policy:all_nodes nondeterministic_output", .arguments = "[count:integer]"},
    {ROW("help", 2, ANY_TIME, 0, run_slowlog_help), .since = "6.2.0", .complexity = "O(1)",
     .summary = "Returns a help text"},
    {ROW("len", 2, COMMAND_ADMIN | ANY_TIME, 0, run_slowlog_len), .since = "2.2.12",
     .complexity = "O(1)", .summary = "Returns the number of slow commands noted",
     .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output"},
    {ROW("reset", 2, COMMAND_ADMIN | ANY_TIME, 0, run_slowlog_reset), .since = "2.2.12",
     .complexity = "O(N) with N entries", .summary = "Forgets the slow commands noted",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
};

#define EVERY_SHARD "nondeterministic_output request_policy:all_shards response_policy:special"

static const command memory_rows[] = {
    {ROW("doctor", 2, 0, 0, run_memory_doctor), .since = "4.0.0", .complexity = "O(1)",
     .summary = "Says what can be said about the memory used", .tips = EVERY_SHARD},
    {ROW("help", 2, ANY_TIME, 0, run_memory_help), .since = "4.0.0", .complexity = "O(1)",
     .summary = "Returns a help text"},
    {ROW("malloc-stats", 2, 0, 0, run_memory_malloc_stats), .since = "4.0.0", .complexity = "O(1)",
     .summary = "Returns the report of the allocator", .tips = EVERY_SHARD},
    {ROW("purge", 2, 0, 0, run_memory_purge), .since = "4.0.0", .complexity = "O(1)",
     .summary = "Gives unused memory back to the system",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {ROW("stats", 2, 0, 0, run_memory_stats), .since = "4.0.0", .complexity = "O(1)",
     .summary = "Returns figures of the memory used", .tips = EVERY_SHARD},
    {ROW("usage", -3, COMMAND_READONLY, 0, run_memory_usage), .since = "4.0.0",
     .complexity = "O(1)", .summary = "Estimates the memory a key and its value take",
     .keys = SUBKEY(STAT), .arguments = "key [SAMPLES=count:integer]"},
};

static const command rows[] = {
    {ROW("bgrewriteaof", 1, COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING, 0,
         run_bgrewriteaof),
     .since = "1.0.0", .complexity = "O(1)",
     .summary = "Begins a snapshot, which makes the log short"},
    {ROW("bgsave", -1, COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING, 0, run_bgsave),
     .since = "1.0.0", .complexity = "O(1)", .summary = "Begins a snapshot, without a fork",
     .arguments = "[SCHEDULE]"},
    {ROW("config", -2, 0, 0, NULL), .since = "2.0.0", .complexity = "Depends on subcommand.",
     .summary = "A container for commands on settings", .subcommands = config_rows,
     .subcommand_count = sizeof config_rows / sizeof config_rows[0]},
    {ROW("dbsize", 1, COMMAND_READONLY | FAST, COMMAND_KEYSPACE, run_dbsize), .since = "1.0.0",
     .complexity = "O(1)", .summary = "Returns the number of keys",
     .tips = "request_policy:all_shards response_policy:agg_sum"},
    {ROW("debug", -2, ADMIN, 0, run_debug), .since = "1.0.0",
     .complexity = "Depends on subcommand.", .summary = "Looks inside, and helps to test clients",
     .arguments = "subcommand [arg*]"},
    {ROW("flushall", -1, COMMAND_WRITE | COMMAND_EXCLUSIVE, COMMAND_KEYSPACE | COMMAND_DANGEROUS,
         run_flushall),
     .since = "1.0.0", .complexity = "O(1)", .summary = "Removes all keys of all databases",
     .tips = FLUSH_TIPS, .arguments = "[flush-type(ASYNC|SYNC)]"},
    {ROW("flushdb", -1, COMMAND_WRITE, COMMAND_KEYSPACE | COMMAND_DANGEROUS, run_flushdb),
     .since = "1.0.0", .complexity = "O(1)", .summary = "Removes all keys of this database",
     .tips = FLUSH_TIPS, .arguments = "[flush-type(ASYNC|SYNC)]"},
    {ROW("info", -1, ANY_TIME, COMMAND_DANGEROUS, run_info), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Describes the server, with its counters",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
     .arguments = "[section*]"},
    {ROW("lastsave", 1, ANY_TIME | FAST, COMMAND_ADMINISTRATIVE | COMMAND_DANGEROUS, run_lastsave),
     .since = "1.0.0", .complexity = "O(1)", .summary = "Returns the time of the last snapshot",
     .tips = "nondeterministic_output"},
    {ROW("latency", -2, 0, 0, NULL), .since = "2.8.13", .complexity = "Depends on subcommand.",
     .summary = "A container for commands on latency", .subcommands = latency_rows,
     .subcommand_count = sizeof latency_rows / sizeof latency_rows[0]},
    {ROW("lolwut", -1, COMMAND_READONLY | FAST, 0, run_lolwut), .since = "5.0.0",
     .complexity = "O(1)", .summary = "Says which server this is",
     .arguments = "[VERSION=version:integer]"},
    {ROW("memory", -2, 0, 0, NULL), .since = "4.0.0", .complexity = "Depends on subcommand.",
     .summary = "A container for commands on memory", .subcommands = memory_rows,
     .subcommand_count = sizeof memory_rows / sizeof memory_rows[0]},
    {ROW("monitor", 1, ADMIN, 0, run_monitor), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Tells this connection of every command from now on"},
    {ROW("role", 1, COMMAND_NOSCRIPT | ANY_TIME | FAST, COMMAND_ADMINISTRATIVE | COMMAND_DANGEROUS,
         run_role),
     .since = "2.8.12", .complexity = "O(1)", .summary = "Returns the role in replication: master"},
    {ROW("save", 1, COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING | COMMAND_NO_MULTI,
         0, run_save),
     .since = "1.0.0", .complexity = "O(N) with N keys",
     .summary = "Makes a snapshot and waits for it"},
    {ROW("shutdown", -1, ADMIN | COMMAND_NO_MULTI | COMMAND_ALLOW_BUSY, 0, run_shutdown),
     .since = "1.0.0", .complexity = "O(1)", .summary = "Ends the server",
     .arguments = "[save-selector(NOSAVE|SAVE)] [NOW] [FORCE] [ABORT]"},
    {ROW("slowlog", -2, 0, 0, NULL), .since = "2.2.12", .complexity = "Depends on subcommand.",
     .summary = "A container for commands on slow commands", .subcommands = slowlog_rows,
     .subcommand_count = sizeof slowlog_rows / sizeof slowlog_rows[0]},
    {ROW("swapdb", 3, COMMAND_WRITE | FAST | COMMAND_EXCLUSIVE,
         COMMAND_KEYSPACE | COMMAND_DANGEROUS, run_swapdb),
     .since = "4.0.0", .complexity = "O(1)", .summary = "Gives two databases each other's keys",
     .arguments = "index1:integer index2:integer"},
    {ROW("time", 1, ANY_TIME | FAST, 0, run_time), .since = "2.6.0", .complexity = "O(1)",
     .summary = "Returns the server's time", .tips = "nondeterministic_output"},
};

const command_group_rows command_rows_server = {rows, sizeof rows / sizeof rows[0]};
