/* JSON texts: validity, escaping and its reverse. */
#include <support.h>

#include <stdlib.h>
#include <wire/envelope.h>

static const char *const valid[] = {
    "0",
    "-0",
    "1",
    "-1.5e-7",
    "1E+2",
    "12345678901234568",
    "0.1",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\"",
    "[]",
    "{}",
    " [ ] ",
    "\t{\n}\r ",
    "[[],{}]",
    "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"a\":1}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
    "\"\\ud83c\\uddee\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\x7f\"",
    "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x87\xae \xf4\x8f\xbf\xbf\"",
    "\"0123456789abcdef0123456789abcdef\"",
    "[1,\"0123456789abcde\\\"f\",-0.0]",
};

static const char *const invalid[] = {
    "",
    " ",
    "-",
    "+1",
    "01",
    "1.",
    ".1",
    "1e",
    "1e+",
    "0x1",
    "Infinity",
    "nul",
    "nulll",
    "truefalse",
    "True",
    "'a'",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\",
    "\"\\u\"",
    "\"\\u123\"",
    "\"\\U0041\"",
    "\"\\a\"",
    "\"\t\"",
    "\"0123456789abcdef\n\"",
    "\"\x80\"",
    "\"\xff\"",
    "\"\xc1\xbf\"",
    "\"\xc3\"",
    "\"\xe0\x9f\xbf\"",
    "\"\xed\xbf\xbf\"",
    "\"\xf0\x8f\xbf\xbf\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf8\x88\x80\x80\x80\"",
    "\"\xe2\x82x\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[,1]",
    "[1,,2]",
    "[1 2]",
    "[1}",
    "{",
    "}",
    "{1:2}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1]",
    "[]x",
    "{}{}",
    "1 2",
    "\xef\xbb\xbf{}",
    "\xff",
    "//a\n1",
    "[1]/**/",
    "{a:1}",
    "[\"a\", \"b\"",
    "\"a\" \"b\"",
    "\v1",
    "[\f]",
};

static void valid_texts_are_valid_and_no_prefix_of_a_closed_one_is(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof valid / sizeof valid[0]; i++) {
        size_t n = strlen(valid[i]);
        if (!pl_json_valid(valid[i], n)) fail_msg("refused: %s", valid[i]);
        if (!strchr("\"]}", valid[i][n - 1])) continue;
        for (size_t cut = 0; cut < n; cut++)
            if (pl_json_valid(valid[i], cut)) fail_msg("taken: %.*s", (int)cut, valid[i]);
    }
}

static void invalid_texts_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        if (pl_json_valid(invalid[i], strlen(invalid[i]))) fail_msg("taken: %s", invalid[i]);
    assert_false(pl_json_valid("1\0", 2));
    assert_false(pl_json_valid("\"\0\"", 3));
}

static void depth_512_is_the_most(void **state) {
    (void)state;
    char text[2 * 513];
    for (size_t depth = 511; depth <= 513; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_int_equal(pl_json_valid(text, 2 * depth), depth <= 512);
    }
}

/*
 * A quote, a control character or a bad byte at each place of a long string, so that each lane of the fast path is met.
 */
static void a_bad_byte_is_found_at_every_place(void **state) {
    (void)state;
    char text[80];
    for (size_t n = 1; n <= 64; n++) {
        text[0] = '"';
        memset(text + 1, 'a', n);
        text[n + 1] = '"';
        assert_true(pl_json_valid(text, n + 2));
        for (size_t at = 1; at <= n; at++) {
            static const char bad[] = {'"', '\\', '\x1f', '\0', '\x80', '\xff'};
            for (size_t b = 0; b < sizeof bad; b++) {
                text[at] = bad[b];
                assert_false(pl_json_valid(text, n + 2));
            }
            text[at] = 'a';
        }
    }
}

static const struct {
    const char *plain, *escaped;
} escapes[] = {
    {"", ""},
    {"plain text, of more than sixteen bytes", "plain text, of more than sixteen bytes"},
    {"\"\\\b\f\n\r\t\x01\x1f/\x7f", "\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\x7f"},
    {"\xd1\x84 \xe2\x82\xac \xf0\x9f\x98\x80", "\xd1\x84 \xe2\x82\xac \xf0\x9f\x98\x80"},
};

static void what_is_escaped_reads_back(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        char out[400], back[400];
        size_t n = strlen(escapes[i].plain);
        assert_int_equal(pl_json_escape(out, escapes[i].plain, n), strlen(escapes[i].escaped));
        assert_string_equal(out, escapes[i].escaped);
        assert_int_equal(pl_json_unescape(back, out, strlen(out)), n);
        assert_string_equal(back, escapes[i].plain);
        assert_int_equal(pl_json_unescape(out, out, strlen(out)), n); /* in place */
        assert_string_equal(out, escapes[i].plain);
    }
}

static void bad_utf8_is_replaced(void **state) {
    (void)state;
    char out[64];
    assert_int_equal(pl_json_escape(out, "a\xff\xe2\x82z", 5), 11);
    assert_string_equal(out, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
    assert_int_equal(pl_json_escape(out, "\0", 1), 6);
    assert_string_equal(out, "\\u0000");
}

static void every_escape_is_read(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
        size_t n;
    } rows[] = {
        {"\\/\\\"\\\\\\b\\f\\n\\r\\t", "/\"\\\b\f\n\r\t", 8},
        {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac", 6},
        {"\\uD83D\\ude00", "\xf0\x9f\x98\x80", 4},
        {"\\udbff\\udfff", "\xf4\x8f\xbf\xbf", 4},
        {"\\ud83d", "\xef\xbf\xbd", 3},
        {"\\ude00x", "\xef\xbf\xbdx", 4},
        {"\\ud83dx", "\xef\xbf\xbdx", 4},
        {"\\ud83d\\n", "\xef\xbf\xbd\n", 4},
        {"\\ud83d\\u0041",
         "\xef\xbf\xbd"
         "A",
         4},
        {"\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7},
        {"a\\u0000b", "a\0b", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[64];
        assert_int_equal(pl_json_unescape(out, rows[i].in, strlen(rows[i].in)), rows[i].n);
        assert_memory_equal(out, rows[i].out, rows[i].n + 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_texts_are_valid_and_no_prefix_of_a_closed_one_is),
        cmocka_unit_test(invalid_texts_are_refused),
        cmocka_unit_test(depth_512_is_the_most),
        cmocka_unit_test(a_bad_byte_is_found_at_every_place),
        cmocka_unit_test(what_is_escaped_reads_back),
        cmocka_unit_test(bad_utf8_is_replaced),
        cmocka_unit_test(every_escape_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
