/* command_text.c - doubles its buffer as it grows. */
#include "command/command_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 1024 };

void text_init(text *of, size_t bytes_max)
{
    *of = (text){.bytes_max = bytes_max};
}

void text_fini(text *of)
{
    free(of->data);
    *of = (text){0};
}

/* Room for `more` bytes and a NUL. */
static bool text_grow(text *of, size_t more)
{
    if (of->failed) return false;
    if (more > of->bytes_max || of->size > of->bytes_max - more) goto failed;
    size_t needed = of->size + more + 1;
    if (needed <= of->capacity) return true;
    size_t capacity = of->capacity < CAPACITY_MIN ? CAPACITY_MIN : of->capacity;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(of->data, capacity);
    if (data == NULL) goto failed;
    of->data = data;
    of->capacity = capacity;
    return true;
failed:
    of->failed = true;
    return false;
}

void text_add(text *of, const void *data, size_t size)
{
    if (!text_grow(of, size)) return;
    if (size > 0) memcpy(of->data + of->size, data, size);
    of->size += size;
}

void text_printf(text *of, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int wanted = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (wanted < 0)
        of->failed = true;
    else if (text_grow(of, (size_t)wanted)) {
        (void)vsnprintf(of->data + of->size, (size_t)wanted + 1, format, again);
        of->size += (size_t)wanted;
    }
    va_end(again);
}

hc_span text_span(const text *of)
{
    return hc_span_make(of->data, of->size);
}
