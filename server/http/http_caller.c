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
#include <stdio.h>

#include "command/caller.h"
#include "command/tracing.h"
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
    node *on = x->worker->node;
    if (!tracing_on(on))
        to->samples = false;
    else
        to->samples = to->has_parent ? to->sampled : tracing_draws(on);
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
    who->caller =
        (session_caller){.known = true, .context = of->own, .sampled = of->samples, .inner = true};
}

void http_caller_return(http_exchange *x)
{
    session *who = &x->connection->session;
    who->correlation = (hc_span){.size = 0};
    who->caller = (session_caller){.known = false};
}

bool http_caller_is_traced(const http_exchange *x)
{
    const http_caller *of = &x->connection->caller;
    return of->found && (of->has_parent || of->samples);
}

void http_caller_tell(http_exchange *x, http_bytes *to)
{
    static const char name[] = "traceparent: ";
    const http_caller *of = &x->connection->caller;
    char text[HC_TRACEPARENT_CHARS];
    if (!http_caller_is_traced(x)) return;
    hc_traceparent_text(&of->own, of->samples || of->sampled, text);
    http_bytes_add(to, name, sizeof name - 1);
    http_bytes_add(to, text, sizeof text - 1);
    http_bytes_add(to, "\r\n", 2);
}

/* Nobody asked for traces of requests that touch no data, such as scrapes: only a parent's wish
 * makes a span of those. */
void http_caller_span(const http_exchange *x)
{
    const http_caller *of = &x->connection->caller;
    node *on = x->worker->node;
    char name[HC_TRACE_NAME_CHARS];
    hc_trace_span span;
    if (!of->samples || (x->cursor == 0 && !of->has_parent)) return;
    const char *method = http_method_text(x->head->method);
    const char *route = x->route != NULL ? x->route->route->pattern : "";
    (void)snprintf(name, sizeof name, "%s %s", method, route);
    tracing_child(on, &of->own, name, HC_TRACE_SERVER, &span);
    span.context = of->own;
    memcpy(span.parent_id, of->parent.span_id, sizeof span.parent_id); /* zero: none */
    hc_trace_text(&span, "http.request.method", hc_span_make(method, strlen(method)));
    if (route[0] != '\0') hc_trace_text(&span, "http.route", hc_span_make(route, strlen(route)));
    hc_trace_number(&span, "http.response.status_code", x->status);
    tracing_peer(&span, x->connection->session.address);
    if (of->made[0] == '\0') hc_trace_text(&span, "hypercache.correlation_id", x->correlation);
    span.failed = x->status >= 500;
    tracing_add(on, &span, x->since_ns, node_now_ns(on));
}
