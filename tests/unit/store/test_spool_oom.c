/* Every allocation of a spool fails in turn: the error says so, nothing leaks, and no row is lost or doubled. */
#include <support.h>

#include <oom.h>

#include "batches.h"
#include <store/spool.h>

static struct test_folder folder;

static bool ended(pouch_err e) {
    if (e && e != POUCH_E_NO_MEMORY) fail_msg("%d %s", (int)e, pouch_why());
    if (e) assert_non_null(strstr(pouch_why(), "memory"));
    return !e;
}

static const struct pl_spool_bounds bounds = {.segment = 1 << 16, .most = 1 << 20, .reserve = 1 << 17};
enum { ROWS = 100 };

static struct pl_spool_place place(void) {
    return (struct pl_spool_place){folder.path, 7};
}

/* What is in the spool, which is empty then; with all memory there is. */
static size_t drain(void) {
    const struct pl_spool_place p = place();
    struct pl_spool *s;
    struct pl_spool_rows read;
    size_t rows = 0;
    test_oom_after(-1);
    assert_int_equal(pl_spool_open(&s, &p, &bounds), POUCH_OK);
    while (!pl_spool_next(s, SIZE_MAX, &read) && read.batch.rows) {
        assert_int_equal(read.gap.rows, 0);
        rows += read.batch.rows;
        pl_spool_done(s);
    }
    pl_spool_close(s);
    assert_int_equal(test_folder_count(&folder, "spool-", ".rows"), 0);
    return rows;
}

static struct test_batch make_rows(void) {
    long left = test_oom_left;
    test_oom_after(-1);
    struct test_batch rows = test_batch_of(0, ROWS, 0);
    test_oom_after(left);
    return rows;
}

/* Rows that were put are there, whatever failed afterwards; those that were not are counted. */
static bool put(void) {
    const struct pl_spool_place p = place();
    struct test_batch rows = make_rows();
    struct pl_spool *s = NULL;
    struct pl_gap left = {0};
    pouch_err e = pl_spool_open(&s, &p, &bounds);
    if (!e) e = pl_spool_put(s, &rows.batch, &left);
    pl_spool_close(s);
    test_oom_after(-1);
    if (s && e) assert_int_equal(left.rows, ROWS);
    bool done = ended(e);
    assert_int_equal(drain(), e ? 0 : ROWS);
    test_batch_free(&rows);
    return done;
}

static bool read_adopted(void) {
    const struct pl_spool_place p = place();
    struct test_batch rows = make_rows();
    struct pl_spool *s = NULL;
    struct pl_gap left = {0};
    struct pl_spool_rows read = {0};
    long memory = test_oom_left;
    test_oom_after(-1);
    assert_int_equal(pl_spool_open(&s, &p, &bounds), POUCH_OK);
    assert_int_equal(pl_spool_put(s, &rows.batch, &left), POUCH_OK);
    pl_spool_close(s);
    test_oom_after(memory);
    pouch_err e = pl_spool_adopt(&s, &p);
    if (!e) e = pl_spool_next(s, SIZE_MAX, &read);
    if (!e) pl_spool_done(s);
    pl_spool_close(s);
    test_oom_after(-1);
    if (!e) assert_int_equal(read.batch.rows, ROWS);
    bool done = ended(e);
    assert_int_equal(drain(), e ? ROWS : 0);
    test_batch_free(&rows);
    return done;
}

static void every_failed_allocation_is_an_error_and_no_leak(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    test_folder_make(&folder);
    bool (*const steps[])(void) = {put, read_adopted};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) assert_true(test_oom_each(steps[i]) > 0);
    test_folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failed_allocation_is_an_error_and_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
