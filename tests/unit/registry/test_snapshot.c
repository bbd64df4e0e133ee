/* Looking up routes in a snapshot, and how long it lives. */
#include <support.h>

#include "rows.h"
#include <oom.h>
#include <pthread.h>

/* acceptance: B8 */
static void every_route_is_found_by_its_publisher(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 7, 8, 9, 1000, 20000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct pl_snapshot *s = test_snapshot(sizes[i], 42);
        test_snapshot_holds(s, sizes[i]);
        assert_int_equal(pl_snapshot_version(s), 42);
        pl_snapshot_drop(s);
    }
}

static void a_publisher_is_matched_whole(void **state) {
    (void)state;
    struct pl_snapshot *s = test_snapshot(12, 1);
    assert_null(pl_snapshot_find(s, "", 0));
    assert_null(pl_snapshot_find(s, "p", 1));
    assert_null(pl_snapshot_find(s, "p12", 3));
    assert_null(pl_snapshot_find(s, "P1", 2));
    for (int c = 0; c < 256; c++) { /* some of them begin their search where p1 is */
        const char name[] = {'p', '1', 0, (char)c};
        assert_null(pl_snapshot_find(s, name, sizeof name));
    }
    assert_string_equal(pl_snapshot_find(s, "p11", 3)->publisher, "p11");
    assert_string_equal(pl_snapshot_find(s, "p11", 2)->publisher, "p1"); /* the name ends where its length says */
    pl_snapshot_drop(s);
}

static void a_snapshot_lives_until_its_last_holder_lets_go(void **state) {
    (void)state;
    struct pl_snapshot *s = test_snapshot(3, 1);
    pl_snapshot_hold(s);
    pl_snapshot_drop(s);
    test_snapshot_holds(s, 3);
    pl_snapshot_drop(s);
    pl_snapshot_drop(NULL);
}

static void *hold_and_drop(void *arg) {
    for (int i = 0; i < 10000; i++) {
        pl_snapshot_hold(arg);
        if (!pl_snapshot_find(arg, "p1", 2)) return arg;
        pl_snapshot_drop(arg);
    }
    return NULL;
}

static void threads_may_hold_it_at_once(void **state) {
    (void)state;
    pthread_t threads[4];
    struct pl_snapshot *s = test_snapshot(3, 1);
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, hold_and_drop, s), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    pl_snapshot_drop(s);
}

static struct pl_route_row *rows;

static bool make_one(void) {
    struct pl_snapshot *s = NULL;
    if (pl_snapshot_new(&s, rows, 0, 1)) {
        assert_null(s);
        rows = NULL;
        test_oom_after(-1);
        rows = calloc(1, sizeof *rows);
        return false;
    }
    pl_snapshot_drop(s);
    rows = NULL;
    return true;
}

static void without_memory_the_rows_are_freed_all_the_same(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    long before = test_oom_live;
    rows = calloc(1, sizeof *rows);
    for (long n = 0; n < 100; n++) {
        test_oom_after(n);
        bool done = make_one();
        test_oom_after(-1);
        if (done) break;
    }
    assert_null(rows);
    assert_int_equal(test_oom_live, before);
}

/* acceptance: B10 */
static void what_is_awaited_is_told_and_the_rest_is_as_before(void **state) {
    (void)state;
    enum { ROUTES = 9 };
    struct pl_awaited_list list = {0};
    struct pl_snapshot *base = test_snapshot(ROUTES, 7), *s;
    static const char *const awaited[] = {"p3", "p30", "not-there-yet", "p", "p1", "p3"};
    for (size_t i = 0; i < sizeof awaited / sizeof awaited[0]; i++)
        assert_int_equal(pl_awaited_add(&list, awaited[i]), POUCH_OK);
    assert_int_equal(list.n, 5);
    assert_int_equal(pl_snapshot_awaiting(&s, base, &list), POUCH_OK);
    pl_awaited_clear(&list);
    assert_false(pl_snapshot_awaits(base, "p3", 2));
    pl_snapshot_drop(base);

    test_snapshot_holds(s, ROUTES);
    assert_int_equal(pl_snapshot_version(s), 7);
    for (size_t i = 0; i < sizeof awaited / sizeof awaited[0]; i++)
        assert_true(pl_snapshot_awaits(s, awaited[i], strlen(awaited[i])));
    static const char *const others[] = {"p0", "p2", "p31", "", "not-there"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(pl_snapshot_awaits(s, others[i], strlen(others[i])));
    assert_true(pl_snapshot_awaits(s, "p3xyz", 2));
    pl_snapshot_drop(s);
}

static bool add_copy_and_drop(void) {
    struct pl_awaited_list list = {0}, copy = {0};
    pouch_err e = pl_awaited_add(&list, "p");
    if (!e) e = pl_awaited_copy(&copy, &list);
    pl_awaited_clear(&list);
    pl_awaited_clear(&copy);
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    return !e;
}

static void without_memory_a_list_is_as_it_was(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(test_oom_each(add_copy_and_drop) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_is_found_by_its_publisher),
        cmocka_unit_test(a_publisher_is_matched_whole),
        cmocka_unit_test(a_snapshot_lives_until_its_last_holder_lets_go),
        cmocka_unit_test(threads_may_hold_it_at_once),
        cmocka_unit_test(without_memory_the_rows_are_freed_all_the_same),
        cmocka_unit_test(what_is_awaited_is_told_and_the_rest_is_as_before),
        cmocka_unit_test(without_memory_a_list_is_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
