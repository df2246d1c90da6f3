/*
 * http_respond.c - a response as bytes: status, the headers that all have, those of the handler,
 * the body.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/http_private.h"

static const struct {
    unsigned status;
    const char *text, *code;
} statuses[] = {
    {200, "OK", "OK"},
    {201, "Created", "CREATED"},
    {202, "Accepted", "ACCEPTED"},
    {204, "No Content", "NO_CONTENT"},
    {207, "Multi-Status", "MULTI_STATUS"},
    {304, "Not Modified", "NOT_MODIFIED"},
    {400, "Bad Request", "BAD_REQUEST"},
    {401, "Unauthorized", "UNAUTHORIZED"},
    {403, "Forbidden", "FORBIDDEN"},
    {404, "Not Found", "NOT_FOUND"},
    {405, "Method Not Allowed", "METHOD_NOT_ALLOWED"},
    {406, "Not Acceptable", "NOT_ACCEPTABLE"},
    {408, "Request Timeout", "TIMEOUT"},
    {409, "Conflict", "CONFLICT"},
    {412, "Precondition Failed", "PRECONDITION_FAILED"},
    {413, "Content Too Large", "TOO_LARGE"},
    {414, "URI Too Long", "URI_TOO_LONG"},
    {415, "Unsupported Media Type", "UNSUPPORTED_MEDIA_TYPE"},
    {417, "Expectation Failed", "EXPECTATION_FAILED"},
    {429, "Too Many Requests", "RATE_LIMITED"},
    {431, "Request Header Fields Too Large", "HEADERS_TOO_LARGE"},
    {500, "Internal Server Error", "INTERNAL"},
    {501, "Not Implemented", "NOT_IMPLEMENTED"},
    {503, "Service Unavailable", "UNAVAILABLE"},
    {505, "HTTP Version Not Supported", "HTTP_VERSION"},
    {507, "Insufficient Storage", "OUT_OF_MEMORY"},
};

const char *http_status_text(unsigned status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status) return statuses[i].text;
    return "Unknown";
}

const char *http_status_code(unsigned status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == status) return statuses[i].code;
    return "ERROR";
}

/* "Sun, 22 Nov 2026 19:00:00 GMT", made anew once a second. */
static const char *date_text(http_worker *w)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now_s = (time_t)(node_now_ms(w->node) / 1000);
    struct tm t;
    if (now_s == w->date_s && w->date[0] != '\0') return w->date;
    if (gmtime_r(&now_s, &t) == NULL) return "";
    w->date_s = now_s;
    (void)snprintf(w->date, sizeof w->date, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
                   days + t.tm_wday % 7 * 3, t.tm_mday % 100, months + t.tm_mon % 12 * 3,
                   (t.tm_year + 1900) % 10000, t.tm_hour % 100, t.tm_min % 100, t.tm_sec % 100);
    return w->date;
}

void http_respond_begin(http_exchange *x)
{
    http_worker *w = x->worker;
    http_caller_begin(x);
    x->status = 0;
    x->has_constant = false;
    http_bytes_clear(&w->extra, HTTP_KEEP_BYTES);
    http_bytes_clear(&w->payload, HTTP_KEEP_BYTES);
}

static void line(http_bytes *to, const char *name, const char *value)
{
    http_bytes_text(to, name);
    http_bytes_add(to, ": ", 2);
    http_bytes_text(to, value);
    http_bytes_add(to, "\r\n", 2);
}

static void elapsed_add(http_exchange *x, http_bytes *to)
{
    uint64_t us = (node_now_ns(x->worker->node) - x->since_ns) / 1000;
    char fraction[4] = {'.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
                        (char)('0' + us % 10)};
    static const char name[] = "X-Response-Time: ";
    http_bytes_add(to, name, sizeof name - 1);
    http_bytes_number(to, us / 1000);
    http_bytes_add(to, fraction, sizeof fraction);
    http_bytes_add(to, "ms\r\n", 4);
}

static void head_add(http_exchange *x, size_t body_bytes)
{
    http_worker *w = x->worker;
    http_bytes *to = &w->out;
    static const char version[] = "HTTP/1.1 ";
    static const char correlation[] = "X-Correlation-ID: ", length[] = "Content-Length: ";
    bool has_body = x->status != 204 && x->status != 304;
    http_bytes_add(to, version, sizeof version - 1);
    http_bytes_number(to, x->status);
    http_bytes_byte(to, ' ');
    http_bytes_text(to, http_status_text(x->status));
    http_bytes_add(to, "\r\n", 2);
    line(to, "Date", date_text(w));
    if (has_body) line(to, "Content-Type", x->type != NULL ? x->type : "application/json");
    if (has_body && x->stream == NULL) {
        http_bytes_add(to, length, sizeof length - 1);
        http_bytes_number(to, body_bytes);
        http_bytes_add(to, "\r\n", 2);
    }
    http_bytes_add(to, correlation, sizeof correlation - 1);
    http_bytes_span(to, x->correlation);
    http_bytes_add(to, "\r\n", 2);
    http_caller_tell(x, to);
    line(to, "X-Node-ID", w->node->options.node_id);
    elapsed_add(x, to);
    line(to, "X-Content-Type-Options", "nosniff");
    http_bytes_span(to, http_bytes_view(&w->extra));
    if (x->closes || x->stream != NULL)
        line(to, "Connection", "close");
    else if (x->head != NULL && x->head->minor_0)
        line(to, "Connection", "keep-alive");
    http_bytes_add(to, "\r\n", 2);
}

void http_respond_end(http_exchange *x)
{
    http_worker *w = x->worker;
    if (x->status != 0 && (w->payload.failed || w->extra.failed || answer_failed(x->tape))) {
        w->payload.failed = w->extra.failed = false;
        exchange_error(x, 507, "OUT_OF_MEMORY", "no memory for this response");
    }
    if (x->status == 0) exchange_error(x, 500, NULL, "no response was made");
    hc_span body = x->has_constant ? x->constant : http_bytes_view(&w->payload);
    head_add(x, body.size);
    bool sends = x->head == NULL || x->head->method != HTTP_HEAD;
    if (sends && x->stream == NULL && x->status != 204 && x->status != 304)
        http_bytes_span(&w->out, body);
}
