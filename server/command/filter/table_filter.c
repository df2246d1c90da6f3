/* table_filter.c - the rows of cuckoo filters; command.h says what the fields mean. */
#include "command/handlers.h"
#include "command/table.h"

enum { WRITE = COMMAND_WRITE, READ = COMMAND_READONLY, ROOM = COMMAND_DENYOOM };

#define ROW(name_, arity_, flags_, keys_, run_)                                                    \
    .name = name_, .arity = arity_, .flags = flags_, .keys = keys_, .run = run_,                   \
    .categories = COMMAND_FILTER, .group = COMMAND_GROUP_FILTER, .since = "1.0.0"
#define SIZE "O(N) with N bytes of the filter"
#define INSERT_ARGUMENTS "key [CAPACITY=capacity:integer] [NOCREATE] ITEMS=item*"

static const command rows[] = {
    {ROW("cf.add", 3, WRITE | ROOM, KEY(UPDATE), run_cf_add), .complexity = SIZE,
     .summary = "Adds an item to a cuckoo filter, once more if it is in", .arguments = "key item"},
    {ROW("cf.addnx", 3, WRITE | ROOM, KEY(UPDATE), run_cf_addnx), .complexity = SIZE,
     .summary = "Adds an item to a cuckoo filter unless it seems to be in",
     .arguments = "key item"},
    {ROW("cf.count", 3, READ, KEY(READ), run_cf_count), .complexity = SIZE,
     .summary = "Returns how often an item may be in a cuckoo filter", .arguments = "key item"},
    {ROW("cf.del", 3, WRITE, KEY(UPDATE), run_cf_del), .complexity = SIZE,
     .summary = "Takes an item out of a cuckoo filter, once", .arguments = "key item"},
    {ROW("cf.exists", 3, READ, KEY(READ), run_cf_exists), .complexity = SIZE,
     .summary = "Tells whether an item may be in a cuckoo filter", .arguments = "key item"},
    {ROW("cf.info", 2, READ, KEY(READ), run_cf_info), .complexity = SIZE,
     .summary = "Describes a cuckoo filter", .arguments = "key"},
    {ROW("cf.insert", -4, WRITE | ROOM, KEY(UPDATE), run_cf_insert), .complexity = SIZE,
     .summary = "Adds items to a cuckoo filter, which is created if asked",
     .arguments = INSERT_ARGUMENTS},
    {ROW("cf.insertnx", -4, WRITE | ROOM, KEY(UPDATE), run_cf_insertnx), .complexity = SIZE,
     .summary = "Adds the items that do not seem to be in a cuckoo filter",
     .arguments = INSERT_ARGUMENTS},
    {ROW("cf.mexists", -3, READ, KEY(READ), run_cf_mexists), .complexity = SIZE,
     .summary = "Tells which items may be in a cuckoo filter", .arguments = "key item*"},
    {ROW("cf.reserve", -3, WRITE | ROOM, KEY(INSERT), run_cf_reserve), .complexity = SIZE,
     .summary = "Creates an empty cuckoo filter",
     .arguments = "key capacity:integer [BUCKETSIZE=bucketsize:integer] "
                  "[MAXITERATIONS=maxiterations:integer] [EXPANSION=expansion:integer]"},
};

const command_group_rows command_rows_filter = {rows, sizeof rows / sizeof rows[0]};
