/*
 * pubsub.h - channels, patterns and shard channels: who subscribed, and publishing to them.
 *
 *     SUBSCRIBE    pubsub_subscribe(session, PUBSUB_CHANNEL, name)
 *     PUBLISH      pubsub_publish(node, PUBSUB_CHANNEL, channel, payload) -> receivers
 *     the session ends: pubsub_end
 *
 * Order:   all subscribers of a channel get its messages in one order, whichever worker they and
 *          the publishers are on; those of one publisher in the order it published.  A pattern's
 *          messages of one channel likewise.
 * Cost:    publishing to a channel nobody listens to takes no lock that others contend for: two
 *          loads while nobody subscribed to a pattern or to a channel in the same stripe, else one
 *          hash look-up under the stripe's lock.  Patterns are compared one by one, as in Redis.
 * Locks:   a stripe's, then that of the patterns, then push.h's.  Publishing may be done with other
 *          locks held (a shard's), for nothing is called back.
 * Threads: publish and what reads: any.  Calls with a session: its own thread.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_PUBSUB_H
#define HYPERCACHE_SERVER_COMMAND_PUBSUB_H

#include "command/session.h" /* pubsub_kind */

#define PUBSUB_STRIPES 64u                  /* of each kind but patterns */
#define PUBSUB_SUBSCRIPTIONS_MAX (1u << 20) /* of one session */

hc_status pubsub_open(node *of); /* by node_create */
void pubsub_close(node *of);     /* by node_destroy; no session is left */

/*   HC_ERR_EXISTS     it has that subscription
 *   HC_ERR_LIMIT      it has PUBSUB_SUBSCRIPTIONS_MAX
 *   HC_ERR_NO_MEMORY */
hc_status pubsub_subscribe(session *who, pubsub_kind kind, hc_span name);
/* False: it had no such subscription.  Once it returns nothing more is posted for that name; what
 * was is still in the inbox. */
bool pubsub_unsubscribe(session *who, pubsub_kind kind, hc_span name);
/* The name of its oldest subscription of that kind, valid until that one ends; false: none. */
bool pubsub_oldest(const session *who, pubsub_kind kind, hc_span *name_out);
/* Subscriptions of a kind. */
size_t pubsub_count(const session *who, pubsub_kind kind);
/* Has it any?  Any thread. */
bool pubsub_subscribed(const session *who);
/* Ends all of them. */
void pubsub_end(session *who);

/* Sends `payload` to the subscribers of `channel` and, for PUBSUB_CHANNEL, to those of patterns it
 * matches; returns how many messages that made.  `kind` is not PUBSUB_PATTERN. */
size_t pubsub_publish(node *of, pubsub_kind kind, hc_span channel, hc_span payload);
/* Would pubsub_publish of a channel reach anybody?  May say yes in vain, never no: two loads. */
bool pubsub_has_listeners(const node *of);

/* How many subscribed to a name. */
size_t pubsub_listeners(node *of, pubsub_kind kind, hc_span name);
/* How many names of a kind have subscribers. */
size_t pubsub_names(node *of, pubsub_kind kind);
/* Sessions with a subscription. */
size_t pubsub_sessions(const node *of);
/* Calls `visit` with each name of a kind that has subscribers, under a lock: it must not call back
 * here.  Names that come and go meanwhile may be missed. */
void pubsub_each(node *of, pubsub_kind kind, void (*visit)(void *ctx, hc_span name), void *ctx);

#endif
