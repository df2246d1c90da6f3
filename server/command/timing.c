/* timing.c - runs of commands are measured, counted and, if they were slow, written down. */
#include "command/timing.h"

#include "command/session.h"
#include "command/slow_report.h"

bool timing_is_heavy_by_size(const request *of)
{
    if (of->argc > TIMING_ARGUMENTS_MAX) return true;
    size_t bytes = 0;
    for (size_t i = 2; i < of->argc; i++)
        bytes += of->args[i].size;
    return bytes > TIMING_BYTES_MAX;
}

void timing_begin(timing *of, node_counters *counters, request *requests, size_t pending)
{
    const session *who = requests[0].session;
    observer *to = &requests[0].node->observer;
    *of = (timing){
        .node = requests[0].node,
        .counters = counters,
        .requests = requests,
        .worker = who->worker,
        .run_max = atomic_load_explicit(&to->run_max, memory_order_relaxed),
        .since_ns = node_now_ns(requests[0].node),
        .pending = pending,
    };
}

void timing_restart(timing *of)
{
    of->since_ns = node_now_ns(of->node);
}

/* ---- what was slow ---- */

/* The first of the run that reached its handler and may be told; NULL: none. */
static const request *first_told(const timing *of, size_t next)
{
    for (size_t i = of->first; i < next; i++) {
        const command *row = of->requests[i].command;
        if (row != NULL && (row->flags & COMMAND_SKIP_SLOWLOG) == 0) return &of->requests[i];
    }
    return NULL;
}

static void note_slow(timing *of, size_t next, uint64_t ns)
{
    const request *told = first_told(of, next);
    if (told != NULL) slow_report(told, next - of->first, ns);
}

/* ---- runs ---- */

/* Neighbours of the same row, which most are in a pipeline, are counted at once. */
static void count_run(timing *of, size_t next, uint64_t each_ns)
{
    for (size_t i = of->first; i < next;) {
        const command *row = of->requests[i].command;
        size_t same = 1;
        while (i + same < next && of->requests[i + same].command == row)
            same++;
        i += same;
        if (row == NULL) continue;
        size_t index = command_index(row);
        node_count(&of->counters->busy_ns[index], each_ns * same);
        observer_count(&of->node->observer, of->worker, index, each_ns, same);
    }
}

void timing_close(timing *of, size_t next, size_t pending)
{
    uint64_t now_ns = node_now_ns(of->node);
    uint64_t ns = now_ns - of->since_ns;
    size_t count = next - of->first; /* a division costs more than the look */
    count_run(of, next, count == 1 ? ns : ns / count);
    if (ns >= atomic_load_explicit(&of->node->observer.slow_ns, memory_order_relaxed))
        note_slow(of, next, ns);
    of->first = next;
    of->since_ns = now_ns;
    of->pending = pending;
}

void timing_single(request *of, node_counters *counters, uint64_t since_ns)
{
    unsigned worker = of->session->worker;
    observer *to = &of->node->observer;
    size_t index = command_index(of->command);
    uint64_t ns = node_now_ns(of->node) - since_ns;
    node_count(&counters->busy_ns[index], ns);
    observer_count(to, worker, index, ns, 1);
    if (__builtin_expect(ns < atomic_load_explicit(&to->slow_ns, memory_order_relaxed), 1)) return;
    note_slow(&(timing){.node = of->node, .requests = of, .worker = worker}, 1, ns);
}
