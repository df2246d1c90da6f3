/*
 * posix_random.c - getrandom(2), and what is left when there is none.
 *
 *     getrandom      Linux since 3.17
 *     /dev/urandom   older kernels, and sandboxes that refuse the call
 *     clocks, process id, addresses   a chroot without /dev on top of that: hard to guess, no more.
 *
 * The last step exists because `fill` cannot fail and a library does not end its host's process.
 */
#include "host/posix/random_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "host/posix/defaults.h"

size_t hci_random_by_getrandom(uint8_t *buffer, size_t bytes)
{
    size_t filled = 0;
    while (filled < bytes) {
        ssize_t got = getrandom(buffer + filled, bytes - filled, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        filled += (size_t)got;
    }
    return filled;
}

size_t hci_random_by_device(uint8_t *buffer, size_t bytes)
{
    int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    size_t filled = 0;
    while (filled < bytes) {
        ssize_t got = read(file, buffer + filled, bytes - filled);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        filled += (size_t)got;
    }
    (void)close(file);
    return filled;
}

void hci_random_by_circumstance(uint8_t *buffer, size_t bytes)
{
    struct circumstance {
        struct timespec wall, monotonic, cpu;
        const void *stack, *code;
        uint64_t round, process;
    } seen;
    memset(&seen, 0, sizeof seen); /* padding too: it is hashed */
    seen.stack = &seen;
    seen.code = &hci_posix_random;
    seen.process = (uint64_t)getpid();
    for (size_t at = 0; at < bytes; at += sizeof seen.round) {
        (void)clock_gettime(CLOCK_REALTIME, &seen.wall);
        (void)clock_gettime(CLOCK_MONOTONIC, &seen.monotonic);
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &seen.cpu);
        seen.round = hci_hash(hc_span_make(&seen, sizeof seen), seen.round);
        size_t part = bytes - at < sizeof seen.round ? bytes - at : sizeof seen.round;
        memcpy(buffer + at, &seen.round, part);
    }
}

static void posix_fill(void *ctx, void *buffer, size_t bytes)
{
    (void)ctx;
    uint8_t *to = buffer;
    size_t filled = hci_random_by_getrandom(to, bytes);
    if (filled < bytes) filled += hci_random_by_device(to + filled, bytes - filled);
    if (filled < bytes) hci_random_by_circumstance(to + filled, bytes - filled);
}

const hc_random hci_posix_random = {
    .size = sizeof(hc_random),
    .fill = posix_fill,
};
