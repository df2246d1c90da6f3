/*
 * push.h - what a client is told without having asked: published messages, invalidations, MONITOR.
 *
 *     push_item items[] = {push_head(3), push_bulk(HC_SPAN("message")), push_bulk(channel),
 *                          push_bulk(payload)};
 *     push *what = push_create(node, items, 4);          once
 *     push_post(inbox_a, what); push_post(inbox_b, what); for each client, from any thread
 *     push_release(what);
 *
 *     poster, any thread      inbox of a session          its worker
 *     push_post  ---------->  [ m1 m2 m3 ]  --- wake -->  push_next, push_deliver -> reply_ops
 *                                                         (the connection's protocol)
 *
 * A message is immutable and counted by reference: a thousand subscribers share its bytes, and what
 * waits for a slow one costs eight bytes a message beside them.  An inbox belongs to one session
 * and is made when first asked for, so a client that never gets a push has none.
 *
 * What a poster may assume
 *   - Messages of one thread to one inbox arrive in the order of the posts; so do messages of
 *     several threads that post under a lock of theirs.
 *   - They arrive between replies, never inside one: after the reply of the command that was
 *     running for that client, and before that of its next command if they were posted by the
 *     command itself (its own subscription, its own invalidation).
 *   - push_post neither blocks nor calls back; it takes one short lock, below every other: it may
 *     be called with any lock held, a shard's included.
 *   - true is no receipt.  A client is closed, with all that waits, when more than its limit waits
 *     (push_limits); messages are never dropped one by one.
 *
 * Memory:  the limits hold for each client; beyond PUSH_BYTES_MAX of messages in all, a client that
 *          lets more than PUSH_FAIR_BYTES wait is closed.  What may wait is counted as if each
 *          client had its own copy, as in Redis.
 * Threads: creating, posting, retaining and releasing: any.  The rest says who.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_PUSH_H
#define HYPERCACHE_SERVER_COMMAND_PUSH_H

#include "command/node.h"

#define PUSH_BYTES_MAX (256u << 20) /* of all messages that wait, see above */
#define PUSH_ENTRIES_MAX (8u << 20) /* places in the inboxes of one worker's clients; likewise */
#define PUSH_FAIR_BYTES (64u << 10) /* a client may always let this much wait */
#define PUSH_CONGESTED_BYTES (4u << 20) /* posted and not looked at yet: see push_congested */
#define PUSH_CONGESTED_COUNT (16u << 10)

typedef struct push push;
typedef struct push_inbox push_inbox;

/* ---- messages ---- */

/* Whose connection takes it, looked at when it is sent; for others it is dropped. */
typedef enum push_audience {
    PUSH_FOR_ALL = 0,
    PUSH_FOR_RESP3,
    PUSH_FOR_SUBSCRIBERS /* of RESP2, that have subscribed to something */
} push_audience;

typedef enum push_kind {
    PUSH_HEAD,    /* `number` items follow: RESP3 >, RESP2 * */
    PUSH_ARRAY,   /* `number` items follow */
    PUSH_BULK,    /* `text` */
    PUSH_STATUS,  /* `text`; as the only item: a line of MONITOR */
    PUSH_INTEGER, /* `number` */
    PUSH_NULL
} push_kind;

typedef struct push_item {
    push_kind kind;
    int64_t number;
    hc_span text;
} push_item;

static inline push_item push_head(size_t count)
{
    return (push_item){.kind = PUSH_HEAD, .number = (int64_t)count};
}
static inline push_item push_array(size_t count)
{
    return (push_item){.kind = PUSH_ARRAY, .number = (int64_t)count};
}
static inline push_item push_bulk(hc_span bytes)
{
    return (push_item){.kind = PUSH_BULK, .text = bytes};
}
static inline push_item push_status(hc_span line)
{
    return (push_item){.kind = PUSH_STATUS, .text = line};
}
static inline push_item push_integer(int64_t number)
{
    return (push_item){.kind = PUSH_INTEGER, .number = number};
}
static inline push_item push_null(void)
{
    return (push_item){.kind = PUSH_NULL};
}

/* A message of `count` >= 1 items in the order of the answer; texts are copied.  The caller has the
 * first reference.  NULL: no memory. */
push *push_create(node *of, const push_item *items, size_t count);
push *push_create_for(node *of, push_audience audience, const push_item *items, size_t count);
void push_retain(push *of);
void push_release(push *of); /* accepts NULL */
/* Writes it as `to->protocol` has it. */
void push_encode(const push *of, reply *to);

/* ---- inboxes ---- */

/* The inbox of `who`, made at its first use, borrowed as long as the session lives.  NULL: no
 * memory.  The session's own thread. */
push_inbox *push_inbox_of(session *who);
/* That of the session with this id, with a reference of the caller's own.  NULL: no such session,
 * or no memory.  Walks the sessions. */
push_inbox *push_inbox_find(node *of, uint64_t session_id);
/* A reference keeps the inbox, not the session: posts to one that is gone return false. */
void push_inbox_retain(push_inbox *of);
void push_inbox_release(push_inbox *of);           /* accepts NULL */
uint64_t push_inbox_session(const push_inbox *of); /* its id */

/* Takes a reference of its own.  False: the session is gone or about to be closed.  `what` NULL, a
 * message there was no memory for, has the client closed: it would not know what it missed. */
bool push_post(push_inbox *to, push *what);

/* A worker has much to look at that was posted since it last did: who can wait should. */
bool push_congested(node *of);
/* After posts made for a command of `who`: when a worker is congested, its requests wait until none
 * is (session->paced, which the transport takes back), so that a publisher cannot outrun the
 * workers of those who listen.  What slow clients let wait is not counted: they are closed. */
void push_pace(session *who);

/* ---- limits ---- */

/* What may wait for one client, as client-output-buffer-limit's class pubsub has it. */
typedef struct push_limits {
    uint64_t hard_bytes; /* past it the client is closed; 0: no such limit */
    uint64_t soft_bytes; /* past it for soft_ms likewise; 0: no such limit */
    uint64_t soft_ms;
} push_limits;

/* 32 MiB, 8 MiB for 60 s. */
push_limits push_limits_get(const node *of);
void push_limits_set(node *of, push_limits to);

/* ---- for the session and the transport; the session's own thread ---- */

hc_status push_open(node *of);       /* by node_create */
void push_close(node *of);           /* by node_destroy; accepts one that was not opened */
void push_session_end(session *who); /* by session_fini; what waits is dropped */

/* `wake` is called, by any thread, when there is something for push_next of that worker; it must
 * not block and not call back.  Ends with push_detach, after which it is not called. */
void push_attach(node *of, unsigned worker, void (*wake)(void *ctx), void *ctx);
void push_detach(node *of, unsigned worker);

/* The next of the worker's sessions for which something came; NULL: none.  Must be followed by
 * push_deliver for it, or its end. */
session *push_next(node *of, unsigned worker);

/* Do messages wait for it, or is it to be closed (push_overflowed)?  A few instructions. */
bool push_waits(const session *who);
/* Too much waited, or for too long by `now_ns` (monotonic): close the client and count it.  To be
 * asked before push_deliver, and every second or so while messages are held back. */
bool push_overflowed(session *who, uint64_t now_ns);
/* Encodes waiting messages until none is left or more than `output_soft_bytes` are pending.  What
 * is left is held back: push_next does not return the session for it, the transport comes again
 * when there is room. */
void push_deliver(session *who, reply *to, size_t output_soft_bytes);
/* What waits for it, as if it were its own.  Any thread that sees to it that the session is there
 * (node->sessions_lock). */
size_t push_waiting_bytes(const session *who);
size_t push_waiting_count(const session *who);
/* It takes no more: what waits is dropped, what is posted refused. */
void push_refuse(session *who);
/* Did the latest push_deliver leave any? */
bool push_held(const session *who);

#endif
