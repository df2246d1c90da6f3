/*
 * worker_park.c - connections whose next command is held back: by a pause (pause.h), by a log that
 * is far behind, or until something is durable or a snapshot over (durable.h).
 *
 * Parked ones are in a list of their own.  They are looked at when the first of their times has
 * come, when durable_told says so (only while one of them listens for that), and when a pause ends
 * early.  Those that are held back still, or again, stay or come behind; those that left are found
 * once a second.
 */
#include "net/net_private.h"

void worker_tell_wishes(worker *w)
{
    bool http_hears = w->http != NULL && w->net->options.http_calls->hears(w->http);
    durable_waits(w->net->options.node, w->index, w->sleeps || w->hearing > 0 || http_hears);
}

/* Nanoseconds until there is sense in looking again, told or not. */
static uint64_t wait_ns(const connection *c, uint64_t now_ns)
{
    uint64_t pause_ns = pause_left_ns(c->worker->net->options.node), wait = UINT64_MAX;
    uint64_t until_ns = c->session.held_until_ns;
    if (until_ns != 0) wait = until_ns > now_ns ? until_ns - now_ns : 0;
    if (until_ns == 0 && !c->hears && pause_ns == 0) wait = 0; /* the pause is over */
    return pause_ns != 0 && pause_ns < wait ? pause_ns : wait;
}

static void timer_set(worker *w, uint64_t ns, uint64_t now_ns)
{
    uint64_t ms_max = PARKED_MS_MAX, ms = ns / 1000000u < ms_max ? ns / 1000000u + 1 : ms_max;
    struct timeval interval = timeval_of_ms((uint32_t)ms);
    w->unpark_ns = now_ns + ms * 1000000u;
    (void)event_add(&w->unpark, &interval); /* takes the place of the time before */
}

void worker_park(connection *c)
{
    worker *w = c->worker;
    node *on = w->net->options.node;
    uint64_t now_ns = node_now_ns(on);
    if (c->parked) return;
    c->parked = true;
    c->parked_next = NULL;
    c->parked_previous = w->parked_last;
    if (w->parked_last != NULL)
        w->parked_last->parked_next = c;
    else
        w->parked_first = c;
    w->parked_last = c;
    c->hears = durable_hears(&c->session);
    if (c->hears) {
        w->hearing++;
        worker_tell_wishes(w);
        if (durable_lets(&c->session, now_ns)) mailbox_wake(&w->mailbox); /* just before we told */
    }
    uint64_t ns = wait_ns(c, now_ns);
    if (!event_pending(&w->unpark, EV_TIMEOUT, NULL) || now_ns + ns < w->unpark_ns)
        timer_set(w, ns, now_ns);
}

void worker_unpark(connection *c)
{
    worker *w = c->worker;
    if (!c->parked) return;
    c->parked = false;
    if (c->parked_next != NULL)
        c->parked_next->parked_previous = c->parked_previous;
    else
        w->parked_last = c->parked_previous;
    if (c->parked_previous != NULL)
        c->parked_previous->parked_next = c->parked_next;
    else
        w->parked_first = c->parked_next;
    if (c->hears && --w->hearing == 0) worker_tell_wishes(w);
    c->hears = false;
}

/* May its command be looked at again? */
static bool may_go(const connection *c, uint64_t now_ns)
{
    const session *who = &c->session;
    int block = atomic_load_explicit(&who->block, memory_order_relaxed);
    if (block != SESSION_NOT_BLOCKED) /* WAIT */
        return block != SESSION_BLOCKED || now_ns >= who->held_until_ns;
    if (c->hears || who->held_until_ns != 0) return durable_lets(who, now_ns);
    return pause_left_ns(c->worker->net->options.node) == 0;
}

void worker_park_look(worker *w, bool timed)
{
    uint64_t now_ns = node_now_ns(w->net->options.node), least_ns = UINT64_MAX;
    connection *last = w->parked_last, *next;
    for (connection *c = w->parked_first; c != NULL; c = next) {
        bool was_last = c == last; /* who comes again is behind it */
        next = was_last ? NULL : c->parked_next;
        if (may_go(c, now_ns)) {
            worker_unpark(c);
            connection_unpark(c);
            connection_settle(c);
        } else if (timed && session_is_blocked(&c->session) && connection_left(c)) {
            connection_destroy(c);
        } else {
            uint64_t ns = wait_ns(c, now_ns);
            if (ns < least_ns) least_ns = ns;
        }
    }
    if (w->parked_first == NULL) return;
    if (!event_pending(&w->unpark, EV_TIMEOUT, NULL)) timer_set(w, least_ns, now_ns);
}
