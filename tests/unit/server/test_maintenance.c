/*
 * test_maintenance.c - expired memory comes back while nobody asks for it.
 */
#include "support/test.h"

#include "support/test_wait.h"

#include "maintenance.h"

static bool is_empty(void *store)
{
    return hc_store_count(store) == 0;
}

static void test_expired_items_go_without_being_read(void **state)
{
    (void)state;
    node *of;
    node_options options = {.databases = 1};
    assert_int_equal(node_create(&options, &of), HC_OK);
    hc_store *store = node_store(of, 0);
    assert_non_null(store);
    hc_set_options soon = {.size = sizeof soon, .expires_at_ms = node_now_ms(of) + 1000};
    for (int i = 0; i < 1000; i++)
        assert_int_equal(hc_store_set(store, hc_span_make(&i, sizeof i), HC_SPAN("v"), &soon),
                         HC_OK);
    assert_int_equal(hc_store_count(store), 1000);
    maintenance *at_work;
    assert_int_equal(maintenance_start(of, &at_work), HC_OK);
    assert_true(test_wait_until(is_empty, store));
    maintenance_stop(at_work);
    node_destroy(of);
}

static void test_stop_does_not_wait_for_the_next_step(void **state)
{
    (void)state;
    node *of;
    node_options options = {.databases = 1};
    assert_int_equal(node_create(&options, &of), HC_OK);
    for (int i = 0; i < 100; i++) {
        maintenance *at_work;
        assert_int_equal(maintenance_start(of, &at_work), HC_OK);
        maintenance_stop(at_work);
    }
    maintenance_stop(NULL);
    node_destroy(of);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expired_items_go_without_being_read),
        cmocka_unit_test(test_stop_does_not_wait_for_the_next_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
