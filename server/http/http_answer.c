/* http_answer.c - the table of reply.h, each call one entry. */
#include "http/http_answer.h"

#include <stdlib.h>

#define ENTRIES_FIRST 64u
#define ENTRIES_MAX (16u << 20)
#define ENTRIES_KEPT 4096u

static answer_entry *entry_add(reply *to, answer_kind kind)
{
    http_answer *of = (http_answer *)(void *)to;
    if (of->count == of->capacity) {
        size_t capacity = of->capacity == 0 ? ENTRIES_FIRST : of->capacity * 2;
        answer_entry *entries =
            capacity <= ENTRIES_MAX ? realloc(of->entries, capacity * sizeof *entries) : NULL;
        if (entries == NULL) {
            of->failed = true;
            return NULL;
        }
        of->entries = entries;
        of->capacity = capacity;
    }
    answer_entry *entry = &of->entries[of->count++];
    *entry = (answer_entry){.kind = kind};
    return entry;
}

static uint8_t *text_add(reply *to, answer_kind kind, size_t size)
{
    http_answer *of = (http_answer *)(void *)to;
    if (!http_bytes_reserve(&of->arena, size + 1)) return NULL; /* + 1: never NULL for "" */
    answer_entry *entry = entry_add(to, kind);
    if (entry == NULL) return NULL;
    entry->as.text.at = of->arena.size;
    entry->as.text.size = size;
    of->arena.size += size;
    return of->arena.data + entry->as.text.at;
}

static void text_copy(reply *to, answer_kind kind, hc_span text)
{
    uint8_t *place = text_add(to, kind, text.size);
    if (place != NULL && text.size > 0) memcpy(place, text.data, text.size);
}

static void add_status(reply *to, hc_span text)
{
    text_copy(to, ANSWER_STATUS, text);
}

static void add_error(reply *to, hc_span text)
{
    text_copy(to, ANSWER_ERROR, text);
}

static void add_integer(reply *to, int64_t value)
{
    answer_entry *entry = entry_add(to, ANSWER_INTEGER);
    if (entry != NULL) entry->as.integer = value;
}

static void add_real(reply *to, double value)
{
    answer_entry *entry = entry_add(to, ANSWER_REAL);
    if (entry != NULL) entry->as.real = value;
}

static void add_boolean(reply *to, bool value)
{
    answer_entry *entry = entry_add(to, ANSWER_BOOLEAN);
    if (entry != NULL) entry->as.integer = value;
}

static void add_null(reply *to)
{
    (void)entry_add(to, ANSWER_NULL);
}

static uint8_t *add_bulk(reply *to, size_t size)
{
    return text_add(to, ANSWER_BULK, size);
}

static void cancel_bulk(reply *to)
{
    http_answer *of = (http_answer *)(void *)to;
    if (of->count == 0 || of->entries[of->count - 1].kind != ANSWER_BULK) return;
    of->count--;
    of->arena.size = of->entries[of->count].as.text.at;
}

static void add_verbatim(reply *to, hc_span text)
{
    text_copy(to, ANSWER_BULK, text);
}

static void add_array(reply *to, size_t count)
{
    answer_entry *entry = entry_add(to, ANSWER_ARRAY);
    if (entry != NULL) entry->as.count = count;
}

static void add_map(reply *to, size_t pairs)
{
    answer_entry *entry = entry_add(to, ANSWER_MAP);
    if (entry != NULL) entry->as.count = pairs;
}

static size_t pending_bytes(const reply *to)
{
    const http_answer *of = (const http_answer *)(const void *)to;
    return of->arena.size;
}

static const reply_ops ops = {.status = add_status,
                              .error = add_error,
                              .integer = add_integer,
                              .real = add_real,
                              .boolean = add_boolean,
                              .null = add_null,
                              .null_array = add_null,
                              .bulk = add_bulk,
                              .bulk_cancel = cancel_bulk,
                              .lend = NULL,
                              .verbatim = add_verbatim,
                              .array = add_array,
                              .map = add_map,
                              .set = add_array,
                              .push = add_array,
                              .pending = pending_bytes};

void answer_init(http_answer *of)
{
    *of = (http_answer){.base = {.ops = &ops, .protocol = 3},
                        .arena = {.size_max = ANSWER_BYTES_MAX}};
}

void answer_fini(http_answer *of)
{
    free(of->entries);
    http_bytes_fini(&of->arena);
    answer_init(of);
}

void answer_clear(http_answer *of, size_t keep_bytes)
{
    of->count = 0;
    of->failed = false;
    of->base.protocol = 3;
    http_bytes_clear(&of->arena, keep_bytes);
    if (of->capacity > ENTRIES_KEPT) {
        free(of->entries);
        of->entries = NULL;
        of->capacity = 0;
    }
}

size_t answer_next(const http_answer *of, size_t index)
{
    size_t owed = 1; /* values still to pass; the tape is finite, so this ends */
    while (owed > 0 && index < of->count) {
        const answer_entry *entry = &of->entries[index++];
        owed--;
        if (entry->kind == ANSWER_ARRAY) owed += entry->as.count;
        if (entry->kind == ANSWER_MAP) owed += 2 * entry->as.count;
    }
    return index;
}
