/* table.h - the rows of each group, for table.c alone. */
#ifndef HYPERCACHE_SERVER_COMMAND_TABLE_H
#define HYPERCACHE_SERVER_COMMAND_TABLE_H

#include "command/command.h"

typedef struct command_group_rows {
    const command *rows;
    size_t count;
} command_group_rows;

extern const command_group_rows command_rows_bits;
extern const command_group_rows command_rows_string;
extern const command_group_rows command_rows_generic;
extern const command_group_rows command_rows_hypercache;
extern const command_group_rows command_rows_filter;
extern const command_group_rows command_rows_cluster;
extern const command_group_rows command_rows_connection;
extern const command_group_rows command_rows_pubsub;
extern const command_group_rows command_rows_server;
extern const command_group_rows command_rows_store;
extern const command_group_rows command_rows_transaction;

/* Where a row's keys stand (command_keys), as the tables write it. */
#define KEY_RANGE(first_, last_, step_, access_, second_)                                          \
    {                                                                                              \
        .first = first_, .last = last_, .step = step_, .access = COMMAND_ACCESS_##access_,         \
        .second = COMMAND_ACCESS_##second_                                                         \
    }
#define NO_KEYS KEY_RANGE(0, 0, 0, NONE, NONE)
#define KEY(access_) KEY_RANGE(1, 1, 1, access_, NONE)
#define SUBKEY(access_) KEY_RANGE(2, 2, 1, access_, NONE)
#define KEYS(access_) KEY_RANGE(1, -1, 1, access_, NONE)
#define KEYS_STEP(step_, access_) KEY_RANGE(1, -1, step_, access_, NONE)
#define KEY_PAIR(first_, second_) KEY_RANGE(1, 2, 1, first_, second_)
/* The argument before the first key says how many there are. */
#define KEYS_COUNTED(step_, access_)                                                               \
    {                                                                                              \
        .first = 2, .step = step_, .access = COMMAND_ACCESS_##access_, .counted = true             \
    }

#endif
