/*
 * short_memory.h - malloc that refuses: blocks above a size, or all after so many grants.
 *
 * Takes the place of the C library's for the program that includes it (one file of it).  Sanitizers
 * and valgrind have a malloc of their own and refuse nothing: tests ask memory_obeys() and skip.
 */
#ifndef HYPERCACHE_TESTS_SHORT_MEMORY_H
#define HYPERCACHE_TESTS_SHORT_MEMORY_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "support/test.h"

_Atomic size_t memory_bytes_max = SIZE_MAX; /* of one block */
_Atomic size_t memory_grants = SIZE_MAX;    /* blocks still given */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OTHER_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OTHER_MALLOC 1
#endif
#endif

#ifndef OTHER_MALLOC
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *block, size_t bytes);

/* Valgrind replaces functions, not copies of them inside others. */
#define STAYS_OUT_OF_LINE __attribute__((noinline))

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

STAYS_OUT_OF_LINE void *malloc(size_t bytes)
{
    return memory_refuses(bytes) ? NULL : __libc_malloc(bytes);
}

STAYS_OUT_OF_LINE void *calloc(size_t count, size_t bytes)
{
    return memory_refuses(count * bytes) ? NULL : __libc_calloc(count, bytes);
}

STAYS_OUT_OF_LINE void *realloc(void *block, size_t bytes)
{
    return memory_refuses(bytes) ? NULL : __libc_realloc(block, bytes);
}
#endif

/* Whether a refusal reaches the program; if not, it says so, and the test skips. */
static inline bool memory_obeys(void)
{
    memory_bytes_max = 1;
    void *volatile block = malloc(2); /* volatile: or the compiler knows better than to ask */
    memory_bytes_max = SIZE_MAX;
    bool refused = block == NULL;
    free(block);
    if (!refused) print_message("skipped: a sanitizer or valgrind has its own malloc\n");
    return refused;
}

#endif
