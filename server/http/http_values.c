/* http_values.c - reading what clients say of values; see http_values.h. */
#include "http/http_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- times ---- */

static int64_t unit_ms(hc_span text, size_t *at)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t chars = strlen(units[i].name);
        if (text.size - *at < chars || memcmp(text.data + *at, units[i].name, chars) != 0) continue;
        *at += chars;
        return units[i].ms;
    }
    return 0;
}

bool ttl_parse(hc_span text, int64_t *ms_out)
{
    int64_t total_ms = 0;
    size_t at = 0;
    if (text.size == 0) return false;
    while (at < text.size) {
        int64_t number = 0;
        size_t first = at;
        for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
            number = number * 10 + (text.data[at] - '0');
            if (number > HTTP_TTL_MS_MAX) return false;
        }
        if (at == first) return false;
        bool bare = at == text.size && first == 0;
        int64_t ms = bare ? 1000 : unit_ms(text, &at);
        if (ms == 0 || number > HTTP_TTL_MS_MAX / ms) return false;
        total_ms += number * ms;
        if (total_ms > HTTP_TTL_MS_MAX) return false;
    }
    *ms_out = total_ms;
    return true;
}

/* ---- JSON ---- */

/* Deeper than any request of ours; looked at before anything is made of it. */
static bool too_deep(hc_span text)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (quoted && byte == '\\') {
            i++;
        } else if (byte == '"') {
            quoted = !quoted;
        } else if (!quoted && (byte == '{' || byte == '[')) {
            if (++depth > HTTP_JSON_DEPTH_MAX) return true;
        } else if (!quoted && (byte == '}' || byte == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

json_t *body_json(http_exchange *x)
{
    hc_span body = exchange_body(x);
    json_error_t error;
    if (!exchange_body_is(x, "application/json")) {
        exchange_error(x, 415, NULL, "this needs Content-Type: application/json");
        return NULL;
    }
    if (body.size > HTTP_JSON_BYTES_MAX) {
        exchange_error(x, 413, NULL, "a JSON body has %u bytes at most", HTTP_JSON_BYTES_MAX);
        return NULL;
    }
    if (too_deep(body)) {
        exchange_error(x, 400, "BAD_JSON", "the JSON is nested too deep");
        return NULL;
    }
    json_t *root = json_loadb((const char *)body.data, body.size,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        exchange_error(x, 400, "BAD_JSON", "the body is no JSON: %s, line %d", error.text,
                       error.line);
    }
    return root;
}

json_t *body_object(http_exchange *x)
{
    json_t *root = body_json(x);
    if (root == NULL || json_is_object(root)) return root;
    json_decref(root);
    exchange_error(x, 400, "BAD_JSON", "the body is to be a JSON object");
    return NULL;
}

static bool ttl_of(const json_t *from, double unit, int64_t *ms_out)
{
    if (json_is_string(from))
        return unit == 1000.0 &&
               ttl_parse(hc_span_make(json_string_value(from), json_string_length(from)), ms_out);
    if (!json_is_number(from)) return false;
    double ms = json_number_value(from) * unit;
    if (!(ms >= 0) || ms > (double)HTTP_TTL_MS_MAX) return false;
    *ms_out = (int64_t)ceil(ms);
    return true;
}

static bool ttl_read(const json_t *item, value_wish *wish, const char **why_out)
{
    static const struct {
        const char *name;
        double unit;
    } forms[] = {{"ttl", 1000.0}, {"ttl_ms", 1.0}, {"ttl_hours", 3600000.0}};
    unsigned given = 0;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const json_t *from = json_object_get(item, forms[i].name);
        if (from == NULL || json_is_null(from)) continue;
        if (given++ > 0) {
            *why_out = "ttl, ttl_ms and ttl_hours are the same thing: one of them";
            return false;
        }
        if (!ttl_of(from, forms[i].unit, &wish->ttl_ms)) {
            *why_out = "a ttl is seconds, or a text as \"30m\", \"1h30m\", \"250ms\"";
            return false;
        }
    }
    return true;
}

static bool names_are_known(const json_t *item)
{
    static const char *const known[] = {"value",  "encoding", "ttl",     "ttl_hours",
                                        "ttl_ms", "key",      "version", "store"};
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)item, name, value)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0] && !found; i++)
            found = strcmp(name, known[i]) == 0;
        if (!found) return false;
    }
    return true;
}

static bool encoded_read(const json_t *value, value_wish *wish)
{
    http_bytes bytes = {0};
    hc_span text = hc_span_make(json_string_value(value), json_string_length(value));
    if (!http_bytes_reserve(&bytes, text.size + 1) || !base64_decode(text, &bytes)) {
        http_bytes_fini(&bytes);
        return false;
    }
    wish->text = (char *)bytes.data;
    wish->value = http_bytes_view(&bytes);
    return true;
}

bool value_wish_read(const json_t *item, value_wish *wish, const char **why_out)
{
    const json_t *value = json_object_get(item, "value");
    const json_t *encoding = json_object_get(item, "encoding");
    *wish = (value_wish){0};
    *why_out = "";
    if (!json_is_object(item) || value == NULL)
        *why_out = "an object with a \"value\" is wanted";
    else if (!names_are_known(item))
        *why_out = "known are value, encoding, ttl, ttl_ms, ttl_hours";
    else if (encoding != NULL &&
             (!json_is_string(encoding) || (strcmp(json_string_value(encoding), "base64") != 0 &&
                                            strcmp(json_string_value(encoding), "utf-8") != 0)))
        *why_out = "encoding is \"base64\" or \"utf-8\"";
    if ((*why_out)[0] != '\0' || !ttl_read(item, wish, why_out)) return false;
    bool coded = encoding != NULL && strcmp(json_string_value(encoding), "base64") == 0;
    if (coded && json_is_string(value)) {
        if (encoded_read(value, wish)) return true;
        *why_out = "the value is no base64";
        return false;
    }
    if (json_is_string(value)) {
        wish->value = hc_span_make(json_string_value(value), json_string_length(value));
        return true;
    }
    wish->text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (coded || wish->text == NULL) {
        *why_out = "the value is no text";
        value_wish_fini(wish);
        return false;
    }
    wish->value = hc_span_make(wish->text, strlen(wish->text));
    return true;
}

void value_wish_fini(value_wish *of)
{
    free(of->text);
    of->text = NULL;
}

/* ---- versions ---- */

void etag_of(hc_span value, char etag[ETAG_CHARS])
{
    etag[0] = '"';
    value_digest(value, etag + 1);
    etag[ETAG_CHARS - 1] = '"';
}

static hc_span blanks_off(hc_span text)
{
    while (text.size > 0 && text.data[0] == ' ')
        text = hc_span_make(text.data + 1, text.size - 1);
    while (text.size > 0 && text.data[text.size - 1] == ' ')
        text.size--;
    return text;
}

bool etag_read(http_exchange *x, const char *lower, etag_match *match_out, hc_span *digest_out)
{
    bool found;
    hc_span value = http_head_find(exchange_head(x), lower, &found);
    *match_out = ETAG_NONE;
    if (!found) return true;
    value = blanks_off(value);
    if (value.size == 1 && value.data[0] == '*') {
        *match_out = ETAG_ANY;
        return true;
    }
    bool weak = value.size > 2 && memcmp(value.data, "W/", 2) == 0;
    if (weak) value = hc_span_make(value.data + 2, value.size - 2);
    bool quoted = value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"' &&
                  memchr(value.data + 1, '"', value.size - 2) == NULL;
    if (!quoted) {
        exchange_error(x, 400, NULL, "%s: * or one version in quotes is wanted", lower);
        return false;
    }
    *match_out = weak || value.size != ETAG_CHARS ? ETAG_NEVER : ETAG_ONE;
    *digest_out = hc_span_make(value.data + 1, value.size - 2);
    return true;
}

bool etag_listed(const http_exchange *x, const char etag[ETAG_CHARS])
{
    bool found;
    hc_span list = http_head_find(exchange_head(x), "if-none-match", &found);
    while (found && list.size > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.size);
        size_t bytes = comma != NULL ? (size_t)(comma - list.data) : list.size;
        hc_span one = blanks_off(hc_span_make(list.data, bytes));
        if (one.size > 2 && memcmp(one.data, "W/", 2) == 0)
            one = hc_span_make(one.data + 2, one.size - 2);
        if (one.size == 1 && one.data[0] == '*') return true;
        if (one.size == ETAG_CHARS && memcmp(one.data, etag, ETAG_CHARS) == 0) return true;
        if (comma == NULL) break;
        list = hc_span_make(comma + 1, list.size - bytes - 1);
    }
    return false;
}
