/* The sparse histogram against the dense one, and what becomes of it when it is stored. */
#include <support.h>

#include <metrics/histogram.h>
#include <metrics/sketch.h>
#include <stdlib.h>

static const double quantiles[] = {0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1};

static int64_t next_value(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(*state >> (1 + *state % 60));
}

static void add_many(struct pl_sketch *s, struct pl_histogram *h, uint64_t seed, int n) {
    for (int i = 0; i < n; i++) {
        int64_t value = next_value(&seed);
        assert_int_equal(pl_sketch_add(s, value), POUCH_OK);
        pl_histogram_record(h, value);
    }
}

/* The dense one knows its highest value, this one only that value's bucket. */
static void assert_same(const struct pl_sketch *s, const struct pl_histogram *h) {
    assert_int_equal(s->count, pl_histogram_count(h));
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        int64_t dense = pl_histogram_quantile(h, quantiles[i]), sparse = pl_sketch_quantile(s, quantiles[i]);
        assert_int_equal(pl_histogram_bucket(sparse), pl_histogram_bucket(dense));
        assert_true(sparse >= dense);
    }
}

static void it_has_the_quantiles_of_the_dense_one(void **state) {
    (void)state;
    struct pl_sketch s = {0};
    struct pl_histogram *h;
    assert_int_equal(pl_histogram_new(&h, INT64_MAX), POUCH_OK);
    assert_int_equal(pl_sketch_quantile(&s, 0.5), 0);
    add_many(&s, h, 1, 20000);
    assert_same(&s, h);
    assert_int_equal(pl_sketch_add(&s, -7), POUCH_OK);
    pl_histogram_record(h, -7);
    assert_same(&s, h);
    assert_int_equal(pl_sketch_quantile(&s, 0), 0);
    pl_histogram_free(h);
    pl_sketch_free(&s);
}

static void stored_and_added_up_it_is_the_same(void **state) {
    (void)state;
    struct pl_sketch sum = {0};
    struct pl_histogram *h;
    struct pl_buf stored;
    pl_buf_init(&stored, 1 << 20);
    assert_int_equal(pl_histogram_new(&h, INT64_MAX), POUCH_OK);
    for (uint64_t seed = 1; seed < 10; seed++) {
        struct pl_sketch part = {0};
        add_many(&part, h, seed, (int)seed * 100);
        pl_buf_reset(&stored);
        assert_int_equal(pl_sketch_encode(&part, &stored), POUCH_OK);
        assert_int_equal(pl_sketch_merge(&sum, stored.at, stored.len), POUCH_OK);
        pl_sketch_free(&part);
    }
    assert_same(&sum, h);
    struct pl_sketch none = {0};
    pl_buf_reset(&stored);
    assert_int_equal(pl_sketch_encode(&none, &stored), POUCH_OK);
    assert_int_equal(pl_sketch_merge(&sum, stored.at, stored.len), POUCH_OK);
    assert_same(&sum, h);
    pl_histogram_free(h);
    pl_buf_free(&stored);
    pl_sketch_free(&sum);
}

static void what_is_none_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *at;
        size_t n;
    } bad[] = {
        {"", 0},                                                /* nothing */
        {"\2", 1},                                              /* another format */
        {"\1\5", 2},                                            /* a bucket without a count */
        {"\1\5\0", 3},                                          /* a count of none */
        {"\1\5\x80", 3},                                        /* cut off */
        {"\1\xff\xff\x7f\1", 5},                                /* no bucket has that number */
        {"\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\x1\1", 12},    /* nor that */
        {"\1\5\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1", 13}, /* more than 64 bits */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pl_sketch s = {0};
        assert_int_equal(pl_sketch_merge(&s, bad[i].at, bad[i].n), POUCH_E_STORE);
        assert_int_equal(s.count, 0);
        pl_sketch_free(&s);
    }
}

static void one_that_does_not_fit_leaves_the_buffer_as_it_was(void **state) {
    (void)state;
    struct pl_sketch s = {0};
    struct pl_buf small;
    pl_buf_init(&small, 8);
    for (int i = 0; i < 10; i++) assert_int_equal(pl_sketch_add(&s, i), POUCH_OK);
    assert_int_equal(pl_buf_putc(&small, 'x'), POUCH_OK);
    assert_int_equal(pl_sketch_encode(&s, &small), POUCH_E_TOO_LARGE);
    assert_int_equal(small.len, 1);
    pl_buf_free(&small);
    pl_sketch_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_the_quantiles_of_the_dense_one),
        cmocka_unit_test(stored_and_added_up_it_is_the_same),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(one_that_does_not_fit_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
