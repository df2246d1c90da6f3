/* number_commands.c - values as numbers: the store adds integers itself, floats are done here. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"

enum {
    /* "%.17Lf" of the greatest long double: sign, 4933 digits, point, 17 digits */
    REAL_TEXT_CHARS = 4992
};

static void add(request *of, int64_t delta)
{
    int64_t value;
    hc_status status = hc_store_increment(of->session->store, of->args[1], delta, &value);
    if (status != HC_OK) {
        request_fail(of, status, of->args[1]);
        return;
    }
    notify(of, NOTIFY_STRING, "incrby", of->args[1]);
    of->reply->ops->integer(of->reply, value);
}

void run_incr(request *of)
{
    add(of, 1);
}

void run_decr(request *of)
{
    add(of, -1);
}

void run_incrby(request *of)
{
    int64_t delta;
    if (request_integer(of, of->args[2], &delta)) add(of, delta);
}

void run_decrby(request *of)
{
    int64_t delta;
    if (!request_integer(of, of->args[2], &delta)) return;
    if (delta == INT64_MIN)
        request_error(of, "ERR decrement would overflow");
    else
        add(of, -delta);
}

/* Seventeen decimals at most, without trailing zeros: "10.5", "3", never "-0". */
static size_t real_print(long double value, char text[REAL_TEXT_CHARS])
{
    int wanted = snprintf(text, REAL_TEXT_CHARS, "%.17Lf", value);
    size_t chars = wanted > 0 ? (size_t)wanted : 0;
    if (memchr(text, '.', chars) != NULL) {
        while (text[chars - 1] == '0')
            chars--;
        if (text[chars - 1] == '.') chars--;
    }
    if (chars == 2 && text[0] == '-' && text[1] == '0') {
        text[0] = '0';
        chars = 1;
    }
    return chars;
}

/* Adds `delta` at `key`; the new value comes as text.  NULL, or the error. */
static const char *add_real(hc_txn *txn, hc_span key, long double delta, char text[REAL_TEXT_CHARS],
                            size_t *chars_out, hc_status *status_out)
{
    long double value = 0;
    hc_item item;
    *status_out = string_get(txn, key, &item);
    if (*status_out != HC_OK && *status_out != HC_ERR_NOT_FOUND) return NULL;
    if (*status_out == HC_OK && !real_parse(item.value, &value))
        return "ERR value is not a valid float";
    value += delta;
    if (isnan(value) || isinf(value)) return "ERR increment would produce NaN or Infinity";
    *chars_out = real_print(value, text);
    const hc_set_options options = {.size = sizeof options, .keep_expiry = true};
    *status_out = hc_txn_set(txn, key, hc_span_make(text, *chars_out), &options);
    return NULL;
}

void run_incrbyfloat(request *of)
{
    long double delta;
    if (!real_parse(of->args[2], &delta)) {
        request_error(of, "ERR value is not a valid float");
        return;
    }
    char text[REAL_TEXT_CHARS];
    size_t chars = 0;
    hc_status status = HC_OK;
    hc_txn txn;
    request_begin(of, &of->args[1], 1, &txn);
    const char *error = add_real(&txn, of->args[1], delta, text, &chars, &status);
    hc_store_end(&txn);
    if (error == NULL && status == HC_OK) notify(of, NOTIFY_STRING, "incrbyfloat", of->args[1]);
    if (error != NULL)
        request_error(of, error);
    else if (status != HC_OK)
        request_fail(of, status, of->args[1]);
    else
        reply_text(of->reply, hc_span_make(text, chars));
}
