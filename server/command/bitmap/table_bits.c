/* table_bits.c - the rows of bits in strings; command.h says what the fields mean. */
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
    .categories = COMMAND_BITMAP, .group = COMMAND_GROUP_BITMAP
#define PLACE "encoding offset:integer"

static const command rows[] = {
    {ROW("setbit", 4, WRITE | ROOM, KEY(READ_UPDATE), run_setbit), .since = "2.2.0",
     .complexity = "O(1)", .summary = "Sets or clears a bit of a value and returns the old one",
     .arguments = "key offset:integer value:integer"},
    {ROW("getbit", 3, READ | FAST, KEY(READ), run_getbit), .since = "2.2.0", .complexity = "O(1)",
     .summary = "Returns a bit of a value", .arguments = "key offset:integer"},
    {ROW("bitcount", -2, READ, KEY(READ), run_bitcount), .since = "2.6.0",
     .complexity = "O(N) with N bytes of the range", .summary = "Counts the set bits of a value",
     .arguments = "key [range{start:integer end:integer [unit(BYTE|BIT)]}]"},
    {ROW("bitpos", -3, READ, KEY(READ), run_bitpos), .since = "2.8.7",
     .complexity = "O(N) with N bytes of the range",
     .summary = "Finds the first set or clear bit of a value",
     .arguments = "key bit:integer "
                  "[range{start:integer [end-unit-block{end:integer [unit(BYTE|BIT)]}]}]"},
    {ROW("bitop", -4, WRITE | ROOM, KEY_RANGE(2, -1, 1, OVERWRITE, READ), run_bitop),
     .since = "2.6.0", .complexity = "O(N) with N bytes of all values",
     .summary = "Combines values bit by bit and stores the result",
     .arguments = "operation(AND|OR|XOR|NOT) destkey:key:0 key:key:1*"},
    {ROW("bitfield", -2, WRITE | ROOM, KEY(VARIABLE), run_bitfield), .since = "3.2.0",
     .complexity = "O(1) for each operation",
     .summary = "Reads, writes and adds to integers of any width in a value",
     .arguments = "key [operation(GET=get-block{" PLACE "}|"
                  "write{[OVERFLOW=overflow-block(WRAP|SAT|FAIL)] "
                  "write-operation(SET=set-block{" PLACE " value:integer}|"
                  "INCRBY=incrby-block{" PLACE " increment:integer})})*]"},
    {ROW("bitfield_ro", -2, READ | FAST, KEY(READ), run_bitfield_ro), .since = "6.0.0",
     .complexity = "O(1) for each operation", .summary = "Reads integers of any width in a value",
     .arguments = "key [GET=get-block{" PLACE "}*]"},
};

const command_group_rows command_rows_bits = {rows, sizeof rows / sizeof rows[0]};
