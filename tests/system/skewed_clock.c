/*
 * skewed_clock.c - preloaded, it makes the wall clock of a process wrong by what a file says.
 *
 *     SKEWED_CLOCK=FILE LD_PRELOAD=skewed_clock.so hypercached ...
 *
 * The first eight bytes of FILE are milliseconds to add; whoever writes them moves the clock of the
 * running process.  Clocks that only measure how time passes stay right, as they do in a computer
 * whose date is set.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic int64_t *offset_ms; /* NULL: right */

__attribute__((constructor)) static void skewed_clock_open(void)
{
    const char *path = getenv("SKEWED_CLOCK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof *offset_ms, PROT_READ, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (at != MAP_FAILED) offset_ms = at;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    long status = syscall(SYS_clock_gettime, id, out);
    if (status != 0 || offset_ms == NULL) return (int)status;
    if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE) return 0;
    int64_t ms = atomic_load_explicit(offset_ms, memory_order_relaxed);
    int64_t ns = out->tv_nsec + ms % 1000 * 1000000;
    out->tv_sec += ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
    out->tv_nsec = (ns + 1000000000) % 1000000000;
    return 0;
}
