/*
 * posix_memory.c - malloc for blocks, mmap for address space.
 *
 * A reserved space is private, anonymous and not counted against overcommit (MAP_NORESERVE): a page
 * costs memory from its first write on, and nothing again after MADV_DONTNEED.  Huge pages are
 * refused (MADV_NOHUGEPAGE): touching one byte would cost 2 MiB, which the packed store measured as
 * 3 bytes a key.
 */
#include "host/posix/defaults.h"

#include <stdlib.h>
#include <sys/mman.h>

static void *posix_allocate(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

static void *posix_resize(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    (void)ctx;
    (void)old_bytes;
    return realloc(block, new_bytes);
}

static void posix_release(void *ctx, void *block, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(block);
}

static void *posix_reserve(void *ctx, size_t bytes)
{
    (void)ctx;
    void *space = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED) return NULL;
    (void)madvise(space, bytes, MADV_NOHUGEPAGE); /* a kernel without huge pages says no: fine */
    return space;
}

static void posix_unreserve(void *ctx, void *space, size_t bytes)
{
    (void)ctx;
    (void)munmap(space, bytes); /* fails only for ranges that are not ours */
}

static bool posix_discard(void *ctx, void *space, size_t bytes)
{
    (void)ctx;
    return madvise(space, bytes, MADV_DONTNEED) == 0;
}

const hc_memory hci_posix_memory = {
    .size = sizeof(hc_memory),
    .allocate = posix_allocate,
    .resize = posix_resize,
    .release = posix_release,
    .reserve = posix_reserve,
    .unreserve = posix_unreserve,
    .discard = posix_discard,
};
