/*
 * command.h - one row a command: name, arity, flags, keys, categories, handler, documentation.
 *
 * Everything that is said about a command is said in its row (table_*.c): COMMAND, COMMAND DOCS,
 * INFO and the checks before a handler runs are printed or made from it.  command_table_prepare
 * gathers the rows in one array, where a row's place is its number, and builds the hash table by
 * which command_find looks them up (table.c).
 *
 * Threads: rows never change; command_find may be called from any thread after
 *          command_table_prepare, which node_create calls.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_COMMAND_H
#define HYPERCACHE_SERVER_COMMAND_COMMAND_H

#include "command/request.h"

/* In the order in which COMMAND prints them. */
typedef enum command_flag {
    COMMAND_WRITE = 1u << 0,
    COMMAND_READONLY = 1u << 1,
    COMMAND_DENYOOM = 1u << 2,
    COMMAND_ADMIN = 1u << 3,
    COMMAND_PUBSUB = 1u << 4,
    COMMAND_NOSCRIPT = 1u << 5,
    COMMAND_BLOCKING = 1u << 6,
    COMMAND_LOADING = 1u << 7,
    COMMAND_STALE = 1u << 8,
    COMMAND_SKIP_SLOWLOG = 1u << 9,
    COMMAND_FAST = 1u << 10,
    COMMAND_NO_AUTH = 1u << 11,
    COMMAND_MAY_REPLICATE = 1u << 12,
    COMMAND_NO_ASYNC_LOADING = 1u << 13,
    COMMAND_NO_MULTI = 1u << 14,
    COMMAND_ALLOW_BUSY = 1u << 15,
    COMMAND_MOVABLEKEYS = 1u << 16, /* keys.counted */
    /* Not printed: runs while no other command of any client does (gate.h). */
    COMMAND_EXCLUSIVE = 1u << 30,
    /* Not printed: a RESP2 client that has subscribed may send it. */
    COMMAND_SUBSCRIBED = 1u << 29
} command_flag;

/* ACL categories; those that follow from the flags (@read, @write, @admin, @dangerous, @pubsub,
 * @fast, @slow) are derived. */
typedef enum command_category {
    COMMAND_KEYSPACE = 1u << 0,
    COMMAND_STRING = 1u << 1,
    COMMAND_CONNECTION = 1u << 2,
    COMMAND_DANGEROUS = 1u << 3,
    COMMAND_FILTER = 1u << 4, /* @cuckoo */
    COMMAND_TRANSACTION = 1u << 5,
    COMMAND_BITMAP = 1u << 6,
    COMMAND_ADMINISTRATIVE = 1u << 7 /* @admin without the flag */
} command_category;

typedef enum command_group {
    COMMAND_GROUP_STRING = 0,
    COMMAND_GROUP_GENERIC,
    COMMAND_GROUP_CONNECTION,
    COMMAND_GROUP_SERVER,
    COMMAND_GROUP_FILTER,
    COMMAND_GROUP_TRANSACTIONS,
    COMMAND_GROUP_PUBSUB,
    COMMAND_GROUP_BITMAP,
    COMMAND_GROUP_CLUSTER
} command_group;

/* What a command does with its keys, as key-specs say it. */
typedef enum command_access {
    COMMAND_ACCESS_NONE = 0,
    COMMAND_ACCESS_STAT,        /* RO */
    COMMAND_ACCESS_READ,        /* RO access */
    COMMAND_ACCESS_OVERWRITE,   /* OW update */
    COMMAND_ACCESS_INSERT,      /* OW insert */
    COMMAND_ACCESS_APPEND,      /* RW insert */
    COMMAND_ACCESS_UPDATE,      /* RW update */
    COMMAND_ACCESS_READ_UPDATE, /* RW access update */
    COMMAND_ACCESS_VARIABLE,    /* RW access update variable_flags */
    COMMAND_ACCESS_TAKE,        /* RW access delete */
    COMMAND_ACCESS_REMOVE,      /* RM delete */
    COMMAND_ACCESS_REMOVE_IF,   /* RW delete variable_flags */
    COMMAND_ACCESS_CHANNEL      /* not_key: a shard channel, which has a slot as keys have */
} command_access;

/* Where the keys stand among the arguments: first 0 means none; last -1 means the last one. */
typedef struct command_keys {
    int8_t first, last, step;
    command_access access;
    command_access second; /* of the keys after the first, if used differently; 0: as `access` */
    bool counted; /* the argument before the first key says how many there are; `last` is unused */
} command_keys;

struct command {
    const char *name; /* lower case; a subcommand has its own name alone */
    /* Number of arguments with the name (and the subcommand's); negative: at least that many. */
    int arity;
    uint32_t flags;      /* command_flag */
    uint32_t categories; /* command_category */
    command_group group;
    command_keys keys;
    void (*run)(request *of); /* called with the arity right */
    /* Rows of a container; it runs only when no subcommand is named and `run` is not NULL. */
    const command *subcommands;
    size_t subcommand_count;
    const command *container; /* of a subcommand; set by command_table_prepare */
    uint32_t index;           /* command_index; likewise */
    bool light;               /* quick whatever its keys hold; likewise (timing.h) */
    bool plain;               /* has a handler, and nothing else is to be done; likewise */
    uint8_t one_key;          /* the argument that is its only key; 0: none or several; likewise */
    uint32_t cares;           /* those of the node that concern it; likewise */
    bool (*holds)(request *of); /* must it, though it may run, wait?  NULL: never */
    const char *tips;           /* blank-separated; NULL: none */
    const char *summary, *since, *complexity;
    const char *arguments; /* in a small language, see command_docs.c; NULL: none */
};

void command_table_prepare(void); /* any number of times */
/* NULL: no such command.  Any case. */
const command *command_find(hc_span name);
const command *command_find_sub(const command *container, hc_span name);

/* All top-level rows: visits 0..command_count()-1 in a fixed order. */
size_t command_count(void);
const command *command_at(size_t index);
/* Number of a row among all rows, subcommands included: below command_row_count(), which is at most
 * NODE_COMMANDS_MAX; and back. */
static inline size_t command_index(const command *of)
{
    return of->index;
}
const command *command_row(size_t index);
size_t command_row_count(void);
/* "get", "client|list"; NUL-terminated, cut to fit. */
#define COMMAND_NAME_CHARS 48u
void command_full_name(const command *of, char name[COMMAND_NAME_CHARS]);
/* Is `name`, in any case, the full name of this row or that of its container? */
bool command_named(const command *of, hc_span name);

/* How many keys a request with these arguments has by `of`, and the argument index of the i-th. */
size_t command_key_count(const command *of, const hc_span *args, size_t argc);
size_t command_key_at(const command *of, size_t index);

/* Commands whose value, if it is large, the store can take over with session->arrived (store.h). */
bool command_takes_block(hc_span name);

#endif
