/*
 * batch.c - from arguments to a running handler, a pipeline at a time.
 *
 *     look up every command -> prefetch the index for all keys -> run each in order
 *
 * The look-up pass costs some ten nanoseconds a request and lets the cache misses of up to
 * HC_STORE_BATCH_MAX keys overlap, which is most of what a small GET costs; when those requests
 * have run, the keys of the next ones are fetched.  Keys behind a SELECT may be prefetched from the
 * wrong database: harmless, so not avoided.
 *
 * A batch runs inside its worker's door of the gate.  A command that needs the node to itself steps
 * out for that long, so two commands of one pipeline may have commands of others between them,
 * which they may in any case.
 *
 * Most commands are plain: nothing of the node (node_care) or of the session, nor of the command's
 * row, asks for more than the call of its handler.  One look tells; all others take the long way.
 *
 * How long each took is timing.c's affair.
 */
#include "command/caller.h"
#include "command/cluster/cluster_turn.h"
#include "command/command_args.h"
#include "command/durable.h"
#include "command/handlers.h"
#include "command/monitor.h"
#include "command/timing.h"
#include "command/trace_lines.h"
#include "command/tracing.h"
#include "command/tracking.h"
#include "command/transaction.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "command/notify.h"
#include "command/pause.h"
#include "command/pubsub.h"
#include "command/push.h"

enum { SHOWN_BYTES_MAX = 128 /* of a name or of arguments in an error text */ };

/* ---- requests that reach no handler ---- */

static int shown_bytes(hc_span text, size_t bytes_max)
{
    size_t bytes = text.size < bytes_max ? text.size : bytes_max;
    const void *nul = bytes > 0 ? memchr(text.data, '\0', bytes) : NULL;
    return nul != NULL ? (int)((const uint8_t *)nul - text.data) : (int)bytes;
}

static void refuse_unknown(request *of)
{
    char shown[SHOWN_BYTES_MAX + 8];
    size_t used = 0;
    for (size_t i = 1; i < of->argc && used < SHOWN_BYTES_MAX; i++) {
        int bytes = shown_bytes(of->args[i], SHOWN_BYTES_MAX - used);
        int wrote = snprintf(shown + used, sizeof shown - used, "'%.*s' ", bytes,
                             (const char *)of->args[i].data);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    shown[used < sizeof shown ? used : sizeof shown - 1] = '\0';
    int bytes = shown_bytes(of->args[0], SHOWN_BYTES_MAX);
    request_errorf(of, "ERR unknown command '%.*s', with args beginning with: %s", bytes,
                   (const char *)of->args[0].data, shown);
}

static void refuse_unknown_sub(request *of)
{
    char upper[COMMAND_NAME_CHARS];
    size_t chars = 0;
    for (const char *c = of->command->name; *c != '\0'; c++)
        upper[chars++] = (char)toupper((unsigned char)*c);
    upper[chars] = '\0';
    int bytes = shown_bytes(of->args[1], SHOWN_BYTES_MAX);
    request_errorf(of, "ERR unknown subcommand '%.*s'. Try %s HELP.", bytes,
                   (const char *)of->args[1].data, upper);
}

/* In RESP2 a client that has subscribed could not tell replies from messages. */
static bool subscriber_may_not(const request *of)
{
    return of->session->subscribed != NULL && of->reply->protocol == 2 &&
           (of->command->flags & COMMAND_SUBSCRIBED) == 0 && pubsub_subscribed(of->session);
}

static void refuse_to_subscriber(request *of)
{
    char name[COMMAND_NAME_CHARS];
    command_full_name(of->command, name);
    request_errorf(of,
                   "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                   "RESET are allowed in this context",
                   name);
}

static bool arity_fits(const command *row, size_t argc)
{
    return row->arity >= 0 ? argc == (size_t)row->arity : argc >= (size_t)-row->arity;
}

/* ---- running ---- */

static const command *look_up(const request *of)
{
    const command *row = command_find(of->args[0]);
    if (row == NULL || row->subcommand_count == 0 || of->argc < 2) return row;
    const command *sub = command_find_sub(row, of->args[1]);
    return sub != NULL ? sub : row;
}

bool request_alone_begin(request *of)
{
    session *who = of->session;
    if (who->alone) return false;
    gate_leave(&of->node->gate, who->worker);
    gate_exclusive_begin(&of->node->gate);
    who->alone = true;
    durable_group_begin(of->node);
    session_look_for_swaps(who);
    return true;
}

void request_alone_end(request *of)
{
    session *who = of->session;
    who->alone = false;
    durable_group_end(of->node);
    gate_exclusive_end(&of->node->gate);
    gate_enter(&of->node->gate, who->worker);
    session_look_for_swaps(who);
}

/* Returns how many requests it prefetched for, >= 1: as many as have HC_STORE_BATCH_MAX keys. */
static size_t prefetch_keys(const request *requests, size_t count, const hc_store *store)
{
    hc_span keys[HC_STORE_BATCH_MAX];
    size_t used = 0, i = 0;
    for (; i < count && used < HC_STORE_BATCH_MAX; i++) {
        const command *row = requests[i].command;
        if (row == NULL) continue;
        if (row->one_key != 0 && row->one_key < requests[i].argc) {
            keys[used++] = requests[i].args[row->one_key];
            continue;
        }
        if (row->keys.first == 0 || row->keys.access == COMMAND_ACCESS_CHANNEL) continue;
        size_t of_request = command_key_count(row, requests[i].args, requests[i].argc);
        for (size_t k = 0; k < of_request && used < HC_STORE_BATCH_MAX; k++)
            keys[used++] = requests[i].args[command_key_at(row, k)];
    }
    if (used > 1) hc_store_prefetch(store, keys, used);
    return i;
}

/* As in Redis: by reading commands, but not those that look at a key's inside. */
static bool misses_are_told(const command *row)
{
    return (row->flags & COMMAND_READONLY) != 0 && row->container == NULL;
}

/* True: answered with an error. */
static bool lacks_store(request *of)
{
    session *who = of->session;
    if (session_store_dropped(who))
        request_errorf(of, "ERR store '%s' was dropped; SELECT another", who->store_name);
    else if (atomic_load_explicit(&who->monitors, memory_order_relaxed))
        request_error(of, "ERR Replica can't interact with the keyspace"); /* as Redis puts it */
    else
        return false;
    return true;
}

/* Runs one that may run.  False: refused after all. */
static bool perform(request *of, timing *time)
{
    const command *row = of->command;
    size_t index = command_index(row);
    if ((row->flags & (COMMAND_WRITE | COMMAND_READONLY)) != 0 && lacks_store(of)) {
        node_count(&time->counters->rejections[index], 1);
        return false;
    }
    node_count(&time->counters->calls[index], 1);
    if (__builtin_expect(notify_wants(of->node, NOTIFY_MISS), 0) && misses_are_told(row))
        notify_misses(of);
    bool tracks = session_tracks(of->session);
    if (tracks) tracking_enter(of);
    if ((row->flags & COMMAND_WRITE) != 0) of->session->wrote = true;
    bool begun = (row->flags & COMMAND_EXCLUSIVE) != 0 && request_alone_begin(of);
    if (begun) timing_restart(time); /* it is heavy, so nothing else is in this run */
    bool traced = trace_lines_wanted(of->node);
    size_t before = traced ? of->reply->ops->pending(of->reply) : 0;
    bool spans = of->session->running != NULL && of->session->running->sampled;
    uint64_t since_ns = spans ? node_now_ns(of->node) : 0;
    row->run(of);
    if (spans) tracing_handled(of, since_ns);
    if (traced) trace_lines_tell(of, of->reply->ops->pending(of->reply) - before);
    if (begun) request_alone_end(of);
    if (tracks) tracking_leave(of);
    if (monitors_watch(&of->node->monitors)) monitor_tell(of);
    return true;
}

static bool is_fit(const request *of)
{
    const command *row = of->command;
    if (row == NULL || (row->subcommand_count > 0 && of->argc > 1)) return false;
    return arity_fits(row, of->argc) && row->run != NULL;
}

/* True: answered with an error. */
static bool is_refused(request *of, const timing *time)
{
    const command *row = of->command;
    if (row == NULL) {
        refuse_unknown(of);
    } else if (row->subcommand_count > 0 && of->argc > 1) {
        node_count(&time->counters->rejections[command_index(row)], 1);
        refuse_unknown_sub(of);
    } else if (!arity_fits(row, of->argc) || row->run == NULL) {
        node_count(&time->counters->rejections[command_index(row)], 1);
        if (!transaction_refuses(of)) request_error_arity(of);
    } else if (!cluster_may_take(of) && durable_may_hold(of->node) && durable_refuses(of)) {
        node_count(&time->counters->rejections[command_index(row)], 1);
    } else if (subscriber_may_not(of)) {
        node_count(&time->counters->rejections[command_index(row)], 1);
        refuse_to_subscriber(of);
    } else {
        return false;
    }
    transaction_spoil(of->session);
    return true;
}

/* False: refused or queued; it reached no handler. */
static bool run_one(request *of, timing *time)
{
    if (is_refused(of, time)) return false;
    if (of->session->transaction != NULL) {
        if (cluster_is_on(of->node) && cluster_spoils(of)) {
            transaction_spoil(of->session);
            return false;
        }
        if (transaction_takes(of)) return false;
    }
    if (cluster_may_take(of)) {
        node_count(&time->counters->calls[command_index(of->command)], 1);
        if ((of->command->flags & COMMAND_WRITE) != 0) of->session->wrote = true;
        cluster_take(of);
        return true;
    }
    cluster_pause(of->session);
    return perform(of, time);
}

/* The log is asked once a batch, by its first write. */
static inline bool is_plain(const request *of)
{
    const command *row = of->command;
    const session *who = of->session;
    if (row == NULL || !row->plain || !arity_fits(row, of->argc)) return false;
    uint32_t cares = atomic_load_explicit(&of->node->cares, memory_order_relaxed) & row->cares;
    if (cares == NODE_LOGGED && (who->wrote || durable_is_free(who))) cares = 0;
    return cares == 0 && session_is_plain(who);
}

/* As perform, of one that is plain. */
static inline void run_plain(request *of, timing *time)
{
    const command *row = of->command;
    node_count(&time->counters->calls[command_index(row)], 1);
    if ((row->flags & COMMAND_WRITE) != 0) of->session->wrote = true;
    row->run(of);
}

/* Runs one whose reply is dropped, unless it calls request_unmute. */
static bool run_muted(request *of, timing *time, bool (*run)(request *of, timing *time))
{
    reply *real = of->reply;
    reply mute = {.ops = &reply_mute_ops, .protocol = real->protocol};
    session *who = of->session;
    if (who->replies == SESSION_REPLIES_SKIP_NEXT) who->replies = SESSION_REPLIES_ON;
    who->muted = real;
    of->reply = &mute;
    bool ran = run(of, time);
    if (of->reply == &mute) real->protocol = mute.protocol; /* HELLO */
    of->reply = real;
    who->muted = NULL;
    return ran;
}

void request_perform_queued(request *of)
{
    session *who = of->session;
    reply *to = of->reply;
    timing time;
    timing_begin(&time, request_counters(of), of, to->ops->pending(to));
    bool muted = who->replies == SESSION_REPLIES_OFF && who->muted == NULL;
    if (!(muted ? run_muted(of, &time, perform) : perform(of, &time))) of->command = NULL;
    timing_close(&time, 1, to->ops->pending(to));
}

static bool run_heard(request *of, timing *time)
{
    bool heard = of->session->replies == SESSION_REPLIES_ON;
    return heard ? run_one(of, time) : run_muted(of, time, run_one);
}

/* While tracing is on: its span, from where its time begins. */
static bool run_spanned(request *of, timing *time)
{
    trace_run run;
    tracing_begin(&run, of, time->since_ns);
    bool ran = run_heard(of, time);
    tracing_end(&run, of, ran);
    return ran;
}

/* Runs one and ends the run of timing when it is due; returns the bytes of replies that wait. */
static size_t run_timed(timing *time, size_t at, bool plain)
{
    request *of = &time->requests[at];
    session *who = of->session;
    reply *to = of->reply;
    bool spans = !plain && tracing_on(who->node);
    bool heavy = timing_is_heavy(of) || spans;
    if (heavy && at > time->first) timing_close(time, at, to->ops->pending(to));
    atomic_store_explicit(&who->last, of->command, memory_order_relaxed);
    bool ran = true;
    if (plain)
        run_plain(of, time);
    else
        ran = spans ? run_spanned(of, time) : run_heard(of, time);
    if (session_tracks(who)) tracking_answered(of);
    if (!ran) of->command = NULL; /* there is nothing to tell of its time */
    size_t pending = to->ops->pending(to);
    if (heavy || at + 1 - time->first >= time->run_max ||
        pending > time->pending + TIMING_BYTES_MAX)
        timing_close(time, at + 1, pending);
    return pending;
}

/* Is this one, if it may run at all, to be run later? */
static bool must_wait(request *of)
{
    const command *row = of->command;
    if (!is_fit(of)) return false;
    if (pause_may_hold(of->node) && pause_holds(of)) return true;
    if (of->session->transaction != NULL && row->run != run_exec) return false; /* it is queued */
    bool refused = subscriber_may_not(of);
    if (!refused && durable_may_hold(of->node) && durable_holds(of)) return true;
    if (row->holds == NULL || refused || durable_is_loading(of->node)) return false;
    if (cluster_may_take(of)) return false; /* it waits there */
    if (!row->holds(of)) return false;
    atomic_store_explicit(&of->session->last, row, memory_order_relaxed);
    return true;
}

/* One that is not plain: what it is in truth, and whether it has to wait. */
static bool waits(request *of)
{
    session *who = of->session;
    if (caller_begin(of)) of->command = look_up(of);
    if (who->turn != NULL && cluster_holds(of)) return true;
    if (!must_wait(of)) return false;
    session_park(who, true);
    return true;
}

/* What most clients send: one plain command at a time. */
static void run_single(request *of, node_counters *counters)
{
    session *who = of->session;
    const command *row = of->command;
    uint64_t since_ns = node_now_ns(of->node);
    atomic_store_explicit(&who->last_ns, since_ns, memory_order_relaxed);
    atomic_store_explicit(&who->last, row, memory_order_relaxed);
    if (row->keys.first != 0 && row->one_key == 0) (void)prefetch_keys(of, 1, who->store);
    node_count(&counters->calls[command_index(row)], 1);
    if ((row->flags & COMMAND_WRITE) != 0) who->wrote = true;
    row->run(of);
    timing_single(of, counters, since_ns);
}

/* Returns how many were run, until one must wait or enough is to be sent first. */
static size_t run_many(request *requests, size_t count, node_counters *counters,
                       size_t output_soft_bytes)
{
    session *who = requests[0].session;
    reply *to = requests[0].reply;
    timing time;
    timing_begin(&time, counters, requests, to->ops->pending(to));
    atomic_store_explicit(&who->last_ns, time.since_ns, memory_order_relaxed);
    size_t ran = 0, prefetched = 0;
    while (ran < count) {
        if (ran == prefetched) {
            prefetched += prefetch_keys(requests + ran, count - ran, who->store);
        }
        bool plain = is_plain(&requests[ran]);
        if (!plain && waits(&requests[ran])) {
            caller_end(who, false);
            break;
        }
        size_t pending = run_timed(&time, ran++, plain);
        if (!plain) caller_end(who, true);
        if (push_waits(who)) {
            push_deliver(who, to, output_soft_bytes);
            pending = to->ops->pending(to);
        }
        if (who->close || who->paced || pending > output_soft_bytes) break;
    }
    if (ran > time.first) timing_close(&time, ran, 0);
    return ran;
}

size_t request_run_batch(request *requests, size_t count, size_t output_soft_bytes)
{
    assert(count >= 1 && count <= REQUEST_BATCH_MAX);
    session *who = requests[0].session;
    node_counters *counters = request_counters(&requests[0]);
    reply *to = requests[0].reply;
    if (atomic_load_explicit(&who->killed, memory_order_relaxed)) {
        who->close = true;
        return count;
    }
    for (size_t i = 0; i < count; i++)
        requests[i].command = look_up(&requests[i]);
    gate_enter(&who->node->gate, who->worker);
    session_look_for_swaps(who);
    session_park(who, false);
    who->batch = requests;
    who->batches++;
    size_t ran = 1;
    if (count == 1 && is_plain(&requests[0]))
        run_single(&requests[0], counters);
    else
        ran = run_many(requests, count, counters, output_soft_bytes);
    if (tracking_gathered(who->node)) tracking_send(who->node);
    if (push_waits(who)) push_deliver(who, to, output_soft_bytes);
    if (__builtin_expect(who->turn != NULL || who->in_cluster, 0)) cluster_batch_end(who);
    gate_leave(&who->node->gate, who->worker);
    if (who->wrote) durable_written(who);
    node_count(&counters->commands, ran);
    return ran;
}
