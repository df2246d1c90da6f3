/*
 * plugs.c - the program brings its own memory, clock and log.
 *
 *   memory  counts what the store holds, so the program can tell that all of it came back;
 *   clock   stands still until the program moves it, so an expiry can be shown without waiting;
 *   log     gets records as data and prints them as JSON lines on stderr.
 *
 * Every table starts with its size, which is how a library newer than the program knows what the
 * program knew.  A table that is left NULL takes the library's default.
 *
 * Prints:
 *
 *     now:          session is there
 *     31 s later:   session is gone
 *     memory:       all of it came back
 */
#include <hypercache/hypercache.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* ---- memory: called from any thread, hence the atomic ---- */

typedef struct counted_memory {
    atomic_size_t held_bytes; /* small blocks and address space together */
} counted_memory;

static void *memory_allocate(void *ctx, size_t bytes)
{
    counted_memory *memory = ctx;
    void *block = malloc(bytes);
    if (block != NULL) atomic_fetch_add(&memory->held_bytes, bytes);
    return block;
}

static void *memory_resize(void *ctx, void *block, size_t old_bytes, size_t new_bytes)
{
    counted_memory *memory = ctx;
    void *resized = realloc(block, new_bytes);
    if (resized == NULL) return NULL;
    atomic_fetch_add(&memory->held_bytes, new_bytes);
    atomic_fetch_sub(&memory->held_bytes, old_bytes);
    return resized;
}

static void memory_release(void *ctx, void *block, size_t bytes)
{
    counted_memory *memory = ctx;
    if (block == NULL) return;
    free(block);
    atomic_fetch_sub(&memory->held_bytes, bytes);
}

/* Address space, not yet memory: a page becomes memory when it is first written. */
static void *memory_reserve(void *ctx, size_t bytes)
{
    counted_memory *memory = ctx;
    void *space = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED) return NULL;
    atomic_fetch_add(&memory->held_bytes, bytes);
    return space;
}

static void memory_unreserve(void *ctx, void *space, size_t bytes)
{
    counted_memory *memory = ctx;
    munmap(space, bytes);
    atomic_fetch_sub(&memory->held_bytes, bytes);
}

static bool memory_discard(void *ctx, void *space, size_t bytes)
{
    (void)ctx;
    return madvise(space, bytes, MADV_DONTNEED) == 0;
}

/* ---- clock: time passes when the program says so ---- */

typedef struct hand_clock {
    atomic_llong now_ms;
} hand_clock;

static int64_t clock_wall_ms(void *ctx)
{
    return atomic_load(&((hand_clock *)ctx)->now_ms);
}

static uint64_t clock_monotonic_ns(void *ctx)
{
    return (uint64_t)atomic_load(&((hand_clock *)ctx)->now_ms) * 1000000u;
}

/* ---- log ---- */

static bool log_wants(void *ctx, hc_log_level level, hc_topic topic)
{
    (void)ctx;
    (void)topic;
    return level <= HC_LOG_INFO;
}

static void log_write(void *ctx, const hc_log_record *record)
{
    char line[1024];
    size_t size = hc_log_record_json(record, ctx, line, sizeof line);
    fprintf(stderr, "%.*s\n", (int)size, line);
}

static const char *presence(hc_store *store)
{
    hc_item item;
    return hc_store_stat(store, HC_SPAN("session"), &item) == HC_OK ? "is there" : "is gone";
}

int main(void)
{
    counted_memory counted = {0};
    hand_clock hand = {1700000000000};
    const hc_memory memory = {.size = sizeof memory,
                              .ctx = &counted,
                              .allocate = memory_allocate,
                              .resize = memory_resize,
                              .release = memory_release,
                              .reserve = memory_reserve,
                              .unreserve = memory_unreserve,
                              .discard = memory_discard};
    const hc_clock clock = {.size = sizeof clock,
                            .ctx = &hand,
                            .wall_ms = clock_wall_ms,
                            .monotonic_ns = clock_monotonic_ns};
    char node_id[] = "my-node";
    const hc_log log = {.size = sizeof log, .ctx = node_id, .wants = log_wants, .write = log_write};
    const hc_host host = {.size = sizeof host, .log = &log, .clock = &clock, .memory = &memory};

    hc_store *store;
    hc_status status = hc_store_create(&host, NULL, &store);
    if (status != HC_OK) {
        fprintf(stderr, "%s\n", hc_status_text(status));
        return 1;
    }
    hc_set_options options = {.size = sizeof options,
                              .expires_at_ms = clock_wall_ms(&hand) + 30000};
    status = hc_store_set(store, HC_SPAN("session"), HC_SPAN("of a user"), &options);
    if (status != HC_OK) fprintf(stderr, "%s\n", hc_status_text(status));
    printf("now:          session %s\n", presence(store));
    atomic_fetch_add(&hand.now_ms, 31000);
    printf("31 s later:   session %s\n", presence(store));
    hc_store_destroy(store);
    printf("memory:       %s\n",
           atomic_load(&counted.held_bytes) == 0 ? "all of it came back" : "some is lost");
    return 0;
}
