/*
 * turn_time.c - how long the turns of a server's event loop take, in CPU time: preloaded before the
 * C library.
 *
 *     TURN_TIME_FILE=turns LD_PRELOAD=build/bench/turn_time.so redis-server ...
 *
 *     epoll_wait --> events | requests of all that were ready | epoll_wait -->
 *                           |<------------ a turn ----------->|
 *
 * Whoever asks meanwhile waits until the turn is over; in CPU time, which is all the server has a
 * say in, that is the same on a busy machine as on a quiet one.  The file is shared memory:
 * TURN_BUCKETS counters, sixteen to a power of two of nanoseconds, of turns by their length; then
 * the sum of all turns in nanoseconds.  bench_neighbours.py builds this and reads them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TURN_BUCKETS 1024u

static _Atomic uint64_t *turns; /* TURN_BUCKETS and the sum; NULL: nobody wants them */
static _Thread_local uint64_t began_ns;

__attribute__((constructor)) static void turns_open(void)
{
    size_t bytes = (TURN_BUCKETS + 1) * sizeof *turns;
    const char *path = getenv("TURN_TIME_FILE");
    int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) return;
    if (ftruncate(fd, (off_t)bytes) == 0) {
        void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (at != MAP_FAILED) turns = at;
    }
    (void)close(fd);
}

static uint64_t cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static unsigned bucket_of(uint64_t ns)
{
    if (ns < 16) return (unsigned)ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - 4;
    return (shift << 4) + (unsigned)(ns >> shift);
}

int epoll_wait(int epoll, struct epoll_event *events, int events_max, int timeout_ms)
{
    if (turns != NULL && began_ns != 0) {
        uint64_t ns = cpu_ns() - began_ns;
        atomic_fetch_add_explicit(&turns[bucket_of(ns)], 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&turns[TURN_BUCKETS], ns, memory_order_relaxed);
    }
    int ready = (int)syscall(SYS_epoll_wait, epoll, events, events_max, timeout_ms);
    began_ns = ready > 0 ? cpu_ns() : 0;
    return ready;
}
