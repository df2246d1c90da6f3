/*
 * push_inbox.c - a queue of messages a session, and of those that have something a list a worker.
 *
 *     office (one a worker): lock, list of inboxes     -> inbox: [ . | m4 m5 m6 | . . ]
 *                                    `listed`          -> inbox: ...   head    count
 *
 * One lock an office guards its list and all inboxes of its worker's sessions; it is held for a few
 * stores.  It is a leaf: nothing is locked, allocated elsewhere or called under it, save the growth
 * of a queue and the wake-up.
 *
 * An inbox that the owner could not empty (its client reads too slowly) is `held`: it is not listed
 * again by posts, for the transport comes back to it when the socket takes bytes.  One that
 * overflowed is listed in any case, so that its worker closes the client.
 *
 * Invariants: listed only while owner != NULL; `waiting` says count > 0 || overflowed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "command/pubsub.h"
#include "command/push_message.h"
#include "command/session.h"

enum { QUEUE_MIN = 4, QUEUE_KEEP = 16, TAKEN_MAX = 64 };

#define NS_PER_MS 1000000u

struct push_inbox {
    _Atomic size_t references;
    push_office *office;
    uint64_t session_id;
    _Atomic bool waiting;

    /* Guarded by office->lock. */
    session *owner; /* NULL: gone */
    push_inbox *next, *previous;
    bool listed, overflowed;
    bool held;                 /* changed by the owner alone, which reads it without the lock */
    uint64_t lagging_since_ns; /* 0: not over the soft limit when last looked at */
    push **queue;              /* a ring of `capacity`, a power of two */
    size_t head, count, capacity;
    size_t bytes; /* of the messages in it */
};

struct push_office {
    _Alignas(64) pthread_mutex_t lock;
    node *node;
    push_inbox *first, *last; /* with something to deliver, oldest first */
    bool woken;
    void (*wake)(void *ctx); /* NULL: nobody is there */
    void *wake_ctx;
    size_t places;                           /* capacity of all inboxes */
    _Atomic size_t fresh_bytes, fresh_count; /* in all inboxes that are not held */
};

hc_status push_open(node *of)
{
    size_t bytes = of->options.workers * sizeof *of->offices;
    of->offices = aligned_alloc(_Alignof(push_office), bytes);
    if (of->offices == NULL) return HC_ERR_NO_MEMORY;
    memset(of->offices, 0, bytes);
    for (unsigned i = 0; i < of->options.workers; i++) {
        pthread_mutex_init(&of->offices[i].lock, NULL);
        of->offices[i].node = of;
    }
    push_limits_set(
        of, (push_limits){.hard_bytes = 32u << 20, .soft_bytes = 8u << 20, .soft_ms = 60000});
    return HC_OK;
}

void push_close(node *of)
{
    for (unsigned i = 0; of->offices != NULL && i < of->options.workers; i++) {
        assert(of->offices[i].first == NULL);
        pthread_mutex_destroy(&of->offices[i].lock);
    }
    free(of->offices);
    of->offices = NULL;
}

push_limits push_limits_get(const node *of)
{
    return (push_limits){
        .hard_bytes = atomic_load_explicit(&of->push_hard_bytes, memory_order_relaxed),
        .soft_bytes = atomic_load_explicit(&of->push_soft_bytes, memory_order_relaxed),
        .soft_ms = atomic_load_explicit(&of->push_soft_ms, memory_order_relaxed)};
}

void push_limits_set(node *of, push_limits to)
{
    atomic_store_explicit(&of->push_hard_bytes, to.hard_bytes, memory_order_relaxed);
    atomic_store_explicit(&of->push_soft_bytes, to.soft_bytes, memory_order_relaxed);
    atomic_store_explicit(&of->push_soft_ms, to.soft_ms, memory_order_relaxed);
}

/* ---- an inbox's life ---- */

/* node->sessions_lock is held, lest two threads make two. */
static push_inbox *inbox_create(session *who)
{
    push_inbox *made = calloc(1, sizeof *made);
    if (made == NULL) return NULL;
    atomic_init(&made->references, 1); /* the session's */
    made->office = &who->node->offices[who->worker];
    made->session_id = who->id;
    made->owner = who;
    atomic_store_explicit(&who->inbox, made, memory_order_release);
    return made;
}

push_inbox *push_inbox_of(session *who)
{
    push_inbox *inbox = atomic_load_explicit(&who->inbox, memory_order_acquire);
    if (inbox != NULL) return inbox;
    pthread_mutex_lock(&who->node->sessions_lock);
    inbox = atomic_load_explicit(&who->inbox, memory_order_acquire);
    if (inbox == NULL) inbox = inbox_create(who);
    pthread_mutex_unlock(&who->node->sessions_lock);
    return inbox;
}

push_inbox *push_inbox_find(node *of, uint64_t session_id)
{
    push_inbox *inbox = NULL;
    pthread_mutex_lock(&of->sessions_lock);
    session *one = of->sessions;
    while (one != NULL && one->id != session_id)
        one = one->next;
    if (one != NULL) {
        inbox = atomic_load_explicit(&one->inbox, memory_order_acquire);
        if (inbox == NULL) inbox = inbox_create(one);
        if (inbox != NULL) push_inbox_retain(inbox);
    }
    pthread_mutex_unlock(&of->sessions_lock);
    return inbox;
}

void push_inbox_retain(push_inbox *of)
{
    atomic_fetch_add_explicit(&of->references, 1, memory_order_relaxed);
}

void push_inbox_release(push_inbox *of)
{
    if (of == NULL) return;
    if (atomic_fetch_sub_explicit(&of->references, 1, memory_order_acq_rel) > 1) return;
    assert(of->owner == NULL && of->queue == NULL);
    free(of);
}

uint64_t push_inbox_session(const push_inbox *of)
{
    return of->session_id;
}

/* The office's lock is held, here and below down to queue_free. */
static void list_add(push_inbox *one)
{
    push_office *office = one->office;
    if (one->listed) return;
    one->listed = true;
    one->next = NULL;
    one->previous = office->last;
    if (office->last != NULL)
        office->last->next = one;
    else
        office->first = one;
    office->last = one;
    if (office->woken || office->wake == NULL) return;
    office->woken = true;
    office->wake(office->wake_ctx);
}

static void list_remove(push_inbox *one)
{
    push_office *office = one->office;
    if (!one->listed) return;
    one->listed = false;
    if (one->next != NULL)
        one->next->previous = one->previous;
    else
        office->last = one->previous;
    if (one->previous != NULL)
        one->previous->next = one->next;
    else
        office->first = one->next;
    if (office->first == NULL) office->woken = false;
}

/* Counts what the worker has yet to look at; read without the lock by push_congested. */
static void fresh_note(push_office *office, ptrdiff_t bytes, ptrdiff_t count)
{
    size_t bytes_now = atomic_load_explicit(&office->fresh_bytes, memory_order_relaxed);
    size_t count_now = atomic_load_explicit(&office->fresh_count, memory_order_relaxed);
    atomic_store_explicit(&office->fresh_bytes, bytes_now + (size_t)bytes, memory_order_relaxed);
    atomic_store_explicit(&office->fresh_count, count_now + (size_t)count, memory_order_relaxed);
}

static void waiting_note(push_inbox *one)
{
    atomic_store_explicit(&one->waiting, one->count > 0 || one->overflowed, memory_order_relaxed);
}

static push *queue_take(push_inbox *from)
{
    push *taken = from->queue[from->head];
    from->head = (from->head + 1) & (from->capacity - 1);
    from->count--;
    from->bytes -= taken->bytes;
    if (!from->held) fresh_note(from->office, -(ptrdiff_t)taken->bytes, -1);
    return taken;
}

static bool queue_has_room(push_inbox *of)
{
    if (of->count < of->capacity) return true;
    size_t capacity = of->capacity == 0 ? QUEUE_MIN : 2 * of->capacity;
    push **queue = malloc(capacity * sizeof(push *));
    if (queue == NULL) return false;
    for (size_t i = 0; i < of->count; i++)
        queue[i] = of->queue[(of->head + i) & (of->capacity - 1)];
    free(of->queue);
    of->office->places += capacity - of->capacity;
    of->queue = queue;
    of->capacity = capacity;
    of->head = 0;
    return true;
}

/* Gives an empty queue's memory back. */
static void queue_free(push_inbox *of)
{
    of->office->places -= of->capacity;
    free(of->queue);
    of->queue = NULL;
    of->head = of->count = of->capacity = of->bytes = 0;
}

static void queue_drop(push_inbox *of)
{
    list_remove(of);
    while (of->count > 0)
        push_release(queue_take(of));
    queue_free(of);
}

void push_refuse(session *who)
{
    push_inbox *inbox = atomic_load_explicit(&who->inbox, memory_order_acquire);
    if (inbox == NULL) return;
    pthread_mutex_lock(&inbox->office->lock);
    queue_drop(inbox);
    inbox->overflowed = true;
    inbox->held = false;
    pthread_mutex_unlock(&inbox->office->lock);
}

void push_session_end(session *who)
{
    push_inbox *inbox = atomic_load_explicit(&who->inbox, memory_order_acquire);
    if (inbox == NULL) return;
    pthread_mutex_lock(&inbox->office->lock);
    queue_drop(inbox);
    inbox->owner = NULL;
    pthread_mutex_unlock(&inbox->office->lock);
    atomic_store_explicit(&who->inbox, NULL, memory_order_relaxed);
    push_inbox_release(inbox);
}

/* ---- posting ---- */

/* May `bytes` more wait? */
static bool fits(const push_inbox *to, size_t bytes)
{
    const push_office *office = to->office;
    uint64_t hard = atomic_load_explicit(&office->node->push_hard_bytes, memory_order_relaxed);
    size_t wanted = to->bytes + bytes;
    if (hard != 0 && wanted > hard) return false;
    if (to->count == 0 || wanted <= PUSH_FAIR_BYTES) return true;
    size_t live = atomic_load_explicit(&office->node->push_bytes, memory_order_relaxed);
    return live <= PUSH_BYTES_MAX && office->places <= PUSH_ENTRIES_MAX;
}

bool push_post(push_inbox *to, push *what)
{
    push_office *office = to->office;
    pthread_mutex_lock(&office->lock);
    bool takes = to->owner != NULL && !to->overflowed;
    if (takes && (what == NULL || !fits(to, what->bytes) || !queue_has_room(to))) {
        to->overflowed = true;
        takes = false;
        list_add(to);
    }
    if (takes) {
        push_retain(what);
        to->queue[(to->head + to->count++) & (to->capacity - 1)] = what;
        to->bytes += what->bytes;
        if (!to->held) {
            fresh_note(office, (ptrdiff_t)what->bytes, 1);
            list_add(to);
        }
    }
    waiting_note(to);
    pthread_mutex_unlock(&office->lock);
    return takes;
}

bool push_congested(node *of)
{
    for (unsigned i = 0; i < of->options.workers; i++) {
        push_office *office = &of->offices[i];
        if (atomic_load_explicit(&office->fresh_bytes, memory_order_relaxed) >
                PUSH_CONGESTED_BYTES ||
            atomic_load_explicit(&office->fresh_count, memory_order_relaxed) > PUSH_CONGESTED_COUNT)
            return true;
    }
    return false;
}

void push_pace(session *who)
{
    if (push_congested(who->node)) who->paced = true;
}

/* ---- delivering ---- */

void push_attach(node *of, unsigned worker, void (*wake)(void *ctx), void *ctx)
{
    push_office *office = &of->offices[worker];
    pthread_mutex_lock(&office->lock);
    assert(office->wake == NULL && wake != NULL);
    office->wake = wake;
    office->wake_ctx = ctx;
    pthread_mutex_unlock(&office->lock);
}

void push_detach(node *of, unsigned worker)
{
    push_office *office = &of->offices[worker];
    pthread_mutex_lock(&office->lock);
    office->wake = NULL;
    office->woken = false;
    pthread_mutex_unlock(&office->lock);
}

session *push_next(node *of, unsigned worker)
{
    push_office *office = &of->offices[worker];
    pthread_mutex_lock(&office->lock);
    push_inbox *inbox = office->first;
    session *owner = inbox != NULL ? inbox->owner : NULL;
    if (inbox != NULL) list_remove(inbox);
    pthread_mutex_unlock(&office->lock);
    return owner;
}

bool push_waits(const session *who)
{
    const push_inbox *inbox = atomic_load_explicit(&who->inbox, memory_order_acquire);
    return inbox != NULL && atomic_load_explicit(&inbox->waiting, memory_order_relaxed);
}

size_t push_waiting_bytes(const session *who)
{
    push_inbox *inbox = atomic_load_explicit(&who->inbox, memory_order_acquire);
    if (inbox == NULL) return 0;
    pthread_mutex_lock(&inbox->office->lock);
    size_t bytes = inbox->bytes + inbox->capacity * sizeof(push *);
    pthread_mutex_unlock(&inbox->office->lock);
    return bytes;
}

size_t push_waiting_count(const session *who)
{
    push_inbox *inbox = atomic_load_explicit(&who->inbox, memory_order_acquire);
    if (inbox == NULL) return 0;
    pthread_mutex_lock(&inbox->office->lock);
    size_t count = inbox->count;
    pthread_mutex_unlock(&inbox->office->lock);
    return count;
}

bool push_held(const session *who)
{
    const push_inbox *inbox = atomic_load_explicit(&who->inbox, memory_order_acquire);
    return inbox != NULL && inbox->held; /* which the owner alone changes */
}

/* Over the soft limit for as long as it may be; the office's lock is held. */
static bool lags_too_long(push_inbox *one, push_limits limits, uint64_t now_ns)
{
    if (limits.soft_bytes == 0 || one->bytes <= limits.soft_bytes) {
        one->lagging_since_ns = 0;
        return false;
    }
    if (one->lagging_since_ns == 0) one->lagging_since_ns = now_ns;
    return (now_ns - one->lagging_since_ns) / NS_PER_MS >= limits.soft_ms;
}

bool push_overflowed(session *who, uint64_t now_ns)
{
    push_inbox *inbox = atomic_load_explicit(&who->inbox, memory_order_acquire);
    if (inbox == NULL) return false;
    push_limits limits = push_limits_get(who->node);
    pthread_mutex_lock(&inbox->office->lock);
    if (lags_too_long(inbox, limits, now_ns)) inbox->overflowed = true;
    bool overflowed = inbox->overflowed;
    waiting_note(inbox);
    pthread_mutex_unlock(&inbox->office->lock);
    return overflowed;
}

/* Takes up to TAKEN_MAX messages of about `room` bytes, at least one if there is one.  What is left
 * is held back when the room or the caller's patience ends; the caller comes again. */
static size_t take_some(push_inbox *from, size_t room, push **taken)
{
    size_t count = 0, bytes = 0;
    pthread_mutex_lock(&from->office->lock);
    while (count < TAKEN_MAX && from->count > 0 && bytes < room) {
        taken[count] = queue_take(from);
        bytes += taken[count++]->bytes;
    }
    if (from->count == 0) {
        from->held = false;
        if (from->capacity > QUEUE_KEEP) queue_free(from);
    } else if (!from->held && count < TAKEN_MAX) {
        fresh_note(from->office, -(ptrdiff_t)from->bytes, -(ptrdiff_t)from->count);
        from->held = true;
    }
    if ((from->count == 0 || from->held) && !from->overflowed) list_remove(from);
    waiting_note(from);
    pthread_mutex_unlock(&from->office->lock);
    return count;
}

static bool is_for(const push *what, const session *who, const reply *to)
{
    if (what->audience == PUSH_FOR_ALL) return true;
    if (what->audience == PUSH_FOR_RESP3) return to->protocol >= 3;
    return to->protocol < 3 && pubsub_subscribed(who);
}

void push_deliver(session *who, reply *to, size_t output_soft_bytes)
{
    push_inbox *inbox = atomic_load_explicit(&who->inbox, memory_order_acquire);
    if (inbox == NULL) return;
    node_counters *counters = node_worker_counters(who->node, who->worker);
    push *taken[TAKEN_MAX];
    size_t count;
    do {
        size_t pending = to->ops->pending(to);
        size_t room = pending <= output_soft_bytes ? (output_soft_bytes - pending) | 1 : 0;
        count = take_some(inbox, room, taken);
        for (size_t i = 0; i < count; i++) {
            if (is_for(taken[i], who, to)) push_encode(taken[i], to);
            push_release(taken[i]);
        }
        node_count(&counters->pushes, count);
    } while (count == TAKEN_MAX);
}
