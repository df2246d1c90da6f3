/*
 * short_memory.h - malloc that refuses: blocks above a size, or all after so many grants.
 *
 * Takes the place of the C library's for the program that includes it (one file of it).  Under a
 * sanitizer, which has a malloc of its own, nothing is refused: SHORT_MEMORY is 0 and such tests
 * skip.
 */
#ifndef HYPERCACHE_TESTS_SHORT_MEMORY_H
#define HYPERCACHE_TESTS_SHORT_MEMORY_H

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

_Atomic size_t memory_bytes_max = SIZE_MAX; /* of one block */
_Atomic size_t memory_grants = SIZE_MAX;    /* blocks still given */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHORT_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SHORT_MEMORY 0
#endif
#endif

#ifndef SHORT_MEMORY
#define SHORT_MEMORY 1

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);

static bool memory_refuses(size_t bytes)
{
    size_t grants = memory_grants;
    if (bytes <= memory_bytes_max && grants > 0) {
        if (grants != SIZE_MAX) memory_grants = grants - 1;
        return false;
    }
    errno = ENOMEM;
    return true;
}

void *malloc(size_t bytes)
{
    return memory_refuses(bytes) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return memory_refuses(count * bytes) ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes)
{
    return memory_refuses(bytes) ? NULL : __libc_realloc(block, bytes);
}
#endif

#endif
