/*
 * operate.h - `hypercached cluster ...` and `hypercached sanity`: asking nodes that run.
 *
 *     cluster status [--node ADDRESS]     who is in the cluster, and how it is, as one node sees it
 *     cluster ring [--slots] [--key K]    who serves which slots
 *     cluster leave --node ADDRESS        gives that node's slots to the others, and waits for it
 *     sanity --nodes A,B,C                does the cluster do what it promises?  Safe on production
 *
 * Results go to `out`, as a table or (--json) one object; mistakes to `err`.
 *
 * Threads: one.
 */
#ifndef HYPERCACHE_SERVER_OPERATE_OPERATE_H
#define HYPERCACHE_SERVER_OPERATE_OPERATE_H

#include <stdio.h>

/* Exit status. */
typedef enum operate_result {
    OPERATE_GOOD = 0,
    OPERATE_BAD = 1,   /* asked and answered: something is not as it should be */
    OPERATE_FAILED = 2 /* wrong arguments, or the node to ask does not heard */
} operate_result;

/* `argv` holds what follows the word "cluster" or "sanity". */
operate_result operate_cluster(int argc, char *const *argv, FILE *out, FILE *err);
operate_result operate_sanity(int argc, char *const *argv, FILE *out, FILE *err);

#endif
