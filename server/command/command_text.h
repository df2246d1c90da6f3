/*
 * command_text.h - a growing text: INFO, CLIENT LIST.
 *
 * Errors: once memory is refused or bytes_max would be passed, `failed` is set and stays, and
 *         later calls change nothing; ask once, at the end.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_COMMAND_TEXT_H
#define HYPERCACHE_SERVER_COMMAND_COMMAND_TEXT_H

#include <hypercache/types.h>

typedef struct text {
    char *data; /* text_fini releases it */
    size_t size, capacity;
    size_t bytes_max;
    bool failed;
} text;

void text_init(text *of, size_t bytes_max);
void text_fini(text *of);
void text_add(text *of, const void *data, size_t size);
void text_printf(text *of, const char *format, ...) __attribute__((format(printf, 2, 3)));
hc_span text_span(const text *of);

#endif
