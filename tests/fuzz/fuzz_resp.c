/*
 * fuzz_resp.c - any bytes through the parser, whole and in pieces: both must say the same, and what
 * they say goes through the encoder.
 *
 * The first byte chooses the size of the pieces, the rest is the stream.  Each piece copies all
 * that is held, so a long stream has no more than PIECES_MAX of them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "resp/resp_encoder.h"
#include "resp/resp_parser.h"

#define OUTPUT_BYTES_MAX (8u << 20)
#define PIECES_MAX 2000u

typedef struct run {
    resp_parser parser;
    resp_scratch scratch;
    resp_encoder encoder; /* each request as an array of bulk strings, then the error */
    bool lost;
} run;

static void require(bool holds)
{
    if (!holds) abort();
}

static void request_write(run *r, uint8_t *data, size_t size)
{
    reply *to = &r->encoder.base;
    to->ops->array(to, r->scratch.count);
    for (size_t i = 0; i < r->scratch.count; i++) {
        hc_span arg = r->scratch.args[i];
        require(arg.data >= data && arg.data + arg.size <= data + size);
        uint8_t *place = to->ops->bulk(to, arg.size);
        if (place != NULL && arg.size > 0) memcpy(place, arg.data, arg.size);
    }
}

/* Takes the requests out of data[0 .. size); returns the bytes done with. */
static size_t run_parse(run *r, uint8_t *data, size_t size)
{
    size_t at = 0;
    while (at < size && !r->lost) {
        size_t used = SIZE_MAX;
        resp_scratch_clear(&r->scratch);
        resp_outcome outcome = resp_parse(&r->parser, data + at, size - at, &r->scratch, &used);
        require(used <= size - at);
        if (outcome == RESP_MORE) return at;
        if (outcome == RESP_REQUEST)
            request_write(r, data + at, used);
        else if (outcome != RESP_EMPTY)
            r->lost = true;
        if (outcome == RESP_ERROR)
            r->encoder.base.ops->error(&r->encoder.base,
                                       hc_span_make(r->scratch.error, strlen(r->scratch.error)));
        require(r->lost || used > 0);
        at += used;
    }
    return at;
}

/* Shows the stream in pieces, each time at a new address, as a growing buffer would. */
static void run_all(run *r, const uint8_t *bytes, size_t size, size_t piece)
{
    memset(r, 0, sizeof *r);
    resp_parser_init(&r->parser, &resp_limits_default);
    resp_encoder_init(&r->encoder, OUTPUT_BYTES_MAX);
    size_t end = 0;
    uint8_t *held = NULL;
    size_t held_bytes = 0;
    while (end < size && !r->lost) {
        size_t more = size - end < piece ? size - end : piece;
        uint8_t *data = malloc(held_bytes + more);
        require(data != NULL);
        if (held_bytes > 0) memcpy(data, held, held_bytes);
        memcpy(data + held_bytes, bytes + end, more);
        end += more;
        size_t shown = held_bytes + more, used = run_parse(r, data, shown);
        free(held);
        held_bytes = shown - used;
        held = malloc(held_bytes == 0 ? 1 : held_bytes);
        require(held != NULL);
        memcpy(held, data + used, held_bytes);
        free(data);
    }
    free(held);
    resp_parser_fini(&r->parser);
    resp_scratch_fini(&r->scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static run whole, pieces;
    if (size < 2) return 0;
    run_all(&whole, data + 1, size - 1, size - 1);
    run_all(&pieces, data + 1, size - 1, 1 + (size_t)data[0] + size / PIECES_MAX);
    require(whole.encoder.size == pieces.encoder.size && whole.lost == pieces.lost);
    require(whole.encoder.size == 0 ||
            memcmp(whole.encoder.data, pieces.encoder.data, whole.encoder.size) == 0);
    resp_encoder_fini(&whole.encoder);
    resp_encoder_fini(&pieces.encoder);
    return 0;
}
