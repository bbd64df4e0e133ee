/* The jobs that a command has in hand. */
#include "fake_job.h"

#include <runner/open.h>

static struct pl_uuid id_of(uint8_t n) {
    struct pl_uuid id = {{n}};
    return id;
}

static void jobs_are_found_in_any_order(void **state) {
    (void)state;
    enum { N = 5 };
    static const uint8_t orders[][N] = {{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}};
    struct pouch_job jobs[N];
    struct runner_open o;
    assert_int_equal(runner_open_init(&o, N), POUCH_OK);
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        for (uint8_t k = 0; k < N; k++) runner_open_add(&o, &(struct pl_uuid){{k}}, &jobs[k], k);
        assert_int_equal(o.count, N);
        for (size_t k = 0; k < N; k++) {
            struct pl_uuid id = id_of(orders[i][k]);
            assert_ptr_equal(runner_open_take(&o, &id), &jobs[orders[i][k]]);
            assert_null(runner_open_take(&o, &id));
        }
        assert_int_equal(o.count, 0);
        assert_int_equal(runner_open_since(&o), INT64_MAX);
    }
    runner_open_free(&o);
}

static void of_two_with_one_id_the_older_comes_first(void **state) {
    (void)state;
    struct pouch_job older, newer, other;
    struct runner_open o;
    assert_int_equal(runner_open_init(&o, 3), POUCH_OK);
    struct pl_uuid a = id_of(1), b = id_of(2);
    runner_open_add(&o, &a, &older, 10);
    runner_open_add(&o, &b, &other, 11);
    runner_open_add(&o, &a, &newer, 12);
    assert_ptr_equal(runner_open_take(&o, &a), &older);
    assert_int_equal(runner_open_since(&o), 11);
    assert_ptr_equal(runner_open_take(&o, &a), &newer);
    assert_null(runner_open_take(&o, &a));
    runner_open_free(&o);
}

static void the_oldest_are_taken_up_to_an_age(void **state) {
    (void)state;
    struct pouch_job jobs[3];
    struct runner_open o;
    assert_int_equal(runner_open_init(&o, 3), POUCH_OK);
    for (uint8_t k = 0; k < 3; k++) runner_open_add(&o, &(struct pl_uuid){{k}}, &jobs[k], 10 * k);
    assert_int_equal(runner_open_since(&o), 0);
    assert_ptr_equal(runner_open_take_oldest(&o, 10), &jobs[0]);
    assert_ptr_equal(runner_open_take_oldest(&o, 10), &jobs[1]);
    assert_null(runner_open_take_oldest(&o, 10));
    assert_ptr_equal(runner_open_take_oldest(&o, INT64_MAX), &jobs[2]);
    assert_null(runner_open_take_oldest(&o, INT64_MAX));
    runner_open_free(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_found_in_any_order),
        cmocka_unit_test(of_two_with_one_id_the_older_comes_first),
        cmocka_unit_test(the_oldest_are_taken_up_to_an_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
