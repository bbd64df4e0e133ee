/* source_topic set in an envelope: every other byte stays as it was. */
#include <support.h>

#include <base/buf.h>
#include <stdio.h>
#include <wire/envelope.h>

#define ID   "\"request_id\":\"19e71e54-17fd-4d1d-bec8-604c18a90ee5\""
#define SEAL "\"data\":\"66aa5b18\",\"iv\":\"bec249ec428eb97e93dcc85a\",\"tag\":\"8DB85BF50c2f29f4420904c235584a3d\""

static const struct {
    const char *before, *after;
} cases[] = {
    {"{" ID "," SEAL "}", "{" ID "," SEAL ",\"source_topic\":\"inbox\"}"},
    {" {" ID " ,\n" SEAL "\t} \r\n", " {" ID " ,\n" SEAL "\t,\"source_topic\":\"inbox\"} \r\n"},
    {"{\"source_topic\":\"a\"," ID "," SEAL "}", "{\"source_topic\":\"inbox\"," ID "," SEAL "}"},
    {"{" ID ",\"source_topic\" : \"somewhere.else\" ," SEAL "}", "{" ID ",\"source_topic\" : \"inbox\" ," SEAL "}"},
    {"{" ID "," SEAL ",\"source_topic\":null}", "{" ID "," SEAL ",\"source_topic\":\"inbox\"}"},
    {"{" ID "," SEAL ",\"source\\u005ftopic\":\"a\"}", "{" ID "," SEAL ",\"source\\u005ftopic\":\"inbox\"}"},
    {"{" ID "," SEAL ",\"x\":{\"source_topic\":\"no}\"},\"y\":\"}\"}",
     "{" ID "," SEAL ",\"x\":{\"source_topic\":\"no}\"},\"y\":\"}\",\"source_topic\":\"inbox\"}"},
    {"{" ID ",\"error\":{\"code\":\"expired\"}}",
     "{" ID ",\"error\":{\"code\":\"expired\"},\"source_topic\":\"inbox\"}"},
};

/* acceptance: B3 */
static void only_the_source_changes(void **state) {
    (void)state;
    struct pl_buf out;
    pl_buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pl_envelope e;
        size_t n = strlen(cases[i].before);
        pl_buf_reset(&out);
        assert_int_equal(pl_envelope_scan(&e, cases[i].before, n), POUCH_OK);
        assert_int_equal(pl_envelope_set_source(&out, &e, cases[i].before, n, "inbox"), POUCH_OK);
        assert_string_equal(out.at, cases[i].after);
        assert_int_equal(out.len, strlen(cases[i].after));
        assert_int_equal(pl_envelope_scan(&e, out.at, out.len), POUCH_OK);
        assert_int_equal(e.source_topic.n, 5);
    }
    pl_buf_free(&out);
}

static void what_comes_after_other_bytes_is_appended(void **state) {
    (void)state;
    struct pl_envelope e;
    struct pl_buf out;
    pl_buf_init(&out, 4096);
    assert_int_equal(pl_buf_puts(&out, "first "), POUCH_OK);
    size_t n = strlen(cases[0].before);
    assert_int_equal(pl_envelope_scan(&e, cases[0].before, n), POUCH_OK);
    assert_int_equal(pl_envelope_set_source(&out, &e, cases[0].before, n, "inbox"), POUCH_OK);
    assert_memory_equal(out.at, "first {", 7);
    assert_string_equal(out.at + 6, cases[0].after);
    pl_buf_free(&out);
}

static void a_ceiling_is_kept_and_leaves_the_buffer_as_it_was(void **state) {
    (void)state;
    struct pl_envelope e;
    struct pl_buf out;
    size_t n = strlen(cases[0].before);
    assert_int_equal(pl_envelope_scan(&e, cases[0].before, n), POUCH_OK);
    pl_buf_init(&out, strlen(cases[0].after) - 1);
    assert_int_equal(pl_envelope_set_source(&out, &e, cases[0].before, n, "inbox"), POUCH_E_TOO_LARGE);
    assert_int_equal(out.len, 0);
    pl_buf_free(&out);
    pl_buf_init(&out, strlen(cases[0].after) + 3);
    assert_int_equal(pl_envelope_set_source(&out, &e, cases[0].before, n, "inbox"), POUCH_OK);
    pl_buf_free(&out);
}

/* With one more, whoever scans the envelope next would refuse it. */
static void the_most_members_leave_no_room_for_another(void **state) {
    (void)state;
    struct pl_envelope e;
    struct pl_buf text, out;
    pl_buf_init(&text, 4096);
    pl_buf_init(&out, 4096);
    assert_int_equal(pl_buf_puts(&text, "{" ID "," SEAL), POUCH_OK);
    for (int i = 4; i < PL_MEMBERS_MAX; i++) assert_int_equal(pl_buf_printf(&text, ",\"m%d\":%d", i, i), POUCH_OK);
    assert_int_equal(pl_buf_putc(&text, '}'), POUCH_OK);
    assert_int_equal(pl_envelope_scan(&e, text.at, text.len), POUCH_OK);
    assert_int_equal(pl_envelope_set_source(&out, &e, text.at, text.len, "inbox"), POUCH_E_BAD_ENVELOPE);
    assert_int_equal(out.len, 0);
    pl_buf_free(&out);
    pl_buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_source_changes),
        cmocka_unit_test(what_comes_after_other_bytes_is_appended),
        cmocka_unit_test(a_ceiling_is_kept_and_leaves_the_buffer_as_it_was),
        cmocka_unit_test(the_most_members_leave_no_room_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
