/* The gateway's store is opened once and lent; what has failed is opened afresh. */
#include <support.h>

#include <folder.h>
#include <gateway/stores.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <unistd.h>

static struct test_folder folder;
static struct gateway_stores *stores;

static int setup(void **state) {
    (void)state;
    test_folder_make(&folder);
    assert_int_equal(gateway_stores_new(&stores, folder.url), POUCH_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    gateway_stores_free(stores);
    test_folder_remove(&folder);
    return 0;
}

static struct pl_store *take(void) {
    struct pl_store *store;
    assert_int_equal(gateway_stores_take(stores, &store), POUCH_OK);
    assert_non_null(store);
    return store;
}

static int64_t opens(void) {
    return (int64_t)pl_metric_get(PL_M_GATEWAY_STORE_OPENS);
}

static void a_store_that_is_back_is_lent_again(void **state) {
    (void)state;
    int64_t before = opens();
    for (int i = 0; i < 100; i++) gateway_stores_give(stores, take(), POUCH_OK);
    assert_int_equal(opens(), before + 1);
    assert_string_equal(gateway_stores_url(stores), folder.url);
}

static void two_at_once_have_two(void **state) {
    (void)state;
    struct pl_store *one = take(), *other = take();
    assert_ptr_not_equal(one, other);
    gateway_stores_give(stores, one, POUCH_OK);
    gateway_stores_give(stores, other, POUCH_OK);
    int64_t before = opens();
    gateway_stores_give(stores, take(), POUCH_OK);
    assert_int_equal(opens(), before);
}

static void what_is_not_there_is_no_failure_of_the_store(void **state) {
    (void)state;
    gateway_stores_give(stores, take(), POUCH_E_NOT_FOUND);
    gateway_stores_give(stores, take(), POUCH_E_EXISTS);
    int64_t before = opens();
    gateway_stores_give(stores, take(), POUCH_OK);
    assert_int_equal(opens(), before);
}

static void a_store_that_has_failed_is_opened_afresh_and_so_are_the_idle(void **state) {
    (void)state;
    struct pl_store *one = take(), *other = take();
    gateway_stores_give(stores, one, POUCH_OK);
    int64_t before = opens();
    gateway_stores_give(stores, other, POUCH_E_STORE);
    gateway_stores_give(stores, take(), POUCH_OK);
    assert_int_equal(opens(), before + 1);
}

static void what_cannot_be_opened_is_told_as_ours_and_not_tried_by_each(void **state) {
    (void)state;
    struct gateway_stores *bad;
    struct pl_store *store;
    char path[sizeof folder.path + 8], url[sizeof path + 16];
    snprintf(path, sizeof path, "%s/file", folder.path);
    snprintf(url, sizeof url, "sqlite://%s", path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(gateway_stores_new(&bad, url), POUCH_OK);
    assert_int_equal(gateway_stores_take(bad, &store), POUCH_E_STORE);
    assert_null(store);
    assert_non_null(strstr(pouch_why(), "it is a file"));
    assert_non_null(strstr(pouch_why(), "--store"));

    assert_int_equal(unlink(path), 0); /* it could be opened by now, but for a second nobody tries */
    assert_int_equal(gateway_stores_take(bad, &store), POUCH_E_STORE);
    assert_non_null(strstr(pouch_why(), "it is a file"));
    pouch_err e;
    while ((e = gateway_stores_take(bad, &store)) == POUCH_E_STORE) usleep(10000);
    assert_int_equal(e, POUCH_OK);
    gateway_stores_give(bad, store, POUCH_OK);
    gateway_stores_free(bad);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_store_that_is_back_is_lent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(two_at_once_have_two, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_no_failure_of_the_store, setup, teardown),
        cmocka_unit_test_setup_teardown(a_store_that_has_failed_is_opened_afresh_and_so_are_the_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_told_as_ours_and_not_tried_by_each, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
