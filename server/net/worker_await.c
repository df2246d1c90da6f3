/*
 * worker_await.c - connections whose replies wait until the log is durable.
 *
 * A worker's batches run one after the other, so who comes later waits for a higher position: the
 * list is in order, and what became durable is a beginning of it.
 *
 *     turn of the loop   SET SET SET SET SET | SET SET | -        the loop has nothing more: flush
 *     gather_ns          |------------------>|                    or the first has waited so long
 *
 * One flush is for all that wait, so that a sync serves many.  It is asked for when the loop has
 * nothing else to do, which is at once for one lone client; and while there is always more to do,
 * after the time that a sync takes, so that the disk works beside the loop.
 *
 * On a slow disk those whose replies have just left are expected back: missing this sync would cost
 * them a whole one.  So the flush waits for as many as were answered by, or waited during, the
 * last, for a quarter of the time that a sync takes at most.
 */
#include "command/tracing.h"
#include "net/net_private.h"

#define SLOW_SYNC_NS 400000u /* a faster disk works on while the others come */
#define JOIN_SHARE 4u

void worker_await(connection *c)
{
    worker *w = c->worker;
    if (c->awaits) return;
    uint64_t now_ns = atomic_load_explicit(&c->session.last_ns, memory_order_relaxed);
    bool is_first = w->await_first == NULL;
    c->awaits = true;
    c->await_next = NULL;
    c->await_previous = w->await_last;
    if (w->await_last != NULL)
        w->await_last->await_next = c;
    else
        w->await_first = c;
    w->await_last = c;
    w->awaited++;
    w->awaiting++;
    if (is_first) worker_tell_wishes(w);
    if (is_first && durable_covers(&c->session)) mailbox_wake(&w->mailbox); /* before we told */
    if (w->gathering_ns == 0) w->gathering_ns = now_ns;
    uint64_t gather_ns = durable_gather_ns(w->net->options.node);
    if (now_ns - w->gathering_ns >= gather_ns) worker_flush(w);
    if (gather_ns >= SLOW_SYNC_NS && w->awaiting >= w->expected) worker_flush(w);
}

void worker_flush_idle(worker *w)
{
    node *on = w->net->options.node;
    uint64_t gather_ns = durable_gather_ns(on);
    if (gather_ns < SLOW_SYNC_NS || w->awaiting >= w->expected) {
        worker_flush(w);
        return;
    }
    w->gathering_ns = 0;
    durable_flush_by(on, node_now_ns(on) + gather_ns / JOIN_SHARE);
}

void worker_flush(worker *w)
{
    if (w->gathering_ns == 0) return;
    w->gathering_ns = 0;
    durable_flush(w->net->options.node);
}

void worker_unawait(connection *c)
{
    worker *w = c->worker;
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
    if (w->await_first == NULL) worker_tell_wishes(w);
}

void worker_await_look(worker *w)
{
    connection *last = w->await_last;
    if (last != NULL && durable_covers(&w->await_first->session)) w->expected = w->awaiting;
    for (connection *c = w->await_first; c != NULL && durable_covers(&c->session);
         c = w->await_first) {
        bool was_last = c == last; /* who comes again is behind it */
        worker_unawait(c);
        c->session.reply_lsn = 0;
        if (c->session.unsynced != NULL) tracing_synced(&c->session);
        connection_write(c);
        connection_settle(c);
        if (was_last) break;
    }
}
