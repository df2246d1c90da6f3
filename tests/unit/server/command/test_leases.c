/* test_leases.c - the table of leases: bounded, and free again when stores go. */
#include <stdio.h>

#include "command/leases.h"
#include "support/test.h"

static bool take(leases *of, hc_store *store, unsigned number, uint64_t now_ns, uint64_t lease_ns,
                 lease *out)
{
    char name[32];
    hc_span key = hc_span_make(name, (size_t)snprintf(name, sizeof name, "key:%u", number));
    hc_txn txn;
    hc_store_begin(store, &key, 1, &txn);
    bool won = leases_take(of, store, key, now_ns, lease_ns, out);
    hc_store_end(&txn);
    return won;
}

static void test_more_leases_than_there_is_room_for_forget_the_oldest(void **state)
{
    (void)state;
    hc_store *store;
    lease given;
    assert_int_equal(hc_store_create(NULL, NULL, &store), HC_OK);
    leases *of = leases_create(7, 1);
    assert_non_null(of);
    assert_int_equal(leases_follow(of, store), HC_OK);
    for (unsigned i = 0; i < 2 * LEASES_MAX; i++)
        assert_true(take(of, store, i, i, UINT64_C(1) << 40, &given));
    leases_counts counts = leases_count(of);
    assert_int_equal(counts.taken, 2 * LEASES_MAX);
    assert_in_range(counts.forgotten, LEASES_MAX, 2 * LEASES_MAX - 1);
    assert_false(take(of, store, 2 * LEASES_MAX - 1, 0, 1, &given)); /* the latest is kept */
    leases_destroy(of);
    hc_store_destroy(store);
}

static void test_leases_whose_time_is_over_make_room_uncounted(void **state)
{
    (void)state;
    hc_store *store;
    lease given;
    assert_int_equal(hc_store_create(NULL, NULL, &store), HC_OK);
    leases *of = leases_create(7, 1);
    assert_int_equal(leases_follow(of, store), HC_OK);
    for (unsigned i = 0; i < 3 * LEASES_MAX; i++)
        assert_true(take(of, store, i, 10 * i, 5, &given));
    assert_int_equal(leases_count(of).forgotten, 0);
    assert_int_equal(given.token, 3 * LEASES_MAX);
    leases_destroy(of);
    hc_store_destroy(store);
}

static void test_a_store_at_the_place_of_another_has_no_leases_of_it(void **state)
{
    (void)state;
    hc_store *store;
    lease first, second;
    assert_int_equal(hc_store_create(NULL, NULL, &store), HC_OK);
    leases *of = leases_create(7, 1);
    assert_int_equal(leases_follow(of, store), HC_OK);
    assert_int_equal(leases_follow(of, store), HC_OK);
    assert_true(take(of, store, 1, 0, 1000, &first));
    leases_unfollow(of, store);
    leases_unfollow(of, store);
    assert_int_equal(leases_follow(of, store), HC_OK); /* the same address, another life */
    assert_true(take(of, store, 1, 0, 1000, &second));
    assert_int_not_equal(first.token, second.token);
    assert_false(leases_hold(of, store, span("key:1"), first.token));
    assert_true(leases_hold(of, store, span("key:1"), second.token));
    assert_false(leases_end(of, store, span("key:1"), first.token));
    assert_true(leases_end(of, store, span("key:1"), second.token));
    leases_destroy(of);
    hc_store_destroy(store);
}

static void test_a_store_with_too_many_followers_cannot_be_followed(void **state)
{
    (void)state;
    hc_store *store;
    leases *followers[HC_STORE_FOLLOWERS_MAX + 1];
    assert_int_equal(hc_store_create(NULL, NULL, &store), HC_OK);
    for (unsigned i = 0; i <= HC_STORE_FOLLOWERS_MAX; i++) {
        followers[i] = leases_create(i, 1);
        assert_int_equal(leases_follow(followers[i], store),
                         i < HC_STORE_FOLLOWERS_MAX ? HC_OK : HC_ERR_LIMIT);
    }
    for (unsigned i = 0; i <= HC_STORE_FOLLOWERS_MAX; i++)
        leases_destroy(followers[i]);
    leases_destroy(NULL);
    hc_store_destroy(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_leases_than_there_is_room_for_forget_the_oldest),
        cmocka_unit_test(test_leases_whose_time_is_over_make_room_uncounted),
        cmocka_unit_test(test_a_store_at_the_place_of_another_has_no_leases_of_it),
        cmocka_unit_test(test_a_store_with_too_many_followers_cannot_be_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
