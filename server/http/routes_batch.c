/*
 * routes_batch.c - /api/cache/batch/get, /set, /delete: up to 1000 items, each with its own result.
 *
 * get is one MGET; set and delete are as many commands as there are items, run as a pipeline is.
 * An item that is not understood has its error in its place; the others are done.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http/http_private.h"
#include "http/http_values.h"

#define ITEMS_MAX 1000u
#define SET_ARGS_MAX 5u
#define NUMBER_CHARS 24u

typedef struct batch_item {
    hc_span key;
    value_wish wish;
    char ttl[NUMBER_CHARS];
    const char *why; /* what is wrong with it; NULL: nothing */
    size_t command;  /* its place among those that run */
} batch_item;

typedef struct batch {
    json_t *body;
    const json_t *list;
    size_t count;
    batch_item *items;
    hc_span *args; /* SET_ARGS_MAX for each, and one */
    exchange_command *commands;
    size_t command_count;
    size_t values_at; /* get: of the first value's answer */
    http_bytes keys;  /* decoded ones; room for all is there */
} batch;

static void batch_fini(batch *of)
{
    for (size_t i = 0; of->items != NULL && i < of->count; i++)
        value_wish_fini(&of->items[i].wish);
    free(of->items);
    free(of->args);
    free(of->commands);
    http_bytes_fini(&of->keys);
    json_decref(of->body);
}

/* Reads the body's list of this name and selects its store.  False: answered. */
static bool batch_begin(http_exchange *x, const char *name, batch *of)
{
    *of = (batch){.body = body_object(x)};
    if (of->body == NULL) return false;
    of->list = json_object_get(of->body, name);
    of->count = json_array_size(of->list);
    if (!json_is_array(of->list) || of->count == 0 || of->count > ITEMS_MAX) {
        exchange_error(x, of->count > ITEMS_MAX ? 413 : 400, NULL, "\"%s\" is a list of 1 to %u",
                       name, ITEMS_MAX);
        return false;
    }
    of->items = calloc(of->count, sizeof *of->items);
    of->args = calloc(of->count * SET_ARGS_MAX + 1, sizeof *of->args);
    of->commands = calloc(of->count, sizeof *of->commands);
    if (of->items == NULL || of->args == NULL || of->commands == NULL ||
        !http_bytes_reserve(&of->keys, exchange_body(x).size + 1)) {
        exchange_error(x, 507, NULL, "no memory for this request");
        return false;
    }
    const json_t *store = json_object_get(of->body, "store");
    if (store == NULL || json_is_null(store)) return exchange_store_of_query(x);
    if (!json_is_string(store)) {
        exchange_error(x, 400, NULL, "\"store\" is a name");
        return false;
    }
    return exchange_store(x, hc_span_make(json_string_value(store), json_string_length(store)));
}

/* A text, or {"base64": text}. */
static void key_read(const json_t *from, batch *of, batch_item *item)
{
    const json_t *coded = json_object_get(from, "base64");
    if (json_is_string(from)) {
        item->key = hc_span_make(json_string_value(from), json_string_length(from));
        return;
    }
    size_t begin = of->keys.size;
    if (json_is_string(coded) &&
        base64_decode(hc_span_make(json_string_value(coded), json_string_length(coded)), &of->keys))
        item->key = hc_span_make(of->keys.data + begin, of->keys.size - begin);
    else
        item->why = "a key is a text, or {\"base64\": ...}";
}

static void put_item_key(json_out *out, hc_span key)
{
    put_key(out, "key");
    if (text_is_utf8(key)) {
        put_text(out, key);
        return;
    }
    put_object(out);
    put_key(out, "base64");
    put_base64(out, key);
    put_end(out);
}

static void put_item_error(json_out *out, const char *code, hc_span why)
{
    put_text_as(out, "error", why);
    put_string_as(out, "code", code);
}

/* The command that the item's answer begins at; and an error, if it is one, told. */
static const answer_entry *item_answer(http_exchange *x, const batch *of, const batch_item *item,
                                       json_out *out)
{
    if (item->why != NULL) {
        put_item_error(out, "BAD_REQUEST", hc_span_make(item->why, strlen(item->why)));
        return NULL;
    }
    const answer_entry *said = exchange_answer(x, of->commands[item->command].at);
    if (said == NULL || said->kind != ANSWER_ERROR) return said;
    const char *code;
    (void)exchange_status_of(answer_text(exchange_tape(x), said), &code);
    put_item_error(out, code, answer_text(exchange_tape(x), said));
    return NULL;
}

/* One item's result behind its key.  Returns whether it is to be counted. */
typedef bool (*item_put)(http_exchange *x, const batch *of, const batch_item *item, json_out *out);

/* Begins the response: "items"; returns how many of them count. */
static size_t put_items(http_exchange *x, const batch *of, json_out *out, item_put put)
{
    size_t count = 0;
    put_object(out);
    put_array_as(out, "items");
    for (size_t i = 0; i < of->count; i++) {
        put_object(out);
        put_item_key(out, of->items[i].key);
        count += put(x, of, &of->items[i], out);
        put_end(out);
    }
    put_end(out);
    return count;
}

static void put_version(json_out *out, hc_span value)
{
    char etag[ETAG_CHARS];
    etag_of(value, etag);
    put_text_as(out, "version", hc_span_make(etag + 1, VALUE_DIGEST_CHARS));
}

/* ---- get ---- */

static bool put_found(http_exchange *x, const batch *of, const batch_item *item, json_out *out)
{
    size_t index = (size_t)(item - of->items);
    const answer_entry *value = exchange_answer(x, of->values_at + index);
    bool found = value != NULL && value->kind == ANSWER_BULK;
    put_bool_as(out, "found", found);
    if (found) {
        hc_span text = answer_text(exchange_tape(x), value);
        put_value(out, "value", text);
        put_version(out, text);
    }
    return found;
}

static void run_get(http_exchange *x, batch *of)
{
    size_t at;
    of->args[0] = HC_SPAN("MGET");
    for (size_t i = 0; i < of->count; i++) {
        key_read(json_array_get(of->list, i), of, &of->items[i]);
        of->args[i + 1] = of->items[i].key;
        if (of->items[i].why == NULL) continue;
        exchange_error(x, 400, NULL, "%s", of->items[i].why);
        return;
    }
    if (exchange_ask(x, of->args, of->count + 1, ANSWER_ARRAY, &at) == NULL) return;
    of->values_at = at + 1; /* behind the array's own */
    json_out *out = exchange_json(x, 200);
    put_uint_as(out, "found", put_items(x, of, out, put_found));
    put_end(out);
}

static void post_get(http_exchange *x)
{
    batch of;
    if (batch_begin(x, "keys", &of)) run_get(x, &of);
    batch_fini(&of);
}

/* ---- set, delete: a command an item ---- */

/* Reads the list of that name, has `prepare` make a command of each item, runs them and responds.
 */
static void post_each(http_exchange *x, const char *name, void (*prepare)(batch *of, size_t index),
                      void (*respond)(http_exchange *x, const batch *of))
{
    batch of;
    if (batch_begin(x, name, &of)) {
        for (size_t i = 0; i < of.count; i++)
            prepare(&of, i);
        if (of.command_count == 0 || exchange_run_all(x, of.commands, of.command_count))
            respond(x, &of);
    }
    batch_fini(&of);
}

static void command_add(batch *of, batch_item *item, const hc_span *args, size_t argc)
{
    item->command = of->command_count++;
    of->commands[item->command] = (exchange_command){.args = args, .argc = argc};
}

static void set_prepare(batch *of, size_t index)
{
    batch_item *item = &of->items[index];
    const json_t *from = json_array_get(of->list, index);
    key_read(json_object_get(from, "key"), of, item);
    if (item->why != NULL || !value_wish_read(from, &item->wish, &item->why)) return;
    item->why = NULL;
    hc_span *args = of->args + index * SET_ARGS_MAX;
    size_t argc = 0;
    args[argc++] = HC_SPAN("SET");
    args[argc++] = item->key;
    args[argc++] = item->wish.value;
    if (item->wish.ttl_ms > 0) {
        int chars = snprintf(item->ttl, sizeof item->ttl, "%lld", (long long)item->wish.ttl_ms);
        args[argc++] = HC_SPAN("PX");
        args[argc++] = hc_span_make(item->ttl, (size_t)chars);
    }
    command_add(of, item, args, argc);
}

static bool put_stored(http_exchange *x, const batch *of, const batch_item *item, json_out *out)
{
    bool stored = item_answer(x, of, item, out) != NULL;
    put_bool_as(out, "stored", stored);
    if (stored) put_version(out, item->wish.value);
    return stored;
}

static void set_respond(http_exchange *x, const batch *of)
{
    json_out *out = exchange_json(x, 200);
    size_t stored = put_items(x, of, out, put_stored);
    put_uint_as(out, "stored", stored);
    put_uint_as(out, "failed", of->count - stored);
    put_end(out);
}

static void post_set(http_exchange *x)
{
    post_each(x, "items", set_prepare, set_respond);
}

static void delete_prepare(batch *of, size_t index)
{
    batch_item *item = &of->items[index];
    key_read(json_array_get(of->list, index), of, item);
    if (item->why != NULL) return;
    hc_span *args = of->args + index * SET_ARGS_MAX;
    args[0] = HC_SPAN("DEL");
    args[1] = item->key;
    command_add(of, item, args, 2);
}

static bool put_deleted(http_exchange *x, const batch *of, const batch_item *item, json_out *out)
{
    const answer_entry *said = item_answer(x, of, item, out);
    bool deleted = said != NULL && said->kind == ANSWER_INTEGER && said->as.integer > 0;
    put_bool_as(out, "deleted", deleted);
    return deleted;
}

static void delete_respond(http_exchange *x, const batch *of)
{
    json_out *out = exchange_json(x, 200);
    put_uint_as(out, "deleted", put_items(x, of, out, put_deleted));
    put_end(out);
}

static void post_delete(http_exchange *x)
{
    post_each(x, "keys", delete_prepare, delete_respond);
}

#define KEYS_BODY "{\"keys\": [\"a\", {\"base64\": \"/w==\"}], \"store\": name}"

static const http_route rows[] = {
    {HTTP_POST, "/api/cache/batch/get", post_get, HTTP_ROUTE_JSON, "Values of up to 1000 keys",
     "store", KEYS_BODY, "200 404 413 415"},
    {HTTP_POST, "/api/cache/batch/set", post_set, HTTP_ROUTE_JSON, "Sets up to 1000 keys", "store",
     "{\"items\": [{\"key\": \"a\", \"value\": \"1\", \"ttl\": \"30m\"}], \"store\": name}",
     "200 404 413 415"},
    {HTTP_POST, "/api/cache/batch/delete", post_delete, HTTP_ROUTE_JSON, "Deletes up to 1000 keys",
     "store", KEYS_BODY, "200 404 413 415"},
};

const http_route_set http_routes_batch = {rows, sizeof rows / sizeof rows[0], NULL};
