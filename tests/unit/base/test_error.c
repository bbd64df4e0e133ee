/* The error list: every row, from every side. */
#include <support.h>

#include <base/why.h>

static void every_error_has_its_code_and_exit_code(void **state) {
    (void)state;
#define CHECK_ROW(number, name, code, retriable, exit_code)           \
    assert_int_equal(POUCH_E_##name, number);                         \
    assert_string_equal(pouch_err_code(POUCH_E_##name), code);        \
    assert_int_equal(pouch_err_retriable(POUCH_E_##name), retriable); \
    assert_int_equal(pouch_err_exit_code(POUCH_E_##name), exit_code);
    POUCH_ERRORS(CHECK_ROW)
#undef CHECK_ROW
}

static void a_number_outside_the_list_is_unknown(void **state) {
    (void)state;
    assert_string_equal(pouch_err_code((pouch_err)1000), "unknown");
    assert_int_equal(pouch_err_exit_code((pouch_err)1000), 70);
    assert_string_equal(pouch_err_code(POUCH_OK), "ok");
}

static void why_tells_the_last_failure(void **state) {
    (void)state;
    assert_int_equal(pl_fail(POUCH_E_CONFIG, "line %d", 7), POUCH_E_CONFIG);
    assert_string_equal(pouch_why(), "line 7");
    assert_int_equal(pl_fail(POUCH_E_CONFIG, "%s of %s", pouch_why(), "a file"), POUCH_E_CONFIG);
    assert_string_equal(pouch_why(), "line 7 of a file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_code_and_exit_code),
        cmocka_unit_test(a_number_outside_the_list_is_unknown),
        cmocka_unit_test(why_tells_the_last_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
