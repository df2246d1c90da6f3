/*
 * cluster_spans.c - the spans of a command that the cluster answers: route, then one a part, which
 * is "proxy" if another node was asked and "store" if this one acts; what they do about it is told
 * below those (server/peer).
 */
#include <string.h>

#include "command/cluster/cluster_private.h"
#include "command/tracing.h"

/* Whose key it is as this node sees it, for the span; 0: this node's, or nobody's. */
static uint16_t owner_find(node *of, hc_span key, hc_trace_span *route)
{
    uint16_t owner = 0;
    const cluster_view *view = cluster_view_acquire(of);
    if (view == NULL) return 0;
    uint32_t slot = hc_ring_slot(key);
    uint16_t who = view->acting[slot];
    hc_trace_number(route, "hypercache.slot", slot);
    if (who != CLUSTER_NOBODY) {
        hc_trace_text(route, "hypercache.owner",
                      hc_span_make(view->members[who].id, CLUSTER_ID_CHARS));
        owner = who;
    }
    cluster_view_release(view);
    return owner;
}

void cluster_part_trace(cluster_part *part, hc_request *q)
{
    cluster_job *job = part->job;
    node *on = job->turn->node;
    hc_trace_span route;
    tracing_child(on, &job->run->span.context, "route", HC_TRACE_INTERNAL, &route);
    hc_span key = q->key_count > 0 ? q->keys[0] : q->key;
    part->owner = q->kind == HC_REQUEST_FLUSH ? 0 : owner_find(on, key, &route);
    part->asked_ns = node_now_ns(on);
    if (part == job->parts) tracing_add(on, &route, job->run->handled_ns, part->asked_ns);
    tracing_id(on, part->span_id);
    q->trace = job->run->span.context;
    memcpy(q->trace.span_id, part->span_id, sizeof part->span_id);
}

static const char *error_of(const cluster_part *part)
{
    static const char *const codes[] = {
        [HC_OUTCOME_NO_REPLICAS] = "NOREPLICAS", [HC_OUTCOME_UNCERTAIN] = "UNCERTAIN",
        [HC_OUTCOME_TRY_AGAIN] = "TRYAGAIN",     [HC_OUTCOME_DOWN] = "CLUSTERDOWN",
        [HC_OUTCOME_CLOCK] = "CLOCKSKEW",        [HC_OUTCOME_REFUSED] = "ERR"};
    if (part->outcome > HC_OUTCOME_ABSENT) return codes[part->outcome];
    bool raw = part->job->kind == JOB_RAW && part->value.size > 0 && part->value.data[0] == '-';
    return raw ? "ERR" : NULL;
}

void cluster_part_traced(cluster_part *part)
{
    const cluster_job *job = part->job;
    node *on = job->turn->node;
    hc_trace_span span;
    const char *error = error_of(part);
    bool away = part->owner != 0;
    if (part->asked_ns == 0) return;
    tracing_child(on, &job->run->span.context, away ? "proxy" : "store",
                  away ? HC_TRACE_CLIENT : HC_TRACE_INTERNAL, &span);
    memcpy(span.context.span_id, part->span_id, sizeof part->span_id);
    if (part->need > 0) {
        hc_trace_number(&span, "hypercache.replica_acks", part->have);
        hc_trace_number(&span, "hypercache.replica_need", part->need);
    }
    if (error != NULL) {
        span.failed = true;
        hc_trace_text(&span, "error.type", hc_span_make(error, strlen(error)));
    }
    tracing_add(on, &span, part->asked_ns, node_now_ns(on));
}

void cluster_job_traced(cluster_job *job)
{
    const char *error = job->kind == JOB_MOVED ? "MOVED" : job->error != NULL ? "ERR" : NULL;
    for (uint32_t i = 0; i < job->part_count && error == NULL; i++)
        error = error_of(&job->parts[i]);
    if (job->run != NULL)
        tracing_answered(job->turn->node, job->run, error);
    else if (job->kind != JOB_MOVED)
        tracing_late(job->turn->node, job->command, job->since_ns, error);
    job->run = NULL;
}
