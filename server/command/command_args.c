/* command_args.c - arguments, errors and values: the small change of every handler. */
#include "command/command_args.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ERROR_CHARS_MAX = 512,
    INTEGER_CHARS_MAX = 20, /* "-9223372036854775808" */
    REAL_CHARS_MAX = 5119   /* longer ones Redis refuses too */
};

node_counters *request_counters(const request *of)
{
    return node_worker_counters(of->node, of->session->worker);
}

static void count_failure(const request *of, hc_span text)
{
    node_counters *counters = request_counters(of);
    node_count(&counters->errors, 1);
    of->session->last_error = observer_error(&of->node->observer, text);
    node_count(&counters->error_codes[of->session->last_error], 1);
    if (of->command != NULL) node_count(&counters->failures[command_index(of->command)], 1);
}

void request_error(request *of, const char *text)
{
    hc_span span = hc_span_make(text, strlen(text));
    count_failure(of, span);
    of->reply->ops->error(of->reply, span);
}

void request_errorf(request *of, const char *format, ...)
{
    char text[ERROR_CHARS_MAX];
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (wanted < 0) text[0] = '\0';
    size_t end = strlen(text); /* a quoted argument may end in line breaks: none at the end */
    while (end > 0 && (text[end - 1] == '\r' || text[end - 1] == '\n'))
        text[--end] = '\0';
    request_error(of, text);
}

void request_fail(request *of, hc_status status, hc_span key)
{
    switch (status) {
    case HC_ERR_FULL:
        request_error(of, "OOM command not allowed when used memory > 'maxmemory'.");
        return;
    case HC_ERR_NO_MEMORY:
        request_error(of, ERROR_NO_MEMORY);
        return;
    case HC_ERR_TYPE:
        request_error(of, "WRONGTYPE Operation against a key holding the wrong kind of value");
        return;
    case HC_ERR_LIMIT:
        if (key.size > HC_KEY_BYTES_MAX)
            request_errorf(of, "ERR key is longer than %u bytes", HC_KEY_BYTES_MAX);
        else
            request_error(of, ERROR_STRING_SIZE);
        return;
    case HC_ERR_NOT_NUMBER:
        request_error(of, ERROR_NOT_INTEGER);
        return;
    case HC_ERR_RANGE:
        request_error(of, "ERR increment or decrement would overflow");
        return;
    default:
        request_errorf(of, "ERR %s", hc_status_text(status));
        return;
    }
}

void request_error_arity(request *of)
{
    char name[COMMAND_NAME_CHARS];
    command_full_name(of->command, name);
    request_errorf(of, "ERR wrong number of arguments for '%s' command", name);
}

void request_error_store(request *of, hc_span name)
{
    if (!hc_store_name_fits(name))
        request_errorf(of, "ERR a store's name is 1 to %u of A-Z a-z 0-9 _ . : -",
                       HC_STORE_NAME_BYTES_MAX);
    else
        request_errorf(of, "ERR no store '%.*s', see STORES", (int)name.size,
                       (const char *)name.data);
}

void request_error_expiry(request *of)
{
    char name[COMMAND_NAME_CHARS];
    command_full_name(of->command, name);
    request_errorf(of, "ERR invalid expire time in '%s' command", name);
}

void request_unmute(request *of)
{
    of->session->replies = SESSION_REPLIES_ON;
    if (of->session->muted == NULL) return;
    of->session->muted->protocol = of->reply->protocol;
    of->reply = of->session->muted;
}

bool argument_is(hc_span argument, const char *lower)
{
    size_t i = 0;
    for (; i < argument.size && lower[i] != '\0'; i++) {
        uint8_t byte = argument.data[i];
        if (byte >= 'A' && byte <= 'Z') byte = (uint8_t)(byte + ('a' - 'A'));
        if (byte != (uint8_t)lower[i]) return false;
    }
    return i == argument.size && lower[i] == '\0';
}

bool integer_parse(hc_span text, int64_t *value_out)
{
    if (text.size == 0 || text.size > INTEGER_CHARS_MAX) return false;
    bool negative = text.data[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == text.size) return false;
    if (text.data[at] == '0') { /* only "0" itself */
        *value_out = 0;
        return text.size == 1;
    }
    uint64_t magnitude = 0;
    for (; at < text.size; at++) {
        unsigned digit = (unsigned)text.data[at] - '0';
        if (digit > 9) return false;
        if (__builtin_mul_overflow(magnitude, 10u, &magnitude)) return false;
        if (__builtin_add_overflow(magnitude, digit, &magnitude)) return false;
    }
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (magnitude > limit) return false;
    *value_out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool request_integer(request *of, hc_span text, int64_t *value_out)
{
    if (integer_parse(text, value_out)) return true;
    request_error(of, ERROR_NOT_INTEGER);
    return false;
}

bool request_small_integer(request *of, hc_span text, int64_t *value_out)
{
    if (!request_integer(of, text, value_out)) return false;
    if (*value_out >= INT32_MIN && *value_out <= INT32_MAX) return true;
    request_errorf(of, "ERR value is out of range, value must between %" PRId32 " and %" PRId32,
                   INT32_MIN, INT32_MAX);
    return false;
}

bool real_parse(hc_span text, long double *value_out)
{
    char copy[REAL_CHARS_MAX + 1];
    if (text.size == 0 || text.size > REAL_CHARS_MAX || isspace(text.data[0])) return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    char *end;
    errno = 0;
    long double value = strtold(copy, &end);
    if (end != copy + text.size || isnan(value)) return false;
    if (errno == ERANGE && (isinf(value) || fpclassify(value) == FP_ZERO)) return false;
    *value_out = value;
    return true;
}

bool expiry_from(int64_t value, int64_t unit_ms, int64_t base_ms, int64_t *expires_at_ms_out)
{
    int64_t time_ms;
    if (__builtin_mul_overflow(value, unit_ms, &time_ms)) return false;
    if (__builtin_add_overflow(time_ms, base_ms, &time_ms)) return false;
    if (time_ms > HC_EXPIRY_MAX_MS) return false;
    *expires_at_ms_out = time_ms < 1 ? 1 : time_ms;
    return true;
}

static void status_line(reply *to, const char *line)
{
    to->ops->status(to, hc_span_make(line, strlen(line)));
}

void request_help(request *of, const char *const *lines, size_t count)
{
    char usage[128];
    char upper[COMMAND_NAME_CHARS];
    size_t chars = 0;
    const command *container = of->command->container; /* DEBUG is none, and has a HELP */
    for (const char *c = container != NULL ? container->name : of->command->name; *c != '\0'; c++)
        upper[chars++] = (char)toupper((unsigned char)*c);
    upper[chars] = '\0';
    (void)snprintf(usage, sizeof usage,
                   "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", upper);
    of->reply->ops->array(of->reply, count + 3);
    status_line(of->reply, usage);
    for (size_t i = 0; i < count; i++)
        status_line(of->reply, lines[i]);
    status_line(of->reply, "HELP");
    status_line(of->reply, "    Prints this help.");
}

#define LEND_BYTES_MIN                                                                             \
    (256u << 10) /* of a value; copying a smaller one is cheaper than two turns */

typedef struct value_place {
    reply *to;
    bool begun;
    bool wrong_type;
} value_place;

static void *reserve_bulk(void *ctx, const hc_item *item)
{
    value_place *place = ctx;
    if (place->begun) place->to->ops->bulk_cancel(place->to); /* a writer came between */
    place->wrong_type = item->type != HC_TYPE_STRING;
    place->begun = !place->wrong_type;
    return place->begun ? place->to->ops->bulk(place->to, item->value.size) : NULL;
}

/* Answers with a value that was lent, of `place`'s doing if anything was begun. */
static hc_status reply_lent(value_place *place, hc_view *view)
{
    reply *to = place->to;
    bool wrong_type = view->type != HC_TYPE_STRING;
    if (place->begun) to->ops->bulk_cancel(to);
    if (!wrong_type && !to->ops->lend(to, view)) reply_text(to, view->value);
    hc_view_release(view);
    return wrong_type ? HC_ERR_TYPE : HC_OK;
}

/* What runs alone may leave a named store, which then may be gone before the view is released; the
 * databases stay. */
static bool lends(const request *of)
{
    const session *who = of->session;
    return of->reply->ops->lend != NULL && !(who->alone && who->selected.held != NULL);
}

void reply_part(request *of, hc_txn *txn, hc_span key, hc_span part)
{
    reply *to = of->reply;
    hc_view view;
    if (part.size >= LEND_BYTES_MIN && lends(of) && hc_txn_view(txn, key, &view) == HC_OK) {
        view.value = part;
        if (to->ops->lend(to, &view)) return;
        hc_view_release(&view);
    }
    reply_text(to, part);
}

hc_status reply_value(request *of, hc_span key)
{
    reply *to = of->reply;
    value_place place = {.to = to};
    hc_view lent;
    lent.held = NULL;
    bool may_lend = lends(of);
    const hc_sink sink = {.ctx = &place,
                          .reserve = reserve_bulk,
                          .quiet = !session_touches(of->session),
                          .lend = may_lend ? &lent : NULL,
                          .lend_bytes_min = LEND_BYTES_MIN};
    hc_status status = hc_store_read(of->session->store, key, &sink);
    if (__builtin_expect(lent.held != NULL, 0)) return reply_lent(&place, &lent);
    if (status == HC_ERR_BUFFER && place.wrong_type) return HC_ERR_TYPE;
    if (status == HC_OK || status == HC_ERR_BUFFER) return HC_OK;
    if (place.begun) to->ops->bulk_cancel(to);
    if (status != HC_ERR_NOT_FOUND) return status;
    to->ops->null(to);
    return HC_OK;
}

hc_status request_view(const request *of, hc_span key, void *scratch, size_t scratch_bytes,
                       hc_view *view_out)
{
    hc_store *store = of->session->store;
    if (session_touches(of->session))
        return hc_store_view(store, key, scratch, scratch_bytes, view_out);
    return hc_store_view_quietly(store, key, scratch, scratch_bytes, view_out);
}

const char *type_name(hc_type type)
{
    return type == HC_TYPE_FILTER ? "MBbloomCF" : "string";
}

hc_status string_get(hc_txn *txn, hc_span key, hc_item *item_out)
{
    hc_status status = hc_txn_get(txn, key, item_out);
    return status == HC_OK && item_out->type != HC_TYPE_STRING ? HC_ERR_TYPE : status;
}
