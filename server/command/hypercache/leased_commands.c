/*
 * leased_commands.c - HC.GET, HC.SET, HC.RELEASE: leased.h by way of a protocol.
 *
 * The value comes first in the answer to HC.GET, since it is written as it is read, and what else
 * is to be said is known afterwards.
 */
#include <ctype.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/leased.h"
#include "command/notify.h"
#include "command/set_wish.h"

enum { TOKEN_CHARS = 16 };

static leased_place place_of(const session *who)
{
    return (leased_place){who->store, who->leased != NULL ? who->leased : who->store};
}

/* ---- tokens, as 16 hexadecimal digits: a number of 64 bits is not safe in every client ---- */

static void token_print(uint64_t token, char digits[TOKEN_CHARS])
{
    for (unsigned i = 0; i < TOKEN_CHARS; i++)
        digits[i] = "0123456789abcdef"[token >> (60 - 4 * i) & 15];
}

/* Answers with an error when it is none. */
static bool token_parse(request *of, hc_span digits, uint64_t *token_out)
{
    uint64_t token = 0;
    bool fits = digits.size == TOKEN_CHARS;
    for (size_t i = 0; fits && i < TOKEN_CHARS; i++) {
        int c = tolower(digits.data[i]);
        fits = isxdigit(c) != 0;
        token = token << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *token_out = token;
    if (!fits) request_error(of, "ERR a token is the 16 hexadecimal digits that HC.GET gave");
    return fits;
}

/* ---- HC.GET ---- */

/* The array is announced before the value, and only once. */
typedef struct value_sink {
    reply *to;
    bool announced, begun;
} value_sink;

static void announce(value_sink *sink)
{
    if (!sink->announced) sink->to->ops->array(sink->to, 4);
    sink->announced = true;
}

static void *reserve_value(void *ctx, const hc_item *item)
{
    value_sink *sink = ctx;
    announce(sink);
    if (sink->begun) sink->to->ops->bulk_cancel(sink->to);
    sink->begun = true;
    return sink->to->ops->bulk(sink->to, item->value.size);
}

static bool take_get_options(request *of, leased_wish *wish)
{
    for (size_t i = 2; i < of->argc; i += 2) {
        bool is_stale = argument_is(of->args[i], "stale");
        int64_t ms;
        if (i + 1 == of->argc || (!is_stale && !argument_is(of->args[i], "lease"))) {
            request_error(of, ERROR_SYNTAX);
            return false;
        }
        if (!request_integer(of, of->args[i + 1], &ms)) return false;
        if (is_stale ? ms < 0 : ms < 1 || ms > LEASED_LEASE_MS_MAX) {
            request_error(of, is_stale ? "ERR STALE is 0 or more milliseconds"
                                       : "ERR LEASE is 1 to 3600000 milliseconds");
            return false;
        }
        *(is_stale ? &wish->stale_ms : &wish->lease_ms) = ms;
    }
    return true;
}

void run_hc_get(request *of)
{
    static const hc_span names[] = {[LEASED_HIT] = {(const uint8_t *)"hit", 3},
                                    [LEASED_WON] = {(const uint8_t *)"won", 3},
                                    [LEASED_WAIT] = {(const uint8_t *)"wait", 4}};
    leased_wish wish = {.lease_ms = LEASED_LEASE_MS_DEFAULT};
    if (!take_get_options(of, &wish)) return;
    reply *to = of->reply;
    value_sink sink = {.to = to};
    const hc_sink value = {
        .ctx = &sink, .reserve = reserve_value, .quiet = !session_touches(of->session)};
    leased_answer answer;
    const leased_place place = place_of(of->session);
    hc_status status = leased_get(of->node, &place, of->args[1], &wish, &value, &answer);
    bool failed = status != HC_OK && status != HC_ERR_BUFFER;
    if (sink.begun && (failed || !answer.found)) to->ops->bulk_cancel(to);
    if (failed && !sink.announced) {
        request_fail(of, status, of->args[1]);
        return;
    }
    announce(&sink);
    if (failed) { /* the error takes the value's place */
        request_fail(of, status, of->args[1]);
        for (unsigned i = 0; i < 3; i++)
            to->ops->null(to);
        return;
    }
    if (!answer.found) to->ops->null(to);
    reply_text(to, names[answer.state]);
    to->ops->integer(to, answer.ms);
    char digits[TOKEN_CHARS];
    token_print(answer.token, digits);
    if (answer.state == LEASED_WON)
        reply_text(to, hc_span_make(digits, sizeof digits));
    else
        to->ops->null(to);
}

/* ---- HC.SET, HC.RELEASE ---- */

void run_hc_set(request *of)
{
    uint64_t token;
    set_wish wish = {0};
    for (size_t i = 4; i < of->argc; i += 2) {
        if (set_wish_take_expiry(&wish, of, i)) continue;
        request_error(of, ERROR_SYNTAX);
        return;
    }
    int64_t expires_at_ms;
    if (!token_parse(of, of->args[3], &token)) return;
    if (!set_wish_expiry(&wish, of, &expires_at_ms)) return;
    const leased_place place = place_of(of->session);
    const hc_set_options options = {.size = sizeof options, .expires_at_ms = expires_at_ms};
    hc_status status = leased_set(of->node, &place, of->args[1], of->args[2], token, &options);
    if (status == HC_OK) notify(of, NOTIFY_STRING, "set", of->args[1]);
    if (status == HC_OK && options.expires_at_ms != HC_EXPIRY_NONE)
        notify(of, NOTIFY_GENERIC, "expire", of->args[1]);
    if (status == HC_OK)
        reply_ok(of->reply);
    else if (status == HC_ERR_CONFLICT)
        of->reply->ops->null(of->reply);
    else
        request_fail(of, status, of->args[1]);
}

void run_hc_release(request *of)
{
    uint64_t token;
    if (!token_parse(of, of->args[2], &token)) return;
    const leased_place place = place_of(of->session);
    hc_status status = leased_end(of->node, &place, of->args[1], token);
    if (status == HC_OK || status == HC_ERR_CONFLICT)
        of->reply->ops->integer(of->reply, status == HC_OK ? 1 : 0);
    else
        request_fail(of, status, of->args[1]);
}
