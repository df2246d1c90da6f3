/*
 * aof_reader.c - a window over the file, cut into commands by the parser of the server.
 *
 *     file     |..............[ told | batch, to be told | unfinished ]...........| zeros |
 *     window                  0      |                   used         held       end
 *
 * Commands are told in batches, before the window moves.  The window grows for a large command, but
 * never beyond what is left of the file.
 */
#include "data/aof_reader.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "resp/resp_parser.h"

#define WINDOW_BYTES (1u << 20)
#define TAIL_BYTES 4096u /* looked at once for zeros */

typedef struct reader {
    const hc_rdb_source *source;
    uint64_t end; /* of what is read */
    aof_visit visit;
    void *ctx;
    aof_report *report;
    uint8_t *data;
    size_t capacity;
    uint64_t offset;   /* of data[0] in the file */
    size_t used, held; /* bytes of `data`: done with, read */
    bool in_transaction;
    resp_parser parser;
    resp_scratch scratch;
    size_t count; /* of the batch */
    aof_command batch[AOF_BATCH_MAX];
    size_t first[AOF_BATCH_MAX]; /* where its arguments begin in the scratch */
} reader;

static uint64_t at(const reader *of)
{
    return of->offset + of->used;
}

static hc_status fault(reader *of, const char *text)
{
    (void)snprintf(of->report->fault, sizeof of->report->fault, "%s", text);
    of->report->fault_offset = at(of);
    return HC_ERR_CORRUPT;
}

static hc_status breaks_off(reader *of)
{
    of->report->truncated = true;
    return fault(of, of->in_transaction ? "the file ends inside MULTI" : "the file ends early");
}

/* ---- the batch ---- */

static hc_status batch_tell(reader *of)
{
    hc_status status = HC_OK;
    for (size_t i = 0; i < of->count; i++)
        of->batch[i].args = of->scratch.args + of->first[i];
    if (of->count > 0 && of->visit != NULL) status = of->visit(of->ctx, of->batch, of->count);
    of->report->commands += of->count;
    of->count = 0;
    resp_scratch_clear(&of->scratch);
    return status;
}

static bool is_word(hc_span arg, const char *word)
{
    return arg.size == strlen(word) && strncasecmp((const char *)arg.data, word, arg.size) == 0;
}

/* The command whose arguments begin at `first` in the scratch ends `bytes` further on. */
static hc_status command_take(reader *of, size_t first, size_t bytes)
{
    size_t argc = of->scratch.count - first;
    hc_span name = of->scratch.args[first];
    bool begins = argc == 1 && is_word(name, "multi"), ends = argc == 1 && is_word(name, "exec");
    if (begins && of->in_transaction) return fault(of, "MULTI inside MULTI");
    if (ends && !of->in_transaction) return fault(of, "EXEC without MULTI");
    if (begins || ends) {
        of->scratch.count = first;
        of->in_transaction = begins;
        of->report->transactions += ends;
    } else {
        of->first[of->count] = first;
        of->batch[of->count++] = (aof_command){.offset = at(of), .argc = argc};
    }
    of->used += bytes;
    if (!of->in_transaction) of->report->whole_bytes = at(of);
    return of->count == AOF_BATCH_MAX ? batch_tell(of) : HC_OK;
}

/* ---- the window ---- */

/* Reads on so that `bytes` > 0 more are there, or ends with what breaks off. */
static hc_status window_read(reader *of, size_t bytes)
{
    hc_status status = batch_tell(of); /* its arguments are in the window */
    if (status != HC_OK) return status;
    size_t kept = of->held - of->used;
    uint64_t left = of->end - of->offset - of->held;
    if (bytes > left) return breaks_off(of);
    if (kept > 0) memmove(of->data, of->data + of->used, kept);
    of->offset = at(of);
    of->used = 0;
    of->held = kept;
    size_t room = bytes > WINDOW_BYTES ? bytes : WINDOW_BYTES;
    if (of->capacity < kept + room) {
        uint8_t *data = realloc(of->data, kept + room);
        if (data == NULL) return HC_ERR_NO_MEMORY;
        of->data = data;
        of->capacity = kept + room;
    }
    size_t size = of->capacity - kept < left ? of->capacity - kept : (size_t)left;
    if (!of->source->read(of->source->ctx, of->offset + kept, of->data + kept, size)) {
        (void)fault(of, "the file could not be read");
        return HC_ERR_IO;
    }
    of->held = kept + size;
    return HC_OK;
}

/* ---- one step ---- */

static hc_status note_skip(reader *of)
{
    size_t here = of->held - of->used;
    const uint8_t *line = of->data + of->used;
    const uint8_t *end = memchr(line, '\n', here < AOF_NOTE_BYTES_MAX ? here : AOF_NOTE_BYTES_MAX);
    if (end == NULL && here >= AOF_NOTE_BYTES_MAX) return fault(of, "a note that is too long");
    if (end == NULL) return window_read(of, 1);
    of->used += (size_t)(end - line) + 1;
    if (!of->in_transaction) of->report->whole_bytes = at(of);
    return HC_OK;
}

static hc_status parse_error(reader *of)
{
    static const char lead[] = "ERR Protocol error: ";
    const char *text = of->scratch.error;
    if (strncmp(text, lead, sizeof lead - 1) == 0) text += sizeof lead - 1;
    return fault(of, text);
}

static hc_status step(reader *of)
{
    size_t here = of->held - of->used, first = of->scratch.count, bytes = 0;
    bool idle = of->parser.args_expected == 0;
    if (here == 0) return window_read(of, 1);
    uint8_t *data = of->data + of->used;
    if (idle && *data == '#') return note_skip(of);
    if (idle && *data != '*') return fault(of, "no command begins here");
    switch (resp_parse(&of->parser, data, here, &of->scratch, &bytes)) {
    case RESP_REQUEST:
        return command_take(of, first, bytes);
    case RESP_MORE:
        return window_read(of, resp_parser_needs(&of->parser, here));
    case RESP_NO_MEMORY:
        return HC_ERR_NO_MEMORY;
    case RESP_EMPTY:
        return fault(of, "a command without a name");
    case RESP_ERROR:
    case RESP_HTTP:
        break;
    }
    return parse_error(of);
}

/* ---- the whole ---- */

/* Commands end in LF, so zeros at the end were never written: the file is longer than its data. */
static hc_status zeros_find(const hc_rdb_source *source, uint64_t from, uint64_t *end)
{
    uint8_t tail[TAIL_BYTES];
    while (*end > from) {
        uint64_t left = *end - from;
        size_t size = left < sizeof tail ? (size_t)left : sizeof tail;
        if (!source->read(source->ctx, *end - size, tail, size)) return HC_ERR_IO;
        size_t kept = size;
        while (kept > 0 && tail[kept - 1] == 0)
            kept--;
        *end -= size - kept;
        if (kept > 0) return HC_OK;
    }
    return HC_OK;
}

static hc_status read_all(reader *of)
{
    hc_status status = HC_OK;
    while (status == HC_OK && (at(of) < of->end || of->in_transaction))
        status = step(of);
    hc_status told = batch_tell(of); /* before what broke off */
    return told != HC_OK ? told : status;
}

hc_status aof_read(const hc_rdb_source *source, uint64_t from, uint64_t to, aof_visit visit,
                   void *ctx, aof_report *report)
{
    *report = (aof_report){.whole_bytes = from};
    if (to > source->bytes) to = source->bytes;
    uint64_t end = to;
    assert(from <= to);
    reader *of = calloc(1, sizeof *of);
    if (of == NULL) return HC_ERR_NO_MEMORY;
    *of = (reader){.source = source, .visit = visit, .ctx = ctx, .report = report, .offset = from};
    resp_parser_init(&of->parser, &resp_limits_default);
    hc_status status = zeros_find(source, from, &end);
    of->end = end;
    if (status != HC_OK) {
        (void)fault(of, "the file could not be read");
    } else {
        status = read_all(of);
        if (status == HC_OK && end < to) {
            report->truncated = true;
            status = fault(of, "the file ends in zero bytes");
        }
    }
    resp_parser_fini(&of->parser);
    resp_scratch_fini(&of->scratch);
    free(of->data);
    free(of);
    return status;
}
