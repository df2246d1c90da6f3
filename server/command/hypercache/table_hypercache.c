/* table_hypercache.c - the rows of what Redis has not; command.h says what the fields mean. */
#include "command/handlers.h"
#include "command/table.h"

enum {
    WRITE = COMMAND_WRITE,
    READ = COMMAND_READONLY,
    ROOM = COMMAND_DENYOOM,
    FAST = COMMAND_FAST
};

#define ROW(name_, arity_, flags_, keys_, run_)                                                    \
    .name = name_, .arity = arity_, .flags = flags_, .keys = keys_, .run = run_, .since = "7.4.0"
#define STRING .categories = COMMAND_STRING, .group = COMMAND_GROUP_STRING
#define EXPIRY                                                                                     \
    "[expiration(EX=seconds:integer|PX=milliseconds:integer|EXAT=unix-time-seconds:unix-time|"     \
    "PXAT=unix-time-milliseconds:unix-time)]"

static const command rows[] = {
    {ROW("hc.get", -2, READ | FAST, KEY(READ), run_hc_get), STRING, .complexity = "O(1)",
     .summary = "Returns a value and, when it is missing or stale, who is to make it anew",
     .arguments = "key [STALE=milliseconds:integer] [LEASE=milliseconds:integer]"},
    {ROW("hc.set", -4, WRITE | ROOM, KEY(OVERWRITE), run_hc_set), STRING, .complexity = "O(1)",
     .summary = "Sets a value made under a lease that HC.GET gave, if nobody was faster",
     .arguments = "key value token " EXPIRY},
    {ROW("hc.release", 3, READ | FAST, KEY(READ), run_hc_release), STRING, .complexity = "O(1)",
     .summary = "Gives a lease back without a value", .arguments = "key token"},
    {ROW("hc.delmatch", -2, WRITE, NO_KEYS, run_hc_delmatch),
     .categories = COMMAND_KEYSPACE | COMMAND_DANGEROUS, .group = COMMAND_GROUP_GENERIC,
     .complexity = "O(COUNT) a call, O(N) for all N keys",
     .summary = "Deletes keys that match a pattern, looking at some at a time",
     .tips = "nondeterministic_output request_policy:special",
     .arguments = "pattern:pattern [CURSOR=cursor:integer] [COUNT=count:integer]"},
    {ROW("hc.backup", 2, COMMAND_ADMIN | COMMAND_NOSCRIPT, NO_KEYS, run_hc_backup),
     .categories = COMMAND_DANGEROUS, .group = COMMAND_GROUP_SERVER,
     .complexity = "O(1); the copying goes on beside other commands",
     .summary = "Begins a backup of all that is kept, below persistence.backup_dir",
     .arguments = "name"},
    {ROW("hc.events", -1, COMMAND_LOADING | COMMAND_STALE, NO_KEYS, run_hc_events),
     .categories = COMMAND_DANGEROUS, .group = COMMAND_GROUP_SERVER,
     .complexity = "O(N) with N being the events kept, 256 at most",
     .summary = "Tells what happened to the node lately, one JSON object an event",
     .tips = "nondeterministic_output",
     .arguments = "[COUNT=count:integer] [AFTER=id:integer] [LEVEL=level] [COMPONENT=component] "
                  "[CORRELATION=id]"},
    {ROW("hc.trace", -2,
         COMMAND_LOADING | COMMAND_STALE | FAST | COMMAND_MOVABLEKEYS | COMMAND_SUBSCRIBED,
         KEY_RANGE(3, 3, 1, VARIABLE, NONE), run_hc_trace),
     .categories = COMMAND_CONNECTION, .group = COMMAND_GROUP_CONNECTION, .complexity = "O(1)",
     .summary =
         "Runs a command, or the next one, on behalf of a traced request (W3C Trace Context)",
     .arguments = "traceparent [command] [argument*]"},
};

const command_group_rows command_rows_hypercache = {rows, sizeof rows / sizeof rows[0]};
