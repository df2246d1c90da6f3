/*
 * resp_parser.h - bytes of a client in, requests as views into those bytes out.
 *
 * The caller owns the bytes.  It shows the parser everything it has from the first byte of the
 * unfinished request on, again with more behind it after each read, wherever the bytes lie by
 * then.  The parser remembers how far it came (as offsets, never as pointers), so a request that
 * dribbles in is looked at once.
 *
 *     data ->  *2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n*1\r\n$4\r\nPI
 *              |<-------- used: RESP_REQUEST ------>|<- RESP_MORE, used 0, progress kept
 *
 * Requests are arrays of bulk strings, or inline lines as typed by hand.  `*0`, `*-1` and blank
 * lines are empty requests, which Redis skips.  Numbers are strict: digits, no plus, no leading
 * zero.
 *
 * Memory:    grows with the arguments that arrived, 8 bytes each while a request is unfinished;
 *            a length that is merely declared costs nothing.  An idle parser owns nothing.
 * Inline:    quotes and escapes are resolved in place, so an inline request cannot be parsed
 *            twice: run it before parsing on (resp_is_inline tells beforehand).
 * Threads:   a parser and its scratch belong to one thread at a time.
 */
#ifndef HYPERCACHE_SERVER_RESP_RESP_PARSER_H
#define HYPERCACHE_SERVER_RESP_RESP_PARSER_H

#include <hypercache/types.h>

#define RESP_ARGS_MAX (1024u * 1024u)
#define RESP_BULK_BYTES_MAX (512u << 20)
#define RESP_INLINE_BYTES_MAX (64u << 10)
#define RESP_REQUEST_BYTES_MAX (1024u << 20)

typedef struct resp_limits {
    uint32_t args_max;          /* of one request */
    uint32_t bulk_bytes_max;    /* of one argument */
    uint32_t inline_bytes_max;  /* of one inline line */
    uint32_t request_bytes_max; /* of one request as sent */
    bool unauthenticated;       /* only words the errors */
} resp_limits;

extern const resp_limits resp_limits_default;
/* For clients that have not said who they are (CVE-2021-32675): 10 arguments of 16 KiB. */
extern const resp_limits resp_limits_unauthenticated;

typedef enum resp_outcome {
    RESP_MORE = 0,    /* the request is unfinished */
    RESP_REQUEST = 1, /* the scratch holds one more request */
    RESP_ERROR = 2,   /* not RESP: answer with scratch->error, then close */
    RESP_HTTP = 3,    /* a web page is talking to us: close without an answer, log it */
    RESP_NO_MEMORY = 4,
    RESP_EMPTY = 5 /* a request without arguments: nothing to do, nothing to answer */
} resp_outcome;

#define RESP_ERROR_BYTES_MAX 80u

/* Where requests are written: the arguments of all requests since resp_scratch_clear, one after
 * the other.  One scratch serves many parsers. */
typedef struct resp_scratch {
    hc_span *args;
    size_t count;    /* arguments held */
    size_t capacity; /* arguments */
    char error[RESP_ERROR_BYTES_MAX];
} resp_scratch;

/* All-zero is an empty scratch. */
void resp_scratch_fini(resp_scratch *scratch);
/* Forgets the arguments; gives back what only a huge request needed. */
void resp_scratch_clear(resp_scratch *scratch);

typedef struct resp_mark {
    uint32_t offset, size; /* bytes, from the request's first */
} resp_mark;

typedef struct resp_parser {
    const resp_limits *limits; /* borrowed; may be exchanged between requests */
    resp_mark *marks;          /* arguments of the unfinished request */
    uint32_t marks_capacity;
    uint32_t args_expected; /* 0: no array begun */
    uint32_t args_seen;
    uint32_t bulk_bytes; /* of the argument awaited; RESP_BULK_NONE: its header is next */
    uint32_t at;         /* bytes of the unfinished request that are dealt with */
} resp_parser;

#define RESP_BULK_NONE UINT32_MAX

void resp_parser_init(resp_parser *parser, const resp_limits *limits);
void resp_parser_fini(resp_parser *parser);
/* Forgets the unfinished request. */
void resp_parser_reset(resp_parser *parser);

/* Bytes that the unfinished request surely still needs beyond those shown, as far as its headers
 * tell; at least 1.  A hint for sizing reads, no reason to allocate. */
size_t resp_parser_needs(const resp_parser *parser, size_t size);

/* Looks for one request in the `size` > 0 bytes at `data`, which start where the last one ended.
 *   RESP_REQUEST  its arguments are scratch->args[count before .. count now); *used_out bytes are
 *                 done with.  The views live as long as the bytes stay where they are.
 *   RESP_EMPTY    *used_out bytes are done with
 *   RESP_MORE     show them again with more behind; *used_out is 0
 *   otherwise     the connection is lost; *used_out is 0 */
resp_outcome resp_parse(resp_parser *parser, uint8_t *data, size_t size, resp_scratch *scratch,
                        size_t *used_out);

/* Whether a request starting with `first` is an inline one. */
static inline bool resp_is_inline(uint8_t first)
{
    return first != '*';
}

#endif
