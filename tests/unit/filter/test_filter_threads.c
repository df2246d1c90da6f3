/*
 * test_filter_threads.c - readers beside writers: what stays in is always found.  For
 * ThreadSanitizer as much as for its own assertions.
 */
#include "unit/filter/filter_check.h"

#include <pthread.h>

#define READERS 3
#define SAVES 40

typedef struct scene {
    hc_filter *filter;
    uint64_t staying; /* items 0..staying-1 are in throughout */
    uint64_t churn;   /* items that each of two writers adds and deletes, over and over */
    int rounds;
    atomic_bool done;
    atomic_size_t lost; /* lookups that missed an item which was in */
    atomic_size_t looked;
    atomic_size_t undeleted; /* deletes that missed an item which was in */
} scene;

static void *read_all(void *ctx)
{
    scene *in = ctx;
    do {
        for (uint64_t n = 0; n < in->staying; n++) {
            if (!hc_filter_contains_hash(in->filter, item_hash(n))) {
                atomic_fetch_add(&in->lost, 1);
            }
        }
        atomic_fetch_add(&in->looked, in->staying);
    } while (!atomic_load(&in->done));
    return NULL;
}

/* Other items in each round: the same ones would find their old slots free and move nobody. */
static void churn(scene *in, uint64_t first)
{
    for (int round = 0; round < in->rounds; round++, first += 2 * in->churn) {
        uint64_t end = first;
        while (end < first + in->churn && hc_filter_add_hash(in->filter, item_hash(end)) == HC_OK) {
            end++;
        }
        for (uint64_t n = first; n < end; n++) {
            if (hc_filter_delete_hash(in->filter, item_hash(n)) != HC_OK) {
                atomic_fetch_add(&in->undeleted, 1);
            }
        }
    }
}

static void *write_second(void *ctx)
{
    scene *in = ctx;
    churn(in, in->staying + in->churn);
    return NULL;
}

static void run(scene *all, const hc_filter_options *options)
{
    assert_int_equal(hc_filter_create(NULL, options, &all->filter), HC_OK);
    for (uint64_t n = 0; n < all->staying; n++) {
        assert_int_equal(hc_filter_add_hash(all->filter, item_hash(n)), HC_OK);
    }
    pthread_t readers[READERS], writer;
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, all), 0);
    }
    assert_int_equal(pthread_create(&writer, NULL, write_second, all), 0);
    churn(all, all->staying);
    (void)hc_filter_measure(all->filter, 1000, 1);
    assert_int_equal(pthread_join(writer, NULL), 0);
    atomic_store(&all->done, true);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    assert_int_equal(all->lost, 0);
    assert_int_equal(all->undeleted, 0);
    assert_true(all->looked >= READERS * all->staying);
    assert_true(filter_stats(all->filter).kicks > 0); /* things did move under the readers */
    filter_check(all->filter, all->staying);
    hc_filter_destroy(all->filter);
}

static void test_readers_find_all_that_stays_while_a_full_filter_churns(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        hc_filter_options options = {.size = sizeof options,
                                     .capacity = 1300, /* 1400 are wanted: writers meet the limit */
                                     .fingerprint_bits = 8 + 4 * (i / 2),
                                     .layout = (hc_filter_layout)(1 + i % 2)};
        scene all = {.staying = 400, .churn = 500, .rounds = 30};
        run(&all, &options);
    }
}

/* Few buckets, nearly all full: each add moves others about, most of which stay, so readers often
 * look for an item in the very moment when it moves. */
static void test_readers_find_what_is_moving(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        hc_filter_options options = {.size = sizeof options,
                                     .capacity = 200,
                                     .fingerprint_bits = 12,
                                     .layout = (hc_filter_layout)(1 + i % 2)};
        scene all = {.staying = 190, .churn = 5, .rounds = 20000};
        run(&all, &options);
    }
}

static void test_readers_find_all_that_stays_while_a_chain_grows(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        hc_filter_options options = {.size = sizeof options,
                                     .capacity = 200,
                                     .growth = HC_FILTER_GROWTH_CHAIN,
                                     .layout = (hc_filter_layout)(1 + i % 2)};
        scene all = {.staying = 400, .churn = 500, .rounds = 30};
        run(&all, &options);
    }
}

static void *clear_and_save(void *ctx)
{
    scene *in = ctx;
    for (int round = 0; round < SAVES; round++) {
        size_t size = hc_filter_serialized_size(in->filter);
        uint8_t bytes[8192];
        hc_filter *copy;
        if (hc_filter_serialize(in->filter, bytes, sizeof bytes, &size) == HC_OK) {
            /* a save is of one moment, whatever writers do */
            if (hc_filter_load(NULL, hc_span_make(bytes, size), &copy) != HC_OK) {
                atomic_fetch_add(&in->lost, 1);
            }
            hc_filter_destroy(copy);
        }
        hc_filter_clear(in->filter);
    }
    atomic_store(&in->done, true);
    return NULL;
}

static void test_saves_and_clears_beside_writers_are_whole(void **state)
{
    (void)state;
    hc_filter_options options = {
        .size = sizeof options, .capacity = 200, .growth = HC_FILTER_GROWTH_CHAIN};
    scene all = {.filter = NULL};
    assert_int_equal(hc_filter_create(NULL, &options, &all.filter), HC_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, clear_and_save, &all), 0);
    for (uint64_t n = 0; !atomic_load(&all.done); n++) {
        (void)hc_filter_add_hash(all.filter, item_hash(n));
        (void)hc_filter_contains_hash(all.filter, item_hash(n));
        (void)hc_filter_count_hash(all.filter, item_hash(n));
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(all.lost, 0);
    filter_check(all.filter, filter_stats(all.filter).items);
    hc_filter_destroy(all.filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_find_all_that_stays_while_a_full_filter_churns),
        cmocka_unit_test(test_readers_find_what_is_moving),
        cmocka_unit_test(test_readers_find_all_that_stays_while_a_chain_grows),
        cmocka_unit_test(test_saves_and_clears_beside_writers_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
