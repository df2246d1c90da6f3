/*
 * bench_compress.c - what compression saves and what it costs, on JSON values of 200 bytes.
 *
 *   memory   new keys are written into a store with a limit until it holds as many as it can, one
 *            store as it is and one that compresses; ratio = keys of this by keys of that.  Values
 *            written before the first dictionary was trained are part of it, and so is all memory
 *            of compression.
 *   time     CPU time of this thread for sets of present keys and for gets, in turns on stores of
 *            --keys keys with and without; what is extra is the median of the differences.
 *
 * Values follow from a seed, in four kinds:
 *   user     one kind of record: names, mail address, city, dates, numbers, a session number
 *   event    records of 24 shapes with field names of their own, numbers, words, hexadecimal
 *   token    a record of which half is random hexadecimal: little can be saved
 *   random   bytes that nothing makes smaller: what trying costs
 *
 * Housekeeping runs after every --maintain-every sets (1000), as a daemon does some times a second.
 *
 * Usage: bench_compress [--limit-mib=64] [--keys=200000] [--ops=400000] [--turns=7] [--quick]
 */
#include <hypercache/hypercache.h>

#include "measure.h"

#define RECORD_BYTES 200u
#define SHAPES 24u

typedef enum kind { KIND_USER, KIND_EVENT, KIND_TOKEN, KIND_RANDOM, KINDS } kind;
static const char *const KIND_NAMES[KINDS] = {"user", "event", "token", "random"};

static const char *const NAMES[] = {
    "James", "Mary",      "Robert",  "Patricia", "John",    "Jennifer", "Michael", "Linda",
    "David", "Elizabeth", "William", "Barbara",  "Richard", "Susan",    "Joseph",  "Jessica"};
static const char *const SURNAMES[] = {"Smith",  "Johnson",  "Williams", "Brown",
                                       "Jones",  "Garcia",   "Miller",   "Davis",
                                       "Wilson", "Anderson", "Thomas",   "Martinez"};
static const char *const WORDS[] = {
    "order",  "shipped", "payment",    "pending", "customer", "request", "gold",   "silver",
    "weekly", "mobile",  "desktop",    "north",   "south",    "invoice", "refund", "express",
    "basic",  "premium", "newsletter", "trial",   "family",   "gift",    "summer", "partner"};
#define PICK(list, state) (list)[bench_random_below(state, sizeof(list) / sizeof *(list))]

/* ---- values ---- */

static unsigned number(uint64_t *state, uint64_t bound)
{
    return (unsigned)bench_random_below(state, bound);
}

static size_t user_text(char *to, size_t room, uint64_t *state)
{
    const char *name = PICK(NAMES, state), *surname = PICK(SURNAMES, state);
    int size = snprintf(
        to, room,
        "{\"id\":%u,\"name\":\"%s %s\",\"email\":\"%s.%s%u@example.com\",\"created\":"
        "\"20%02u-%02u-%02uT%02u:%02u:%02uZ\",\"score\":%u.%02u,\"active\":%s,"
        "\"session\":\"%08x\",\"plan\":\"%s\"",
        number(state, 100000000), name, surname, name, surname, number(state, 1000),
        10 + number(state, 17), 1 + number(state, 12), 1 + number(state, 28), number(state, 24),
        number(state, 60), number(state, 60), number(state, 1000), number(state, 100),
        number(state, 2) ? "true" : "false", (unsigned)bench_random(state), PICK(WORDS, state));
    return (size_t)size;
}

static size_t event_text(char *to, size_t room, uint64_t *state)
{
    uint64_t shape = bench_random_below(state, SHAPES) * 1000 + 77;
    size_t size = 0;
    for (unsigned i = 0; i < 9; i++) {
        const char *first = PICK(WORDS, &shape), *second = PICK(SURNAMES, &shape);
        size += (size_t)snprintf(to + size, room - size, "%c\"%s%s\":", i == 0 ? '{' : ',', first,
                                 second);
        if (i % 3 == 0)
            size += (size_t)snprintf(to + size, room - size, "%u", number(state, 100000));
        if (i % 3 == 1)
            size += (size_t)snprintf(to + size, room - size, "\"%s\"", PICK(WORDS, state));
        if (i == 5) {
            size +=
                (size_t)snprintf(to + size, room - size, "\"%08x\"", (unsigned)bench_random(state));
        } else if (i % 3 == 2) {
            size +=
                (size_t)snprintf(to + size, room - size, "%s", number(state, 2) ? "true" : "null");
        }
    }
    return size;
}

static size_t token_text(char *to, size_t room, uint64_t *state)
{
    size_t size = (size_t)snprintf(to, room, "{\"kind\":\"%s\",\"user\":%u,\"token\":\"",
                                   PICK(WORDS, state), number(state, 1000000));
    for (unsigned i = 0; i < 6; i++) {
        size += (size_t)snprintf(to + size, room - size, "%016" PRIx64, bench_random(state));
    }
    size += (size_t)snprintf(to + size, room - size, "\"");
    return size;
}

/* RECORD_BYTES bytes that follow from `index`; a text too short is filled up by a note of words. */
static void value_make(kind what, uint64_t index, uint8_t value[RECORD_BYTES])
{
    char text[1024];
    uint64_t state = index * 2654435761u + 12345;
    size_t size = 0;
    if (what == KIND_RANDOM) {
        for (size_t i = 0; i < RECORD_BYTES; i++)
            value[i] = (uint8_t)bench_random(&state);
        return;
    }
    if (what == KIND_USER) size = user_text(text, sizeof text, &state);
    if (what == KIND_EVENT) size = event_text(text, sizeof text, &state);
    if (what == KIND_TOKEN) size = token_text(text, sizeof text, &state);
    size += (size_t)snprintf(text + size, sizeof text - size, ",\"note\":\"");
    while (size < RECORD_BYTES)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s ", PICK(WORDS, &state));
    memcpy(value, text, RECORD_BYTES);
    memcpy(value + RECORD_BYTES - 2, "\"}", 2);
}

/* ---- stores ---- */

static hc_store *store_make(uint64_t limit_bytes, bool compresses)
{
    hc_store_options options = {.size = sizeof options,
                                .max_memory_bytes = limit_bytes,
                                .shards = 4,
                                .compression =
                                    compresses ? HC_COMPRESSION_ZSTD : HC_COMPRESSION_NONE};
    hc_store *store = NULL;
    if (hc_store_create(NULL, &options, &store) != HC_OK) bench_die("cannot create a store");
    return store;
}

static hc_store_stats stats_of(hc_store *store)
{
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_stats_get(store, &stats);
    return stats;
}

static void put(hc_store *store, uint64_t index, const uint8_t *value)
{
    uint8_t key[BENCH_KEY_BYTES];
    bench_key(key, index);
    hc_status status =
        hc_store_set(store, hc_span_make(key, sizeof key), hc_span_make(value, RECORD_BYTES), NULL);
    if (status != HC_OK) bench_die(hc_status_text(status));
}

static void fill(hc_store *store, kind what, uint64_t first, uint64_t count, uint64_t every)
{
    uint8_t value[RECORD_BYTES];
    for (uint64_t i = first; i < first + count; i++) {
        value_make(what, i, value);
        put(store, i, value);
        if (i % every == 0) (void)hc_store_maintain(store, 0);
    }
}

/* ---- memory ---- */

/* Keys that a store of this limit holds when it has begun to evict. */
static uint64_t capacity(kind what, uint64_t limit_bytes, bool compresses, uint64_t every,
                         hc_store_stats *stats_out)
{
    hc_store *store = store_make(limit_bytes, compresses);
    uint64_t base_bytes = bench_rss_bytes(), written = 0;
    do {
        fill(store, what, written, 10000, every);
        written += 10000;
        *stats_out = stats_of(store);
    } while (stats_out->evicted < stats_out->keys / 10);
    uint64_t grown_bytes = bench_rss_bytes() - base_bytes;
    printf("| %-6s | %-4s | %9" PRIu64 " | %6.1f | %6.3f |\n", KIND_NAMES[what],
           compresses ? "zstd" : "none", stats_out->keys,
           (double)stats_out->memory_bytes / (double)stats_out->keys,
           (double)grown_bytes / (double)limit_bytes);
    hc_store_destroy(store);
    return stats_out->keys;
}

static void memory(uint64_t limit_bytes, uint64_t every)
{
    printf("\n| values | mode | keys | B per key | resident / limit |\n|---|---|---|---|---|\n");
    for (unsigned what = 0; what < KINDS; what++) {
        hc_store_stats plain, packed;
        uint64_t keys = capacity((kind)what, limit_bytes, false, every, &plain);
        double ratio =
            (double)capacity((kind)what, limit_bytes, true, every, &packed) / (double)keys;
        double values =
            packed.compressed_stored_bytes == 0
                ? 1
                : (double)packed.compressed_raw_bytes / (double)packed.compressed_stored_bytes;
        printf("  %s: %.2f times the keys; compressed values %.2f times smaller; %" PRIu64
               " trainings; %.0f KiB for contexts and dictionaries\n",
               KIND_NAMES[what], ratio, values, packed.dictionary_trainings,
               (double)packed.compression_memory_bytes / 1024);
        fflush(stdout);
    }
}

/* ---- time ---- */

static uint64_t cpu_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double gets_ns(hc_store *store, uint64_t keys, uint64_t ops)
{
    uint8_t key[BENCH_KEY_BYTES], value[RECORD_BYTES];
    uint64_t state = 4711, start_ns = cpu_now_ns();
    for (uint64_t i = 0; i < ops; i++) {
        size_t size = 0;
        bench_key(key, bench_random_below(&state, keys));
        if (hc_store_get(store, hc_span_make(key, sizeof key), value, sizeof value, &size) !=
                HC_OK ||
            size != RECORD_BYTES) {
            bench_die("a key is lost");
        }
    }
    return (double)(cpu_now_ns() - start_ns) / (double)ops;
}

/* `values` are laid out before, one after the other. */
static double sets_ns(hc_store *store, uint64_t keys, uint64_t ops, const uint8_t *values,
                      uint64_t value_count)
{
    uint64_t state = 815, start_ns = cpu_now_ns();
    for (uint64_t i = 0; i < ops; i++) {
        put(store, bench_random_below(&state, keys), values + i % value_count * RECORD_BYTES);
    }
    return (double)(cpu_now_ns() - start_ns) / (double)ops;
}

static void time_kind(kind what, uint64_t keys, uint64_t ops, size_t turns, uint64_t every)
{
    enum { VALUES = 4096 };
    static uint8_t values[VALUES * RECORD_BYTES];
    double get[2][BENCH_TURNS_MAX], set[2][BENCH_TURNS_MAX];
    double get_extra[BENCH_TURNS_MAX], set_extra[BENCH_TURNS_MAX];
    hc_store *stores[2] = {store_make(0, false), store_make(0, true)};
    for (uint64_t i = 0; i < VALUES; i++)
        value_make(what, keys + i, values + i * RECORD_BYTES);
    for (unsigned i = 0; i < 2; i++) {
        fill(stores[i], what, 0, keys, every);
        fill(stores[i], what, 0, keys, every); /* again, so that all is of the dictionary */
    }
    for (size_t turn = 0; turn < turns; turn++) {
        for (unsigned i = 0; i < 2; i++) {
            get[i][turn] = gets_ns(stores[i], keys, ops);
            set[i][turn] = sets_ns(stores[i], keys, ops, values, VALUES);
            (void)hc_store_maintain(stores[i], 0);
        }
        get_extra[turn] = get[1][turn] - get[0][turn];
        set_extra[turn] = set[1][turn] - set[0][turn];
    }
    printf("| %-6s | %5.0f | %5.0f | %5.0f (least %.0f) | %5.0f | %5.0f | %5.0f (least %.0f) |\n",
           KIND_NAMES[what], bench_median(get[0], turns), bench_median(get[1], turns),
           bench_median(get_extra, turns), bench_min(get_extra, turns), bench_median(set[0], turns),
           bench_median(set[1], turns), bench_median(set_extra, turns),
           bench_min(set_extra, turns));
    fflush(stdout);
    hc_store_destroy(stores[0]);
    hc_store_destroy(stores[1]);
}

int main(int argc, char **argv)
{
    bool quick = bench_option_set(argc, argv, "--quick");
    uint64_t limit_mib = bench_option_number(argc, argv, "--limit-mib", quick ? 32 : 64);
    uint64_t keys = bench_option_number(argc, argv, "--keys", quick ? 50000 : 200000);
    uint64_t ops = bench_option_number(argc, argv, "--ops", quick ? 100000 : 400000);
    size_t turns = bench_option_number(argc, argv, "--turns", quick ? 3 : 7);
    uint64_t every = bench_option_number(argc, argv, "--maintain-every", 1000);
    if (turns == 0 || turns > BENCH_TURNS_MAX) bench_die("--turns is 1..64");
    if (every == 0 || keys == 0) bench_die("--keys and --maintain-every are above 0");
    bench_noise noise = bench_noise_begin();
    printf("values of %u bytes, keys of %u; load average before %.2f\n", RECORD_BYTES,
           BENCH_KEY_BYTES, bench_load_average());
    memory(limit_mib << 20, every);
    printf("\nCPU ns for one operation, %" PRIu64 " keys, median of %zu turns\n", keys, turns);
    printf("| values | get | get zstd | extra | set | set zstd | extra |\n"
           "|---|---|---|---|---|---|---|\n");
    for (unsigned what = 0; what < KINDS; what++)
        time_kind((kind)what, keys, ops, turns, every);
    printf("others on this machine meanwhile took %.2f cores\n", bench_noise_cores(&noise));
    return 0;
}
