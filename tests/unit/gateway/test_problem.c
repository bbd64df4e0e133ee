/* What an error is in HTTP, and how answers are written. */
#include <support.h>

#include <gateway/gateway.h>
#include <string.h>

static json_t *body_of(const struct httpd_answer *a) {
    json_t *all;
    assert_int_equal(pl_json_read(&all, "an answer", a->body.at, a->body.len), POUCH_OK);
    return all;
}

static const char *text_in(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return text;
}

#define ROW(number, name, code, retriable, exit_code) POUCH_E_##name,
static const pouch_err errors[] = {POUCH_ERRORS(ROW)};
#undef ROW

/* acceptance: C37 */
static void each_error_is_a_problem_with_its_code(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct httpd_answer a;
        httpd_answer_init(&a);
        assert_int_equal(gateway_problem(&a, errors[i], "why"), POUCH_OK);
        assert_true(a.status >= 400 && a.status < 600);
        assert_string_equal(a.type, "application/problem+json");
        json_t *all = body_of(&a);
        assert_int_equal(json_integer_value(json_object_get(all, "status")), a.status);
        assert_string_equal(text_in(all, "code"), pouch_err_code(errors[i]));
        assert_string_equal(text_in(all, "detail"), "why");
        assert_string_equal(text_in(all, "message"), "why");
        assert_true(json_is_false(json_object_get(all, "success")));
        assert_string_equal(text_in(all, "title"), httpd_status_title(a.status));
        assert_string_not_equal(text_in(all, "title"), "Unknown");
        assert_int_equal(strlen(text_in(all, "timestamp")), strlen("2024-01-31T12:00:00.000Z"));
        json_decref(all);
        httpd_answer_free(&a);
    }
}

/* acceptance: C4 */
static void statuses_say_what_to_do(void **state) {
    (void)state;
    static const struct {
        pouch_err e;
        int status;
    } rows[] = {
        {POUCH_E_TIMEOUT, 408},    {POUCH_E_NO_RESPONDERS, 503},   {POUCH_E_NO_ROUTE, 404},
        {POUCH_E_OVERLOADED, 503}, {POUCH_E_NOT_ALLOWED, 403},     {POUCH_E_TOO_LARGE, 413},
        {POUCH_E_NOT_FOUND, 404},  {POUCH_E_INVALID_PAYLOAD, 400}, {POUCH_E_HANDLER_ERROR, 502},
        {POUCH_E_CLOSED, 503},     {POUCH_E_EXISTS, 409},          {POUCH_E_HANDLER_TIMEOUT, 504},
        {POUCH_E_NO_BROKER, 503},  {POUCH_E_STORE, 503},           {POUCH_E_CONFIG, 500},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct httpd_answer a;
        httpd_answer_init(&a);
        assert_int_equal(gateway_problem(&a, rows[i].e, "why"), POUCH_OK);
        assert_int_equal(a.status, rows[i].status);
        assert_int_equal(a.retry_after_s > 0, rows[i].status == 503);
        httpd_answer_free(&a);
    }
}

static void a_text_that_is_no_utf8_is_not_passed_on(void **state) {
    (void)state;
    struct httpd_answer a;
    httpd_answer_init(&a);
    assert_int_equal(gateway_problem(&a, POUCH_E_HANDLER_ERROR, "\xff\xfe"), POUCH_OK);
    json_t *all = body_of(&a);
    assert_non_null(strstr(text_in(all, "detail"), "no UTF-8"));
    json_decref(all);
    httpd_answer_free(&a);
}

static void an_answer_that_is_too_large_says_so_and_is_not_the_callers_fault(void **state) {
    (void)state;
    static const struct {
        pouch_err e;
        int status;
        const char *says;
    } rows[] = {{POUCH_E_TOO_LARGE, 502, "ask for less"}, {POUCH_E_NO_MEMORY, 500, "handled all the same"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct httpd_answer a;
        httpd_answer_init(&a);
        assert_int_equal(pl_buf_puts(&a.body, "{\"success\":true,\"parts\":["), POUCH_OK);
        assert_int_equal(gateway_problem_unwritten(&a, rows[i].e), POUCH_OK);
        assert_int_equal(a.status, rows[i].status);
        assert_int_equal(a.retry_after_s, 0);
        json_t *all = body_of(&a);
        assert_string_equal(text_in(all, "code"), pouch_err_code(rows[i].e));
        assert_non_null(strstr(text_in(all, "detail"), rows[i].says));
        json_decref(all);
        httpd_answer_free(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_is_a_problem_with_its_code),
        cmocka_unit_test(statuses_say_what_to_do),
        cmocka_unit_test(a_text_that_is_no_utf8_is_not_passed_on),
        cmocka_unit_test(an_answer_that_is_too_large_says_so_and_is_not_the_callers_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
