/* Tasks and replies as they are written: what is taken for one, and what is not. */
#include <support.h>

#include <plain/message.h>

static struct plain_task read_task(const char *json) {
    struct plain_task t;
    assert_int_equal(plain_task_read(&t, json, strlen(json)), POUCH_OK);
    return t;
}

static void assert_span(struct pl_span s, const char *text) {
    assert_non_null(s.at);
    assert_int_equal(s.n, strlen(text));
    assert_memory_equal(s.at, text, s.n);
}

/* acceptance: C5 C6 */
static void a_task_with_an_id_is_taken_as_it_is(void **state) {
    (void)state;
    struct plain_task t = read_task(" {\"topic\":\"USER_LOGIN\", \"id\" : \"task_123\",\"startTime\":1.5}\n");
    assert_span(t.id, "task_123");
    assert_span(t.json, "{\"topic\":\"USER_LOGIN\", \"id\" : \"task_123\",\"startTime\":1.5}");
    t = read_task("{\"\\u0069d\":\"a\"}");
    assert_span(t.id, "a");
}

/* acceptance: C5 */
static void a_task_without_an_id_is_given_one(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"{}", "{\"id\":\"x\\\"1\"}"},
        {" { } ", "{\"id\":\"x\\\"1\" }"},
        {"{\"a\":{\"id\":\"inner\"}}", "{\"id\":\"x\\\"1\",\"a\":{\"id\":\"inner\"}}"},
        {"{ \"a\" : [1] }", "{\"id\":\"x\\\"1\", \"a\" : [1] }"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct plain_task t = read_task(rows[i][0]);
        struct pl_buf out;
        pl_buf_init(&out, 1000);
        assert_null(t.id.at);
        assert_int_equal(plain_task_write(&out, &t, "x\"1"), POUCH_OK);
        assert_string_equal(out.at, rows[i][1]);
        assert_true(pl_json_valid(out.at, out.len));
        pl_buf_free(&out);
    }
}

static void what_is_no_task_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"",           "7",
                                       "[]",         "null",
                                       "{\"id\":7}", "{",
                                       "{\"a\":1,}", "{\"id\":null}",
                                       "{} {}",      "{\"id\":\"a\",\"id\":\"b\"}",
                                       "\"a\"",      "{\"a\":\xff}"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct plain_task t;
        assert_int_equal(plain_task_read(&t, rows[i], strlen(rows[i])), POUCH_E_INVALID_PAYLOAD);
        assert_non_null(strstr(pouch_why(), "plain worker"));
    }
}

/* acceptance: C6 */
static void a_reply_says_whose_it_is_and_how_it_ended(void **state) {
    (void)state;
    static const struct {
        const char *json, *id, *error;
        bool success;
    } rows[] = {
        {"{\"id\":\"t\",\"topic\":\"a\",\"status\":\"success\",\"endTime\":1.25}", "t", NULL, true},
        {"{\"id\":\"t\"}", "t", NULL, true},
        {"{\"status\":\"\\u0073uccess\",\"id\":\"\"}", "", NULL, true},
        {"{\"id\":\"t\",\"status\":\"error\",\"error\":\"no \\\"card\\\"\"}", "t", "no \\\"card\\\"", false},
        {"{\"id\":\"t\",\"status\":\"error\"}", "t", NULL, false},
        {"{\"id\":\"t\",\"status\":\"error\",\"error\":{}}", "t", NULL, false},
        {"{\"id\":\"t\",\"status\":\"failed\"}", "t", NULL, false},
        {"{\"id\":\"t\",\"status\":null}", "t", NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct plain_answer a;
        assert_int_equal(plain_answer_read(&a, rows[i].json, strlen(rows[i].json)), POUCH_OK);
        assert_span(a.id, rows[i].id);
        assert_int_equal(a.success, rows[i].success);
        if (rows[i].error)
            assert_span(a.error, rows[i].error);
        else
            assert_null(a.error.at);
    }
}

static void what_is_no_reply_is_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"", "[]", "{}", "{\"id\":1}", "{\"id\":\"a\"", "{\"id\":\"a\"}x"};
    struct plain_answer a;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(plain_answer_read(&a, rows[i], strlen(rows[i])), POUCH_E_INVALID_PAYLOAD);
}

static void an_id_is_short_text(void **state) {
    (void)state;
    char id[PLAIN_ID_MAX + 1], longest[PLAIN_ID_MAX + 2];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(plain_id_read(id, (struct pl_span){"\\u0061\\\"", 8}), 2);
    assert_string_equal(id, "a\"");
    assert_int_equal(plain_id_read(id, (struct pl_span){longest, PLAIN_ID_MAX}), PLAIN_ID_MAX);
    assert_int_equal(plain_id_take(id, longest, PLAIN_ID_MAX), PLAIN_ID_MAX);
    assert_int_equal(plain_id_read(id, (struct pl_span){longest, PLAIN_ID_MAX + 1}), 0);
    assert_int_equal(plain_id_take(id, longest, PLAIN_ID_MAX + 1), 0);
    assert_int_equal(plain_id_read(id, (struct pl_span){"", 0}), 0);
    assert_int_equal(plain_id_read(id, (struct pl_span){NULL, 0}), 0);
    assert_int_equal(plain_id_read(id, (struct pl_span){"a\\u0000b", 8}), 0);
    assert_int_equal(plain_id_read(id, (struct pl_span){"a\\nb", 4}), 0);
    assert_int_equal(plain_id_take(id, "a\nb", 3), 0);
    assert_int_equal(plain_id_take(id, NULL, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_with_an_id_is_taken_as_it_is),
        cmocka_unit_test(a_task_without_an_id_is_given_one),
        cmocka_unit_test(what_is_no_task_is_refused),
        cmocka_unit_test(a_reply_says_whose_it_is_and_how_it_ended),
        cmocka_unit_test(what_is_no_reply_is_refused),
        cmocka_unit_test(an_id_is_short_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
