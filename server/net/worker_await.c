/*
 * worker_await.c - connections whose replies wait until the log is durable, and when to sync it.
 *
 * A worker's batches run one after the other, so who comes later waits for a higher position: the
 * list is in order, and what became durable is a beginning of it.
 *
 *     await_first ............. await_last          not in the list
 *     | a sync is asked for  | gathered |           | returning: answered lately |
 *
 * One sync is for all that gathered.  Who was answered lately is expected back soon, so how many
 * there are in all is known; how many to gather depends on which takes longer, a sync or a round in
 * which each of them comes once:
 *
 *     a sync is shorter   half of them: the disk works for one half while the loop runs the other,
 *                         and neither waits for the other
 *     a sync is longer    all of them, and not while another sync runs: those it answers would miss
 *                         the next, which then served few and cost them a whole one
 *
 * Who does not come back is waited for a moment only: LULL_NS of a loop that has nothing to do, or
 * on a slow disk a part of a sync; and nobody is kept longer than GATHER_NS_MAX.
 *
 * The loop looks for itself whether something became durable, and is told (an eventfd) only while
 * it sleeps.
 */
#include "command/tracing.h"
#include "net/net_private.h"

#define GATHER_NS_MAX 10000000u /* from the first that gathered to the flush */
#define LULL_NS 100000u         /* of nothing to do, while others are on their way back */
#define JOIN_SHARE 2u           /* of a sync: the same, when that is longer than a round */
#define EACH_COUNT 32u          /* connections between two looks at how long one takes */

static bool is_returning(const connection *c)
{
    return c->answered_at != 0 && c->worker->answers - c->answered_at < ANSWERS_KEPT;
}

static void returned(connection *c)
{
    if (is_returning(c)) c->worker->returning[c->answered_at % ANSWERS_KEPT]--;
    c->answered_at = 0;
}

static size_t gathered(const worker *w)
{
    return w->gathered < w->awaiting ? w->gathered : w->awaiting; /* some may have left */
}

static bool sync_is_longer(const worker *w, size_t all)
{
    return durable_gather_ns(w->net->options.node) >= w->each_ns * all;
}

static bool flush_due(const worker *w, uint64_t now_ns)
{
    size_t back = w->returning[0] + w->returning[1], all = w->awaiting + back;
    if (now_ns - w->gathering_ns >= GATHER_NS_MAX) return true;
    if (sync_is_longer(w, all)) return back == 0 && w->awaiting == gathered(w);
    return 2 * gathered(w) >= all;
}

static void flush(worker *w)
{
    w->gathered = 0;
    durable_flush(w->net->options.node);
}

void worker_await(connection *c)
{
    worker *w = c->worker;
    if (c->awaits) return;
    uint64_t now_ns = atomic_load_explicit(&c->session.last_ns, memory_order_relaxed);
    c->awaits = true;
    c->await_next = NULL;
    c->await_previous = w->await_last;
    if (w->await_last != NULL)
        w->await_last->await_next = c;
    else
        w->await_first = c;
    w->await_last = c;
    returned(c);
    w->awaited++;
    w->awaiting++;
    if (w->gathered++ == 0) w->gathering_ns = now_ns;
    w->lull_ns = 0;
    w->patient = false;
    if (flush_due(w, now_ns)) flush(w);
}

/* The loop has nothing else to do, and some have gathered, but too few. */
static void lull(worker *w)
{
    node *on = w->net->options.node;
    size_t back = w->returning[0] + w->returning[1];
    uint64_t now_ns = node_now_ns(on), sync_ns = durable_gather_ns(on);
    if (w->awaiting > gathered(w)) {
        w->patient = true; /* those whom the present sync answers come, too */
    } else if (back == 0) {
        flush(w);
    } else if (sync_is_longer(w, w->awaiting + back)) {
        w->patient = true;
        durable_flush_by(on, now_ns + sync_ns / JOIN_SHARE);
    } else if (w->lull_ns == 0) {
        w->lull_ns = now_ns;
    } else if (now_ns - w->lull_ns >= LULL_NS) {
        flush(w);
    }
}

void worker_unawait(connection *c)
{
    worker *w = c->worker;
    returned(c);
    if (!c->awaits) return;
    c->awaits = false;
    w->awaiting--;
    if (c->await_next != NULL)
        c->await_next->await_previous = c->await_previous;
    else
        w->await_last = c->await_previous;
    if (c->await_previous != NULL)
        c->await_previous->await_next = c->await_next;
    else
        w->await_first = c->await_next;
}

void worker_await_look(worker *w)
{
    connection *last = w->await_last;
    if (last == NULL || !durable_covers(&w->await_first->session)) return;
    w->answers++;
    w->returning[w->answers % ANSWERS_KEPT] = 0;
    w->patient = false;
    for (connection *c = w->await_first; c != NULL && durable_covers(&c->session);
         c = w->await_first) {
        bool was_last = c == last; /* who comes again is behind it */
        worker_unawait(c);
        c->answered_at = w->answers;
        w->returning[w->answers % ANSWERS_KEPT]++;
        c->session.reply_lsn = 0;
        if (c->session.unsynced != NULL) tracing_synced(&c->session);
        connection_write(c);
        connection_settle(c);
        if (was_last) break;
    }
    w->gathered = gathered(w);
    w->lull_ns = 0;
}

bool worker_sleeps(worker *w)
{
    if (w->gathered > 0 && !w->patient) return false;
    if (w->await_first == NULL) return true;
    w->sleeps = true;
    worker_tell_wishes(w);
    if (durable_covers(&w->await_first->session)) worker_wakes(w); /* just before we told */
    return w->sleeps;
}

void worker_wakes(worker *w)
{
    if (!w->sleeps) return;
    w->sleeps = false;
    worker_tell_wishes(w);
}

/* How long one of those that come to wait keeps the loop, its answer included. */
static void each_learn(worker *w, bool slept)
{
    uint64_t now_ns = node_now_ns(w->net->options.node);
    if (!slept) w->busy_ns += now_ns - w->turn_ns;
    w->turn_ns = now_ns;
    if (w->awaited - w->learned < EACH_COUNT) return;
    w->each_ns = w->busy_ns / (w->awaited - w->learned);
    w->learned = w->awaited;
    w->busy_ns = 0;
}

void worker_await_turn(worker *w, uint64_t awaited, bool slept)
{
    bool any = w->awaited != awaited;
    worker_await_look(w);
    if (w->await_first != NULL || any) each_learn(w, slept || !any);
    if (!any && w->gathered > 0 && !w->patient) lull(w);
}
