/*
 * cluster_script.h - what the acting primary of some keys is told to do with them: commands as they
 * came, one behind the other, and what must still be so before the first of them runs.
 *
 *     | flags u8 | watched u32 | version u64 ... | commands u32 | command ...
 *     command:  arguments u32 | size u32, bytes | ...          all numbers little-endian
 *
 * The watched keys are the first keys of the request, in the order of the versions.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_CLUSTER_SCRIPT_H
#define HYPERCACHE_SERVER_COMMAND_CLUSTER_SCRIPT_H

#include "command/command.h"

typedef struct cluster_line { /* one command */
    const hc_span *args;
    size_t argc;
} cluster_line;

typedef struct cluster_script_parts {
    bool exec; /* the answer is an array of all answers */
    const uint64_t *versions;
    size_t watched;
    const cluster_line *lines;
    size_t line_count;
} cluster_script_parts;

/* NULL: no memory; to be freed. */
uint8_t *cluster_script_write(const cluster_script_parts *what, size_t *size_out);

typedef struct cluster_script { /* being read */
    bool exec;
    uint32_t watched, lines; /* lines: still to come */
    const uint8_t *versions;
    hc_span rest;
} cluster_script;

/* False: nothing of that kind.  Any bytes are safe; *out points into them. */
bool cluster_script_open(hc_span text, cluster_script *out);
uint64_t cluster_script_version(const cluster_script *of, uint32_t at); /* below `watched` */
/* The next command; *args, of *room, grows as needed and is the caller's to free.
 *   HC_ERR_NOT_FOUND  there was no other, and nothing is behind the last
 *   HC_ERR_INVALID, HC_ERR_NO_MEMORY */
hc_status cluster_script_next(cluster_script *of, hc_span **args, size_t *room, size_t *argc_out);

/* May it run on the keys it names, whatever else the node has? */
bool cluster_runs(const command *row);
/* Is it the same on any node: PING, ECHO, TIME, UNWATCH? */
bool cluster_runs_anywhere(const command *row);

#endif
