/* What was printed is not printed again. */
#include <support.h>

#include <ops/seen.h>
#include <pouch/error.h>

static bool is_new(struct ops_seen *s, uint64_t id, int64_t at_us) {
    bool new_one;
    assert_int_equal(ops_seen_add(s, id, at_us, &new_one), POUCH_OK);
    return new_one;
}

static void a_row_is_new_once(void **state) {
    (void)state;
    struct ops_seen s = {0};
    for (int64_t i = 1; i <= 100000; i++) assert_true(is_new(&s, (uint64_t)i << 20, i)); /* ids that collide */
    for (int64_t i = 1; i <= 100000; i++) assert_false(is_new(&s, (uint64_t)i << 20, i));
    assert_int_equal(s.n, 100000);
    assert_true(is_new(&s, 1 << 20, 2)); /* written anew at another time */
    ops_seen_free(&s);
}

static void what_is_older_is_forgotten_and_its_room_given_back(void **state) {
    (void)state;
    struct ops_seen s = {0};
    for (int64_t i = 1; i <= 100000; i++) assert_true(is_new(&s, (uint64_t)i, i));
    ops_seen_forget(&s, 99991);
    assert_int_equal(s.n, 10);
    assert_true(s.cap < 10000);
    assert_false(is_new(&s, 99991, 99991));
    assert_true(is_new(&s, 99990, 99990));
    ops_seen_free(&s);
    ops_seen_forget(&s, 5); /* an empty one */
    ops_seen_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_new_once),
        cmocka_unit_test(what_is_older_is_forgotten_and_its_room_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
