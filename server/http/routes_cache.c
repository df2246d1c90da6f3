/*
 * routes_cache.c - /api/cache/{key} and /api/stores/{name}/cache/{key}: values as JSON or as bytes.
 *
 *     GET     GET, PTTL         or HC.GET with X-Cache-Lease or X-Cache-Stale (docs/stampede.md)
 *     PUT     SET [PX] [NX XX IFDEQ IFDNE]    or HC.SET with X-Cache-Token
 *     DELETE  DEL               or DELEX IFDEQ with If-Match
 *
 * The version that ETag tells is the value's digest, as IFDEQ takes it.
 */
#include <stdio.h>
#include <string.h>

#include "http/http_private.h"
#include "http/http_values.h"

#define NUMBER_CHARS 24u

typedef char number_text[NUMBER_CHARS];

static hc_span number_span(number_text text, int64_t number)
{
    int chars = snprintf(text, NUMBER_CHARS, "%lld", (long long)number);
    return hc_span_make(text, (size_t)chars);
}

/* Which store and key the path and the query mean.  False: answered. */
static bool key_of(http_exchange *x, hc_span *key_out)
{
    bool named = x->params[1].data != NULL;
    *key_out = exchange_param(x, named ? 1 : 0);
    return named ? exchange_store(x, exchange_param(x, 0)) : exchange_store_of_query(x);
}

/* ---- reading ---- */

typedef struct found_value {
    const answer_entry *value;
    int64_t ttl_ms; /* -1: it stays */
    hc_span state, token;
    int64_t lease_ms;
} found_value;

static bool header_number(http_exchange *x, const char *lower, number_text text, bool *found_out)
{
    hc_span value = http_head_find(x->head, lower, found_out);
    if (!*found_out) return true;
    bool good = value.size > 0 && value.size <= 12;
    for (size_t i = 0; i < value.size && good; i++)
        good = value.data[i] >= '0' && value.data[i] <= '9';
    if (!good) {
        exchange_error(x, 400, NULL, "%s: a number of milliseconds is wanted", lower);
        return false;
    }
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    return true;
}

/* HC.GET: the value, and who makes it anew.  False: answered, or it waits. */
static bool read_leased(http_exchange *x, hc_span key, const char *lease, const char *stale,
                        found_value *found)
{
    hc_span args[6] = {HC_SPAN("HC.GET"), key};
    size_t argc = 2, at;
    if (lease != NULL) {
        args[argc++] = HC_SPAN("LEASE");
        args[argc++] = hc_span_make(lease, strlen(lease));
    }
    if (stale != NULL) {
        args[argc++] = HC_SPAN("STALE");
        args[argc++] = hc_span_make(stale, strlen(stale));
    }
    if (exchange_ask(x, args, argc, ANSWER_ARRAY, &at) == NULL) return false; /* of four */
    const answer_entry *state = exchange_answer(x, at + 2), *ms = exchange_answer(x, at + 3);
    const answer_entry *token = exchange_answer(x, at + 4);
    found->value = exchange_answer(x, at + 1);
    found->state = answer_text(x->tape, state);
    found->ttl_ms = -1;
    if (http_word_is(found->state, "hit"))
        found->ttl_ms = ms->as.integer;
    else
        found->lease_ms = ms->as.integer;
    if (token->kind == ANSWER_BULK) found->token = answer_text(x->tape, token);
    return true;
}

static bool read_plainly(http_exchange *x, hc_span key, found_value *found)
{
    const hc_span get[2] = {HC_SPAN("GET"), key}, ttl[2] = {HC_SPAN("PTTL"), key};
    exchange_command commands[2] = {{.args = get, .argc = 2}, {.args = ttl, .argc = 2}};
    if (!exchange_run_all(x, commands, 2)) return false;
    found->value = exchange_answer(x, commands[0].at);
    if (exchange_is_error(found->value)) {
        exchange_fail(x, found->value);
        return false;
    }
    const answer_entry *ms = exchange_answer(x, commands[1].at);
    found->ttl_ms = ms != NULL && ms->kind == ANSWER_INTEGER ? ms->as.integer : -1;
    return true;
}

static void lease_headers(http_exchange *x, const found_value *found)
{
    number_text text;
    if (found->state.size == 0) return;
    exchange_header(x, "X-Cache-State", found->state);
    if (found->token.size > 0) exchange_header(x, "X-Cache-Token", found->token);
    if (found->lease_ms > 0)
        exchange_header(x, "X-Cache-Lease", number_span(text, found->lease_ms));
}

static void value_respond(http_exchange *x, hc_span key, hc_span value, const found_value *found,
                          const char etag[ETAG_CHARS])
{
    number_text text;
    if (exchange_query(x, "raw", NULL).size > 0 ||
        exchange_accepts(x, "application/octet-stream")) {
        if (found->ttl_ms >= 0) exchange_header(x, "X-TTL-Ms", number_span(text, found->ttl_ms));
        exchange_constant(x, 200, "application/octet-stream", value);
        return;
    }
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_value(out, "value", value);
    if (text_is_utf8(key)) {
        put_text_as(out, "key", key);
    }
    put_key(out, "ttl");
    if (found->ttl_ms < 0)
        put_null(out);
    else
        put_seconds(out, found->ttl_ms);
    put_text_as(out, "version", hc_span_make(etag + 1, VALUE_DIGEST_CHARS));
    put_end(out);
}

static void get_key(http_exchange *x)
{
    hc_span key;
    number_text lease, stale;
    bool with_lease, with_stale;
    found_value found = {0};
    if (!key_of(x, &key)) return;
    if (!header_number(x, "x-cache-lease", lease, &with_lease) ||
        !header_number(x, "x-cache-stale", stale, &with_stale))
        return;
    bool leased = with_lease || with_stale;
    if (leased ? !read_leased(x, key, with_lease ? lease : NULL, with_stale ? stale : NULL, &found)
               : !read_plainly(x, key, &found))
        return;
    lease_headers(x, &found);
    if (found.value == NULL || found.value->kind != ANSWER_BULK) {
        exchange_error(x, 404, "KEY_NOT_FOUND", "there is no such key");
        return;
    }
    char etag[ETAG_CHARS];
    hc_span value = answer_text(x->tape, found.value);
    etag_of(value, etag);
    exchange_header(x, "ETag", hc_span_make(etag, sizeof etag));
    exchange_header(x, "Cache-Control", HC_SPAN("no-cache"));
    if (etag_listed(x, etag))
        exchange_empty(x, 304);
    else
        value_respond(x, key, value, &found, etag);
}

/* ---- writing ---- */

/* Adds what If-Match and If-None-Match ask of SET.  False: answered. */
static bool conditions_add(http_exchange *x, hc_span *args, size_t *argc, bool *any_out)
{
    etag_match match, none_match;
    hc_span digest = {0}, none_digest = {0};
    *any_out = false;
    if (!etag_read(x, "if-match", &match, &digest) ||
        !etag_read(x, "if-none-match", &none_match, &none_digest))
        return false;
    if (match != ETAG_NONE && none_match != ETAG_NONE) {
        exchange_error(x, 400, NULL, "If-Match or If-None-Match, not both");
        return false;
    }
    if (match == ETAG_NEVER) {
        exchange_error(x, 412, NULL, "the value is of another version");
        return false;
    }
    *any_out = match != ETAG_NONE || none_match == ETAG_ANY || none_match == ETAG_ONE;
    if (match == ETAG_ANY) args[(*argc)++] = HC_SPAN("XX");
    if (none_match == ETAG_ANY) args[(*argc)++] = HC_SPAN("NX");
    if (match == ETAG_ONE || none_match == ETAG_ONE) {
        args[(*argc)++] = match == ETAG_ONE ? HC_SPAN("IFDEQ") : HC_SPAN("IFDNE");
        args[(*argc)++] = match == ETAG_ONE ? digest : none_digest;
    }
    return true;
}

static void written_respond(http_exchange *x, hc_span key, const value_wish *wish)
{
    char etag[ETAG_CHARS];
    etag_of(wish->value, etag);
    exchange_header(x, "ETag", hc_span_make(etag, sizeof etag));
    json_out *out = exchange_json(x, 200);
    put_object(out);
    if (text_is_utf8(key)) {
        put_text_as(out, "key", key);
    }
    put_bool_as(out, "stored", true);
    put_text_as(out, "version", hc_span_make(etag + 1, VALUE_DIGEST_CHARS));
    put_end(out);
}

static void write_key(http_exchange *x, hc_span key, const value_wish *wish)
{
    hc_span args[8];
    number_text ttl;
    size_t argc = 0, at;
    bool conditional, leased;
    hc_span token = http_head_find(x->head, "x-cache-token", &leased);
    args[argc++] = leased ? HC_SPAN("HC.SET") : HC_SPAN("SET");
    args[argc++] = key;
    args[argc++] = wish->value;
    if (leased) args[argc++] = token;
    if (wish->ttl_ms > 0) {
        args[argc++] = HC_SPAN("PX");
        args[argc++] = number_span(ttl, wish->ttl_ms);
    }
    if (!conditions_add(x, args, &argc, &conditional)) return;
    if (leased && conditional) {
        exchange_error(x, 400, NULL, "X-Cache-Token is a condition of its own");
        return;
    }
    if (!exchange_run(x, args, argc, &at)) return;
    const answer_entry *said = exchange_answer(x, at);
    if (exchange_is_error(said))
        exchange_fail(x, said);
    else if (said->kind == ANSWER_NULL && leased)
        exchange_error(x, 409, "LEASE_LOST", "the lease is over, or another has it");
    else if (said->kind == ANSWER_NULL)
        exchange_error(x, 412, NULL, "the value is of another version");
    else
        written_respond(x, key, wish);
}

static void put_json(http_exchange *x, hc_span key)
{
    const char *why;
    value_wish wish;
    json_t *body = body_object(x);
    if (body == NULL) return;
    if (value_wish_read(body, &wish, &why)) {
        write_key(x, key, &wish);
        value_wish_fini(&wish);
    } else {
        exchange_error(x, 400, NULL, "%s", why);
    }
    json_decref(body);
}

static void put_key_value(http_exchange *x)
{
    hc_span key;
    bool with_ttl;
    if (!key_of(x, &key)) return;
    bool raw = exchange_query(x, "raw", NULL).size > 0;
    if (!raw && exchange_body_is(x, "application/json")) {
        put_json(x, key);
        return;
    }
    if (exchange_body_is(x, "multipart/form-data")) {
        exchange_error(x, 415, NULL, "JSON, or the value's bytes as they are");
        return;
    }
    value_wish wish = {.value = exchange_body(x)};
    hc_span ttl = exchange_query(x, "ttl", &with_ttl);
    if (with_ttl && !ttl_parse(ttl, &wish.ttl_ms)) {
        exchange_error(x, 400, NULL, "ttl: seconds, or a time as 30m, 1h30m, 250ms");
        return;
    }
    write_key(x, key, &wish);
}

/* ---- deleting ---- */

static void delete_key(http_exchange *x)
{
    hc_span key, digest = {0};
    etag_match match;
    if (!key_of(x, &key) || !etag_read(x, "if-match", &match, &digest)) return;
    bool tests = match == ETAG_ONE || match == ETAG_NEVER;
    const hc_span plain[2] = {HC_SPAN("DEL"), key};
    const hc_span tested[4] = {HC_SPAN("DELEX"), key, HC_SPAN("IFDEQ"),
                               match == ETAG_ONE ? digest : HC_SPAN("0000000000000000")};
    const hc_span exists[2] = {HC_SPAN("EXISTS"), key};
    exchange_command commands[2] = {{.args = tests ? tested : plain, .argc = tests ? 4 : 2},
                                    {.args = exists, .argc = 2}};
    if (!exchange_run_all(x, commands, tests ? 2 : 1)) return;
    const answer_entry *said = exchange_answer(x, commands[0].at);
    if (exchange_is_error(said)) {
        exchange_fail(x, said);
    } else if (said->as.integer > 0) {
        json_out *out = exchange_json(x, 200);
        put_object(out);
        put_bool_as(out, "deleted", true);
        put_end(out);
    } else if (tests && exchange_answer(x, commands[1].at)->as.integer > 0) {
        exchange_error(x, 412, NULL, "the value is of another version");
    } else {
        exchange_error(x, match == ETAG_ANY ? 412 : 404, match == ETAG_ANY ? NULL : "KEY_NOT_FOUND",
                       "there is no such key");
    }
}

static void release_key(http_exchange *x)
{
    hc_span key;
    bool found;
    if (!key_of(x, &key)) return;
    hc_span token = http_head_find(x->head, "x-cache-token", &found);
    if (!found) {
        exchange_error(x, 400, NULL, "X-Cache-Token says which lease is given up");
        return;
    }
    const hc_span args[3] = {HC_SPAN("HC.RELEASE"), key, token};
    const answer_entry *said = exchange_ask(x, args, 3, ANSWER_INTEGER, NULL);
    if (said == NULL) return;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_bool_as(out, "released", said->as.integer > 0);
    put_end(out);
}

#define VALUE_BODY "the value: as bytes, or as JSON {\"value\": ..., \"ttl\": \"30m\"}"

static const http_route rows[] = {
    {HTTP_GET, "/api/cache/{key}", get_key, 0, "The value of a key", "store raw", NULL,
     "200 304 404 409"},
    {HTTP_PUT, "/api/cache/{key}", put_key_value, 0, "Sets a key", "store raw ttl", VALUE_BODY,
     "200 409 412 413 415 507"},
    {HTTP_POST, "/api/cache/{key}", put_key_value, 0, "Sets a key, as PUT does", "store raw ttl",
     VALUE_BODY, "200 409 412 413 415 507"},
    {HTTP_DELETE, "/api/cache/{key}", delete_key, 0, "Deletes a key", "store", NULL,
     "200 404 409 412"},
    {HTTP_DELETE, "/api/cache/{key}/lease", release_key, 0, "Gives a lease up", "store", NULL,
     "200"},
    {HTTP_GET, "/api/stores/{name}/cache/{key}", get_key, 0, "The value of a key of a store", "raw",
     NULL, "200 304 404 409"},
    {HTTP_PUT, "/api/stores/{name}/cache/{key}", put_key_value, 0, "Sets a key of a store",
     "raw ttl", VALUE_BODY, "200 404 409 412 413 415 507"},
    {HTTP_POST, "/api/stores/{name}/cache/{key}", put_key_value, 0,
     "Sets a key of a store, as PUT does", "raw ttl", VALUE_BODY, "200 404 409 412 413 415 507"},
    {HTTP_DELETE, "/api/stores/{name}/cache/{key}", delete_key, 0, "Deletes a key of a store", NULL,
     NULL, "200 404 409 412"},
};

const http_route_set http_routes_cache = {rows, sizeof rows / sizeof rows[0], NULL};
