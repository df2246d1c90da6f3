/*
 * http_router.c - from a path to a row: segment by segment, the first row that fits.
 *
 * Rows are few and short, and the first ones are those asked for most; a table would not be faster.
 */
#include <string.h>

#include "http/http_private.h"

static bool pattern_compile(http_compiled *to)
{
    const char *at = to->route->pattern;
    if (*at != '/') return false;
    unsigned params = 0;
    while (*at == '/') {
        const char *text = ++at;
        while (*at != '/' && *at != '\0')
            at++;
        if (to->segment_count == HTTP_SEGMENTS_MAX) return false;
        http_segment *one = &to->segments[to->segment_count++];
        *one =
            (http_segment){.text = text, .size = (uint16_t)(at - text), .is_param = *text == '{'};
        params += one->is_param;
    }
    return params <= HTTP_PARAMS_MAX;
}

hc_status http_router_add(http_service *to, const http_route_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (to->route_count == HTTP_ROUTES_MAX) return HC_ERR_INVALID;
        http_compiled *one = &to->routes[to->route_count];
        *one = (http_compiled){.route = &set->rows[i], .ctx = set->ctx};
        if (set->rows[i].handle == NULL || !pattern_compile(one)) return HC_ERR_INVALID;
        to->route_count++;
    }
    return HC_OK;
}

static uint8_t hex_value(uint8_t digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

hc_span http_unescape(http_bytes *texts, hc_span escaped, bool plus_is_blank)
{
    size_t begin = texts->size;
    if (!http_bytes_reserve(texts, escaped.size + 1)) return (hc_span){0};
    for (size_t i = 0; i < escaped.size; i++) {
        uint8_t byte = escaped.data[i];
        if (byte == '%') { /* two digits follow: the head was checked */
            byte = (uint8_t)(hex_value(escaped.data[i + 1]) << 4 | hex_value(escaped.data[i + 2]));
            i += 2;
        } else if (byte == '+' && plus_is_blank) {
            byte = ' ';
        }
        texts->data[texts->size++] = byte;
    }
    return hc_span_make(texts->data + begin, texts->size - begin);
}

/* Cuts the path into segments; 0: too many for any row. */
static unsigned path_cut(hc_span path, hc_span segments[HTTP_SEGMENTS_MAX])
{
    unsigned count = 0;
    size_t at = 0;
    while (at < path.size) {
        const uint8_t *from = path.data + at + 1;
        const uint8_t *slash = memchr(from, '/', path.size - at - 1);
        size_t bytes = slash != NULL ? (size_t)(slash - from) : path.size - at - 1;
        if (count == HTTP_SEGMENTS_MAX) return 0;
        segments[count++] = hc_span_make(from, bytes);
        at += bytes + 1;
    }
    return count;
}

static bool fits(const http_compiled *row, const hc_span *segments, unsigned count)
{
    if (row->segment_count != count) return false;
    for (unsigned i = 0; i < count; i++) {
        const http_segment *want = &row->segments[i];
        if (want->is_param) continue;
        if (want->size != segments[i].size || memcmp(want->text, segments[i].data, want->size) != 0)
            return false;
    }
    return true;
}

void http_router_find(http_exchange *x, unsigned *allowed_out)
{
    const http_service *service = x->worker->service;
    hc_span segments[HTTP_SEGMENTS_MAX];
    unsigned method = x->head->method == HTTP_HEAD ? HTTP_GET : x->head->method;
    *allowed_out = 0;
    x->route = NULL;
    unsigned count = x->head->path.data[0] == '/' ? path_cut(x->head->path, segments) : 0;
    if (count == 0) return;
    for (size_t i = 0; i < service->route_count; i++) {
        const http_compiled *row = &service->routes[i];
        if (!fits(row, segments, count)) continue;
        *allowed_out |= row->route->method;
        if (row->route->method != method) continue;
        x->route = row; /* nobody asks what else is allowed */
        break;
    }
    if (x->route == NULL) return;
    unsigned params = 0;
    for (unsigned k = 0; k < count; k++) {
        if (x->route->segments[k].is_param)
            x->params[params++] = http_unescape(&x->worker->texts, segments[k], false);
    }
}
