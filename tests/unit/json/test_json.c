/* Control-plane JSON: what is taken, what is refused and how that is told. */
#include <support.h>

#include <base/why.h>
#include <json/json.h>
#include <malloc.h>
#include <stdlib.h>

static pouch_err read_text(json_t **value, const char *text) {
    return pl_json_read(value, "answer", text, strlen(text));
}

static void any_kind_of_value_makes_the_round_trip(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"b\":1,\"a\":[true,false,null]}",   "[]", "{}", "\"\xe2\x82\xac\"", "-7", "1.5", "null",
        "{\"z\":{\"y\":{\"x\":\"\\\\\\\"\"}}}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *value;
        size_t n;
        assert_int_equal(read_text(&value, texts[i]), POUCH_OK);
        char *text = pl_json_text(value, &n);
        assert_string_equal(text, texts[i]);
        assert_int_equal(n, strlen(texts[i]));
        free(text);
        json_decref(value);
    }
}

static void what_is_not_strict_json_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "[1,]",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "'a'",
                                        "01",
                                        "1.",
                                        ".5",
                                        "+1",
                                        "NaN",
                                        "Infinity",
                                        "nul",
                                        "[1] 2",
                                        "{\"a\":1}{}",
                                        "// x\n1",
                                        "\"\t\"",
                                        "\"\\x\"",
                                        "\"\\u0000\"",
                                        "\"\\ud800\"",
                                        "\"\xff\"",
                                        "\"\xc0\x80\"",
                                        "\"\xed\xa0\x80\"",
                                        "\xef\xbb\xbf[]",
                                        "{\"a\":1,\"a\":2}",
                                        "{\"a\":1,\"\\u0061\":2}",
                                        "99999999999999999999",
                                        "1e999",
                                        "\"open"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *value;
        if (read_text(&value, texts[i]) != POUCH_E_INVALID_PAYLOAD) fail_msg("taken: %s", texts[i]);
        assert_null(value);
    }
    json_t *value;
    assert_int_equal(pl_json_read(&value, "answer", "1\0", 2), POUCH_E_INVALID_PAYLOAD);
}

static void an_error_tells_the_place_and_not_the_text(void **state) {
    (void)state;
    static const char *const texts[] = {"{\n  \"name\": secret\n}", "{\n\"secret\":1,\"secret\":2}",
                                        "[\n\"secret\x01\"]", "{\n\"a\" \"secret\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *value;
        assert_int_equal(read_text(&value, texts[i]), POUCH_E_INVALID_PAYLOAD);
        assert_ptr_equal(strstr(pouch_why(), "answer: line 2, column "), pouch_why());
        assert_null(strstr(pouch_why(), "secret"));
    }
}

static void sixty_four_levels_are_taken_and_no_more(void **state) {
    (void)state;
    for (size_t depth = 64; depth < 66; depth++) {
        char text[200] = "";
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        json_t *value;
        assert_int_equal(read_text(&value, text), depth == 64 ? POUCH_OK : POUCH_E_INVALID_PAYLOAD);
        json_decref(value);
    }
}

static void brackets_in_strings_are_not_levels(void **state) {
    (void)state;
    char text[200] = "[\"\\\"";
    memset(text + 4, '{', 100);
    strcpy(text + 104, "\\\\\"]");
    json_t *value;
    assert_int_equal(read_text(&value, text), POUCH_OK);
    json_decref(value);
}

static void more_than_eight_mebibytes_are_refused(void **state) {
    (void)state;
    const size_t limit = 8 << 20;
    char *text = malloc(limit + 1);
    assert_non_null(text);
    memset(text, ' ', limit + 1);
    text[0] = '1';
    json_t *value;
    assert_int_equal(pl_json_read(&value, "answer", text, limit), POUCH_OK);
    json_decref(value);
    assert_int_equal(pl_json_read(&value, "answer", text, limit + 1), POUCH_E_INVALID_PAYLOAD);
    assert_string_equal(pouch_why(), "answer: larger than 8388608 bytes");
    free(text);
}

/* Many times part, in one array. */
static pouch_err read_many(const char *part, size_t times) {
    size_t n = strlen(part) + 1;
    char *text = malloc(times * n + 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++) {
        text[i * n] = i ? ',' : '[';
        memcpy(text + i * n + 1, part, n - 1);
    }
    text[times * n] = ']';
    struct mallinfo2 before = mallinfo2();
    json_t *value;
    pouch_err e = pl_json_read_payload(&value, "payload", text, times * n + 1);
    size_t used = mallinfo2().uordblks + mallinfo2().hblkhd - before.uordblks - before.hblkhd;
    json_decref(value);
    free(text);
    if (used > PL_JSON_TREE_MAX) fail_msg("%zu times %s took %zu bytes", times, part, used);
    return e;
}

/*
 * Of each kind, a little more than may be: what is at the bound takes about that much, and what is beyond it nothing.
 */
static void a_text_does_not_become_many_times_its_size(void **state) {
    (void)state;
    static const char *const parts[] = {"[]", "{}", "1", "\"\"", "{\"a\":1}", "[[[]]]", "[{},{}]"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t times = (32 << 20) / (strlen(parts[i]) + 1);
        if (read_many(parts[i], times) != POUCH_E_INVALID_PAYLOAD) fail_msg("taken: %zu times %s", times, parts[i]);
        assert_string_equal(pouch_why(), "payload: so many values would take more than 256 MiB of memory");
    }
    assert_int_equal(read_many("{}", 700000), POUCH_OK);
    assert_int_equal(read_many("\"[[[[{{{{,,,,\"", 700000), POUCH_OK);
}

static void texts_are_added_to_a_list_and_one_that_cannot_be_counts(void **state) {
    (void)state;
    char longest[2000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    json_t *texts = json_array();
    pl_json_say(texts, "%d of %s", 2, "three");
    pl_json_say(texts, "%s", longest);
    pl_json_say(texts, "no UTF-8: %s", "\xff");
    assert_int_equal(json_array_size(texts), 3);
    assert_string_equal(json_string_value(json_array_get(texts, 0)), "2 of three");
    assert_int_equal(json_string_length(json_array_get(texts, 1)), 1023);
    assert_true(json_is_null(json_array_get(texts, 2)));
    json_decref(texts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_kind_of_value_makes_the_round_trip),
        cmocka_unit_test(what_is_not_strict_json_is_refused),
        cmocka_unit_test(an_error_tells_the_place_and_not_the_text),
        cmocka_unit_test(sixty_four_levels_are_taken_and_no_more),
        cmocka_unit_test(brackets_in_strings_are_not_levels),
        cmocka_unit_test(more_than_eight_mebibytes_are_refused),
        cmocka_unit_test(a_text_does_not_become_many_times_its_size),
        cmocka_unit_test(texts_are_added_to_a_list_and_one_that_cannot_be_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
