/*
 * http_chunks.h - a body in chunks, to one piece.
 *
 *     5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n   ->   hello world
 *
 * Takes bytes as they come.  Extensions of a chunk are read over within CHUNK_LINE_BYTES_MAX, and
 * so are trailers, none of which may tell the size of a message.
 */
#ifndef HYPERCACHE_SERVER_HTTP_HTTP_CHUNKS_H
#define HYPERCACHE_SERVER_HTTP_HTTP_CHUNKS_H

#include "http/http_bytes.h"

#define CHUNK_LINE_BYTES_MAX 256u     /* of a size with its extensions, and of a trailer */
#define CHUNK_TRAILER_BYTES_MAX 4096u /* of all trailers */

typedef enum http_chunk_place {
    CHUNK_SIZE = 0, /* in the line that tells it */
    CHUNK_DATA,
    CHUNK_END, /* at the CRLF behind the data */
    CHUNK_TRAILER,
    CHUNK_DONE
} http_chunk_place;

/* All-zero: at the start of a body. */
typedef struct http_chunks {
    http_chunk_place at;
    uint64_t left;     /* of the present chunk */
    size_t line_bytes; /* of the present line */
    size_t trailer_bytes;
    uint8_t line[CHUNK_LINE_BYTES_MAX];
} http_chunks;

/* Decodes what there is onto `body`, of at most `bytes_max`.
 *   0      more is needed; all was used
 *   200    the body is whole; *used_out bytes belonged to it
 *   else   the status of the refusal: 400, 413, 507 */
unsigned http_chunks_take(http_chunks *of, const uint8_t *data, size_t size, size_t bytes_max,
                          http_bytes *body, size_t *used_out);

#endif
