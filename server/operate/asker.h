/*
 * asker.h - one connection to a running node: a question, its answer, and a bound on all of it.
 *
 *     asker node;
 *     char why[ASKER_WHY_CHARS];
 *     if (!asker_open(&node, "10.0.0.1:6379", 2000, why)) ...
 *     heard reply = asker_ask(&node, "GET", "key", NULL);
 *     if (reply.kind == HEARD_TEXT) ... reply.text
 *     heard_fini(&reply);
 *     asker_close(&node);
 *
 * Errors: a node that cannot be reached, is too slow or speaks no RESP2 answers HEARD_FAILED, with
 * the reason as text; the connection is closed then, and every later question fails as well.
 * Ownership: an answer owns its text and items.
 * Threads: a connection belongs to one.
 */
#ifndef HYPERCACHE_SERVER_OPERATE_ASKER_H
#define HYPERCACHE_SERVER_OPERATE_ASKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASKER_WHY_CHARS 256u
#define ASKER_WHERE_CHARS 128u
#define ASKER_WORDS_MAX 16u /* of a question */
#define ASKER_ANSWER_BYTES_MAX (64u << 20)
#define ASKER_ITEMS_MAX 65536u /* of one list */
#define ASKER_DEPTH_MAX 8u     /* of lists within lists */

typedef enum heard_kind {
    HEARD_NOTHING = 0, /* null */
    HEARD_TEXT = 1,
    HEARD_NUMBER = 2,
    HEARD_LIST = 3,
    HEARD_ERROR = 4, /* the node refuses; text says why */
    HEARD_FAILED = 5 /* there is no answer; text says why */
} heard_kind;

typedef struct heard {
    heard_kind kind;
    char *text;  /* of TEXT, ERROR, FAILED: ends in NUL, which is not counted; else NULL */
    size_t size; /* bytes of text, items of a list */
    int64_t number;
    struct heard *items;
} heard;

typedef struct asker {
    int fd; /* -1: closed */
    char where[ASKER_WHERE_CHARS];
    char why[ASKER_WHY_CHARS]; /* it was closed */
    char *bytes;               /* received, not yet read */
    size_t at, size, capacity;
} asker;

/* "host:port", "[v6]:port", "host" (port 6379), ":port" (this machine).  False: why not. */
bool asker_open(asker *to, const char *address, unsigned timeout_ms, char why[ASKER_WHY_CHARS]);
/* Takes over a connected socket. */
void asker_adopt(asker *to, int fd, const char *where);
void asker_close(asker *of); /* accepts one that could not be opened, all zero but fd -1 */

/* Words end with NULL, at most ASKER_WORDS_MAX. */
heard asker_ask(asker *of, const char *first, ...) __attribute__((sentinel));
heard asker_ask_words(asker *of, const char *const *words);
void heard_fini(heard *of);
bool heard_is(const heard *of, const char *text);

/* A field of INFO's text: "name:value"; false: it is not there, and `to` is empty. */
bool heard_field(const heard *info, const char *name, char *to, size_t to_bytes);
/* 0: not there. */
int64_t heard_number(const heard *info, const char *name);

#endif
