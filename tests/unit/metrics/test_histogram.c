/* The histogram against sorted values: 3 significant digits everywhere. */
#include <support.h>

#include <metrics/histogram.h>
#include <stdlib.h>

static const double quantiles[] = {0, 0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1};

static struct pl_histogram *new_histogram(int64_t highest) {
    struct pl_histogram *h;
    assert_int_equal(pl_histogram_new(&h, highest), POUCH_OK);
    return h;
}

static void an_empty_one_says_nothing(void **state) {
    (void)state;
    struct pl_histogram *h = new_histogram(1000);
    assert_int_equal(pl_histogram_count(h), 0);
    assert_int_equal(pl_histogram_min(h), 0);
    assert_int_equal(pl_histogram_max(h), 0);
    assert_int_equal(pl_histogram_quantile(h, 0.5), 0);
    assert_true(pl_histogram_mean(h) == 0);
    pl_histogram_free(h);
    pl_histogram_free(NULL);
}

/* Each power of two with its neighbours, up to the largest number. */
static void one_value_is_kept_to_three_digits(void **state) {
    (void)state;
    struct pl_histogram *h = new_histogram(INT64_MAX), *with_top = new_histogram(INT64_MAX);
    for (int bit = 0; bit < 63; bit++) {
        for (int64_t off = -2; off <= 2; off++) {
            int64_t value = ((int64_t)1 << bit) + off;
            if (value < 0) continue;
            pl_histogram_reset(h);
            pl_histogram_record(h, value);
            assert_int_equal(pl_histogram_quantile(h, 0.5), value);
            assert_int_equal(pl_histogram_min(h), value);
            assert_int_equal(pl_histogram_max(h), value);

            pl_histogram_reset(with_top);
            pl_histogram_record(with_top, value);
            pl_histogram_record(with_top, INT64_MAX);
            int64_t middle = pl_histogram_quantile(with_top, 0.5);
            assert_true(middle >= value && middle - value <= value / 1024);
        }
    }
    pl_histogram_free(h);
    pl_histogram_free(with_top);
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void check_against(const struct pl_histogram *h, int64_t values[], size_t n) {
    qsort(values, n, sizeof values[0], by_value);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)values[i];
    assert_int_equal(pl_histogram_count(h), n);
    assert_int_equal(pl_histogram_min(h), values[0]);
    assert_int_equal(pl_histogram_max(h), values[n - 1]);
    assert_true(pl_histogram_mean(h) > sum / (double)n * 0.999999 && pl_histogram_mean(h) < sum / (double)n * 1.000001);
    for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
        size_t rank = 0; /* the first whose share of the values reaches the quantile */
        while ((double)(rank + 1) < quantiles[i] * (double)n) rank++;
        int64_t got = pl_histogram_quantile(h, quantiles[i]);
        assert_true(got >= values[rank] && got - values[rank] <= values[rank] / 1024);
    }
}

static void quantiles_are_those_of_the_sorted_values(void **state) {
    (void)state;
    enum { N = 20000 };
    static int64_t values[N];
    srand(1);
    struct pl_histogram *h = new_histogram(INT64_C(1) << 40);
    for (size_t i = 0; i < N; i++) {
        values[i] = rand() >> (rand() % 31);
        pl_histogram_record(h, values[i]);
    }
    check_against(h, values, N);
    pl_histogram_free(h);
}

static void merged_ones_are_as_one(void **state) {
    (void)state;
    enum { N = 3000 };
    static int64_t values[N];
    struct pl_histogram *part[3], *whole = new_histogram(1000000);
    for (size_t i = 0; i < 3; i++) part[i] = new_histogram(1000000);
    for (size_t i = 0; i < N; i++) {
        values[i] = (int64_t)(i * i % 999983);
        pl_histogram_record(part[i % 2], values[i]); /* the third stays empty */
    }
    for (size_t i = 0; i < 3; i++) pl_histogram_merge(whole, part[i]);
    check_against(whole, values, N);
    for (size_t i = 0; i < 3; i++) pl_histogram_free(part[i]);
    pl_histogram_free(whole);
}

static void values_out_of_range_count_at_the_ends(void **state) {
    (void)state;
    static const int64_t highest[] = {1, 2047, 2048, 3000, 1000000007};
    for (size_t i = 0; i < sizeof highest / sizeof highest[0]; i++) {
        struct pl_histogram *h = new_histogram(highest[i]);
        pl_histogram_record(h, INT64_MIN);
        pl_histogram_record(h, INT64_MAX);
        assert_int_equal(pl_histogram_count(h), 2);
        assert_int_equal(pl_histogram_min(h), 0);
        assert_int_equal(pl_histogram_max(h), highest[i]);
        assert_int_equal(pl_histogram_quantile(h, 1), highest[i]);
        pl_histogram_reset(h);
        assert_int_equal(pl_histogram_count(h), 0);
        assert_int_equal(pl_histogram_quantile(h, 1), 0);
        pl_histogram_free(h);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_says_nothing),
        cmocka_unit_test(one_value_is_kept_to_three_digits),
        cmocka_unit_test(quantiles_are_those_of_the_sorted_values),
        cmocka_unit_test(merged_ones_are_as_one),
        cmocka_unit_test(values_out_of_range_count_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
