/* What waits in the spools of this host is counted, by whomever it was put and without touching it. */
#include <support.h>

#include "batches.h"
#include <store/spool.h>
#include <store/spool_place.h>
#include <store/waiting.h>

#define FIRST_US INT64_C(1700000000000000) /* when row 0 begins; others follow by the millisecond */

static struct test_folder folder;

static int setup(void **state) {
    (void)state;
    test_folder_make(&folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static struct pl_spool *open_spool(const char *url, const char *elsewhere) {
    static const struct pl_spool_bounds bounds = {.segment = 64 * 1024, .most = 16 << 20};
    struct pl_spool_place place;
    struct pl_spool *s;
    assert_int_equal(pl_spool_place_find(&place, url, elsewhere), POUCH_OK);
    assert_int_equal(pl_spool_open(&s, &place, &bounds), POUCH_OK);
    free((char *)place.folder);
    return s;
}

static void put(struct pl_spool *s, int64_t first, int64_t last) {
    struct pl_gap left = {0};
    struct test_batch b = test_batch_of(first, last, 0);
    assert_int_equal(pl_spool_put(s, &b.batch, &left), POUCH_OK);
    test_batch_free(&b);
}

static struct pl_waiting count(const char *elsewhere, int64_t first, int64_t last) {
    struct pl_waiting w;
    pl_waiting_count(&w, folder.url, elsewhere, FIRST_US + first * 1000, FIRST_US + last * 1000);
    pl_waiting_free(&(struct pl_waiting){.folder = w.folder});
    w.folder = NULL;
    return w;
}

/* acceptance: B28 */
static void rows_count_until_they_are_read(void **state) {
    (void)state;
    assert_int_equal(count(NULL, 0, 5000).rows, 0);
    struct pl_spool *s = open_spool(folder.url, NULL);
    for (int64_t n = 0; n < 3000; n += 100) put(s, n, n + 100);
    assert_true(test_folder_count(&folder, "spool-", ".rows") > 2);
    assert_int_equal(count(NULL, 0, 5000).rows, 3000);
    assert_int_equal(count(NULL, 0, 5000).to_us, FIRST_US + 2999 * 1000);
    struct pl_spool_rows rows;
    uint64_t left = 3000;
    for (;;) {
        assert_int_equal(pl_spool_next(s, SIZE_MAX, &rows), POUCH_OK);
        if (!rows.batch.rows) break;
        left -= rows.batch.rows;
        pl_spool_done(s);
        assert_int_equal(count(NULL, 0, 5000).rows, left);
    }
    assert_int_equal(left, 0);
    pl_spool_close(s);
}

static void only_records_of_the_span_count(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(folder.url, NULL);
    for (int64_t n = 0; n < 300; n += 100) put(s, n, n + 100);
    assert_int_equal(count(NULL, 100, 200).rows, 100);
    assert_int_equal(count(NULL, 199, 201).rows, 200);
    assert_int_equal(count(NULL, 300, 400).rows, 0);
    assert_int_equal(count(NULL, -100, 0).rows, 0);
    pl_spool_close(s);
}

static void rows_that_are_lost_count_as_missing(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(folder.url, NULL);
    struct pl_gap gap = {.from_us = FIRST_US, .to_us = FIRST_US + 1000, .rows = 7};
    pl_gap_close(&gap);
    put(s, 0, 10);
    assert_int_equal(pl_spool_put_gap(s, &gap), POUCH_OK);
    struct pl_waiting w = count(NULL, 0, 10);
    assert_int_equal(w.rows, 10);
    assert_int_equal(w.missing, 7);
    pl_spool_close(s);
}

static void all_spools_of_that_store_count_and_no_others(void **state) {
    (void)state;
    struct pl_spool *dead = open_spool(folder.url, NULL), *living = open_spool(folder.url, NULL);
    struct pl_spool *other = open_spool("cassandra://host/space", folder.path);
    put(dead, 0, 10);
    put(living, 10, 30);
    put(other, 30, 70);
    pl_spool_close(dead);
    assert_int_equal(count(NULL, 0, 100).rows, 30);
    assert_int_equal(count(folder.path, 0, 100).rows, 30);
    struct pl_waiting w;
    pl_waiting_count(&w, "cassandra://user@host/space?dc=x", folder.path, 0, INT64_MAX);
    assert_int_equal(w.rows, 40);
    assert_string_equal(w.folder, folder.path);
    pl_waiting_free(&w);
    pl_spool_close(living);
    pl_spool_close(other);
}

static void what_cannot_be_read_counts_as_nothing(void **state) {
    (void)state;
    static const char *const urls[] = {"nonsense", "sqlite:///nowhere/at/all", "sqlite:///dev/null"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct pl_waiting w;
        pl_waiting_count(&w, urls[i], NULL, 0, INT64_MAX);
        assert_int_equal(w.rows + w.missing, 0);
        pl_waiting_free(&w);
    }
    assert_int_not_equal(access("/nowhere", F_OK), 0);
    struct pl_spool *s = open_spool(folder.url, NULL);
    put(s, 0, 10);
    char path[PATH_MAX];
    assert_true(test_folder_find(&folder, "spool-", ".rows", 0, path));
    for (off_t size = 256; size >= 0; size -= 8) {
        assert_int_equal(truncate(path, size), 0);
        assert_true(count(NULL, 0, 10).rows <= 10);
    }
    assert_int_equal(count(NULL, 0, 10).rows, 0);
    pl_spool_close(s);
}

#define WITH_FOLDER(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(rows_count_until_they_are_read),        WITH_FOLDER(only_records_of_the_span_count),
        WITH_FOLDER(rows_that_are_lost_count_as_missing),   WITH_FOLDER(all_spools_of_that_store_count_and_no_others),
        WITH_FOLDER(what_cannot_be_read_counts_as_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
