/* The envelope scanner: what it takes, what it refuses and what it says then. */
#include <support.h>

#include <base/buf.h>
#include <stdio.h>
#include <stdlib.h>
#include <wire/envelope.h>

#define ID    "\"request_id\":\"19e71e54-17fd-4d1d-bec8-604c18a90ee5\""
#define IV    "\"iv\":\"bec249ec428eb97e93dcc85a\""
#define TAG   "\"tag\":\"8DB85BF50c2f29f4420904c235584a3d\""
#define SEAL  "\"data\":\"66aa5b18\"," IV "," TAG
#define TEN   "aaaaaaaaaa"
#define FIFTY TEN TEN TEN TEN TEN
#define NAME  FIFTY FIFTY FIFTY FIFTY TEN TEN TEN TEN "aaaaaaaaa" /* 249 */

static pouch_err scan(struct pl_envelope *e, const char *text) {
    return pl_envelope_scan(e, text, strlen(text));
}

static void assert_span(struct pl_span span, const char *text) {
    assert_non_null(span.at);
    assert_int_equal(span.n, strlen(text));
    assert_memory_equal(span.at, text, span.n);
}

/* acceptance: A8 */
static void every_member_is_found(void **state) {
    (void)state;
    struct pl_envelope e;
    static const char text[] = " {" ID " , \"worker_name\" : \"bank.a\",\n" SEAL ",\"replyTopic\":\"client-1.replies\","
                               "\"source_topic\":\"inbox\",\"kid\":\"k-1\",\"other\":[1,{\"iv\":\"not this\"}]} \r\n\t";
    assert_int_equal(scan(&e, text), POUCH_OK);
    assert_span(e.request_id, "19e71e54-17fd-4d1d-bec8-604c18a90ee5");
    assert_span(e.worker_name, "bank.a");
    assert_span(e.data, "66aa5b18");
    assert_span(e.iv, "bec249ec428eb97e93dcc85a");
    assert_span(e.tag, "8DB85BF50c2f29f4420904c235584a3d");
    assert_span(e.reply_topic, "client-1.replies");
    assert_span(e.source_topic, "inbox");
    assert_span(e.kid, "k-1");
    assert_null(e.error_code.at);
    assert_int_equal(e.id.b[0], 0x19);
    assert_int_equal(e.id.b[15], 0xe5);
}

static const char *const sound[] = {
    "{" ID "," SEAL "}",
    "{" SEAL "," ID "}",
    "{" ID ",\"data\":\"\"," IV "," TAG "}",
    "{" ID ",\"data\":\"00\",\"iv\":\"BEC249ec428eb97e93dcc85a00\"," TAG "}",
    "{" ID ",\"data\":\"00\",\"iv\":\"bec249ec428eb97e93dcc85a00000000\"," TAG "}",
    "{" ID "," SEAL ",\"replyTopic\":null,\"worker_name\":null,\"source_topic\":null,\"kid\":null,\"error\":null}",
    "{" ID "," SEAL ",\"replyTopic\":\"" NAME "\"}",
    "{" ID "," SEAL ",\"x\":-1.5e-7,\"y\":[true,false,null,{}],\"z\":\"\\ud83c\\uddee \xf0\x9f\x87\xae\"}",
    "{" ID ",\"error\":{\"code\":\"no_route\",\"message\":\"no \\\"route\\\" for x\"}}",
    "{" ID ",\"error\":{\"code\":\"no_route\",\"more\":{}},\"replyTopic\":\"a\"}",
    "{" ID ",\"data\":null,\"iv\":null,\"tag\":null,\"error\":{\"code\":\"expired\",\"message\":null}}",
    "{\"request\\u005fid\":\"19e71e54-17fd-4d1d-bec8-604c18a90ee5\"," SEAL "}",
    "{" ID "," SEAL ",\"\\u0444\xd1\x84\":1,\"\\u0444\xd1\x85\":1,\"\\u0444\":1}",
    "{\"request_id\":\"19E71E54-17FD-1D1D-BEC8-604C18A90EE5\"," SEAL "}", /* any version, either case */
};

static void sound_envelopes_are_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
        struct pl_envelope e;
        if (scan(&e, sound[i])) fail_msg("%s: %s", sound[i], pouch_why());
        assert_non_null(e.request_id.at);
        assert_true(!e.data.at == !!e.error_code.at);
    }
}

static const struct {
    const char *text, *why;
} unsound[] = {
    {"", "no object at byte 0"},
    {" ", "no object at byte 1"},
    {"null", "no object at byte 0"},
    {"[]", "no object"},
    {"\xef\xbb\xbf{" ID "," SEAL "}", "no object at byte 0"},
    {"{}", "no request_id"},
    {"{" ID "}", "neither data, iv and tag nor error"},
    {"{" SEAL "}", "no request_id"},
    {"{" ID "," SEAL "} x", "something after the object at byte 145"},
    {"{" ID "," SEAL "}{}", "something after the object"},
    {"{" ID "," SEAL ",}", "no member name"},
    {"{," ID "," SEAL "}", "no member name at byte 1"},
    {"{" ID " " SEAL "}", "no comma between two members"},
    {"{" ID "," SEAL ",\"x\"}", "no colon"},
    {"{" ID "," SEAL ",\"x\":}", "no sound value"},
    {"{" ID "," SEAL ",x:1}", "no member name"},
    {"{" ID "," SEAL ",'x':1}", "no member name"},
    {"{" ID "," SEAL ",\"x\":01}", "no comma"},
    {"{" ID "," SEAL ",\"x\":1.}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":.5}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":+1}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":NaN}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":truE}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":[1,]}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":[1 2]}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":[1}}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":{\"a\":1,}}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":{1:1}}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":\"\\x\"}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":\"\\u12g4\"}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":\"a\nb\"}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":\"\x80\"}", "no sound value"},
    {"{" ID "," SEAL ",\"x\":\"\xc0\xaf\"}", "no sound value"},         /* overlong */
    {"{" ID "," SEAL ",\"x\":\"\xed\xa0\x80\"}", "no sound value"},     /* a surrogate */
    {"{" ID "," SEAL ",\"x\":\"\xf4\x90\x80\x80\"}", "no sound value"}, /* over U+10FFFF */
    {"{" ID "," SEAL ",\"x\":\"\xe2\x82\"}", "no sound value"},         /* cut short */
    {"{" ID "," SEAL ",\"\xff\":1}", "no member name"},
    {"{" ID "," SEAL "," ID "}", "a member name that came before"},
    {"{" ID "," SEAL ",\"request\\u005fid\":1}", "a member name that came before"},
    {"{\"request\\u005fid\":\"19e71e54-17fd-4d1d-bec8-604c18a90ee5\"," SEAL "," ID "}",
     "a member name that came before"},
    {"{" ID "," SEAL ",\"\\u0444\":1,\"\xd1\x84\":1}", "a member name that came before"},
    {"{" ID "," SEAL ",\"a\xd1\x84\\u0444z\":1,\"a\\u0444\xd1\x84z\":1}", "a member name that came before"},
    {"{" ID "," SEAL ",\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}", "a member name that came before"},
    {"{" ID "," SEAL ",\"replyTopic\":null,\"replyTopic\":\"a\"}", "a member name that came before"},
    {"{" ID "," SEAL ",\"x\":1,\"x\":1}", "a member name that came before"},
    {"{\"request_id\":\"\"," SEAL "}", "member request_id at byte 14 is no uuid"},
    {"{\"request_id\":null," SEAL "}", "no request_id"},
    {"{\"request_id\":7," SEAL "}", "member request_id at byte 14 is no string"},
    {"{\"request_id\":\"19e71e54-17fd-4d1d-bec8-604c18a90ee\"," SEAL "}", "request_id at byte 14 is no uuid"},
    {"{\"request_id\":\"19e71e54-17fd-4d1d-bec8-604c18a90ee\\u0035\"," SEAL "}",
     "request_id at byte 14 holds an escape"},
    {"{" ID ",\"data\":\"0\"," IV "," TAG "}", "member data at byte 60 is not pairs of hex digits"},
    {"{" ID ",\"data\":\"0g\"," IV "," TAG "}", "is not pairs of hex digits"},
    {"{" ID ",\"data\":\"0123456789abcdef0123456789abcde:\"," IV "," TAG "}", "is not pairs of hex digits"},
    {"{" ID ",\"data\":\"0123456789abcdefg123456789abcdef\"," IV "," TAG "}", "is not pairs of hex digits"},
    {"{" ID ",\"data\":\"0123456789abcdef0/23456789abcdef\"," IV "," TAG "}", "is not pairs of hex digits"},
    {"{" ID ",\"data\":\"0123456789@bcdef0123456789abcdef\"," IV "," TAG "}", "is not pairs of hex digits"},
    {"{" ID ",\"data\":{}," IV "," TAG "}", "data at byte 60 is no string"},
    {"{" ID ",\"data\":\"00\",\"iv\":\"bec249ec428eb97e93dcc8\"," TAG "}", "iv at byte 70 is not 12 to 16 bytes"},
    {"{" ID ",\"data\":\"00\",\"iv\":\"bec249ec428eb97e93dcc85a5\"," TAG "}", "iv at byte 70 is not 12 to 16 bytes"},
    {"{" ID ",\"data\":\"00\",\"iv\":\"bec249ec428eb97e93dcc85abec249ec42\"," TAG "}", "is not 12 to 16 bytes"},
    {"{" ID ",\"data\":\"00\"," IV ",\"tag\":\"8db85bf50c2f29f4420904c235584a\"}", "is not 16 bytes in hex"},
    {"{" ID ",\"data\":\"00\"," IV "}", "belong together"},
    {"{" ID "," IV "," TAG "}", "belong together"},
    {"{" ID ",\"data\":\"00\"," TAG ",\"iv\":null}", "belong together"},
    {"{" ID "," SEAL ",\"error\":{\"code\":\"no_route\"}}", "both sealed and an error"},
    {"{" ID ",\"error\":\"no_route\"}", "member error at byte 61 is no object"},
    {"{" ID ",\"error\":{}}", "error at byte 61 has no code"},
    {"{" ID ",\"error\":{\"code\":\"a b\"}}", "error.code at byte 69 is no code"},
    {"{" ID ",\"error\":{\"code\":5}}", "error.code at byte 69 is no code"},
    {"{" ID ",\"error\":{\"code\":\"x\",\"message\":1}}", "error.message at byte 83 is no string"},
    {"{" ID ",\"error\":{\"code\":\"x\",\"code\":\"y\"}}", "a member name that came before at byte 73"},
    {"{" ID "," SEAL ",\"replyTopic\":\"\"}", "is not 1 to 249 characters"},
    {"{" ID "," SEAL ",\"replyTopic\":\"" NAME "a\"}", "is not 1 to 249 characters"},
    {"{" ID "," SEAL ",\"replyTopic\":\"..\"}", "is not 1 to 249 characters"},
    {"{" ID "," SEAL ",\"replyTopic\":\"a/b\"}", "is not 1 to 249 characters"},
    {"{" ID "," SEAL ",\"replyTopic\":\"a\\u002eb\"}", "holds an escape"},
    {"{" ID "," SEAL ",\"worker_name\":\"\xd1\x84\"}", "worker_name at byte 158 is not 1 to 249 characters"},
    {"{" ID "," SEAL ",\"source_topic\":true}", "source_topic at byte 159 is no string"},
    {"{" ID "," SEAL ",\"kid\":\"" FIFTY TEN "aaaaa\"}", "kid at byte 150 is not 1 to 64 characters"},
};

static void unsound_envelopes_are_refused_and_the_place_is_told(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof unsound / sizeof unsound[0]; i++) {
        struct pl_envelope e;
        if (scan(&e, unsound[i].text) != POUCH_E_BAD_ENVELOPE) fail_msg("taken: %s", unsound[i].text);
        if (!strstr(pouch_why(), unsound[i].why))
            fail_msg("%s: %s, not %s", unsound[i].text, pouch_why(), unsound[i].why);
    }
}

/* An envelope with n arrays within one another between before and after. */
static pouch_err scan_nested(const char *before, size_t n, const char *after) {
    struct pl_buf text;
    struct pl_envelope e;
    pl_buf_init(&text, 1 << 20);
    assert_int_equal(pl_buf_puts(&text, before), POUCH_OK);
    for (size_t i = 0; i < n; i++) assert_int_equal(pl_buf_putc(&text, '['), POUCH_OK);
    for (size_t i = 0; i < n; i++) assert_int_equal(pl_buf_putc(&text, ']'), POUCH_OK);
    assert_int_equal(pl_buf_puts(&text, after), POUCH_OK);
    pouch_err err = pl_envelope_scan(&e, text.at, text.len);
    pl_buf_free(&text);
    return err;
}

static void depth_is_bounded(void **state) {
    (void)state;
    assert_int_equal(scan_nested("{" ID "," SEAL ",\"x\":", PL_DEPTH_MAX - 1, "}"), POUCH_OK);
    assert_int_equal(scan_nested("{" ID "," SEAL ",\"x\":", PL_DEPTH_MAX, "}"), POUCH_E_BAD_ENVELOPE);
    assert_non_null(strstr(pouch_why(), "no sound value"));
    assert_int_equal(scan_nested("{" ID ",\"error\":{\"code\":\"x\",\"y\":", PL_DEPTH_MAX - 2, "}}"), POUCH_OK);
    assert_int_equal(scan_nested("{" ID ",\"error\":{\"code\":\"x\",\"y\":", PL_DEPTH_MAX - 1, "}}"),
                     POUCH_E_BAD_ENVELOPE);
    assert_int_equal(scan_nested("{" ID "," SEAL ",\"x\":", 100000, "}"), POUCH_E_BAD_ENVELOPE);
    assert_int_equal(scan_nested("", 100000, ""), POUCH_E_BAD_ENVELOPE);
}

static void members_are_bounded(void **state) {
    (void)state;
    for (size_t n = PL_MEMBERS_MAX - 1; n <= PL_MEMBERS_MAX + 1; n++) {
        struct pl_buf text;
        struct pl_envelope e;
        pl_buf_init(&text, 1 << 20);
        assert_int_equal(pl_buf_puts(&text, "{" ID "," SEAL), POUCH_OK);
        for (size_t i = 4; i < n; i++) assert_int_equal(pl_buf_printf(&text, ",\"m%zu\":0", i), POUCH_OK);
        assert_int_equal(pl_buf_putc(&text, '}'), POUCH_OK);
        assert_int_equal(pl_envelope_scan(&e, text.at, text.len),
                         n <= PL_MEMBERS_MAX ? POUCH_OK : POUCH_E_BAD_ENVELOPE);
        if (n > PL_MEMBERS_MAX) assert_non_null(strstr(pouch_why(), "more than 64 members"));
        pl_buf_free(&text);
    }
}

/* acceptance: A8 */
static void no_prefix_of_an_envelope_is_one(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
        size_t n = strlen(sound[i]);
        for (size_t cut = 0; cut < n; cut++) {
            struct pl_envelope e;
            char *text = malloc(cut ? cut : 1); /* of just this size, so that a sanitizer sees a read beyond */
            memcpy(text, sound[i], cut);
            assert_int_equal(pl_envelope_scan(&e, text, cut), POUCH_E_BAD_ENVELOPE);
            free(text);
        }
    }
}

static void what_was_read_soundly_is_there_after_a_failure(void **state) {
    (void)state;
    struct pl_envelope e;
    assert_int_equal(scan(&e, "{" ID ",\"replyTopic\":\"a.replies\",\"data\":\"zz\"}"), POUCH_E_BAD_ENVELOPE);
    assert_span(e.request_id, "19e71e54-17fd-4d1d-bec8-604c18a90ee5");
    assert_int_equal(e.id.b[0], 0x19);
    assert_span(e.reply_topic, "a.replies");
    assert_null(e.data.at);
    assert_null(e.worker_name.at);
}

static void the_scanner_never_tells_the_text(void **state) {
    (void)state;
    struct pl_envelope e;
    assert_int_equal(scan(&e, "{\"canary\":1,\"canary\":\"canary\"}"), POUCH_E_BAD_ENVELOPE);
    assert_null(strstr(pouch_why(), "canary"));
    assert_int_equal(scan(&e, "{\"replyTopic\":\"can ary\"}"), POUCH_E_BAD_ENVELOPE);
    assert_null(strstr(pouch_why(), "can ary"));
}

static void names_are_what_kafka_takes(void **state) {
    (void)state;
    static const char *const good[] = {"a", "...", ".a", "a.", "..a", "-", "_", "A-Z.a_z.0-9", NAME};
    static const char *const bad[] = {"", ".", "..", " ", "a b", "a\n", "a/b", "\xc3\xa4", "a:", "a*", NAME "a"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) assert_true(pl_name_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(pl_name_valid(bad[i], strlen(bad[i])));
    assert_false(pl_name_valid("a\0b", 3));
}

static void an_error_envelope_reads_back(void **state) {
    (void)state;
    struct pl_buf out;
    pl_buf_init(&out, 1 << 16);
    struct pl_envelope e;
    struct pl_uuid id;
    char message[2000], text[2000];
    assert_true(pl_uuid_parse(&id, "19e71e54-17fd-4d1d-bec8-604c18a90ee5", 36));
    memset(message, '\x01', sizeof message - 1);
    message[sizeof message - 1] = 0;
    memcpy(message, "\"x\" \\ \xff \xc3\xa4\n", 11);
#define ROUND_TRIP(number, name, code, retriable, exit_code)                                 \
    assert_int_equal(pl_envelope_write_error(&out, &id, POUCH_E_##name, message), POUCH_OK); \
    assert_int_equal(pl_envelope_scan(&e, out.at, out.len), POUCH_OK);                       \
    assert_int_equal(pl_error_from_code(e.error_code.at, e.error_code.n), POUCH_E_##name);   \
    assert_memory_equal(&e.id, &id, sizeof id);
    POUCH_ERRORS(ROUND_TRIP)
#undef ROUND_TRIP
    size_t n = pl_json_unescape(text, e.error_message.at, e.error_message.n);
    assert_int_equal(n, 1024 + 2); /* cut, and the one bad byte has become three */
    assert_memory_equal(text, "\"x\" \\ \xef\xbf\xbd \xc3\xa4\n\x01", 14);
    pl_buf_free(&out);
}

static void only_what_a_keyless_party_can_know_may_come_in_clear(void **state) {
    (void)state;
    static const char plain[] = " no_route route_disabled target_refused hop_limit expired too_large bad_envelope "
                                "decrypt_failed overloaded no_responders ";
#define CHECK_ROW(number, name, code, retriable, exit_code) \
    assert_int_equal(pl_error_may_be_plain(POUCH_E_##name), strstr(plain, " " code " ") != NULL);
    POUCH_ERRORS(CHECK_ROW)
#undef CHECK_ROW
    assert_false(pl_error_may_be_plain(POUCH_OK));
    assert_int_equal(pl_error_from_code("no_rout", 7), POUCH_OK);
    assert_int_equal(pl_error_from_code("ok", 2), POUCH_OK);
    assert_int_equal(pl_error_from_code("", 0), POUCH_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_is_found),
        cmocka_unit_test(sound_envelopes_are_taken),
        cmocka_unit_test(unsound_envelopes_are_refused_and_the_place_is_told),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(members_are_bounded),
        cmocka_unit_test(no_prefix_of_an_envelope_is_one),
        cmocka_unit_test(what_was_read_soundly_is_there_after_a_failure),
        cmocka_unit_test(the_scanner_never_tells_the_text),
        cmocka_unit_test(names_are_what_kafka_takes),
        cmocka_unit_test(an_error_envelope_reads_back),
        cmocka_unit_test(only_what_a_keyless_party_can_know_may_come_in_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
