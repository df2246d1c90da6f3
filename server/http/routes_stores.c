/*
 * routes_stores.c - /api/stores: named stores, by STORE CREATE, INFO, LIST and DROP; /api/filter:
 * what the filters of stores do.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command/durable.h"
#include "http/http_print.h"
#include "http/http_private.h"
#include "http/http_values.h"

#define CREATE_ARGS_MAX 16u
#define NAMES_BYTES_MAX (128u << 10)
#define WORD_CHARS 32u

/* An error of STORE commands, whose texts tell what it is. */
static void store_fail(http_exchange *x, const answer_entry *said)
{
    hc_span text = answer_text(exchange_tape(x), said);
    static const struct {
        const char *part, *code;
        unsigned status;
    } rows[] = {{"ERR no store ", "STORE_NOT_FOUND", 404},
                {"' exists", "CONFLICT", 409},
                {"stores already", "STORES_FULL", 409},
                {"cannot be dropped", "CONFLICT", 409}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (memmem(text.data, text.size, rows[i].part, strlen(rows[i].part)) == NULL) continue;
        exchange_error(x, rows[i].status, rows[i].code, "%.*s", (int)text.size - 4,
                       (const char *)text.data + 4);
        return;
    }
    exchange_fail(x, said);
}

/* Runs a STORE command.  False: answered, or it waits. */
static bool store_ask(http_exchange *x, const hc_span *args, size_t argc, size_t *at_out)
{
    if (!exchange_run(x, args, argc, at_out)) return false;
    const answer_entry *said = exchange_answer(x, *at_out);
    if (!exchange_is_error(said)) return true;
    store_fail(x, said);
    return false;
}

/* ---- listing ---- */

/* STORE INFO for each of the `count` names behind `at`, which are copied off the tape: commands
 * write onto it.  NULL: no memory; else the caller frees it, and `texts` in any case. */
static hc_span *infos_ask(http_exchange *x, size_t at, size_t count, http_bytes *texts)
{
    texts->size_max = NAMES_BYTES_MAX;
    if (!http_bytes_reserve(texts, count * (HC_STORE_NAME_BYTES_MAX + 1))) return NULL;
    hc_span *args = calloc(count * 3 + 1, sizeof *args);
    if (args == NULL) return NULL;
    for (size_t i = 0; i < count; i++) {
        hc_span name = answer_text(exchange_tape(x), exchange_answer(x, at + 1 + i));
        args[i * 3] = HC_SPAN("STORE");
        args[i * 3 + 1] = HC_SPAN("INFO");
        args[i * 3 + 2] = hc_span_make(texts->data + texts->size, name.size);
        http_bytes_span(texts, name);
    }
    return args;
}

/* Runs STORE INFO for every store.  False: answered, or it waits. */
static bool infos_run(http_exchange *x, exchange_command **commands_out, size_t *count_out)
{
    const hc_span list[1] = {HC_SPAN("STORES")};
    http_bytes texts = {0};
    size_t at;
    bool done = false;
    *commands_out = NULL;
    const answer_entry *said = exchange_ask(x, list, 1, ANSWER_ARRAY, &at);
    if (said == NULL) return false;
    size_t count = said->as.count;
    hc_span *args = infos_ask(x, at, count, &texts);
    exchange_command *commands = calloc(count + 1, sizeof *commands);
    if (commands == NULL || args == NULL) {
        exchange_error(x, 507, NULL, "no memory for this response");
    } else {
        for (size_t i = 0; i < count; i++)
            commands[i] = (exchange_command){.args = args + i * 3, .argc = 3};
        done = count == 0 || exchange_run_all(x, commands, count);
    }
    free(args);
    http_bytes_fini(&texts);
    *commands_out = commands;
    *count_out = count;
    return done;
}

static void get_stores(http_exchange *x)
{
    exchange_command *commands;
    size_t count;
    if (infos_run(x, &commands, &count)) {
        json_out *out = exchange_json(x, 200);
        put_object(out);
        put_array_as(out, "stores");
        for (size_t i = 0; i < count; i++)
            if (!exchange_is_error(exchange_answer(x, commands[i].at))) /* dropped meanwhile */
                (void)answer_put_plain(out, exchange_tape(x), commands[i].at);
        put_end(out);
        put_end(out);
    }
    free(commands);
}

static void get_store(http_exchange *x)
{
    const hc_span args[3] = {HC_SPAN("STORE"), HC_SPAN("INFO"), exchange_param(x, 0)};
    size_t at;
    if (store_ask(x, args, 3, &at))
        (void)answer_put_plain(exchange_json(x, 200), exchange_tape(x), at);
}

/* ---- making and dropping ---- */

typedef struct create {
    hc_span args[CREATE_ARGS_MAX];
    size_t argc;
    char memory[WORD_CHARS], ttl[WORD_CHARS];
} create;

static void option_add(create *to, hc_span name, hc_span value)
{
    to->args[to->argc++] = name;
    to->args[to->argc++] = value;
}

static hc_span text_of(const json_t *from)
{
    return hc_span_make(json_string_value(from), json_string_length(from));
}

/* A setting that is a word of a few. */
static const char *word_take(create *to, const char *name, const json_t *value)
{
    static const struct {
        const char *name, *option;
    } rows[] = {{"eviction_policy", "EVICTION"},
                {"compression", "COMPRESSION"},
                {"persistence", "PERSISTENCE"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(name, rows[i].name) != 0) continue;
        if (!json_is_string(value)) return "eviction_policy, compression, persistence are texts";
        option_add(to, hc_span_make(rows[i].option, strlen(rows[i].option)), text_of(value));
        return NULL;
    }
    return "known are name, max_memory, default_ttl, eviction_policy, compression, "
           "cuckoo_filter, persistence";
}

/* One setting, as the configuration names them.  NULL: fine. */
static const char *setting_take(create *to, const char *name, const json_t *value)
{
    int64_t ms;
    if (strcmp(name, "name") == 0 || json_is_null(value)) return NULL;
    if (strcmp(name, "max_memory") == 0) {
        if (json_is_integer(value))
            (void)snprintf(to->memory, sizeof to->memory, "%lld",
                           (long long)json_integer_value(value));
        else if (!json_is_string(value) || json_string_length(value) >= sizeof to->memory)
            return "max_memory is bytes, or a text as \"64mb\"";
        else
            (void)snprintf(to->memory, sizeof to->memory, "%s", json_string_value(value));
        option_add(to, HC_SPAN("MAXMEMORY"), hc_span_make(to->memory, strlen(to->memory)));
    } else if (strcmp(name, "default_ttl") == 0) {
        if (json_is_integer(value) && json_integer_value(value) >= 0 &&
            json_integer_value(value) < HTTP_TTL_MS_MAX / 1000)
            ms = json_integer_value(value) * 1000;
        else if (!json_is_string(value) || !ttl_parse(text_of(value), &ms))
            return "default_ttl is seconds, or a text as \"30m\"";
        (void)snprintf(to->ttl, sizeof to->ttl, "%lld", (long long)ms);
        option_add(to, HC_SPAN("TTL"), hc_span_make(to->ttl, strlen(to->ttl)));
    } else if (strcmp(name, "cuckoo_filter") == 0) {
        if (!json_is_boolean(value)) return "cuckoo_filter is true or false";
        option_add(to, HC_SPAN("FILTER"), json_is_true(value) ? HC_SPAN("12") : HC_SPAN("none"));
    } else {
        return word_take(to, name, value);
    }
    return NULL;
}

static void create_run(http_exchange *x, json_t *body)
{
    const json_t *name = json_object_get(body, "name");
    create wish = {.argc = 3};
    const char *key, *why = NULL;
    json_t *value;
    size_t at;
    if (!json_is_string(name)) why = "\"name\" is a text";
    json_object_foreach(body, key, value)
    {
        if (why == NULL) why = setting_take(&wish, key, value);
    }
    if (why != NULL) {
        exchange_error(x, 400, NULL, "%s", why);
        return;
    }
    hc_span text = text_of(name);
    if (!hc_store_name_fits(text)) {
        exchange_error(x, 400, NULL, "a name has letters, digits and _ . : - alone");
        return;
    }
    wish.args[0] = HC_SPAN("STORE");
    wish.args[1] = HC_SPAN("CREATE");
    wish.args[2] = text;
    if (!store_ask(x, wish.args, wish.argc, &at)) return;
    json_out *out = exchange_json(x, 201);
    put_object(out);
    put_text_as(out, "name", text);
    put_bool_as(out, "created", true);
    put_end(out);
}

static void post_store(http_exchange *x)
{
    json_t *body = body_object(x);
    if (body == NULL) return;
    create_run(x, body);
    json_decref(body);
}

static void delete_store(http_exchange *x)
{
    const hc_span args[3] = {HC_SPAN("STORE"), HC_SPAN("DROP"), exchange_param(x, 0)};
    size_t at;
    if (!store_ask(x, args, 3, &at)) return;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_bool_as(out, "dropped", true);
    put_end(out);
}

/* ---- filters ---- */

static void put_filter(json_out *out, hc_span name, const hc_store_stats *stats)
{
    put_object(out);
    put_text_as(out, "store", name);
    put_bool_as(out, "enabled", stats->filter_bits != 0);
    put_uint_as(out, "fingerprint_bits", stats->filter_bits);
    put_uint_as(out, "bytes", stats->filter_bytes);
    put_uint_as(out, "answered_misses", stats->filter_answers);
    put_uint_as(out, "false_positives", stats->filter_false_positives);
    put_key(out, "false_positive_rate");
    uint64_t asked = stats->filter_answers + stats->filter_false_positives;
    put_short_real(out, asked == 0 ? 0 : (double)stats->filter_false_positives / (double)asked);
    put_end(out);
}

static void get_filter_stats(http_exchange *x)
{
    hc_store_ref ref;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_array_as(out, "stores");
    for (uint32_t at = 0; node_store_next(exchange_node(x), &at, &ref);
         hc_store_ref_release(&ref)) {
        hc_store_info info = {.size = sizeof info};
        hc_store_stats stats = {.size = sizeof stats};
        hc_store_ref_info(&ref, &info);
        hc_store_stats_get(ref.store, &stats);
        put_filter(out, info.name, &stats);
    }
    put_end(out);
    put_end(out);
}

/* The filter's word alone: no look into the index, and no use of the key.  While it is built anew
 * it does not know, so the key may be there. */
static bool filter_ask(http_exchange *x, hc_filter_inspection *out)
{
    node *on = exchange_node(x);
    session *who = exchange_session(x);
    gate_enter(&on->gate, who->worker);
    session_look_for_swaps(who);
    hc_status status = hc_store_inspect_filter(who->store, exchange_param(x, 0), NULL, 0, out);
    gate_leave(&on->gate, who->worker);
    return status == HC_OK;
}

static void get_filter_check(http_exchange *x)
{
    hc_filter_inspection in = {.size = sizeof in};
    hc_store_stats stats = {.size = sizeof stats};
    if (!exchange_store_of_query(x)) return;
    if (durable_is_loading(exchange_node(x))) {
        exchange_error(x, 503, "LOADING", "the stores are being loaded");
        return;
    }
    bool filtered = filter_ask(x, &in);
    hc_store_stats_get(exchange_session(x)->store, &stats);
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_key(out, "exists");
    if (filtered)
        put_bool(out, !in.covers || in.contains);
    else
        put_null(out);
    put_bool_as(out, "filter", filtered);
    put_uint_as(out, "fingerprint_bits", stats.filter_bits);
    put_end(out);
}

static const http_route rows[] = {
    {HTTP_GET, "/api/stores", get_stores, 0, "All databases in use and named stores", NULL, NULL,
     "200"},
    {HTTP_POST, "/api/stores", post_store, HTTP_ROUTE_JSON,
     "Creates a store; its settings are fixed then", NULL,
     "{\"name\": ..., \"max_memory\": \"64mb\", \"default_ttl\": \"1h\", \"eviction_policy\": ..., "
     "\"compression\": ..., \"cuckoo_filter\": true, \"persistence\": ...}",
     "201 409 413 415 507"},
    {HTTP_GET, "/api/stores/{name}", get_store, 0, "Settings, size and counters of a store", NULL,
     NULL, "200 404"},
    {HTTP_DELETE, "/api/stores/{name}", delete_store, 0, "Removes a store with all its keys", NULL,
     NULL, "200 404 409"},
    {HTTP_GET, "/api/filter/stats", get_filter_stats, 0, "What the filters of stores do", NULL,
     NULL, "200"},
    {HTTP_GET, "/api/filter/check/{key}", get_filter_check, 0,
     "May the key be there, by the store's filter alone?  null: it has none", "store", NULL,
     "200 404 503"},
};

const http_route_set http_routes_stores = {rows, sizeof rows / sizeof rows[0], NULL};
