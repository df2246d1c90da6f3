/* http_bytes.c - room at least doubles, so filling is linear. */
#include "http/http_bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_BYTES 512u
#define FORMAT_BYTES_MAX 512u

void http_bytes_fini(http_bytes *of)
{
    free(of->data);
    *of = (http_bytes){.size_max = of->size_max};
}

void http_bytes_clear(http_bytes *of, size_t keep_bytes)
{
    of->size = 0;
    of->failed = false;
    if (of->capacity > keep_bytes) http_bytes_fini(of);
}

bool http_bytes_grow(http_bytes *of, size_t bytes)
{
    size_t most = of->size_max != 0 ? of->size_max : SIZE_MAX / 2;
    if (of->failed || most < of->size || most - of->size < bytes) {
        of->failed = true;
        return false;
    }
    size_t needed = of->size + bytes,
           capacity = of->capacity < FIRST_BYTES ? FIRST_BYTES : of->capacity * 2;
    if (capacity < needed) capacity = needed;
    if (needed <= of->capacity) return true;
    uint8_t *data = realloc(of->data, capacity);
    if (data == NULL) {
        of->failed = true;
        return false;
    }
    of->data = data;
    of->capacity = capacity;
    return true;
}

void http_bytes_text(http_bytes *of, const char *text)
{
    http_bytes_add(of, text, strlen(text));
}

void http_bytes_number(http_bytes *of, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    http_bytes_add(of, digits + at, sizeof digits - at);
}

void http_bytes_format(http_bytes *of, const char *format, ...)
{
    char text[FORMAT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int chars = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (chars < 0 || (size_t)chars >= sizeof text) {
        of->failed = true;
        return;
    }
    http_bytes_add(of, text, (size_t)chars);
}

void http_bytes_take(http_bytes *of, size_t size)
{
    if (size > of->size) size = of->size;
    of->size -= size;
    if (of->size > 0) memmove(of->data, of->data + size, of->size);
}
