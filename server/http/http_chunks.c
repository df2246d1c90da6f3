/* http_chunks.c - a machine of four states; lines are gathered whole before they are judged. */
#include "http/http_chunks.h"

#include "http/http_head.h"

#define SIZE_DIGITS_MAX 8u /* 4 GiB: more than any body may have */

static int hex_of(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* Gathers a line up to its CRLF.  200: there it is, without it. */
static unsigned line_take(http_chunks *of, uint8_t byte)
{
    if (of->line_bytes == CHUNK_LINE_BYTES_MAX) return 400;
    of->line[of->line_bytes++] = byte;
    if (of->line_bytes >= 2 && of->line[of->line_bytes - 2] == '\r' && byte != '\n') return 400;
    if (byte != '\n') return 0;
    if (of->line_bytes < 2 || of->line[of->line_bytes - 2] != '\r') return 400;
    of->line_bytes -= 2;
    return 200;
}

static unsigned size_judge(http_chunks *of)
{
    size_t digits = 0;
    uint64_t bytes = 0;
    for (; digits < of->line_bytes && hex_of(of->line[digits]) >= 0; digits++) {
        if (digits == SIZE_DIGITS_MAX) return 400;
        bytes = bytes * 16 + (uint64_t)hex_of(of->line[digits]);
    }
    if (digits == 0) return 400;
    if (digits < of->line_bytes && of->line[digits] != ';') return 400;
    for (size_t i = digits; i < of->line_bytes; i++)
        if (of->line[i] < 0x20 || of->line[i] >= 0x7f) return 400;
    of->line_bytes = 0;
    of->left = bytes;
    of->at = bytes > 0 ? CHUNK_DATA : CHUNK_TRAILER;
    return 0;
}

static unsigned trailer_judge(http_chunks *of)
{
    static const char *const refused[] = {"host", "content-length", "transfer-encoding"};
    if (of->line_bytes == 0) {
        of->at = CHUNK_DONE;
        return 200;
    }
    size_t name = 0;
    while (name < of->line_bytes && http_is_token(of->line[name]))
        name++;
    if (name == 0 || name == of->line_bytes || of->line[name] != ':') return 400;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (http_word_is(hc_span_make(of->line, name), refused[i])) return 400;
    for (size_t i = name; i < of->line_bytes; i++)
        if ((of->line[i] < 0x20 && of->line[i] != '\t') || of->line[i] == 0x7f) return 400;
    of->trailer_bytes += of->line_bytes;
    of->line_bytes = 0;
    return of->trailer_bytes > CHUNK_TRAILER_BYTES_MAX ? 431 : 0;
}

static unsigned data_take(http_chunks *of, const uint8_t *data, size_t size, size_t bytes_max,
                          http_bytes *body, size_t *used)
{
    if (of->left > bytes_max || body->size > bytes_max - of->left) return 413;
    size_t bytes = size < of->left ? size : (size_t)of->left;
    http_bytes_add(body, data, bytes);
    if (body->failed) return 507;
    of->left -= bytes;
    *used += bytes;
    if (of->left == 0) of->at = CHUNK_END;
    return 0;
}

unsigned http_chunks_take(http_chunks *of, const uint8_t *data, size_t size, size_t bytes_max,
                          http_bytes *body, size_t *used)
{
    *used = 0;
    while (*used < size) {
        unsigned status;
        if (of->at == CHUNK_DATA) {
            status = data_take(of, data + *used, size - *used, bytes_max, body, used);
            if (status != 0) return status;
            continue;
        }
        status = line_take(of, data[(*used)++]);
        if (status == 200 && of->at == CHUNK_END) {
            if (of->line_bytes != 0) return 400;
            of->at = CHUNK_SIZE;
            status = 0;
        } else if (status == 200) {
            status = of->at == CHUNK_SIZE ? size_judge(of) : trailer_judge(of);
        } else if (of->at == CHUNK_END && of->line_bytes > 1) {
            return 400; /* no CRLF behind the chunk's bytes */
        } else if (of->at == CHUNK_END && of->line[0] != '\r') {
            return 400;
        }
        if (status != 0) return status;
    }
    return 0;
}
