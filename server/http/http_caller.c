/*
 * http_caller.c - on whose behalf a request runs: X-Correlation-ID, traceparent, or an id made
 * here.
 *
 *     X-Correlation-ID   traceparent     the correlation id      the trace
 *     order-17           -               order-17                a hash of that
 *     order-17           00-4bf9..       order-17                4bf9..
 *     -                  00-4bf9..       4bf9..                  4bf9..
 *     -                  -               made here: 32 digits    the same
 *
 * A handler may run several times until its commands are answered: what was found or made the first
 * time is kept on the connection until then.
 */
#include "command/caller.h"
#include "http/http_private.h"

/* A caller's id is taken as it is if it can do no harm in a header or a log line. */
static bool correlation_is_sound(hc_span id)
{
    if (id.size == 0 || id.size > EXCHANGE_CORRELATION_MAX) return false;
    for (size_t i = 0; i < id.size; i++) {
        uint8_t byte = id.data[i];
        if (byte <= 0x20 || byte >= 0x7f || byte == '"' || byte == '\\' || byte == '<')
            return false;
    }
    return true;
}

/* xorshift128+ (Vigna 2014), seeded from the host: unique enough to find a request again. */
static uint64_t number_next(uint64_t seed[2])
{
    uint64_t a = seed[0], b = seed[1];
    seed[0] = b;
    a ^= a << 23;
    seed[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return seed[1] + b;
}

static void number_put(http_worker *w, uint8_t *to)
{
    uint64_t number = number_next(w->correlation_seed) | 1; /* never 0 */
    memcpy(to, &number, sizeof number);
}

static hc_span header_of(const http_exchange *x, const char *name)
{
    bool found = false;
    hc_span value = x->head != NULL ? http_head_find(x->head, name, &found) : (hc_span){.size = 0};
    return found ? value : (hc_span){.size = 0};
}

static void caller_find(http_exchange *x, http_caller *to)
{
    hc_span id = header_of(x, "x-correlation-id"), parent = header_of(x, "traceparent");
    *to = (http_caller){.found = true};
    to->has_parent = hc_traceparent_parse(parent, &to->parent, &to->sampled);
    bool named = correlation_is_sound(id);
    if (to->has_parent) {
        to->own = to->parent;
    } else if (named) {
        caller_trace_id(id, to->own.trace_id);
    } else {
        number_put(x->worker, to->own.trace_id);
        number_put(x->worker, to->own.trace_id + sizeof(uint64_t));
    }
    number_put(x->worker, to->own.span_id);
    if (!named) hc_trace_id_text(to->own.trace_id, to->made);
}

void http_caller_begin(http_exchange *x)
{
    http_caller *of = &x->connection->caller;
    bool lost = of->made[0] == '\0' && x->head == NULL; /* it was in a head that is gone */
    if (!of->found || lost) caller_find(x, of);
    x->correlation = of->made[0] != '\0' ? hc_span_make(of->made, HC_TRACE_ID_CHARS - 1)
                                         : header_of(x, "x-correlation-id");
}

void http_caller_lend(http_exchange *x)
{
    const http_caller *of = &x->connection->caller;
    session *who = &x->connection->session;
    who->correlation = x->correlation;
    who->caller = (session_caller){.known = true, .context = of->own};
}

void http_caller_return(http_exchange *x)
{
    session *who = &x->connection->session;
    who->correlation = (hc_span){.size = 0};
    who->caller = (session_caller){.known = false};
}

void http_caller_tell(http_exchange *x, http_bytes *to)
{
    static const char name[] = "traceparent: ";
    const http_caller *of = &x->connection->caller;
    char text[HC_TRACEPARENT_CHARS];
    if (!of->has_parent) return;
    hc_traceparent_text(&of->own, of->sampled, text);
    http_bytes_add(to, name, sizeof name - 1);
    http_bytes_add(to, text, sizeof text - 1);
    http_bytes_add(to, "\r\n", 2);
}
