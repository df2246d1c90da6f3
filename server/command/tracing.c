/*
 * tracing.c - who is traced, and a command's spans.
 *
 * Ids are a counter's values, each mixed (splitmix64, Steele et al. 2014) from a seed of the host's
 * random numbers: different without a lock, and on different nodes.
 */
#include "command/tracing.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/correlation.h"
#include "command/durable.h"

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)
#define RATIO_ONE 4294967296.0
#define NS_PER_S UINT64_C(1000000000)

/* ---- who ---- */

static uint64_t number_next(node *of)
{
    uint64_t z = atomic_fetch_add_explicit(&of->tracing.seed, GOLDEN, memory_order_relaxed);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void tracing_set_on(node *of, bool on)
{
    node_care_set(of, NODE_SPANS, on && of->options.traces != NULL);
}

void tracing_set_ratio(node *of, double ratio)
{
    double share = ratio < 0 ? 0 : ratio > 1 ? RATIO_ONE : ratio * RATIO_ONE;
    atomic_store(&of->tracing.share, (uint64_t)share);
}

double tracing_ratio(const node *of)
{
    return (double)atomic_load(&of->tracing.share) / RATIO_ONE;
}

bool tracing_draws(node *of)
{
    uint64_t share = atomic_load_explicit(&of->tracing.share, memory_order_relaxed);
    return share != 0 && number_next(of) >> 32 < share;
}

/* The second and how many of it were forced, in one word; two threads that change it at once may
 * let one more pass. */
bool tracing_forces(node *of)
{
    uint64_t now_s = node_now_ns(of) / NS_PER_S;
    uint64_t had = atomic_load_explicit(&of->tracing.forced, memory_order_relaxed);
    uint64_t count = had >> 16 == now_s ? had & 0xffff : 0;
    if (count >= TRACING_FORCED_PER_S) return false;
    atomic_store_explicit(&of->tracing.forced, now_s << 16 | (count + 1), memory_order_relaxed);
    return true;
}

/* ---- spans ---- */

void tracing_id(node *of, uint8_t id[HC_SPAN_ID_BYTES])
{
    uint64_t number = number_next(of);
    if (number == 0) number = 1;
    memcpy(id, &number, sizeof number);
}

static void span_init(hc_trace_span *span, hc_trace_kind kind)
{
    span->number = 0;
    span->kind = (uint8_t)kind;
    span->failed = false;
    span->attribute_count = 0;
    span->text_bytes = 0;
    memset(span->parent_id, 0, sizeof span->parent_id);
}

void tracing_child(node *of, const hc_trace_context *parent, const char *name, hc_trace_kind kind,
                   hc_trace_span *span)
{
    span_init(span, kind);
    span->context = *parent;
    memcpy(span->parent_id, parent->span_id, sizeof span->parent_id);
    tracing_id(of, span->context.span_id);
    hc_trace_name(span, hc_span_make(name, strlen(name)));
}

void tracing_add(node *of, hc_trace_span *span, uint64_t since_ns, uint64_t until_ns)
{
    uint64_t now_ns = node_now_ns(of);
    span->duration_ns = until_ns > since_ns ? until_ns - since_ns : 0;
    span->start_ns = node_now_us(of) * 1000 - (int64_t)(now_ns > since_ns ? now_ns - since_ns : 0);
    hc_traces_add(of->options.traces, span);
}

void tracing_part(node *of, const hc_trace_context *parent, const char *name, uint64_t since_ns,
                  uint64_t until_ns)
{
    hc_trace_span span;
    tracing_child(of, parent, name, HC_TRACE_INTERNAL, &span);
    tracing_add(of, &span, since_ns, until_ns);
}

void tracing_peer(hc_trace_span *to, const char *address)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL) return;
    size_t bytes = (size_t)(colon - address);
    bool bracketed = bytes > 1 && address[0] == '[';
    hc_trace_text(to, "network.peer.address",
                  hc_span_make(address + bracketed, bytes - 2u * bracketed));
    hc_trace_number(to, "network.peer.port", strtol(colon + 1, NULL, 10));
}

/* ---- a command ---- */

static void name_put(hc_trace_span *to, const command *row)
{
    char name[COMMAND_NAME_CHARS];
    command_full_name(row, name);
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '|' ? ' ' : (char)toupper((unsigned char)*c);
    hc_trace_name(to, hc_span_make(name, strlen(name)));
    hc_trace_text(to, "db.system.name", HC_SPAN("hypercache"));
    hc_trace_text(to, "db.operation.name", hc_span_make(name, strlen(name)));
}

static void store_put(hc_trace_span *to, const session *who)
{
    int database = atomic_load_explicit(&who->database, memory_order_relaxed);
    if (database == SESSION_NAMED)
        hc_trace_text(to, "db.namespace", hc_span_make(who->store_name, strlen(who->store_name)));
    else
        hc_trace_number(to, "db.namespace", database);
}

static void run_fill(trace_run *run, const request *of)
{
    const session *who = of->session;
    hc_trace_span *span = &run->span;
    char id[CORRELATION_CHARS], trace_id[HC_TRACE_ID_CHARS];
    run->sampled = true;
    span_init(span, who->caller.inner ? HC_TRACE_INTERNAL : HC_TRACE_SERVER);
    request_correlation(of, id);
    hc_span named = hc_span_make(id, strlen(id));
    if (who->caller.known) {
        span->context = who->caller.context;
        if (who->caller.sampled || !who->caller.inner)
            memcpy(span->parent_id, who->caller.context.span_id, sizeof span->parent_id);
    } else {
        (void)hc_trace_id_parse(named, span->context.trace_id); /* it was made here: 32 digits */
    }
    tracing_id(of->node, span->context.span_id);
    if (of->command != NULL) name_put(span, of->command);
    store_put(span, who);
    tracing_peer(span, who->address);
    hc_trace_id_text(span->context.trace_id, trace_id);
    if (strcmp(trace_id, id) != 0) hc_trace_text(span, "hypercache.correlation_id", named);
}

static uint64_t errors_of(const request *of)
{
    return atomic_load_explicit(&request_counters(of)->errors, memory_order_relaxed);
}

void tracing_begin(trace_run *run, request *of, uint64_t since_ns)
{
    session *who = of->session;
    run->next = NULL;
    run->since_ns = run->handled_ns = since_ns;
    run->taken = run->sampled = false;
    run->errors = errors_of(of);
    who->running = run;
    uint64_t received_ns = of == who->batch ? who->received_ns : 0;
    who->received_ns = 0;
    if (!(who->caller.known ? who->caller.sampled : tracing_draws(of->node))) return;
    run_fill(run, of);
    if (received_ns == 0 || received_ns > since_ns) return;
    run->since_ns = received_ns;
    tracing_part(of->node, &run->span.context, "parse", received_ns, since_ns);
}

static void failure_put(hc_trace_span *to, const char *code)
{
    to->failed = true;
    hc_trace_text(to, "db.response.status_code", hc_span_make(code, strlen(code)));
    hc_trace_text(to, "error.type", hc_span_make(code, strlen(code)));
}

/* Does its reply wait for the log? */
static bool waits_for_log(const request *of)
{
    if (!of->session->wrote || (of->command->flags & COMMAND_WRITE) == 0) return false;
    return durable_syncs_always(of->node);
}

static trace_run *run_copy(const trace_run *run)
{
    trace_run *made = malloc(sizeof *made);
    if (made != NULL) *made = *run;
    return made;
}

static void told_note(session *who, const request *of, const trace_run *run)
{
    who->told = run->span.context;
    who->told_request = of;
    who->told_batch = who->batches;
}

void tracing_end(trace_run *run, request *of, bool ran)
{
    session *who = of->session;
    node *on = of->node;
    who->running = NULL;
    if (run->sampled) told_note(who, of, run);
    if (run->taken) return;
    bool failed = errors_of(of) != run->errors;
    if (!ran && !failed) return; /* it is queued */
    if (!run->sampled) {
        if (!failed || !tracing_forces(on)) return;
        run_fill(run, of);
        hc_trace_text(&run->span, "hypercache.forced", HC_SPAN("error"));
        told_note(who, of, run);
    }
    if (failed) {
        const char *code = observer_error_name(&on->observer, who->last_error);
        failure_put(&run->span, code != NULL ? code : "ERR");
    }
    run->handled_ns = node_now_ns(on);
    trace_run *kept = ran && waits_for_log(of) ? run_copy(run) : NULL;
    if (kept == NULL) {
        tracing_add(on, &run->span, run->since_ns, run->handled_ns);
        return;
    }
    kept->next = who->unsynced;
    who->unsynced = kept;
}

void tracing_synced(session *who)
{
    uint64_t now_ns = node_now_ns(who->node);
    while (who->unsynced != NULL) {
        trace_run *run = who->unsynced;
        who->unsynced = run->next;
        tracing_part(who->node, &run->span.context, "fsync", run->handled_ns, now_ns);
        tracing_add(who->node, &run->span, run->since_ns, now_ns);
        free(run);
    }
}

void tracing_handled(request *of, uint64_t since_ns)
{
    const trace_run *run = of->session->running;
    char hash[HC_LOG_KEY_CHARS];
    hc_trace_span span;
    const command *row = of->command;
    if (run == NULL || !run->sampled) return;
    if ((row->flags & (COMMAND_READONLY | COMMAND_WRITE)) == 0) return;
    tracing_child(of->node, &run->span.context, "store", HC_TRACE_INTERNAL, &span);
    hc_trace_text(&span, "db.operation.name", hc_span_make(row->name, strlen(row->name)));
    size_t keys = command_key_count(row, of->args, of->argc);
    if (keys == 1)
        hc_trace_text(&span, "hypercache.key_hash",
                      hc_log_key(HC_LOG_KEYS_HASHED, of->args[command_key_at(row, 0)], hash));
    else if (keys > 1)
        hc_trace_number(&span, "db.operation.batch.size", (int64_t)keys);
    tracing_add(of->node, &span, since_ns, node_now_ns(of->node));
}

/* ---- slow ones ---- */

static bool is_told(const request *of)
{
    const session *who = of->session;
    return who->told_request == of && who->told_batch == who->batches;
}

static hc_log_field id_field(const char *name, const char *text)
{
    return (hc_log_field){
        .name = name, .kind = HC_FIELD_TEXT, .text = hc_span_make(text, strlen(text))};
}

size_t tracing_slow(const request *of, uint64_t ns, hc_log_field fields[2])
{
    session *who = of->session;
    if (!tracing_on(of->node)) return 0;
    if (!is_told(of)) {
        trace_run run;
        if (!tracing_forces(of->node)) return 0;
        run_fill(&run, of);
        hc_trace_text(&run.span, "hypercache.forced", HC_SPAN("slow"));
        uint64_t now_ns = node_now_ns(of->node);
        tracing_add(of->node, &run.span, now_ns > ns ? now_ns - ns : 0, now_ns);
        told_note(who, of, &run);
    }
    hc_trace_id_text(who->told.trace_id, who->told_trace_id);
    hc_span_id_text(who->told.span_id, who->told_span_id);
    fields[0] = id_field("trace_id", who->told_trace_id);
    fields[1] = id_field("span_id", who->told_span_id);
    return 2;
}

/* ---- answered later ---- */

trace_run *tracing_take(session *who)
{
    trace_run *run = who->running;
    if (run == NULL || run->taken || !run->sampled) return NULL;
    trace_run *made = run_copy(run);
    run->taken = made != NULL;
    return made;
}

void tracing_answered(node *of, trace_run *run, const char *error)
{
    if (run == NULL) return;
    if (error != NULL) failure_put(&run->span, error);
    tracing_add(of, &run->span, run->since_ns, node_now_ns(of));
    free(run);
}

void tracing_late(node *of, const command *row, uint64_t since_ns, const char *error)
{
    trace_run run;
    uint64_t now_ns = node_now_ns(of);
    uint64_t slow_ns = atomic_load_explicit(&of->observer.slow_ns, memory_order_relaxed);
    bool slow = now_ns - since_ns >= slow_ns;
    if ((error == NULL && !slow) || !tracing_forces(of)) return;
    span_init(&run.span, HC_TRACE_SERVER);
    tracing_id(of, run.span.context.trace_id);
    tracing_id(of, run.span.context.trace_id + HC_SPAN_ID_BYTES);
    tracing_id(of, run.span.context.span_id);
    name_put(&run.span, row);
    hc_trace_text(&run.span, "hypercache.forced",
                  error != NULL ? HC_SPAN("error") : HC_SPAN("slow"));
    if (error != NULL) failure_put(&run.span, error);
    tracing_add(of, &run.span, since_ns, now_ns);
}
