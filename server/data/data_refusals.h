/*
 * data_refusals.h - what a file holds that is not kept here: counted by kind, the first by name.
 *
 * Kinds are names of commands and of types; more than REFUSALS_KINDS_MAX count as "others".
 */
#ifndef HYPERCACHE_SERVER_DATA_DATA_REFUSALS_H
#define HYPERCACHE_SERVER_DATA_DATA_REFUSALS_H

#include "data/data_output.h"

#define REFUSALS_KINDS_MAX 48u
#define REFUSALS_NAMES_MAX 10u
#define REFUSALS_KIND_BYTES_MAX 31u
#define REFUSALS_KEY_BYTES_MAX 128u

typedef struct refusal_kind {
    char name[REFUSALS_KIND_BYTES_MAX + 1];
    uint64_t count;
} refusal_kind;

typedef struct refusal_name {
    char kind[REFUSALS_KIND_BYTES_MAX + 1];
    size_t key_bytes;
    uint8_t key[REFUSALS_KEY_BYTES_MAX]; /* cut to fit */
} refusal_name;

/* All-zero: none. */
typedef struct refusals {
    uint64_t count;
    size_t kinds;
    refusal_kind kind[REFUSALS_KINDS_MAX + 1]; /* the last one: others */
    size_t names;
    refusal_name name[REFUSALS_NAMES_MAX];
} refusals;

/* `kind` may be any bytes; letters are made small.  `key` is empty when there is none. */
void refusals_add(refusals *to, hc_span kind, hc_span key);
/* More of a kind, without names. */
void refusals_count(refusals *to, hc_span kind, uint64_t count);
/* "  3 lpush, 1 hash" and the names, one a line. */
void refusals_print(const refusals *of, FILE *to);
void refusals_json(const refusals *of, data_json *to, const char *key);

#endif
