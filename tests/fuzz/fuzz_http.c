/*
 * fuzz_http.c - any bytes as HTTP requests, whole and in pieces: both must say the same, and what
 * they say must lie within the bytes.
 *
 * The first byte chooses the size of the pieces, the rest is the stream: heads, and bodies of a
 * length or in chunks.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_chunks.h"
#include "http/http_head.h"

#define BODY_BYTES_MAX 65536u
#define REQUESTS_MAX 64u

typedef struct seen_request {
    unsigned status;
    http_method method;
    size_t path_bytes, header_count, body_bytes;
} seen_request;

typedef struct run {
    seen_request requests[REQUESTS_MAX];
    size_t count;
} run;

static void require(bool holds)
{
    if (!holds) abort();
}

static void within(hc_span span, const uint8_t *data, size_t size)
{
    require(span.size == 0 || (span.data >= data && span.data + span.size <= data + size));
}

/* A body in pieces of `step` bytes; returns the status and how many bytes it had. */
static unsigned chunks_read(const uint8_t *data, size_t size, size_t step, size_t *body_bytes,
                            size_t *used)
{
    http_chunks chunks = {0};
    http_bytes body = {0};
    unsigned status = 0;
    size_t at = 0;
    while (status == 0 && at < size) {
        size_t part = size - at < step ? size - at : step, taken = 0;
        status = http_chunks_take(&chunks, data + at, part, BODY_BYTES_MAX, &body, &taken);
        require(taken <= part && body.size <= BODY_BYTES_MAX);
        at += taken;
    }
    *body_bytes = body.size;
    *used = at;
    http_bytes_fini(&body);
    return status;
}

/* The head, with the bytes coming in pieces of `step`. */
static unsigned head_read(const uint8_t *data, size_t size, size_t step, http_head *head)
{
    size_t seen = 0, have = 0;
    unsigned status = 0;
    while (status == 0 && have < size) {
        have = size - have < step ? size : have + step;
        status = http_head_parse(data, have, &seen, head);
        require(seen <= have);
    }
    return status;
}

static void run_all(run *r, const uint8_t *data, size_t size, size_t step)
{
    size_t at = 0;
    while (at < size && r->count < REQUESTS_MAX) {
        http_head head = {0};
        seen_request *one = &r->requests[r->count];
        unsigned status = head_read(data + at, size - at, step, &head);
        if (status == 0) return;
        *one = (seen_request){.status = status};
        r->count++;
        if (status != 200) return;
        require(head.bytes <= size - at && head.header_count <= HTTP_HEADERS_MAX);
        within(head.path, data + at, head.bytes);
        within(head.query, data + at, head.bytes);
        for (size_t i = 0; i < head.header_count; i++)
            within(head.headers[i].value, data + at, head.bytes);
        one->method = head.method;
        one->path_bytes = head.path.size;
        one->header_count = head.header_count;
        at += head.bytes;
        size_t used = 0;
        if (head.chunked) {
            one->status = chunks_read(data + at, size - at, step, &one->body_bytes, &used);
            if (one->status != 200) return;
        } else if (head.length <= size - at) {
            used = (size_t)head.length;
        } else {
            return;
        }
        at += used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    run whole = {0}, pieces = {0};
    run_all(&whole, data + 1, size - 1, SIZE_MAX);
    run_all(&pieces, data + 1, size - 1, 1u + data[0]);
    size_t count = whole.count < pieces.count ? whole.count : pieces.count;
    for (size_t i = 0; i < count; i++) {
        const seen_request *a = &whole.requests[i], *b = &pieces.requests[i];
        if (a->status != 200 || b->status != 200) {
            require((a->status == 200) == (b->status == 200)); /* which error may differ */
            return 0;
        }
        require(a->method == b->method && a->path_bytes == b->path_bytes &&
                a->header_count == b->header_count && a->body_bytes == b->body_bytes);
    }
    require(whole.count == pieces.count);
    return 0;
}
