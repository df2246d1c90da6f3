/*
 * data.h - `hypercached data ...`: what is done to data on disk while no server has it open.
 *
 *     data info DIR                     what is there
 *     data verify DIR                   reads every byte; says where it is damaged
 *     data salvage DIR TO               what can still be read, into a new directory
 *     data backup DIR TO                a verified copy; also: data restore FROM TO
 *     data import FILE|DIR --data-dir D Redis's RDB and append-only files
 *     data export --data-dir D --to F   as an RDB file
 *
 * Results go to `out`, as lines or (--json) as one object; bars and errors to `err`.
 *
 * Threads: one.
 */
#ifndef HYPERCACHE_SERVER_DATA_DATA_H
#define HYPERCACHE_SERVER_DATA_DATA_H

#include <stdio.h>

/* Exit status. */
typedef enum data_result {
    DATA_GOOD = 0,
    DATA_BAD = 1,   /* the data is damaged, or holds what is not kept here: nothing was changed */
    DATA_FAILED = 2 /* wrong arguments, no such file, in use, a disk or memory that refuses */
} data_result;

/* `argv` holds what follows the word "data". */
data_result data_run(int argc, char *const *argv, FILE *out, FILE *err);
void data_print_usage(FILE *to);

#endif
