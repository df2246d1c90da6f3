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
extern const command_group_rows command_rows_connection;
extern const command_group_rows command_rows_pubsub;
extern const command_group_rows command_rows_server;
extern const command_group_rows command_rows_store;
extern const command_group_rows command_rows_transaction;

#endif
