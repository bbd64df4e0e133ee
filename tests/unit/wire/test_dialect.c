/* splp's plaintexts: what a reply may be, and that ours read back. */
#include <support.h>

#include <stdlib.h>
#include <wire/dialect.h>

#define ID "\"request_id\":\"19e71e54-17fd-4d1d-bec8-604c18a90ee5\""

static const struct pl_dialect *const splp = &pl_dialect_splp;

static pouch_err read_reply(struct pl_reply_text *r, const char *text) {
    return splp->read_reply(r, text, strlen(text));
}

static void assert_span(struct pl_span span, const char *text) {
    if (!text) {
        assert_null(span.at);
        return;
    }
    assert_non_null(span.at);
    assert_int_equal(span.n, strlen(text));
    assert_memory_equal(span.at, text, span.n);
}

static const struct {
    const char *text, *payload, *error, *code;
    bool success;
    int64_t timestamp;
} replies[] = {
    {"{" ID ",\"payload\":{\"a\":[1,2]},\"timestamp\":1795250537734,\"success\":true}", "{\"a\":[1,2]}", NULL, NULL,
     true, 1795250537734},
    {"{" ID ",\"payload\":null,\"success\":true}", "null", NULL, NULL, true, 0},
    {" { \"success\" : true , \"payload\" : \"x\" , " ID " } ", "\"x\"", NULL, NULL, true, 0},
    {"{" ID ",\"success\":false}", NULL, NULL, NULL, false, 0},
    {"{" ID ",\"payload\":1,\"success\":false,\"error\":\"no \\\"such\\\" user\",\"code\":\"handler_error\"}", "1",
     "no \\\"such\\\" user", "handler_error", false, 0},
    {"{" ID ",\"success\":true,\"payload\":0,\"error\":null,\"code\":null,\"timestamp\":null}", "0", NULL, NULL, true,
     0},
    {"{" ID ",\"success\":true,\"payload\":0,\"timestamp\":\"2026-01-01T00:00:00Z\"}", "0", NULL, NULL, true, 0},
    {"{" ID ",\"success\":true,\"payload\":0,\"timestamp\":1795250537734.5}", "0", NULL, NULL, true, 1795250537734},
    {"{" ID ",\"success\":true,\"payload\":0,\"timestamp\":99999999999999999999999}", "0", NULL, NULL, true,
     999999999999999999},
    {"{" ID ",\"success\":true,\"payload\":0,\"timestamp\":-5}", "0", NULL, NULL, true, 0},
    {"{" ID ",\"timestamp\":5,\"success\":true}", NULL, NULL, NULL, true, 5},
    {"{" ID ",\"success\":true,\"payload\":0,\"topic\":\"t\",\"more\":{\"success\":false}}", "0", NULL, NULL, true, 0},
};

/* acceptance: A14 */
static void replies_of_peers_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        struct pl_reply_text r;
        if (read_reply(&r, replies[i].text)) fail_msg("%s: %s", replies[i].text, pouch_why());
        assert_int_equal(r.id.b[0], 0x19);
        assert_int_equal(r.success, replies[i].success);
        assert_int_equal(r.timestamp, replies[i].timestamp);
        assert_span(r.payload, replies[i].payload);
        assert_span(r.error, replies[i].error);
        assert_span(r.code, replies[i].code);
    }
}

static const struct {
    const char *text, *why;
} unreadable[] = {
    {"", "no object"},
    {"\"x\"", "no object"},
    {"{}", "no request_id"},
    {"{\"success\":true,\"payload\":1}", "no request_id"},
    {"{" ID ",\"payload\":1}", "no success"},
    {"{" ID ",\"payload\":1,\"success\":\"true\"}", "success is neither"},
    {"{" ID ",\"payload\":1,\"success\":null}", "success is neither"},
    {"{\"request_id\":null,\"payload\":1,\"success\":true}", "request_id is no uuid"},
    {"{\"request_id\":\"x\",\"payload\":1,\"success\":true}", "request_id is no uuid"},
    {"{" ID ",\"payload\":1,\"payload\":2,\"success\":true}", "came before"},
    {"{" ID ",\"payload\":1,\"success\":false,\"succ\\u0065ss\":true}", "came before"},
    {"{" ID ",\"success\":false,\"error\":{}}", "error is no string"},
    {"{" ID ",\"success\":false,\"code\":1}", "code is no code"},
    {"{" ID ",\"success\":false,\"code\":\"a\\u0062\"}", "code is no code"},
    {"{" ID ",\"payload\":{,\"success\":true}", "no sound value"},
    {"{" ID ",\"payload\":1,\"success\":true}}", "something after"},
    {"{" ID ",\"payload\":1,\"success\":true", "no comma"},
};

static void what_is_no_reply_is_refused_and_never_quoted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++) {
        struct pl_reply_text r;
        if (!read_reply(&r, unreadable[i].text)) fail_msg("taken: %s", unreadable[i].text);
        if (!strstr(pouch_why(), unreadable[i].why)) fail_msg("%s: %s", unreadable[i].text, pouch_why());
    }
}

/* acceptance: A14 */
static void a_written_reply_reads_back(void **state) {
    (void)state;
    struct pl_buf out;
    struct pl_reply_text r, reply = {.timestamp = 1795250537734, .success = true, .payload = {"[1]", 3}};
    pl_buf_init(&out, 1 << 16);
    memset(reply.id.b, 0x11, sizeof reply.id.b);
    assert_int_equal(splp->write_reply(&out, &reply), POUCH_OK);
    assert_string_equal(out.at, "{\"request_id\":\"11111111-1111-1111-1111-111111111111\",\"payload\":[1],"
                                "\"timestamp\":1795250537734,\"success\":true}");
    pl_buf_reset(&out);
    reply = (struct pl_reply_text){.error = {"a \"b\"\n", 6}, .code = {"handler_error", 13}};
    assert_int_equal(splp->write_reply(&out, &reply), POUCH_OK);
    assert_string_equal(out.at,
                        "{\"request_id\":\"00000000-0000-0000-0000-000000000000\",\"payload\":null,"
                        "\"timestamp\":0,\"success\":false,\"error\":\"a \\\"b\\\"\\n\",\"code\":\"handler_error\"}");
    assert_int_equal(splp->read_reply(&r, out.at, out.len), POUCH_OK);
    assert_false(r.success);
    assert_span(r.error, "a \\\"b\\\"\\n");
    pl_buf_free(&out);
}

static void a_full_buffer_is_told_wherever_it_is_met(void **state) {
    (void)state;
    struct pl_reply_text reply = {.payload = {"[1]", 3}, .error = {"e", 1}, .code = {"c", 1}};
    struct pl_buf whole;
    pl_buf_init(&whole, 1000);
    assert_int_equal(splp->write_reply(&whole, &reply), POUCH_OK);
    for (size_t max = 0; max < whole.len; max++) {
        struct pl_buf out;
        pl_buf_init(&out, max);
        assert_int_equal(splp->write_reply(&out, &reply), POUCH_E_TOO_LARGE);
        pl_buf_free(&out);
    }
    pl_buf_free(&whole);
}

static void a_requests_plaintext_is_its_payload(void **state) {
    (void)state;
    struct pl_buf out;
    struct pl_uuid id = {{0}};
    struct pl_span payload;
    pl_buf_init(&out, 100);
    assert_int_equal(splp->write_request(&out, &id, "{\"a\":1}", 7, 5), POUCH_OK);
    assert_string_equal(out.at, "{\"a\":1}");
    assert_int_equal(splp->read_request(&payload, out.at, out.len), POUCH_OK);
    assert_span(payload, "{\"a\":1}");
    assert_int_equal(splp->read_request(&payload, "{\"a\":1", 6), POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(splp->read_request(&payload, "", 0), POUCH_E_INVALID_PAYLOAD);
    assert_string_equal(splp->name, "splp");
    assert_string_equal(splp->reply_suffix, ".replies");
    pl_buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_of_peers_are_read),
        cmocka_unit_test(what_is_no_reply_is_refused_and_never_quoted),
        cmocka_unit_test(a_written_reply_reads_back),
        cmocka_unit_test(a_full_buffer_is_told_wherever_it_is_met),
        cmocka_unit_test(a_requests_plaintext_is_its_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
