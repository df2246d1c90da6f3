/*
 * slow_sync.c - a disk that takes longer to sync, for any server: preloaded before the C library.
 *
 *     SLOW_SYNC_US=1000 LD_PRELOAD=build/bench/slow_sync.so redis-server ...
 *
 * Each fsync and fdatasync does its work and then waits so long, as a disk without a protected
 * cache does.  bench_persistence_server.py builds and uses it.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_more(void)
{
    const char *text = getenv("SLOW_SYNC_US");
    long us = text != NULL ? atol(text) : 0;
    struct timespec rest = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    (void)nanosleep(&rest, NULL);
}

int fsync(int fd)
{
    int result = (int)syscall(SYS_fsync, fd);
    wait_more();
    return result;
}

int fdatasync(int fd)
{
    int result = (int)syscall(SYS_fdatasync, fd);
    wait_more();
    return result;
}
