/* routes_console.c - how the node has been, for the console's charts (command/history.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command/history.h"
#include "http/http_private.h"

static void put_about(json_out *out, http_exchange *x)
{
    const node *on = exchange_node(x);
    put_int_as(out, "now_ms", node_now_ms(on));
    put_int_as(out, "started_ms", on->started_ms);
    put_string_as(out, "node_id", on->options.node_id);
    put_string_as(out, "version", HC_VERSION);
    put_bool_as(out, "writes", exchange_may_admin(x));
    put_uint_as(out, "max_memory", node_max_memory(on));
}

static void put_fields(json_out *out)
{
    put_array_as(out, "fields");
    for (unsigned i = 0; i < HISTORY_FIELD_COUNT; i++) {
        put_object(out);
        put_string_as(out, "name", history_field_name((history_field)i));
        put_string_as(out, "unit", history_field_unit((history_field)i));
        put_end(out);
    }
    put_end(out);
}

static void put_sample(json_out *out, const history_sample *one)
{
    put_array(out);
    put_uint(out, one->at_ms);
    for (unsigned i = 0; i < HISTORY_FIELD_COUNT; i++) {
        double value = (double)one->values[i];
        if (value == floor(value) && fabs(value) < 1e15)
            put_int(out, (int64_t)value);
        else if (isfinite(value))
            put_short_real(out, value);
        else
            put_null(out);
    }
    put_end(out);
}

static void get_history(http_exchange *x)
{
    uint64_t after_ms;
    bool found;
    hc_span ring = exchange_query(x, "ring", &found);
    bool spans = found && http_word_is(ring, "spans");
    if (found && !spans && !http_word_is(ring, "seconds")) {
        exchange_error(x, 400, NULL, "ring: seconds or spans");
        return;
    }
    if (!exchange_query_number(x, "after", 0, UINT64_C(1) << 53, 0, &after_ms)) return;
    size_t most = spans ? HISTORY_SPANS : HISTORY_SECONDS;
    history_sample *samples = calloc(most, sizeof *samples);
    if (samples == NULL) {
        exchange_error(x, 507, NULL, "no memory for this response");
        return;
    }
    size_t count =
        history_read(exchange_node(x)->history, spans ? HISTORY_RING_SPANS : HISTORY_RING_SECONDS,
                     after_ms, samples, most);
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_about(out, x);
    put_fields(out);
    put_array_as(out, "samples");
    for (size_t i = 0; i < count; i++)
        put_sample(out, &samples[i]);
    put_end(out);
    put_end(out);
    free(samples);
}

static const http_route rows[] = {
    {HTTP_GET, "/api/console/history", get_history, 0,
     "How the node has been: a sample a second for 15 minutes, or one of 15 seconds for four hours",
     "ring after", NULL, "200"},
};

const http_route_set http_routes_console = {rows, sizeof rows / sizeof rows[0], NULL};
