/* routes_console.c - how the node has been, for the console's charts (command/history.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command/history.h"
#include "http/http_private.h"

static void put_about(json_out *out, http_exchange *x)
{
    const node *on = exchange_node(x);
    put_key(out, "now_ms");
    put_int(out, node_now_ms(on));
    put_key(out, "started_ms");
    put_int(out, on->started_ms);
    put_key(out, "node_id");
    put_string(out, on->options.node_id);
    put_key(out, "version");
    put_string(out, HC_VERSION);
    put_key(out, "writes");
    put_bool(out, exchange_may_admin(x));
    put_key(out, "max_memory");
    put_uint(out, node_max_memory(on));
}

static void put_fields(json_out *out)
{
    put_key(out, "fields");
    put_array(out);
    for (unsigned i = 0; i < HISTORY_FIELD_COUNT; i++) {
        put_object(out);
        put_key(out, "name");
        put_string(out, history_field_name((history_field)i));
        put_key(out, "unit");
        put_string(out, history_field_unit((history_field)i));
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
    put_key(out, "samples");
    put_array(out);
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
