/* http_page.c - the console's files, by the path as it was sent: there is nothing to unescape. */
#include <string.h>

#include "console/console.h"
#include "http/http_private.h"

static hc_span text_span(const char *text)
{
    return hc_span_make(text, strlen(text));
}

static bool is_known(const http_exchange *x, const console_file *file)
{
    bool found;
    hc_span known = http_head_find(x->head, "if-none-match", &found);
    return found && http_list_has(known, file->etag);
}

bool http_page_serves(http_exchange *x)
{
    const console_file *file = console_find(x->head->path);
    if (file == NULL) return false;
    if (x->head->method != HTTP_GET && x->head->method != HTTP_HEAD) {
        exchange_header(x, "Allow", HC_SPAN("GET, HEAD"));
        exchange_error(x, 405, NULL, "this path has no such method");
        return true;
    }
    exchange_header(x, "ETag", text_span(file->etag));
    for (size_t i = 0; i < console_header_count; i++)
        if (strcmp(console_headers[i].name, "X-Content-Type-Options") != 0) /* all have it */
            exchange_header(x, console_headers[i].name, text_span(console_headers[i].value));
    if (is_known(x, file))
        exchange_empty(x, 304);
    else
        exchange_constant(x, 200, file->content_type, hc_span_make(file->bytes, file->size));
    return true;
}
