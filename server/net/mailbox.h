/*
 * mailbox.h - what other threads ask of a worker: a small bounded queue and an eventfd that wakes
 * its loop.
 *
 * Threads: post from any; take from the owner alone.
 */
#ifndef HYPERCACHE_SERVER_NET_MAILBOX_H
#define HYPERCACHE_SERVER_NET_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAILBOX_MESSAGES_MAX 64u

typedef enum message_kind {
    MESSAGE_KILL = 0,    /* close the client with session id `id` */
    MESSAGE_DRAIN = 1,   /* finish and end; the last message a worker gets */
    MESSAGE_SETTINGS = 2 /* net's atomics have changed; any other message has it look, too */
} message_kind;

typedef struct message {
    message_kind kind;
    uint64_t id;
} message;

typedef struct mailbox {
    pthread_mutex_t lock;
    message messages[MAILBOX_MESSAGES_MAX]; /* guarded by lock, as is count */
    size_t count;
    int wake_fd; /* readable while messages wait */
} mailbox;

/* False: the system has no descriptor left; errno tells. */
bool mailbox_init(mailbox *box);
void mailbox_fini(mailbox *box);
/* False: full.  The last place is kept for MESSAGE_DRAIN, so one of those always fits. */
bool mailbox_post(mailbox *box, message what);
/* Makes wake_fd readable, with or without a message.  Any thread. */
void mailbox_wake(mailbox *box);
/* Takes all waiting messages; returns how many. */
size_t mailbox_take(mailbox *box, message taken[MAILBOX_MESSAGES_MAX]);

#endif
