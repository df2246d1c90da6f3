/* table_store.c - the rows of named stores; command.h says what the fields mean. */
#include "command/handlers.h"
#include "command/table.h"

enum {
    ANY_TIME = COMMAND_LOADING | COMMAND_STALE,
    CHANGES = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_STALE | COMMAND_EXCLUSIVE
};

#define ROW(name_, arity_, flags_, run_)                                                           \
    .name = name_, .arity = arity_, .flags = flags_, .run = run_, .group = COMMAND_GROUP_SERVER,   \
    .since = "7.4.0"

static const command store_rows[] = {
    {ROW("create", -3, CHANGES, run_store_create), .complexity = "O(N) with N stores",
     .summary = "Creates a store, whose settings do not change afterwards",
     .arguments =
         "name [MAXMEMORY=bytes] [EVICTION=policy] [TTL=milliseconds] [PERSISTENCE=strategy] "
         "[COMPRESSION=none|zstd] [FILTER=none|8|12|16]"},
    {ROW("drop", 3, CHANGES, run_store_drop), .complexity = "O(N) with N stores",
     .summary = "Removes a store with all its keys", .arguments = "name"},
    {ROW("help", 2, ANY_TIME, run_store_help), .complexity = "O(1)",
     .summary = "Returns a help text"},
    {ROW("info", 3, ANY_TIME, run_store_info), .complexity = "O(N) with N stores",
     .summary = "Describes a store: settings, size, counters", .arguments = "name",
     .tips = "nondeterministic_output"},
    {ROW("list", 2, ANY_TIME, run_store_list), .complexity = "O(N) with N stores",
     .summary = "Returns the names of the databases in use and of the stores"},
};

static const command rows[] = {
    {ROW("store", -2, 0, NULL), .complexity = "Depends on subcommand.",
     .summary = "A container for commands on stores", .subcommands = store_rows,
     .subcommand_count = sizeof store_rows / sizeof store_rows[0]},
    {ROW("stores", 1, ANY_TIME, run_store_list), .complexity = "O(N) with N stores",
     .summary = "Returns the names of the databases in use and of the stores"},
};

const command_group_rows command_rows_store = {rows, sizeof rows / sizeof rows[0]};
