/*
 * test_memory.c - each block carries its size and a mark in front of it.
 *
 *     [ size | mark | ............ block ............ ]
 *                   ^ what the caller sees, aligned for any type
 *
 * The mark depends on the block's address, so a stale copy of a header is not taken for one.
 */
#include "support/test_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MARK ((uintptr_t)0x5afe5afeu)

typedef union header {
    struct {
        size_t bytes;
        uintptr_t mark;
    } is;
    max_align_t aligned;
} header;

static void misuse(const char *what)
{
    (void)fprintf(stderr, "test_memory: %s\n", what);
    abort();
}

static bool granted(test_memory *memory)
{
    size_t left = atomic_load(&memory->grants);
    while (left != SIZE_MAX) {
        if (left == 0) {
            atomic_fetch_add(&memory->refused, 1);
            return false;
        }
        if (atomic_compare_exchange_weak(&memory->grants, &left, left - 1)) return true;
    }
    return true;
}

static void count_live(test_memory *memory, size_t bytes)
{
    size_t live = atomic_fetch_add(&memory->live_bytes, bytes) + bytes;
    atomic_fetch_add(&memory->live_blocks, 1);
    size_t peak = atomic_load(&memory->peak_bytes);
    while (live > peak && !atomic_compare_exchange_weak(&memory->peak_bytes, &peak, live)) {
    }
}

static void *block_create(test_memory *memory, size_t bytes)
{
    if (bytes == 0) misuse("a block of 0 bytes was asked for");
    if (bytes > SIZE_MAX - sizeof(header)) return NULL;
    header *made = malloc(sizeof(header) + bytes);
    if (made == NULL) return NULL;
    made->is.bytes = bytes;
    made->is.mark = MARK ^ (uintptr_t)made;
    memset(made + 1, 0xA5, bytes);
    count_live(memory, bytes);
    return made + 1;
}

static void block_destroy(test_memory *memory, void *block, size_t bytes)
{
    if (block == NULL) return;
    header *found = (header *)block - 1;
    if (found->is.mark != (MARK ^ (uintptr_t)found)) misuse("not a live block");
    if (found->is.bytes != bytes) misuse("the block has another size");
    memset(found + 1, 0xDD, bytes);
    found->is.mark = 0;
    atomic_fetch_sub(&memory->live_bytes, bytes);
    atomic_fetch_sub(&memory->live_blocks, 1);
    free(found);
}

static void *memory_allocate(void *ctx, size_t bytes)
{
    test_memory *memory = ctx;
    return granted(memory) ? block_create(memory, bytes) : NULL;
}

/* Always moves the block, so that a pointer kept from before shows. */
static void *memory_resize(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    test_memory *memory = ctx;
    if (!granted(memory)) return NULL;
    void *moved = block_create(memory, new_bytes);
    if (moved == NULL || block == NULL) return moved;
    memcpy(moved, block, old_bytes < new_bytes ? old_bytes : new_bytes);
    block_destroy(memory, block, old_bytes);
    return moved;
}

static void memory_release(void *ctx, void *block, size_t bytes)
{
    block_destroy(ctx, block, bytes);
}

static void *memory_reserve(void *ctx, size_t bytes)
{
    test_memory *memory = ctx;
    if (!granted(memory)) return NULL;
    void *space = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED) return NULL;
    atomic_fetch_add(&memory->reserved_bytes, bytes);
    return space;
}

static void memory_unreserve(void *ctx, void *space, size_t bytes)
{
    test_memory *memory = ctx;
    if (munmap(space, bytes) != 0) misuse("unreserve of what is not a reserved space");
    atomic_fetch_sub(&memory->reserved_bytes, bytes);
}

static bool memory_discard(void *ctx, void *space, size_t bytes)
{
    test_memory *memory = ctx;
    if (!granted(memory)) return false;
    if (madvise(space, bytes, MADV_DONTNEED) != 0) misuse("discard of what is not reserved");
    return true;
}

const hc_memory *test_memory_table(test_memory *memory)
{
    memory->table = (hc_memory){
        .size = sizeof(hc_memory),
        .ctx = memory,
        .allocate = memory_allocate,
        .resize = memory_resize,
        .release = memory_release,
        .reserve = memory_reserve,
        .unreserve = memory_unreserve,
        .discard = memory_discard,
    };
    return &memory->table;
}
