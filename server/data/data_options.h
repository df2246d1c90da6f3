/* data_options.h - the arguments of `hypercached data`. */
#ifndef HYPERCACHE_SERVER_DATA_DATA_OPTIONS_H
#define HYPERCACHE_SERVER_DATA_DATA_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/data.h"

#define DATA_ALL_DATABASES (-1)

/* Which flags a verb takes. */
typedef enum data_flag {
    DATA_FLAG_JSON = 1u << 0,
    DATA_FLAG_SKIP = 1u << 1,
    DATA_FLAG_TRUNCATE = 1u << 2,
    DATA_FLAG_MERGE = 1u << 3,
    DATA_FLAG_DIR = 1u << 4,      /* --data-dir D */
    DATA_FLAG_TO = 1u << 5,       /* --to F */
    DATA_FLAG_DATABASE = 1u << 6, /* --database N */
    DATA_FLAG_STORE = 1u << 7     /* --store NAME */
} data_flag;

typedef struct data_options {
    const char *verb;
    const char *paths[2]; /* the words that are no flags */
    size_t path_count;
    unsigned given; /* data_flag */
    const char *data_dir, *to, *store;
    int database; /* DATA_ALL_DATABASES: all */
    FILE *out, *err;
} data_options;

static inline bool data_has(const data_options *of, data_flag flag)
{
    return (of->given & flag) != 0;
}

/* Reads the words behind the verb.  False: a mistake, which was told on `err`. */
bool data_options_read(data_options *to, unsigned flags_allowed, int argc, char *const *argv);

#endif
