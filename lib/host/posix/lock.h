/*
 * lock.h - hci_lock on a pthread mutex.
 *
 * A mutex rather than a spin lock: where cores are fewer than threads, the holder may be off its
 * core, and whoever spins then only keeps it there.  Uncontended it is one atomic exchange; the
 * store measured no difference between the two.
 *
 * Not recursive.  Acquire and release must come from one thread.
 */
#ifndef HYPERCACHE_HOST_POSIX_LOCK_H
#define HYPERCACHE_HOST_POSIX_LOCK_H

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>

typedef struct hci_lock {
    pthread_mutex_t mutex;
} hci_lock;

/* Cannot fail: the initializer asks the system for nothing. */
static inline void hci_lock_init(hci_lock *lock)
{
    lock->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

/* Nobody may hold it. */
static inline void hci_lock_fini(hci_lock *lock)
{
    int error = pthread_mutex_destroy(&lock->mutex);
    assert(error == 0);
    (void)error;
}

static inline void hci_lock_acquire(hci_lock *lock)
{
    int error = pthread_mutex_lock(&lock->mutex);
    assert(error == 0);
    (void)error;
}

/* Never waits; true when the lock is ours now. */
static inline bool hci_lock_try_acquire(hci_lock *lock)
{
    return pthread_mutex_trylock(&lock->mutex) == 0;
}

static inline void hci_lock_release(hci_lock *lock)
{
    int error = pthread_mutex_unlock(&lock->mutex);
    assert(error == 0);
    (void)error;
}

#endif
