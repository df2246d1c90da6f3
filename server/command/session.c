/* session.c - sessions come and go in a doubly linked list of the node, oldest first. */
#include "command/session.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

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
    of->store = node_store(on, 0); /* there since node_create */
    of->worker = options->worker;
    of->id = atomic_fetch_add(&on->next_session_id, 1);
    of->created_ns = node_now_ns(on);
    of->descriptor = options->descriptor;
    atomic_init(&of->last_ns, of->created_ns);
    atomic_init(&of->protocol, 2);
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
    of->node = NULL;
}

hc_status session_select(session *of, unsigned index)
{
    hc_store *store = node_store(of->node, index);
    if (store == NULL) return HC_ERR_NO_MEMORY;
    of->store = store;
    atomic_store_explicit(&of->database, index, memory_order_relaxed);
    return HC_OK;
}
