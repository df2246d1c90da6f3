/* mailbox.c - a lock held for a copy of a few words; the eventfd counts, so no wake-up is lost. */
#include "net/mailbox.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool mailbox_init(mailbox *box)
{
    memset(box, 0, sizeof *box);
    box->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (box->wake_fd < 0) return false;
    (void)pthread_mutex_init(&box->lock, NULL); /* a plain mutex cannot fail on Linux */
    return true;
}

void mailbox_fini(mailbox *box)
{
    (void)close(box->wake_fd);
    (void)pthread_mutex_destroy(&box->lock);
}

bool mailbox_post(mailbox *box, message what)
{
    size_t room = what.kind == MESSAGE_DRAIN ? MAILBOX_MESSAGES_MAX : MAILBOX_MESSAGES_MAX - 1;
    (void)pthread_mutex_lock(&box->lock);
    bool fits = box->count < room;
    if (fits) box->messages[box->count++] = what;
    (void)pthread_mutex_unlock(&box->lock);
    if (fits) mailbox_wake(box);
    return fits;
}

void mailbox_wake(mailbox *box)
{
    (void)eventfd_write(box->wake_fd, 1); /* EAGAIN: it is readable already */
}

size_t mailbox_take(mailbox *box, message taken[MAILBOX_MESSAGES_MAX])
{
    eventfd_t wakes;
    (void)eventfd_read(box->wake_fd, &wakes); /* first, so a later post wakes again */
    (void)pthread_mutex_lock(&box->lock);
    size_t count = box->count;
    memcpy(taken, box->messages, count * sizeof *taken);
    box->count = 0;
    (void)pthread_mutex_unlock(&box->lock);
    return count;
}
