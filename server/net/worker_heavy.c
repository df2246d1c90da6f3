/*
 * worker_heavy.c - who moves much has its turn when all others that are ready have had theirs.
 *
 *     epoll_wait --> light | light | light | one that is heavy | epoll_wait --> ...
 *
 * So a client that asks for little waits for what is left of one turn of one heavy connection,
 * however many of those there are; and these get a turn each time the loop comes round, whatever
 * the others ask for.  Among them the one whose latest turn is the longest ago comes first; the
 * sockets of the rest stay ready, and are told of again by the next epoll_wait.
 *
 * While nobody else is served (mixed_turns is 0) all this would only cost, and turns are as they
 * come.
 */
#include "net/net_private.h"

#define MIXED_TURNS 4096u /* of heavy connections alone, until they count as alone */

void worker_turn_begin(connection *c)
{
    worker *w = c->worker;
    if (c->heavy) {
        w->heavy_latest = c;
        if (w->mixed_turns > 0) w->mixed_turns--;
    } else if (w->heavy_latest != c && w->connections->next != NULL) {
        w->mixed_turns = MIXED_TURNS;
    }
}

bool worker_defer(connection *c, bool writes)
{
    worker *w = c->worker;
    const connection *first = w->deferred;
    if (w->mixed_turns == 0) return false;
    if (first == NULL) event_active(&w->heavy, EV_TIMEOUT, 0); /* behind all that is active now */
    if (first != NULL && first->heavy_turn <= c->heavy_turn) return true;
    w->deferred = c;
    w->deferred_writes = writes;
    return true;
}

void worker_undefer(const connection *c)
{
    worker *w = c->worker;
    if (w->deferred == c) w->deferred = NULL; /* the event comes and finds nobody */
    if (w->heavy_latest == c) w->heavy_latest = NULL;
}

static void on_heavy(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    worker *w = ctx;
    connection *c = w->deferred;
    if (c == NULL) return;
    w->deferred = NULL;
    c->heavy_turn = ++w->heavy_turns;
    connection_turn(c, w->deferred_writes);
}

void worker_heavy_init(worker *w)
{
    (void)evtimer_assign(&w->heavy, w->base, on_heavy, w);
}
