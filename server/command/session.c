/* session.c - sessions come and go in a doubly linked list of the node, oldest first. */
#include "command/session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "command/cluster/cluster_turn.h"
#include "command/monitor.h"
#include "command/pubsub.h"
#include "command/push.h"
#include "command/tracing.h"
#include "command/tracking.h"
#include "command/transaction.h"
#include "command/watchers.h"

static void copy_text(char *to, size_t chars, const char *from)
{
    size_t used = from != NULL ? strnlen(from, chars - 1) : 0;
    if (used > 0) memcpy(to, from, used);
    to[used] = '\0';
}

void session_init(session *of, node *on, const session_options *options)
{
    assert(options->worker < on->options.workers);
    memset(of, 0, sizeof *of);
    of->node = on;
    of->swaps = atomic_load(&on->swaps); /* before the look: one that comes between is noticed */
    of->store = node_store(on, 0);       /* there since node_create */
    of->worker = options->worker;
    of->id = atomic_fetch_add(&on->next_session_id, 1);
    of->created_ns = node_now_ns(on);
    of->descriptor = options->descriptor;
    of->answered = options->answered;
    atomic_init(&of->last_ns, of->created_ns);
    atomic_init(&of->protocol, 2);
    atomic_init(&of->queued_count, -1);
    copy_text(of->address, sizeof of->address, options->address);
    copy_text(of->local_address, sizeof of->local_address, options->local_address);
    pthread_mutex_lock(&on->sessions_lock);
    of->previous = on->sessions_last;
    if (on->sessions_last != NULL)
        on->sessions_last->next = of;
    else
        on->sessions = of;
    on->sessions_last = of;
    on->session_count++;
    if (on->session_count > atomic_load(&on->session_peak))
        atomic_store(&on->session_peak, on->session_count);
    pthread_mutex_unlock(&on->sessions_lock);
}

void session_fini(session *of)
{
    if (of->node == NULL) return;
    node *on = of->node;
    transaction_drop(of);
    watch_drop(of);
    cluster_turn_abandon(of);
    cluster_writes_drop(of);
    tracing_synced(of);
    session_park(of, false);
    pubsub_end(of);
    monitor_stop(of);
    pthread_mutex_lock(&on->sessions_lock);
    if (of->previous != NULL)
        of->previous->next = of->next;
    else
        on->sessions = of->next;
    if (of->next != NULL)
        of->next->previous = of->previous;
    else
        on->sessions_last = of->previous;
    on->session_count--;
    pthread_mutex_unlock(&on->sessions_lock);
    push_session_end(of); /* nobody finds it any more */
    tracking_end(of);
    hc_store_ref_release(&of->selected);
    of->node = NULL;
}

hc_status session_select(session *of, unsigned index)
{
    hc_store *store = node_store(of->node, index);
    if (store == NULL) return HC_ERR_NO_MEMORY;
    of->store = store;
    hc_store_ref_release(&of->selected);
    atomic_store_explicit(&of->database, (int)index, memory_order_relaxed);
    return HC_OK;
}

void session_follow_swaps(session *of)
{
    int database = atomic_load_explicit(&of->database, memory_order_relaxed);
    of->swaps = atomic_load(&of->node->swaps);
    if (database != SESSION_NAMED)
        of->store = node_store(of->node, (unsigned)database); /* it is in use */
    watch_look_for_swaps(of);
}

hc_status session_select_name(session *of, hc_span name)
{
    unsigned database;
    if (node_database_named(of->node, name, &database)) return session_select(of, database);
    hc_store_ref ref;
    hc_status status = node_store_acquire(of->node, name, &ref);
    if (status != HC_OK) return status;
    of->store = ref.store;
    hc_store_ref_release(&of->selected);
    of->selected = ref;
    pthread_mutex_lock(&of->node->sessions_lock);
    memcpy(of->store_name, name.data, name.size); /* it fits: there is such a store */
    of->store_name[name.size] = '\0';
    pthread_mutex_unlock(&of->node->sessions_lock);
    atomic_store_explicit(&of->database, SESSION_NAMED, memory_order_relaxed);
    return HC_OK;
}
