/* http_exchange.c - what handlers ask of the request, and of the table of commands. */
#include "http/http_exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command/cluster/cluster_turn.h"
#include "command/durable.h"
#include "http/http_private.h"

#define MESSAGE_BYTES_MAX 400u

node *exchange_node(const http_exchange *x)
{
    return x->worker->node;
}

session *exchange_session(const http_exchange *x)
{
    return &x->connection->session;
}

void *exchange_ctx(const http_exchange *x)
{
    return x->route->ctx;
}

const http_head *exchange_head(const http_exchange *x)
{
    return x->head;
}

hc_span exchange_body(const http_exchange *x)
{
    return x->body;
}

bool exchange_may_admin(const http_exchange *x)
{
    return x->worker->service->options.admin;
}

hc_span exchange_param(const http_exchange *x, size_t index)
{
    return x->params[index];
}

hc_span exchange_correlation(const http_exchange *x)
{
    return x->correlation;
}

const http_answer *exchange_tape(const http_exchange *x)
{
    return x->tape;
}

/* ---- query and headers ---- */

hc_span exchange_query(http_exchange *x, const char *name, bool *found_out)
{
    hc_span rest = x->head->query;
    size_t name_bytes = strlen(name);
    bool nowhere;
    if (found_out == NULL) found_out = &nowhere;
    *found_out = false;
    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '&', rest.size);
        size_t bytes = end != NULL ? (size_t)(end - rest.data) : rest.size;
        bool is_it = bytes >= name_bytes && memcmp(rest.data, name, name_bytes) == 0;
        if (is_it && (bytes == name_bytes || rest.data[name_bytes] == '=')) {
            size_t skip = bytes == name_bytes ? bytes : name_bytes + 1;
            *found_out = true;
            return http_unescape(&x->worker->texts, hc_span_make(rest.data + skip, bytes - skip),
                                 true);
        }
        if (end == NULL) break;
        rest = hc_span_make(end + 1, rest.size - bytes - 1);
    }
    return (hc_span){0};
}

bool exchange_query_number(http_exchange *x, const char *name, uint64_t least, uint64_t most,
                           uint64_t otherwise, uint64_t *number_out)
{
    bool found;
    hc_span text = exchange_query(x, name, &found);
    *number_out = otherwise;
    if (!found) return true;
    uint64_t number = 0;
    bool good = text.size > 0 && text.size <= 18;
    for (size_t i = 0; i < text.size && good; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9';
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (!good || number < least || number > most) {
        exchange_error(x, 400, NULL, "%s: a number from %llu to %llu is wanted", name,
                       (unsigned long long)least, (unsigned long long)most);
        return false;
    }
    *number_out = number;
    return true;
}

bool exchange_body_is(const http_exchange *x, const char *type)
{
    bool found;
    hc_span value = http_head_find(x->head, "content-type", &found);
    if (!found) return false;
    const uint8_t *end = memchr(value.data, ';', value.size);
    if (end != NULL) value.size = (size_t)(end - value.data);
    while (value.size > 0 && value.data[value.size - 1] == ' ')
        value.size--;
    return http_word_is(value, type);
}

bool exchange_accepts(const http_exchange *x, const char *type)
{
    bool found;
    hc_span value = http_head_find(x->head, "accept", &found);
    while (found && value.size > 0) {
        const uint8_t *comma = memchr(value.data, ',', value.size);
        size_t bytes = comma != NULL ? (size_t)(comma - value.data) : value.size;
        hc_span one = hc_span_make(value.data, bytes);
        const uint8_t *end = bytes > 0 ? memchr(one.data, ';', one.size) : NULL;
        if (end != NULL) one.size = (size_t)(end - one.data);
        if (http_list_has(one, type)) return true;
        if (comma == NULL) break;
        value = hc_span_make(comma + 1, value.size - bytes - 1);
    }
    return false;
}

/* ---- commands ---- */

static bool store_select(http_exchange *x, hc_span name)
{
    session *who = exchange_session(x);
    if (name.size == 0)
        return atomic_load_explicit(&who->database, memory_order_relaxed) == 0 ||
               session_select(who, 0) == HC_OK;
    return session_select_name(who, name) == HC_OK;
}

bool exchange_store(http_exchange *x, hc_span name)
{
    if (name.size > 0 && durable_is_loading(x->worker->node)) {
        exchange_error(x, 503, "LOADING", "the stores are being loaded");
        return false;
    }
    if (store_select(x, name)) return true;
    exchange_error(x, 404, "STORE_NOT_FOUND", "there is no such store");
    return false;
}

bool exchange_store_of_query(http_exchange *x)
{
    if (x->head->query.size == 0) return exchange_store(x, (hc_span){0});
    return exchange_store(x, exchange_query(x, "store", NULL));
}

/* Commands that ran before the handler was begun anew are not run again. */
static size_t replayed(http_exchange *x, exchange_command *commands, size_t count)
{
    size_t i = 0;
    for (; i < count && x->cursor < x->taped; i++, x->cursor++) {
        commands[i].at = x->tape_at;
        x->tape_at = answer_next(x->tape, x->tape_at);
    }
    return i;
}

bool exchange_run_all(http_exchange *x, exchange_command *commands, size_t count)
{
    http_worker *w = x->worker;
    session *who = exchange_session(x);
    size_t done = replayed(x, commands, count);
    while (done < count) {
        size_t batch = count - done < REQUEST_BATCH_MAX ? count - done : REQUEST_BATCH_MAX;
        for (size_t i = 0; i < batch; i++) {
            w->requests[i] = (request){.node = w->node,
                                       .session = who,
                                       .args = commands[done + i].args,
                                       .argc = commands[done + i].argc,
                                       .reply = &x->tape->base};
        }
        size_t ran = request_run_batch(w->requests, batch, SIZE_MAX);
        if (who->close) { /* killed: there is nobody to answer */
            x->closes = true;
            x->connection->state = HTTP_DEAD;
            return false;
        }
        x->taped += ran;
        if (cluster_awaits(who)) { /* their answers come onto the tape later */
            x->parked = true;
            return false;
        }
        done += replayed(x, commands + done, ran);
        if (ran < batch && session_is_parked(who)) {
            x->parked = true;
            return false;
        }
    }
    return true;
}

bool exchange_run(http_exchange *x, const hc_span *args, size_t argc, size_t *at_out)
{
    exchange_command one = {.args = args, .argc = argc};
    if (!exchange_run_all(x, &one, 1)) return false;
    *at_out = one.at;
    return true;
}

const answer_entry *exchange_ask(http_exchange *x, const hc_span *args, size_t argc,
                                 answer_kind kind, size_t *at_out)
{
    size_t at;
    if (!exchange_run(x, args, argc, &at)) return NULL;
    const answer_entry *said = exchange_answer(x, at);
    if (said == NULL || said->kind != kind) {
        exchange_fail(x, said);
        return NULL;
    }
    if (at_out != NULL) *at_out = at;
    return said;
}

/* ---- the response ---- */

void exchange_header(http_exchange *x, const char *name, hc_span value)
{
    http_bytes *to = &x->worker->extra;
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] < 0x20 || value.data[i] == 0x7f) return;
    http_bytes_text(to, name);
    http_bytes_add(to, ": ", 2);
    http_bytes_span(to, value);
    http_bytes_add(to, "\r\n", 2);
}

static void response_begin(http_exchange *x, unsigned status, const char *type)
{
    http_bytes_clear(&x->worker->payload, SIZE_MAX);
    x->status = status;
    x->type = type;
    x->has_constant = false;
}

json_out *exchange_json(http_exchange *x, unsigned status)
{
    response_begin(x, status, "application/json");
    put_begin(&x->json, &x->worker->payload);
    return &x->json;
}

http_bytes *exchange_text(http_exchange *x, unsigned status, const char *type)
{
    response_begin(x, status, type);
    return &x->worker->payload;
}

void exchange_constant(http_exchange *x, unsigned status, const char *type, hc_span body)
{
    response_begin(x, status, type);
    x->has_constant = true;
    x->constant = body;
}

void exchange_empty(http_exchange *x, unsigned status)
{
    response_begin(x, status, "application/json");
}

void exchange_stream(http_exchange *x, const char *type, const http_stream_ops *ops, void *ctx)
{
    response_begin(x, 200, type);
    x->stream = ops;
    x->stream_ctx = ctx;
}

static void timestamp_text(int64_t ms, char text[32])
{
    time_t s = (time_t)(ms / 1000);
    struct tm t;
    text[0] = '\0';
    if (gmtime_r(&s, &t) == NULL) return;
    (void)snprintf(text, 32, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (t.tm_year + 1900) % 10000,
                   (t.tm_mon + 1) % 100, t.tm_mday % 100, t.tm_hour % 100, t.tm_min % 100,
                   t.tm_sec % 100, (int)(ms % 1000) % 1000);
}

static void error_write(http_exchange *x, unsigned status, const char *code, hc_span message)
{
    char when[32];
    timestamp_text(node_now_ms(x->worker->node), when);
    json_out *out = exchange_json(x, status);
    put_object(out);
    put_text_as(out, "error", message);
    put_string_as(out, "code", code != NULL ? code : http_status_code(status));
    put_text_as(out, "correlation_id", x->correlation);
    put_string_as(out, "timestamp", when);
    put_end(out);
}

void exchange_error(http_exchange *x, unsigned status, const char *code, const char *format, ...)
{
    char message[MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int chars = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    size_t bytes = chars < 0                        ? 0
                   : (size_t)chars < sizeof message ? (size_t)chars
                                                    : sizeof message - 1;
    error_write(x, status, code, hc_span_make(message, bytes));
}

unsigned exchange_status_of(hc_span error, const char **code_out)
{
    static const struct {
        const char *word, *code;
        unsigned status;
    } rows[] = {{"WRONGTYPE", "WRONG_TYPE", 409},
                {"OOM", "OUT_OF_MEMORY", 507},
                {"LOADING", "LOADING", 503},
                {"MISCONF", "DISK_ERROR", 503},
                {"NOAUTH", "UNAUTHORIZED", 401},
                {"NOPERM", "FORBIDDEN", 403},
                {"BUSY", "BUSY", 503},
                {"CLUSTERDOWN", "CLUSTER_DOWN", 503},
                {"NOREPLICAS", "NO_REPLICAS", 503},
                {"TRYAGAIN", "TRY_AGAIN", 503},
                {"READONLY", "READ_ONLY", 503},
                {"BUSYKEY", "CONFLICT", 409},
                {"MASTERDOWN", "UNAVAILABLE", 503}};
    const uint8_t *blank = error.size > 0 ? memchr(error.data, ' ', error.size) : NULL;
    size_t bytes = blank != NULL ? (size_t)(blank - error.data) : error.size;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strlen(rows[i].word) != bytes || memcmp(rows[i].word, error.data, bytes) != 0) continue;
        *code_out = rows[i].code;
        return rows[i].status;
    }
    *code_out = "COMMAND_ERROR";
    return 400;
}

void exchange_fail(http_exchange *x, const answer_entry *error)
{
    if (error == NULL || error->kind != ANSWER_ERROR) {
        exchange_error(x, 500, NULL, "a command gave an answer of another kind");
        return;
    }
    const char *code;
    hc_span text = answer_text(x->tape, error);
    unsigned status = exchange_status_of(text, &code);
    if (text.size > 4 && memcmp(text.data, "ERR ", 4) == 0)
        text = hc_span_make(text.data + 4, text.size - 4);
    error_write(x, status, code, text);
}
