/* reply.c - what is the same for every transport. */
#include "command/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ERROR_CHARS_MAX = 512 };

void reply_text(reply *to, hc_span text)
{
    uint8_t *place = to->ops->bulk(to, text.size);
    if (place != NULL && text.size > 0) memcpy(place, text.data, text.size);
}

void reply_ok(reply *to)
{
    to->ops->status(to, HC_SPAN("OK"));
}

void reply_errorf(reply *to, const char *format, ...)
{
    char text[ERROR_CHARS_MAX];
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t chars = wanted < 0 ? 0 : (size_t)wanted;
    if (chars >= sizeof text) chars = sizeof text - 1;
    to->ops->error(to, hc_span_make(text, chars));
}
