/* table_transaction.c - the rows of transactions; command.h says what the fields mean. */
#include "command/handlers.h"
#include "command/table.h"

enum {
    ANY_TIME = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE,
    QUICK = ANY_TIME | COMMAND_FAST | COMMAND_ALLOW_BUSY
};

#define ROW(name_, arity_, flags_, run_)                                                           \
    .name = name_, .arity = arity_, .flags = flags_, .run = run_,                                  \
    .categories = COMMAND_TRANSACTION, .group = COMMAND_GROUP_TRANSACTIONS

static const command rows[] = {
    {ROW("discard", 1, QUICK, run_discard), .since = "2.0.0",
     .complexity = "O(N) with N queued commands", .summary = "Drops what was queued since MULTI"},
    {ROW("exec", 1, ANY_TIME | COMMAND_SKIP_SLOWLOG, run_exec), .since = "1.2.0",
     .complexity = "Depends on the queued commands",
     .summary = "Runs what was queued since MULTI as one step"},
    {ROW("multi", 1, QUICK, run_multi), .since = "1.2.0", .complexity = "O(1)",
     .summary = "Begins a transaction: commands are queued until EXEC"},
    {ROW("unwatch", 1, QUICK, run_unwatch), .since = "2.2.0",
     .complexity = "O(N) with N watched keys", .summary = "Forgets all watched keys"},
    {ROW("watch", -2, QUICK, run_watch), .since = "2.2.0", .complexity = "O(1) a key",
     .summary = "Lets EXEC run only if none of the keys has changed", .keys = KEYS(STAT),
     .arguments = "key*"},
};

const command_group_rows command_rows_transaction = {rows, sizeof rows / sizeof rows[0]};
