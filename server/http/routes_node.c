/*
 * routes_node.c - /health, /stats and what one node tells of itself: metrics, configuration, slow
 * commands, clients, persistence.
 */
#include <stdio.h>
#include <string.h>

#include "command/cluster.h"
#include "command/durable.h"
#include "command/memory_report.h"
#include "http/http_print.h"
#include "http/http_private.h"
#include "http/http_values.h"

/* ---- health ---- */

static void get_health(http_exchange *x)
{
    const node *on = exchange_node(x);
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_string_as(out, "status", "alive");
    put_string_as(out, "node_id", on->options.node_id);
    put_string_as(out, "version", HC_VERSION);
    put_uint_as(out, "uptime_seconds", (node_now_ns(on) - on->started_ns) / 1000000000u);
    put_end(out);
}

enum { REASONS_MAX = 8 };

/* Why it should get no requests; none: it is ready. */
static size_t reasons_gather(http_exchange *x, const char *reasons[REASONS_MAX])
{
    node *on = exchange_node(x);
    size_t count = 0;
    if (durable_is_loading(on)) reasons[count++] = "loading";
    if (x->worker->draining) reasons[count++] = "stopping";
    hc_persistence *log = durable_log(on);
    if (log != NULL && !durable_is_loading(on)) {
        hc_persistence_stats stats = {.size = sizeof stats};
        hc_persistence_stats_get(log, &stats);
        if (stats.disk_status != HC_OK) reasons[count++] = "disk error";
    }
    if (cluster_enabled(on)) {
        const cluster_view *view = cluster_view_acquire(on);
        if (view == NULL || view->state == CLUSTER_FORMING)
            reasons[count++] = "cluster forming";
        else if (!view->ready)
            reasons[count++] = "data not synced";
        cluster_view_release(view);
    }
    return count;
}

static void get_ready(http_exchange *x)
{
    const char *reasons[REASONS_MAX];
    size_t count = reasons_gather(x, reasons);
    json_out *out = exchange_json(x, count == 0 ? 200 : 503);
    put_object(out);
    put_bool_as(out, "ready", count == 0);
    put_array_as(out, "reasons");
    for (size_t i = 0; i < count; i++)
        put_string(out, reasons[i]);
    put_end(out);
    put_end(out);
}

/* ---- stats ---- */

static void put_stores(json_out *out, const hc_store_stats *s)
{
    uint64_t reads = s->hits + s->misses;
    put_uint_as(out, "keys", s->keys);
    put_uint_as(out, "keys_with_expiry", s->keys_with_expiry);
    put_uint_as(out, "hits", s->hits);
    put_uint_as(out, "misses", s->misses);
    put_key(out, "hit_ratio");
    put_short_real(out, reads == 0 ? 0 : (double)s->hits / (double)reads);
    put_uint_as(out, "evicted", s->evicted);
    put_uint_as(out, "expired", s->expired);
}

static void put_memory(json_out *out, node *on)
{
    memory_report report = memory_report_make(on);
    put_object_as(out, "memory");
    put_uint_as(out, "used_bytes", report.used_bytes);
    put_uint_as(out, "peak_bytes", report.peak_bytes);
    put_uint_as(out, "max_bytes", node_max_memory(on));
    put_uint_as(out, "dataset_bytes", report.dataset_bytes);
    put_uint_as(out, "overhead_bytes", report.overhead_bytes);
    put_uint_as(out, "client_bytes", report.client_bytes);
    put_uint_as(out, "resident_bytes", report.resident_bytes);
    put_end(out);
}

static void get_stats(http_exchange *x)
{
    node *on = exchange_node(x);
    hc_store_stats stores = node_stores_total(on);
    node_counters totals;
    node_totals(on, &totals);
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_string_as(out, "node_id", on->options.node_id);
    put_uint_as(out, "uptime_seconds", (node_now_ns(on) - on->started_ns) / 1000000000u);
    put_stores(out, &stores);
    put_memory(out, on);
    put_uint_as(out, "commands", atomic_load(&totals.commands));
    put_uint_as(out, "errors", atomic_load(&totals.errors));
    put_uint_as(out, "ops_per_second", atomic_load(&on->ops_per_second));
    put_uint_as(out, "input_bytes", atomic_load(&totals.input_bytes));
    put_uint_as(out, "output_bytes", atomic_load(&totals.output_bytes));
    put_uint_as(out, "connections", node_session_count(on));
    put_uint_as(out, "http_connections", http_service_connections(x->worker->service));
    put_uint_as(out, "connections_accepted", atomic_load(&totals.connections));
    put_uint_as(out, "connections_rejected", atomic_load(&totals.connections_rejected));
    put_end(out);
}

/* INFO of some sections as an object. */
static void info_respond(http_exchange *x, hc_span section)
{
    const hc_span args[2] = {HC_SPAN("INFO"), section};
    const answer_entry *said = exchange_ask(x, args, 2, ANSWER_BULK, NULL);
    if (said != NULL) info_put(exchange_json(x, 200), answer_text(exchange_tape(x), said));
}

static void get_metrics(http_exchange *x)
{
    info_respond(x, HC_SPAN("everything"));
}

static void get_persistence(http_exchange *x)
{
    info_respond(x, HC_SPAN("persistence"));
}

/* ---- configuration ---- */

static void put_setting(void *ctx, const setting *one)
{
    json_out *out = ctx;
    put_object_as(out, one->name);
    put_key(out, "value");
    if (one->kind == SETTING_BOOL)
        put_bool(out, one->number != 0);
    else if (one->kind == SETTING_INTEGER)
        put_int(out, one->number);
    else
        put_string(out, one->text);
    if (one->kind == SETTING_BYTES) {
        put_int_as(out, "bytes", one->number);
    } else if (one->kind == SETTING_DURATION) {
        put_int_as(out, "milliseconds", one->number);
    }
    put_bool_as(out, "changeable", one->changeable);
    put_end(out);
}

static void get_config(http_exchange *x)
{
    const settings *from = exchange_node(x)->options.settings;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_object_as(out, "settings");
    if (from != NULL) from->each(from->ctx, put_setting, out);
    put_end(out);
    put_end(out);
}

/* ---- slow log ---- */

/* [id, seconds, microseconds, [argument ...], address, name, correlation id] */
static size_t put_slow(json_out *out, const http_answer *tape, size_t at)
{
    static const char *const names[] = {"id",     "timestamp",   "duration_us",   "arguments",
                                        "client", "client_name", "correlation_id"};
    const answer_entry *entry = answer_at(tape, at);
    size_t next = at + 1;
    if (entry == NULL || entry->kind != ANSWER_ARRAY) return answer_next(tape, at);
    put_object(out);
    for (size_t i = 0; i < entry->as.count; i++) {
        if (i < sizeof names / sizeof names[0]) {
            put_key(out, names[i]);
            next = answer_put_plain(out, tape, next);
        } else {
            next = answer_next(tape, next);
        }
    }
    put_end(out);
    return next;
}

static void get_slowlog(http_exchange *x)
{
    char number[24];
    uint64_t most;
    size_t at;
    if (!exchange_query_number(x, "count", 1, 1000000, 128, &most)) return;
    int chars = snprintf(number, sizeof number, "%llu", (unsigned long long)most);
    const hc_span args[4] = {HC_SPAN("SLOWLOG"), HC_SPAN("GET"),
                             hc_span_make(number, (size_t)chars), HC_SPAN("CORRELATION")};
    const answer_entry *said = exchange_ask(x, args, 4, ANSWER_ARRAY, &at);
    if (said == NULL) return;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_array_as(out, "entries");
    size_t next = at + 1;
    for (size_t i = 0; i < said->as.count; i++)
        next = put_slow(out, exchange_tape(x), next);
    put_end(out);
    put_end(out);
}

/* ---- clients ---- */

static void get_clients(http_exchange *x)
{
    const hc_span args[2] = {HC_SPAN("CLIENT"), HC_SPAN("LIST")};
    const answer_entry *said = exchange_ask(x, args, 2, ANSWER_BULK, NULL);
    if (said == NULL) return;
    hc_span rest = answer_text(exchange_tape(x), said);
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_array_as(out, "clients");
    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t bytes = end != NULL ? (size_t)(end - rest.data) : rest.size;
        if (bytes > 0) fields_put(out, hc_span_make(rest.data, bytes));
        if (end == NULL) break;
        rest = hc_span_make(end + 1, rest.size - bytes - 1);
    }
    put_end(out);
    put_end(out);
}

static void delete_client(http_exchange *x)
{
    const hc_span args[6] = {HC_SPAN("CLIENT"),    HC_SPAN("KILL"),   HC_SPAN("ID"),
                             exchange_param(x, 0), HC_SPAN("SKIPME"), HC_SPAN("yes")};
    const answer_entry *said = exchange_ask(x, args, 6, ANSWER_INTEGER, NULL);
    if (said == NULL) return;
    if (said->as.integer == 0) {
        exchange_error(x, 404, "CLIENT_NOT_FOUND", "there is no other client of this id");
    } else {
        json_out *out = exchange_json(x, 200);
        put_object(out);
        put_bool_as(out, "closed", true);
        put_end(out);
    }
}

/* ---- persistence ---- */

static void order_respond(http_exchange *x, hc_span order)
{
    size_t at;
    if (!exchange_run(x, &order, 1, &at)) return;
    const answer_entry *said = exchange_answer(x, at);
    if (exchange_is_error(said)) {
        hc_span text = said != NULL ? answer_text(exchange_tape(x), said) : (hc_span){0};
        if (memmem(text.data, text.size, "progress", 8) != NULL)
            exchange_error(x, 409, "BUSY", "a snapshot is being written");
        else if (memmem(text.data, text.size, "not enabled", 11) != NULL)
            exchange_error(x, 409, "PERSISTENCE_OFF", "persistence.enabled is false");
        else
            exchange_fail(x, said);
        return;
    }
    json_out *out = exchange_json(x, 202);
    put_object(out);
    put_text_as(out, "status", answer_text(exchange_tape(x), said));
    put_end(out);
}

static void post_snapshot(http_exchange *x)
{
    order_respond(x, HC_SPAN("BGSAVE"));
}

static void post_compact(http_exchange *x)
{
    order_respond(x, HC_SPAN("BGREWRITEAOF"));
}

/* HC.BACKUP: below the place that is configured for backups, under this name. */
static void backup_run(http_exchange *x, hc_span name)
{
    const hc_span args[2] = {HC_SPAN("HC.BACKUP"), name};
    size_t at;
    if (!exchange_run(x, args, 2, &at)) return;
    const answer_entry *said = exchange_answer(x, at);
    if (exchange_is_error(said)) {
        const char *code;
        hc_span text = said != NULL ? answer_text(exchange_tape(x), said) : (hc_span){0};
        bool plain = text.size > 4 && exchange_status_of(text, &code) == 400;
        if (plain)
            exchange_error(x, 409, "BACKUP_REFUSED", "%.*s", (int)text.size - 4,
                           (const char *)text.data + 4);
        else
            exchange_fail(x, said);
        return;
    }
    json_out *out = exchange_json(x, 202);
    put_object(out);
    put_text_as(out, "name", name);
    put_string_as(out, "status", "begun");
    put_end(out);
}

static void post_backup(http_exchange *x)
{
    char made[48];
    if (exchange_body(x).size == 0) {
        int chars = snprintf(made, sizeof made, "http-%lld",
                             (long long)node_now_ms(exchange_node(x)) / 1000);
        backup_run(x, hc_span_make(made, (size_t)chars));
        return;
    }
    json_t *body = body_object(x);
    if (body == NULL) return;
    const json_t *name = json_object_get(body, "name");
    if (json_is_string(name))
        backup_run(x, hc_span_make(json_string_value(name), json_string_length(name)));
    else
        exchange_error(x, 400, NULL, "\"name\" is a text");
    json_decref(body);
}

static const http_route rows[] = {
    {HTTP_GET, "/health", get_health, 0, "The process is alive", NULL, NULL, "200"},
    {HTTP_GET, "/health/ready", get_ready, 0, "It serves: not loading, not stopping, disk well",
     NULL, NULL, "200 503"},
    {HTTP_GET, "/stats", get_stats, 0, "The figures most asked for", NULL, NULL, "200"},
    {HTTP_GET, "/api/node/metrics", get_metrics, 0, "All that INFO tells, by section", NULL, NULL,
     "200"},
    {HTTP_GET, "/api/config", get_config, 0, "All settings, secrets masked", NULL, NULL, "200"},
    {HTTP_GET, "/api/slowlog", get_slowlog, 0, "Commands that took long, the latest first", "count",
     NULL, "200"},
    {HTTP_GET, "/api/clients", get_clients, 0, "Connections of all kinds", NULL, NULL, "200"},
    {HTTP_DELETE, "/api/clients/{id}", delete_client, HTTP_ROUTE_ADMIN, "Closes a client", NULL,
     NULL, "200 403 404"},
    {HTTP_GET, "/api/persistence/status", get_persistence, 0, "Log, snapshots, loading", NULL, NULL,
     "200"},
    {HTTP_POST, "/api/persistence/snapshot", post_snapshot, 0, "Begins a snapshot", NULL, NULL,
     "202 409 503"},
    {HTTP_POST, "/api/persistence/compact", post_compact, 0,
     "Begins a snapshot that makes the log short", NULL, NULL, "202 409 503"},
    {HTTP_POST, "/api/persistence/backup", post_backup, HTTP_ROUTE_JSON,
     "Begins a backup, below the place configured for them", NULL, "{\"name\": ...}; or nothing",
     "202 400 409 415 503"},
};

const http_route_set http_routes_node = {rows, sizeof rows / sizeof rows[0], NULL};
