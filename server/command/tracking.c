/*
 * tracking.c - the clients that track, and how they are told.
 *
 *     RESP3                    > invalidate [k1 k2 ..]        to the client itself
 *     REDIRECT to RESP3        the same                       to the other one
 *     REDIRECT to RESP2        * message __redis__:invalidate [k1 k2 ..], if it is a subscriber
 *     RESP2 without REDIRECT   nothing: it has asked for it, and gets it once it says HELLO 3
 *
 * Which of the two forms a client takes is decided where it is sent: it may change its protocol
 * while the message waits.
 */
#include "command/tracking.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/fence.h"
#include "command/tracking_private.h"
#include "command/watchers.h"

/* Set for as long as a handler runs, so that a change knows whose it is (NOLOOP). */
static _Thread_local tracking_client *running;

tracking_client *tracking_running(void)
{
    return running;
}

/* ---- messages ---- */

/* The keys behind `count` items that introduce them. */
static push *notice_create(const tracking_notice *of, push_audience audience,
                           const push_item *intro, size_t count)
{
    push_item items[TRACKING_PENDING_MAX + 4];
    assert(count + 1 + of->count <= sizeof items / sizeof items[0]);
    memcpy(items, intro, count * sizeof *intro);
    items[count++] = of->keys != NULL ? push_array(of->count) : push_null();
    for (size_t i = 0; of->keys != NULL && i < of->count; i++)
        items[count++] = push_bulk(of->keys[i]);
    return push_create_for(of->node, audience, items, count);
}

static bool notice_make(tracking_notice *of)
{
    const push_item own[] = {push_head(2), push_bulk(HC_SPAN("invalidate"))};
    const push_item subscriber[] = {push_head(3), push_bulk(HC_SPAN("message")),
                                    push_bulk(HC_SPAN("__redis__:invalidate"))};
    if (of->own != NULL || of->failed) return !of->failed;
    of->own = notice_create(of, PUSH_FOR_RESP3, own, 2);
    of->subscriber = notice_create(of, PUSH_FOR_SUBSCRIBERS, subscriber, 3);
    of->failed = of->own == NULL || of->subscriber == NULL;
    return !of->failed;
}

void tracking_notice_fini(tracking_notice *of)
{
    push_release(of->own);
    push_release(of->subscriber);
}

static void tell_broken(node *of, tracking_client *to)
{
    const push_item items[] = {push_head(2), push_bulk(HC_SPAN("tracking-redir-broken")),
                               push_integer((int64_t)atomic_load(&to->redirect_id))};
    push *what = push_create_for(of, PUSH_FOR_RESP3, items, 3);
    atomic_store(&to->broken, true);
    if (what != NULL) (void)push_post(to->inbox, what);
    push_release(what);
}

/* clients_lock is held. */
static void tell(tracking_notice *what, tracking_client *to)
{
    const tracking *in = what->node->tracking;
    bool made = notice_make(what);
    push *own = made ? what->own : in->flush,
         *subscriber = made ? what->subscriber : in->flush_subscriber;
    if (atomic_load(&to->redirect_id) == 0) {
        (void)push_post(to->inbox, own);
    } else if (push_post(to->redirect, own)) {
        (void)push_post(to->redirect, subscriber);
    } else {
        tell_broken(what->node, to);
    }
}

void tracking_tell(tracking_notice *what, tracking_client *to)
{
    tracking *in = what->node->tracking;
    (void)pthread_mutex_lock(&in->clients_lock);
    if (atomic_load(&to->on)) tell(what, to);
    (void)pthread_mutex_unlock(&in->clients_lock);
}

/* ---- life ---- */

hc_status tracking_init(node *of)
{
    tracking *made = calloc(1, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    of->tracking = made;
    node_random(of, &made->seed, sizeof made->seed);
    atomic_init(&made->keys_max, TRACKING_KEYS_DEFAULT);
    (void)pthread_mutex_init(&made->clients_lock, NULL);
    (void)pthread_mutex_init(&made->prefixes_lock, NULL);
    for (size_t i = 0; i < TRACKING_STRIPES; i++)
        (void)pthread_mutex_init(&made->stripes[i].lock, NULL);
    return HC_OK;
}

void tracking_fini(node *of)
{
    tracking *old = of->tracking;
    if (old == NULL) return;
    tracking_table_clear(old);
    for (size_t i = 0; i < TRACKING_STRIPES; i++) {
        free(old->stripes[i].buckets);
        (void)pthread_mutex_destroy(&old->stripes[i].lock);
    }
    assert(old->clients == NULL && atomic_load(&old->prefix_count) == 0);
    push_release(old->flush);
    push_release(old->flush_subscriber);
    (void)pthread_mutex_destroy(&old->prefixes_lock);
    (void)pthread_mutex_destroy(&old->clients_lock);
    free(old);
    of->tracking = NULL;
}

void tracking_retain(tracking_client *of)
{
    atomic_fetch_add_explicit(&of->references, 1, memory_order_relaxed);
}

void tracking_release(tracking_client *of)
{
    if (atomic_fetch_sub_explicit(&of->references, 1, memory_order_acq_rel) > 1) return;
    push_inbox_release(of->inbox);
    free(of);
}

static tracking_client *client_of(session *who)
{
    if (who->tracking != NULL) return who->tracking;
    push_inbox *inbox = push_inbox_of(who);
    tracking_client *made = inbox != NULL ? calloc(1, sizeof *made) : NULL;
    if (made == NULL) return NULL;
    atomic_init(&made->references, 1);
    made->id = who->id;
    push_inbox_retain(inbox);
    made->inbox = inbox;
    atomic_store_explicit(&who->tracking, made, memory_order_release);
    return made;
}

/* ---- on and off ---- */

/* The messages that stand in for others when memory is short. */
static bool flush_prepare(node *of)
{
    tracking *in = of->tracking;
    tracking_notice everything = {.node = of};
    (void)pthread_mutex_lock(&in->clients_lock);
    bool there = in->flush != NULL || notice_make(&everything);
    if (there && in->flush == NULL) {
        in->flush = everything.own;
        in->flush_subscriber = everything.subscriber;
    } else {
        tracking_notice_fini(&everything);
    }
    (void)pthread_mutex_unlock(&in->clients_lock);
    return there;
}

/* Exchanges the target; the old one's reference is dropped.  clients_lock is held. */
static void redirect_set(tracking_client *of, uint64_t id, push_inbox *to)
{
    push_inbox *old = of->redirect;
    of->redirect = to;
    atomic_store_explicit(&of->redirect_id, id, memory_order_relaxed);
    push_inbox_release(old);
}

static void list_in(tracking *in, tracking_client *of)
{
    of->previous = NULL;
    of->next = in->clients;
    if (of->next != NULL) of->next->previous = of;
    in->clients = of;
    atomic_fetch_add(&in->client_count, 1);
}

static void list_out(tracking *in, tracking_client *of)
{
    if (of->next != NULL) of->next->previous = of->previous;
    if (of->previous != NULL)
        of->previous->next = of->next;
    else
        in->clients = of->next;
    of->next = of->previous = NULL;
    atomic_fetch_sub(&in->client_count, 1);
}

void tracking_off(session *who)
{
    tracking_client *of = who->tracking;
    if (of == NULL || !atomic_load(&of->on)) return;
    tracking *in = who->node->tracking;
    atomic_store(&of->on, false);
    if (atomic_load(&of->bcast)) tracking_prefix_remove(in, of);
    (void)pthread_mutex_lock(&in->clients_lock);
    list_out(in, of);
    redirect_set(of, 0, NULL);
    (void)pthread_mutex_unlock(&in->clients_lock);
    atomic_store(&of->bcast, false);
    atomic_store(&of->noloop, false);
    atomic_store(&of->broken, false);
    of->optin = of->optout = of->caching = false;
}

void tracking_end(session *who)
{
    if (who->tracking == NULL) return;
    tracking_off(who);
    tracking_release(who->tracking);
    who->tracking = NULL;
}

static hc_status prefixes_add(tracking *in, tracking_client *of, const tracking_wish *wish)
{
    hc_status status = HC_OK;
    if (wish->prefix_count == 0) return tracking_prefix_add(in, HC_SPAN(""), of);
    for (size_t i = 0; i < wish->prefix_count && status == HC_OK; i++)
        status = tracking_prefix_add(in, wish->prefixes[i], of);
    return status;
}

hc_status tracking_on(session *who, const tracking_wish *wish)
{
    node *on = who->node;
    tracking *in = on->tracking;
    hc_status status = watchers_attach(on);
    if (status != HC_OK) return status;
    tracking_client *of = client_of(who);
    if (of == NULL || !flush_prepare(on)) return HC_ERR_NO_MEMORY;
    push_inbox *redirect = NULL;
    if (wish->redirect != 0) {
        redirect = push_inbox_find(on, wish->redirect);
        if (redirect == NULL) return HC_ERR_NOT_FOUND;
    }
    (void)pthread_mutex_lock(&in->clients_lock);
    if (!atomic_load(&of->on)) list_in(in, of);
    redirect_set(of, wish->redirect, redirect);
    (void)pthread_mutex_unlock(&in->clients_lock);
    of->optin = wish->optin;
    of->optout = wish->optout;
    atomic_store(&of->broken, false);
    atomic_store(&of->noloop, wish->noloop);
    atomic_store(&of->bcast, wish->bcast);
    atomic_store(&of->on, true);
    if (wish->bcast) status = prefixes_add(in, of, wish);
    if (status != HC_OK) tracking_off(who);
    return status;
}

tracking_state tracking_shown(const session *who)
{
    const tracking_client *of = atomic_load_explicit(&who->tracking, memory_order_acquire);
    if (of == NULL || !atomic_load(&of->on)) return (tracking_state){.on = false};
    return (tracking_state){.on = true,
                            .bcast = atomic_load(&of->bcast),
                            .noloop = atomic_load(&of->noloop),
                            .broken = atomic_load(&of->broken),
                            .redirect = atomic_load(&of->redirect_id)};
}

tracking_state tracking_state_of(const session *who)
{
    tracking_state state = tracking_shown(who);
    if (!state.on) return state;
    const tracking_client *of = who->tracking;
    state.optin = of->optin;
    state.optout = of->optout;
    state.caching = of->caching;
    return state;
}

void tracking_cache_next(session *who)
{
    assert(who->tracking != NULL);
    who->tracking->caching = true;
}

/* ---- around a command ---- */

static bool is_remembered(const tracking_client *of, const command *row)
{
    if (!atomic_load_explicit(&of->on, memory_order_relaxed)) return false;
    if (atomic_load_explicit(&of->bcast, memory_order_relaxed)) return false;
    if ((row->flags & COMMAND_READONLY) == 0) return false;
    return of->optin ? of->caching : !(of->optout && of->caching);
}

void tracking_enter(request *of)
{
    tracking_client *reader = of->session->tracking;
    tracking *in = of->node->tracking;
    running = reader;
    if (!is_remembered(reader, of->command)) return;
    size_t count = command_key_count(of->command, of->args, of->argc);
    for (size_t i = 0; i < count; i++) {
        hc_span key = of->args[command_key_at(of->command, i)];
        if (tracking_table_add(in, key, reader)) continue;
        /* What cannot be remembered is told as changed, behind the reply. */
        tracking_notice now = {.node = of->node, .keys = &key, .count = 1};
        tracking_tell(&now, reader);
        tracking_notice_fini(&now);
    }
    tracking_table_trim(of->node);
    fence();
}

void tracking_leave(request *of)
{
    (void)of;
    running = NULL;
}

void tracking_answered(request *of)
{
    session *who = of->session;
    const command *row = of->command;
    bool is_client =
        row != NULL && row->container != NULL && strcmp(row->container->name, "client") == 0;
    if (who->transaction == NULL && !is_client) who->tracking->caching = false;
    if (atomic_load_explicit(&of->node->tracking->flushed, memory_order_relaxed))
        tracking_send(of->node);
}

/* ---- changes ---- */

void tracking_flushed(node *of)
{
    tracking *in = of->tracking;
    if (atomic_load(&in->client_count) == 0 && atomic_load(&in->keys) == 0) return;
    atomic_store(&in->flushed, true);
    atomic_store(&of->tracking_gathered, true);
}

void tracking_changed(node *of, const hc_effect *effect)
{
    tracking *in = of->tracking;
    if (effect->kind == HC_EFFECT_FLUSH) {
        tracking_flushed(of);
        return;
    }
    if (atomic_load(&in->keys) != 0) tracking_table_invalidate(of, effect->key);
    if (atomic_load(&in->prefix_count) != 0) tracking_prefix_changed(of, effect->key);
}

/* The table first: who reads in between is told all the same. */
static void flush_send(node *of)
{
    tracking *in = of->tracking;
    tracking_table_clear(in);
    tracking_notice all = {.node = of};
    (void)pthread_mutex_lock(&in->clients_lock);
    for (tracking_client *to = in->clients; to != NULL; to = to->next)
        tell(&all, to);
    (void)pthread_mutex_unlock(&in->clients_lock);
    tracking_notice_fini(&all);
}

tracking_totals tracking_totals_of(node *of)
{
    tracking *in = of->tracking;
    return (tracking_totals){.clients = atomic_load(&in->client_count),
                             .keys = atomic_load(&in->keys),
                             .items = atomic_load(&in->items),
                             .prefixes = atomic_load(&in->prefix_count)};
}

size_t tracking_keys_max(const node *of)
{
    return atomic_load(&of->tracking->keys_max);
}

void tracking_keys_max_set(node *of, size_t keys)
{
    atomic_store(&of->tracking->keys_max, keys);
}

void tracking_send(node *of)
{
    tracking *in = of->tracking;
    atomic_store(&of->tracking_gathered, false);
    if (atomic_exchange(&in->flushed, false)) flush_send(of);
    tracking_prefix_send(of);
}
