/*
 * peer_spans.c - the spans of what this node does for a request that was put to the cluster.
 *
 *     the node that was asked   proxy
 *     the one that runs it        SET        SERVER     from its frame to its answer
 *                                   store    INTERNAL   until the others get it
 *                                   replicate PRODUCER  from then to the answer
 *     each that takes it              replicate CONSUMER
 *
 * What is under way is in a table, found by the span under which the replica goes on with it; a
 * request that ends without an answer leaves its place to a later one.
 */
#include <string.h>

#include "command/tracing.h"
#include "peer/peer_private.h"

/* ---- the table ---- */

static peer_span *span_find(peer *of, const hc_trace_context *under)
{
    for (size_t i = 0; i < PEER_SPANS_MAX; i++) {
        peer_span *one = &of->spans[i];
        if (one->since_ns != 0 && memcmp(&one->under, under, sizeof *under) == 0) return one;
    }
    return NULL;
}

/* A free place, or that of the one begun first. */
static peer_span *span_place(peer *of)
{
    peer_span *oldest = &of->spans[0];
    for (size_t i = 1; i < PEER_SPANS_MAX && oldest->since_ns != 0; i++)
        if (of->spans[i].since_ns < oldest->since_ns) oldest = &of->spans[i];
    return oldest;
}

/* ---- spans ---- */

static void words_put(hc_trace_span *span, const hc_traced *what)
{
    char id[CLUSTER_ID_CHARS + 1], hash[HC_LOG_KEY_CHARS];
    hc_trace_text(span, "db.system.name", HC_SPAN("hypercache"));
    hc_trace_text(span, "db.operation.name", peer_request_name(what->request));
    if (what->key.size > 0)
        hc_trace_text(span, "hypercache.key_hash", hc_log_key(HC_LOG_KEYS_HASHED, what->key, hash));
    if (what->kind <= HC_TRACED_READ) {
        cluster_id_text(&what->from, id);
        hc_trace_text(span, "hypercache.peer", hc_span_make(id, CLUSTER_ID_CHARS));
    }
    if (what->correlation.size > 0)
        hc_trace_text(span, "hypercache.correlation_id", what->correlation);
}

static void asked_begin(peer *of, hc_traced *what)
{
    node *on = of->options.node;
    peer_span *one = span_place(of);
    *one = (peer_span){.since_ns = of->receiving_ns, .runs_for_other = true};
    tracing_child(on, &what->trace, "", HC_TRACE_SERVER, &one->span);
    hc_trace_name(&one->span, peer_request_name(what->request));
    words_put(&one->span, what);
    one->under = what->trace = one->span.context;
}

static void sending_begin(peer *of, hc_traced *what)
{
    node *on = of->options.node;
    uint64_t now_ns = peer_now_ns(of);
    peer_span *one = span_find(of, &what->trace);
    if (one != NULL && one->sending_ns != 0) return; /* once more */
    if (one == NULL) {
        one = span_place(of);
        *one = (peer_span){.since_ns = now_ns};
    } else {
        tracing_part(on, &what->trace, "store", one->since_ns, now_ns);
    }
    one->sending_ns = now_ns;
    one->under = what->trace;
    tracing_id(on, one->under.span_id);
    one->above = what->trace;
    what->trace = one->under;
}

static void answered(peer *of, const hc_traced *what)
{
    node *on = of->options.node;
    uint64_t now_ns = peer_now_ns(of);
    peer_span *one = span_find(of, &what->trace);
    hc_trace_span sending;
    if (one == NULL) return;
    if (one->sending_ns != 0) {
        tracing_child(on, &one->above, "replicate", HC_TRACE_PRODUCER, &sending);
        sending.context = one->under;
        sending.failed = what->taken == 0;
        tracing_add(on, &sending, one->sending_ns, now_ns);
    }
    if (one->runs_for_other) {
        one->span.failed = what->taken == 0;
        tracing_add(on, &one->span, one->since_ns, now_ns);
    }
    one->since_ns = 0;
}

static void taken(peer *of, const hc_traced *what)
{
    node *on = of->options.node;
    hc_trace_span span;
    bool reads = what->kind == HC_TRACED_READ;
    tracing_child(on, &what->trace, reads ? "read" : "replicate",
                  reads ? HC_TRACE_SERVER : HC_TRACE_CONSUMER, &span);
    words_put(&span, what);
    hc_trace_text(&span, "hypercache.taken", what->taken ? HC_SPAN("true") : HC_SPAN("false"));
    tracing_add(on, &span, of->receiving_ns, peer_now_ns(of));
}

void peer_spans_note(peer *of, hc_traced *what)
{
    switch (what->kind) {
    case HC_TRACED_REQUEST:
        asked_begin(of, what);
        break;
    case HC_TRACED_SENDS:
        sending_begin(of, what);
        break;
    case HC_TRACED_ANSWERED:
        answered(of, what);
        break;
    case HC_TRACED_WRITE:
    case HC_TRACED_PROPOSAL:
    case HC_TRACED_READ:
        taken(of, what);
        break;
    }
}
