/*
 * test_lock.c - one holder at a time.
 */
#include "support/test.h"
#include "support/test_threads.h"

#include <pthread.h>

#include "host/lock.h"
#include "host/relax.h"

#define THREADS 4
#define ROUNDS 20000

typedef struct shared {
    hci_lock lock;
    unsigned counter; /* guarded by lock */
} shared;

static void *count(void *ctx)
{
    shared *all = ctx;
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 2 == 0) {
            hci_lock_acquire(&all->lock);
        } else {
            while (!hci_lock_try_acquire(&all->lock)) {
                hci_cpu_relax();
            }
        }
        all->counter++;
        hci_lock_release(&all->lock);
    }
    return NULL;
}

static void test_no_increment_is_lost(void **state)
{
    (void)state;
    shared all = {.counter = 0};
    hci_lock_init(&all.lock);
    test_threads(THREADS, count, &all, 0);
    assert_int_equal(all.counter, THREADS * ROUNDS);
    hci_lock_fini(&all.lock);
}

static void *try_it(void *ctx)
{
    hci_lock *lock = ctx;
    if (!hci_lock_try_acquire(lock)) return NULL;
    hci_lock_release(lock);
    return lock;
}

static void test_try_refuses_while_another_thread_holds_it(void **state)
{
    (void)state;
    hci_lock lock;
    hci_lock_init(&lock);
    for (int held = 0; held < 2; held++) {
        if (held) hci_lock_acquire(&lock);
        pthread_t thread;
        void *got;
        assert_int_equal(pthread_create(&thread, NULL, try_it, &lock), 0);
        assert_int_equal(pthread_join(thread, &got), 0);
        assert_int_equal(got == NULL, held);
        if (held) hci_lock_release(&lock);
    }
    hci_lock_fini(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_increment_is_lost),
        cmocka_unit_test(test_try_refuses_while_another_thread_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
