/* What a dead letter's code means. */
#include <support.h>

#include <admin/letter.h>
#include <pouch/error.h>

static const struct admin_advice *advice(const char *code) {
    return admin_advice_for((struct pl_span){code, code ? strlen(code) : 0});
}

static void every_error_is_explained_with_a_next_step(void **state) {
    (void)state;
#define CHECK(number, name, wire_code, retriable, exit_code)   \
    assert_int_equal(advice(wire_code)->code, POUCH_E_##name); \
    assert_true(*advice(wire_code)->meaning &&*advice(wire_code)->next);
    POUCH_ERRORS(CHECK)
#undef CHECK
}

static void codes_that_are_not_ours_are_those_of_another_tool(void **state) {
    (void)state;
    static const char *const codes[] = {"", "java.lang.Error", "no_route ", "ok", NULL};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_int_equal(advice(codes[i])->code, POUCH_OK);
        assert_non_null(strstr(advice(codes[i])->meaning, "Another tool"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_is_explained_with_a_next_step),
        cmocka_unit_test(codes_that_are_not_ours_are_those_of_another_tool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
