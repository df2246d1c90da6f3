/*
 * http_answer.h - what commands replied, kept to be looked at: a reply that writes a tape.
 *
 *     *2 "a" %1 "n" :7   ->   [array 2] [bulk a] [map 1] [bulk n] [integer 7]
 *
 * Each entry of the tape is one value; an aggregate is followed by its members.  Texts lie in one
 * arena and are valid until the next command runs.
 *
 * Errors:  what had no room is told by answer_failed: an answer that is cut is no answer.
 * Threads: a tape belongs to one thread.
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_ANSWER_H
#define HYPERCACHE_SERVER_HTTP_HTTP_ANSWER_H

#include "command/reply.h"
#include "http/http_bytes.h"

#define ANSWER_BYTES_MAX (1u << 30) /* of all texts on a tape: two of the largest values */

typedef enum answer_kind {
    ANSWER_NULL = 0,
    ANSWER_STATUS,
    ANSWER_ERROR,
    ANSWER_INTEGER,
    ANSWER_REAL,
    ANSWER_BOOLEAN,
    ANSWER_BULK,
    ANSWER_ARRAY, /* sets and pushes, too */
    ANSWER_MAP    /* `count` pairs follow */
} answer_kind;

typedef struct answer_entry {
    answer_kind kind;
    union {
        int64_t integer; /* of a BOOLEAN, too */
        double real;
        size_t count;
        struct {
            size_t at, size; /* in the arena */
        } text;
    } as;
} answer_entry;

typedef struct http_answer {
    reply base; /* first: commands are given this */
    answer_entry *entries;
    size_t count, capacity;
    http_bytes arena;
    bool failed;
} http_answer;

void answer_init(http_answer *of);
void answer_fini(http_answer *of);
/* Forgets all; keeps up to `keep_bytes` of room. */
void answer_clear(http_answer *of, size_t keep_bytes);
/* NULL: behind the end of the tape. */
static inline const answer_entry *answer_at(const http_answer *of, size_t index)
{
    return index < of->count ? &of->entries[index] : NULL;
}
static inline hc_span answer_text(const http_answer *of, const answer_entry *entry)
{
    return hc_span_make(of->arena.data + entry->as.text.at, entry->as.text.size);
}
/* The entry behind this value and all that is in it. */
size_t answer_next(const http_answer *of, size_t index);
static inline bool answer_failed(const http_answer *of)
{
    return of->failed || of->arena.failed;
}

#endif
