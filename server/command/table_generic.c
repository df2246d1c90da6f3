/* table_generic.c - the rows of keys, whatever their type; command.h says what the fields mean. */
#include "command/handlers.h"
#include "command/table.h"

enum {
    WRITE = COMMAND_WRITE,
    READ = COMMAND_READONLY,
    ROOM = COMMAND_DENYOOM,
    FAST = COMMAND_FAST,
    ANY_TIME = COMMAND_LOADING | COMMAND_STALE
};

#define NONE                                                                                       \
    {                                                                                              \
        0, 0, 0, COMMAND_ACCESS_NONE, COMMAND_ACCESS_NONE                                          \
    }
#define KEY(access_)                                                                               \
    {                                                                                              \
        1, 1, 1, COMMAND_ACCESS_##access_, COMMAND_ACCESS_NONE                                     \
    }
#define SUBKEY(access_)                                                                            \
    {                                                                                              \
        2, 2, 1, COMMAND_ACCESS_##access_, COMMAND_ACCESS_NONE                                     \
    }
#define KEYS(access_)                                                                              \
    {                                                                                              \
        1, -1, 1, COMMAND_ACCESS_##access_, COMMAND_ACCESS_NONE                                    \
    }
#define TWO(first_, second_)                                                                       \
    {                                                                                              \
        1, 2, 1, COMMAND_ACCESS_##first_, COMMAND_ACCESS_##second_                                 \
    }
#define ROW(name_, arity_, flags_, keys_, run_)                                                    \
    .name = name_, .arity = arity_, .flags = flags_, .keys = keys_, .run = run_,                   \
    .categories = COMMAND_KEYSPACE, .group = COMMAND_GROUP_GENERIC
#define EXPIRE_CONDITION "[condition(NX|XX|GT|LT)]"

static const command object_rows[] = {
    {ROW("encoding", 3, READ, SUBKEY(STAT), run_object_encoding), .since = "2.2.3",
     .complexity = "O(1)", .summary = "Returns the name Redis has for the form of a value",
     .tips = "nondeterministic_output", .arguments = "key"},
    {ROW("freq", 3, READ, SUBKEY(STAT), run_object_freq), .since = "4.0.0", .complexity = "O(1)",
     .summary = "Returns the counted uses of a key, 0 to 3, under an LFU policy",
     .tips = "nondeterministic_output", .arguments = "key"},
    {ROW("help", 2, ANY_TIME, NONE, run_object_help), .since = "6.2.0", .complexity = "O(1)",
     .summary = "Returns a help text"},
    {ROW("idletime", 3, READ, SUBKEY(STAT), run_object_idletime), .since = "2.2.3",
     .complexity = "O(1)", .summary = "Refused: the time since the last use is not kept",
     .tips = "nondeterministic_output", .arguments = "key"},
    {ROW("refcount", 3, READ, SUBKEY(STAT), run_object_refcount), .since = "2.2.3",
     .complexity = "O(1)", .summary = "Returns the number of references to a value: one",
     .tips = "nondeterministic_output", .arguments = "key"},
};

static const command rows[] = {
    {ROW("del", -2, WRITE, KEYS(REMOVE), run_del), .since = "1.0.0",
     .complexity = "O(N) with N keys", .summary = "Deletes keys",
     .tips = "request_policy:multi_shard response_policy:agg_sum", .arguments = "key*"},
    {ROW("unlink", -2, WRITE | FAST, KEYS(REMOVE), run_del), .since = "4.0.0",
     .complexity = "O(N) with N keys", .summary = "Deletes keys (DEL, which never blocks either)",
     .tips = "request_policy:multi_shard response_policy:agg_sum", .arguments = "key*"},
    {ROW("exists", -2, READ | FAST, KEYS(STAT), run_exists), .since = "1.0.0",
     .complexity = "O(N) with N keys", .summary = "Counts how many of the keys exist",
     .tips = "request_policy:multi_shard response_policy:agg_sum", .arguments = "key*"},
    {ROW("touch", -2, READ | FAST, KEYS(STAT), run_touch), .since = "3.2.1",
     .complexity = "O(N) with N keys", .summary = "Counts the keys that exist, as uses of them",
     .tips = "request_policy:multi_shard response_policy:agg_sum", .arguments = "key*"},
    {ROW("type", 2, READ | FAST, KEY(STAT), run_type), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Returns the type of a value", .arguments = "key"},
    {ROW("rename", 3, WRITE, TWO(TAKE, OVERWRITE), run_rename), .since = "1.0.0",
     .complexity = "O(N) with N bytes of the value", .summary = "Gives a key another name",
     .arguments = "key newkey:key:1"},
    {ROW("renamenx", 3, WRITE | FAST, TWO(TAKE, INSERT), run_renamenx), .since = "1.0.0",
     .complexity = "O(N) with N bytes of the value",
     .summary = "Gives a key another name, unless that is taken", .arguments = "key newkey:key:1"},
    {ROW("copy", -3, WRITE | ROOM, TWO(READ, OVERWRITE), run_copy), .since = "6.2.0",
     .complexity = "O(N) with N bytes of the value",
     .summary = "Copies a value and its expiry to another key",
     .arguments = "source:key:0 destination:key:1 [DB=destination-db:integer] [REPLACE]"},
    {ROW("dump", 2, READ, KEY(READ), run_dump), .since = "2.6.0",
     .complexity = "O(N) with N bytes of the value",
     .summary = "Returns a value as Redis's bytes, with a checksum",
     .tips = "nondeterministic_output", .arguments = "key"},
    {.name = "restore",
     .arity = -4,
     .flags = WRITE | ROOM,
     .keys = KEY(OVERWRITE),
     .run = run_restore,
     .categories = COMMAND_KEYSPACE | COMMAND_DANGEROUS,
     .group = COMMAND_GROUP_GENERIC,
     .since = "2.6.0",
     .complexity = "O(N) with N bytes of the value",
     .summary = "Creates a key from what DUMP returned",
     .arguments = "key ttl:integer serialized-value [REPLACE] [ABSTTL] "
                  "[IDLETIME=seconds:integer] [FREQ=frequency:integer]"},
    {ROW("move", 3, WRITE | FAST | COMMAND_EXCLUSIVE, KEY(READ_UPDATE), run_move), .since = "1.0.0",
     .complexity = "O(N) with N bytes of the value", .summary = "Moves a key to another database",
     .arguments = "key db:integer"},
    {ROW("expire", -3, WRITE | FAST, KEY(UPDATE), run_expire), .since = "1.0.0",
     .complexity = "O(1)", .summary = "Lets a key expire after some seconds",
     .arguments = "key seconds:integer " EXPIRE_CONDITION},
    {ROW("pexpire", -3, WRITE | FAST, KEY(UPDATE), run_pexpire), .since = "2.6.0",
     .complexity = "O(1)", .summary = "Lets a key expire after some milliseconds",
     .arguments = "key milliseconds:integer " EXPIRE_CONDITION},
    {ROW("expireat", -3, WRITE | FAST, KEY(UPDATE), run_expireat), .since = "1.2.0",
     .complexity = "O(1)", .summary = "Lets a key expire at a Unix time in seconds",
     .arguments = "key unix-time-seconds:unix-time " EXPIRE_CONDITION},
    {ROW("pexpireat", -3, WRITE | FAST, KEY(UPDATE), run_pexpireat), .since = "2.6.0",
     .complexity = "O(1)", .summary = "Lets a key expire at a Unix time in milliseconds",
     .arguments = "key unix-time-milliseconds:unix-time " EXPIRE_CONDITION},
    {ROW("ttl", 2, READ | FAST, KEY(READ), run_ttl), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Returns the seconds a key has to live", .tips = "nondeterministic_output",
     .arguments = "key"},
    {ROW("pttl", 2, READ | FAST, KEY(READ), run_pttl), .since = "2.6.0", .complexity = "O(1)",
     .summary = "Returns the milliseconds a key has to live", .tips = "nondeterministic_output",
     .arguments = "key"},
    {ROW("expiretime", 2, READ | FAST, KEY(READ), run_expiretime), .since = "7.0.0",
     .complexity = "O(1)", .summary = "Returns the Unix time in seconds at which a key expires",
     .arguments = "key"},
    {ROW("pexpiretime", 2, READ | FAST, KEY(READ), run_pexpiretime), .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Returns the Unix time in milliseconds at which a key expires", .arguments = "key"},
    {ROW("persist", 2, WRITE | FAST, KEY(UPDATE), run_persist), .since = "2.2.0",
     .complexity = "O(1)", .summary = "Takes the expiry of a key away", .arguments = "key"},
    {ROW("scan", -2, READ, NONE, run_scan), .since = "2.8.0",
     .complexity = "O(1) a call, O(N) for all N keys",
     .summary = "Walks over the keys, some at a time",
     .tips = "nondeterministic_output request_policy:special",
     .arguments = "cursor:integer [MATCH=pattern:pattern] [COUNT=count:integer] [TYPE=type]"},
    {.name = "wait",
     .arity = 3,
     .flags = COMMAND_NOSCRIPT,
     .run = run_wait,
     .categories = COMMAND_CONNECTION,
     .group = COMMAND_GROUP_GENERIC,
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Returns the number of replicas that have what was written: none",
     .tips = "request_policy:all_shards response_policy:agg_min",
     .arguments = "numreplicas:integer timeout:integer"},
    {.name = "keys",
     .arity = 2,
     .flags = READ,
     .run = run_keys,
     .categories = COMMAND_KEYSPACE | COMMAND_DANGEROUS,
     .group = COMMAND_GROUP_GENERIC,
     .since = "1.0.0",
     .complexity = "O(N) with N keys",
     .summary = "Returns all keys that match a pattern",
     .tips = "request_policy:all_shards nondeterministic_output_order",
     .arguments = "pattern:pattern"},
    {ROW("randomkey", 1, READ, NONE, run_randomkey), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Returns a key chosen at random",
     .tips = "request_policy:all_shards nondeterministic_output"},
    {.name = "object",
     .arity = -2,
     .group = COMMAND_GROUP_GENERIC,
     .since = "2.2.3",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands on values' forms",
     .subcommands = object_rows,
     .subcommand_count = sizeof object_rows / sizeof object_rows[0]},
};

const command_group_rows command_rows_generic = {rows, sizeof rows / sizeof rows[0]};
