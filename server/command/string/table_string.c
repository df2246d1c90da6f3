/* table_string.c - the rows of strings; command.h says what the fields mean. */
#include "command/handlers.h"
#include "command/table.h"

enum {
    WRITE = COMMAND_WRITE,
    READ = COMMAND_READONLY,
    ROOM = COMMAND_DENYOOM,
    FAST = COMMAND_FAST
};

#define ROW(name_, arity_, flags_, keys_, run_)                                                    \
    .name = name_, .arity = arity_, .flags = flags_, .keys = keys_, .run = run_,                   \
    .categories = COMMAND_STRING, .group = COMMAND_GROUP_STRING

static const command rows[] = {
    {ROW("get", 2, READ | FAST, KEY(READ), run_get), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Returns the value of a key", .arguments = "key"},
    {ROW("set", -3, WRITE | ROOM, KEY(VARIABLE), run_set), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Sets the value of a key, with an expiry and a condition if asked",
     .arguments = "key value [condition(NX|XX|IFEQ=ifeq-value|IFNE=ifne-value|"
                  "IFDEQ=ifdeq-digest|IFDNE=ifdne-digest)] [GET] [expiration(EX=seconds:integer|"
                  "PX=milliseconds:integer|EXAT=unix-time-seconds:unix-time|"
                  "PXAT=unix-time-milliseconds:unix-time|KEEPTTL)]"},
    {ROW("setex", 4, WRITE | ROOM, KEY(OVERWRITE), run_setex), .since = "2.0.0",
     .complexity = "O(1)", .summary = "Sets the value of a key and its time to live in seconds",
     .arguments = "key seconds:integer value"},
    {ROW("psetex", 4, WRITE | ROOM, KEY(OVERWRITE), run_psetex), .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Sets the value of a key and its time to live in milliseconds",
     .arguments = "key milliseconds:integer value"},
    {ROW("setnx", 3, WRITE | ROOM | FAST, KEY(INSERT), run_setnx), .since = "1.0.0",
     .complexity = "O(1)", .summary = "Sets the value of a key that does not exist yet",
     .arguments = "key value"},
    {ROW("getset", 3, WRITE | ROOM | FAST, KEY(READ_UPDATE), run_getset), .since = "1.0.0",
     .complexity = "O(1)", .summary = "Sets the value of a key and returns the old one",
     .arguments = "key value"},
    {ROW("getdel", 2, WRITE | FAST, KEY(TAKE), run_getdel), .since = "6.2.0", .complexity = "O(1)",
     .summary = "Returns the value of a key and deletes the key", .arguments = "key"},
    {ROW("getex", -2, WRITE | FAST, KEY(READ_UPDATE), run_getex), .since = "6.2.0",
     .complexity = "O(1)", .summary = "Returns the value of a key and changes its expiry",
     .arguments = "key [expiration(EX=seconds:integer|PX=milliseconds:integer|"
                  "EXAT=unix-time-seconds:unix-time|PXAT=unix-time-milliseconds:unix-time|"
                  "PERSIST)]"},
    {ROW("mget", -2, READ | FAST, KEYS_STEP(1, READ), run_mget), .since = "1.0.0",
     .complexity = "O(N) with N keys", .summary = "Returns the values of several keys",
     .tips = "request_policy:multi_shard", .arguments = "key*"},
    {ROW("mset", -3, WRITE | ROOM, KEYS_STEP(2, OVERWRITE), run_mset), .since = "1.0.1",
     .complexity = "O(N) with N keys", .summary = "Sets the values of several keys in one step",
     .tips = "request_policy:multi_shard response_policy:all_succeeded",
     .arguments = "data{key value}*"},
    {ROW("msetnx", -3, WRITE | ROOM, KEYS_STEP(2, INSERT), run_msetnx), .since = "1.0.1",
     .complexity = "O(N) with N keys",
     .summary = "Sets the values of several keys when none of them exists",
     .tips = "request_policy:multi_shard response_policy:agg_min", .arguments = "data{key value}*"},
    {ROW("msetex", -4, WRITE | ROOM | COMMAND_MOVABLEKEYS, KEYS_COUNTED(2, OVERWRITE), run_msetex),
     .since = "8.4.0", .complexity = "O(N) with N keys",
     .summary = "Sets the values of several keys and their expiry in one step",
     .tips = "request_policy:multi_shard response_policy:agg_min",
     .arguments = "numkeys:integer data{key value}* [condition(NX|XX)] [expiration(EX=seconds:"
                  "integer|PX=milliseconds:integer|EXAT=unix-time-seconds:unix-time|"
                  "PXAT=unix-time-milliseconds:unix-time|KEEPTTL)]"},
    {ROW("delex", -2, WRITE | FAST, KEY(REMOVE_IF), run_delex), .since = "8.4.0",
     .complexity = "O(N) with N bytes of the value",
     .summary = "Deletes a key if its value, or the digest of it, is as given",
     .arguments = "key [condition(IFEQ=ifeq-value|IFNE=ifne-value|IFDEQ=ifdeq-digest|"
                  "IFDNE=ifdne-digest)]"},
    {ROW("delifeq", 3, WRITE | FAST, KEY(REMOVE), run_delifeq), .since = "9.0.0",
     .complexity = "O(N) with N bytes of the value",
     .summary = "Deletes a key if its value is as given", .arguments = "key value"},
    {ROW("digest", 2, READ | FAST, KEY(READ), run_digest), .since = "8.4.0",
     .complexity = "O(N) with N bytes of the value",
     .summary = "Returns the XXH3 digest of a value in hexadecimal", .arguments = "key"},
    {ROW("append", 3, WRITE | ROOM | FAST, KEY(APPEND), run_append), .since = "2.0.0",
     .complexity = "O(1) while values are small",
     .summary = "Appends to the value of a key, creating it if absent", .arguments = "key value"},
    {ROW("strlen", 2, READ | FAST, KEY(STAT), run_strlen), .since = "2.2.0", .complexity = "O(1)",
     .summary = "Returns the size of a value in bytes", .arguments = "key"},
    {ROW("getrange", 4, READ, KEY(READ), run_getrange), .since = "2.4.0",
     .complexity = "O(N) with N bytes returned", .summary = "Returns a part of a value",
     .arguments = "key start:integer end:integer"},
    {ROW("substr", 4, READ, KEY(READ), run_getrange), .since = "1.0.0",
     .complexity = "O(N) with N bytes returned", .summary = "Returns a part of a value (GETRANGE)",
     .arguments = "key start:integer end:integer"},
    {ROW("setrange", 4, WRITE | ROOM, KEY(UPDATE), run_setrange), .since = "2.2.0",
     .complexity = "O(N) with N bytes of the value",
     .summary = "Overwrites a part of a value, padding it with zero bytes",
     .arguments = "key offset:integer value"},
    {ROW("incr", 2, WRITE | ROOM | FAST, KEY(READ_UPDATE), run_incr), .since = "1.0.0",
     .complexity = "O(1)", .summary = "Adds one to a number", .arguments = "key"},
    {ROW("decr", 2, WRITE | ROOM | FAST, KEY(READ_UPDATE), run_decr), .since = "1.0.0",
     .complexity = "O(1)", .summary = "Takes one from a number", .arguments = "key"},
    {ROW("incrby", 3, WRITE | ROOM | FAST, KEY(READ_UPDATE), run_incrby), .since = "1.0.0",
     .complexity = "O(1)", .summary = "Adds to a number", .arguments = "key increment:integer"},
    {ROW("decrby", 3, WRITE | ROOM | FAST, KEY(READ_UPDATE), run_decrby), .since = "1.0.0",
     .complexity = "O(1)", .summary = "Takes from a number", .arguments = "key decrement:integer"},
    {ROW("incrbyfloat", 3, WRITE | ROOM | FAST, KEY(READ_UPDATE), run_incrbyfloat),
     .since = "2.6.0", .complexity = "O(1)", .summary = "Adds to a floating point number",
     .arguments = "key increment:double"},
    {ROW("lcs", -3, READ, KEY_PAIR(READ, NONE), run_lcs), .since = "7.0.0",
     .complexity = "O(N*M) with N and M bytes of the two values",
     .summary = "Finds the longest common subsequence of two values",
     .arguments = "key1:key key2:key [LEN] [IDX] [MINMATCHLEN=min-match-len:integer] "
                  "[WITHMATCHLEN]"},
};

const command_group_rows command_rows_string = {rows, sizeof rows / sizeof rows[0]};
