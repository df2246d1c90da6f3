/* routes_openapi.c - /openapi.json: the table of routes as OpenAPI 3.0, printed from the rows. */
#include <ctype.h>
#include <string.h>

#include "http/http_private.h"

static void put_parameter(json_out *out, hc_span name, const char *in)
{
    put_object(out);
    put_text_as(out, "name", name);
    put_string_as(out, "in", in);
    put_bool_as(out, "required", strcmp(in, "path") == 0);
    put_object_as(out, "schema");
    put_string_as(out, "type", "string");
    put_end(out);
    put_end(out);
}

/* The next word of a list with blanks; false at its end. */
static bool word_next(const char **at, hc_span *word_out)
{
    while (**at == ' ')
        (*at)++;
    const char *from = *at;
    while (**at != ' ' && **at != '\0')
        (*at)++;
    *word_out = hc_span_make(from, (size_t)(*at - from));
    return word_out->size > 0;
}

static void put_parameters(json_out *out, const http_compiled *row)
{
    put_array_as(out, "parameters");
    for (unsigned i = 0; i < row->segment_count; i++) {
        const http_segment *one = &row->segments[i];
        if (one->is_param) put_parameter(out, hc_span_make(one->text + 1, one->size - 2u), "path");
    }
    const char *query = row->route->query != NULL ? row->route->query : "";
    for (hc_span word; word_next(&query, &word);)
        put_parameter(out, word, "query");
    put_end(out);
}

static void put_answers(json_out *out, const http_route *route)
{
    put_object_as(out, "responses");
    const char *answers = route->answers;
    for (hc_span word; word_next(&answers, &word);) {
        unsigned status = 0;
        for (size_t i = 0; i < word.size; i++)
            status = status * 10 + (unsigned)(word.data[i] - '0');
        put_key_span(out, word);
        put_object(out);
        put_string_as(out, "description", http_status_text(status));
        put_end(out);
    }
    put_object_as(out, "default");
    put_string_as(out, "$ref", "#/components/responses/Error");
    put_end(out);
    put_end(out);
}

static void put_operation(json_out *out, const http_compiled *row)
{
    const http_route *route = row->route;
    char method[HTTP_METHOD_BYTES_MAX];
    size_t i = 0;
    for (const char *c = http_method_text(route->method); *c != '\0'; c++)
        method[i++] = (char)tolower((unsigned char)*c);
    put_key_span(out, hc_span_make(method, i));
    put_object(out);
    put_string_as(out, "summary", route->summary);
    bool admin = (route->flags & HTTP_ROUTE_ADMIN) != 0;
    if ((route->flags & HTTP_ROUTE_DEBUG) != 0) {
        put_string_as(out, "x-needs",
                      admin ? "debug.enabled security.http_admin" : "debug.enabled");
    } else if (admin) {
        put_string_as(out, "x-needs", "security.http_admin");
    }
    put_parameters(out, row);
    if (route->body != NULL) {
        put_object_as(out, "requestBody");
        put_string_as(out, "description", route->body);
        put_object_as(out, "content");
        put_object_as(out, (route->flags & HTTP_ROUTE_JSON) != 0 ? "application/json" : "*/*");
        put_end(out);
        put_end(out);
        put_end(out);
    }
    put_answers(out, route);
    put_end(out);
}

/* Is there an earlier row of the same path? */
static bool was_told(const http_service *of, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(of->routes[i].route->pattern, of->routes[index].route->pattern) == 0)
            return true;
    return false;
}

static void put_paths(json_out *out, const http_service *of)
{
    put_object_as(out, "paths");
    for (size_t i = 0; i < of->route_count; i++) {
        const char *pattern = of->routes[i].route->pattern;
        if (was_told(of, i)) continue;
        put_object_as(out, pattern);
        for (size_t k = i; k < of->route_count; k++)
            if (strcmp(of->routes[k].route->pattern, pattern) == 0)
                put_operation(out, &of->routes[k]);
        put_end(out);
    }
    put_end(out);
}

static void put_components(json_out *out)
{
    static const char *const members[] = {"error", "code", "correlation_id", "timestamp"};
    put_object_as(out, "components");
    put_object_as(out, "responses");
    put_object_as(out, "Error");
    put_string_as(out, "description", "What went wrong");
    put_object_as(out, "content");
    put_object_as(out, "application/json");
    put_object_as(out, "schema");
    put_string_as(out, "type", "object");
    put_object_as(out, "properties");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        put_object_as(out, members[i]);
        put_string_as(out, "type", "string");
        put_end(out);
    }
    for (unsigned open = 0; open < 7; open++)
        put_end(out);
}

static void get_openapi(http_exchange *x)
{
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_string_as(out, "openapi", "3.0.3");
    put_object_as(out, "info");
    put_string_as(out, "title", "HyperCache");
    put_string_as(out, "version", HC_VERSION);
    put_end(out);
    put_paths(out, x->worker->service);
    put_components(out);
    put_end(out);
}

static const http_route rows[] = {
    {HTTP_GET, "/openapi.json", get_openapi, 0, "This table", NULL, NULL, "200"},
};

const http_route_set http_routes_openapi = {rows, sizeof rows / sizeof rows[0], NULL};
