/* Text from others on a terminal. */
#include <support.h>

#include <ops/screen.h>
#include <stdlib.h>

static const struct ops_screen utf8 = {80, true, false}, ascii = {80, false, false};

static void assert_shown(const struct ops_screen *s, const char *text, size_t n, size_t most, const char *wanted,
                         size_t columns) {
    char *shown;
    size_t length;
    FILE *out = open_memstream(&shown, &length);
    assert_non_null(out);
    assert_int_equal(ops_screen_put(out, s, text, n, most), columns);
    fclose(out);
    assert_string_equal(shown, wanted);
    free(shown);
}

static void plain_text_stays_as_it_is(void **state) {
    (void)state;
    assert_shown(&ascii, "orders", 6, 80, "orders", 6);
    assert_shown(&utf8, "Grüße", 7, 80, "Grüße", 5);
    assert_shown(&utf8, "", 0, 80, "", 0);
}

static void what_does_not_fit_is_cut(void **state) {
    (void)state;
    assert_shown(&ascii, "orders", 6, 6, "orders", 6);
    assert_shown(&ascii, "orders", 6, 5, "orde~", 5);
    assert_shown(&utf8, "Grüße", 7, 4, "Grü…", 4);
    assert_shown(&utf8, "orders", 6, 1, "…", 1);
    assert_shown(&utf8, "orders", 6, 0, "", 0);
    assert_shown(&ascii, "a\x1b[2J", 5, 4, "a~", 2); /* an escape is whole or not at all */
}

static void what_could_steer_a_terminal_is_escaped(void **state) {
    (void)state;
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"\x1b[31m", "\\x1b[31m"},           {"a\nb\r\t", "a\\x0ab\\x0d\\x09"}, {"\x7f", "\\x7f"},
        {"\xc2\x9b", "\\xc2\\x9b"},          /* CSI as one character */
        {"\xe2\x80\xae", "\\xe2\\x80\\xae"}, /* what follows runs to the left */
        {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"}, /* a line's end */
        {"\xe2\x81\xa7", "\\xe2\\x81\\xa7"}, {"\xff\xfe", "\\xff\\xfe"},        {"\xc3", "\\xc3"}, /* cut off */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* half of a surrogate pair */
        {"\xe2\x82\xac", "\xe2\x82\xac"},    {"\xc2\xa0", "\xc2\xa0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t columns = rows[i].wanted[0] == '\\' || rows[i].wanted[0] == 'a' ? strlen(rows[i].wanted) : 1;
        assert_shown(&utf8, rows[i].text, strlen(rows[i].text), 80, rows[i].wanted, columns);
    }
    assert_shown(&utf8, "a\0b", 3, 80, "a\\x00b", 6);
}

static void every_byte_alone_is_ascii_on_a_terminal_without_utf_8(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char one = (char)byte, wanted[8];
        bool plain = byte >= ' ' && byte < 0x7f;
        snprintf(wanted, sizeof wanted, plain ? "%c" : "\\x%02x", byte);
        assert_shown(&ascii, &one, 1, 80, wanted, plain ? 1 : 4);
    }
    assert_shown(&ascii, "ü", 2, 80, "\\xc3\\xbc", 8);
}

static void a_cell_is_filled_with_spaces(void **state) {
    (void)state;
    char *shown;
    size_t length;
    FILE *out = open_memstream(&shown, &length);
    assert_non_null(out);
    ops_screen_cell(out, &utf8, "ü", 3);
    ops_screen_cell(out, &utf8, "abcd", 3);
    fclose(out);
    assert_string_equal(shown, "ü  ab…");
    free(shown);
}

static void a_column_is_never_cut(void **state) {
    (void)state;
    const struct ops_screen screen = {.columns = 80, .utf8 = true};
    static const struct {
        const char *text;
        size_t width;
        const char *wanted;
    } rows[] = {{"ab", 4, "ab  "}, {"abcd", 4, "abcd"}, {"abcdef", 4, "abcdef"}, {"\033", 5, "\\x1b "}, {"", 0, ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *shown;
        size_t n;
        FILE *out = open_memstream(&shown, &n);
        assert_non_null(out);
        ops_screen_column(out, &screen, rows[i].text, rows[i].width);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(shown, rows[i].wanted);
        free(shown);
    }
}

static void the_environment_tells_the_width(void **state) {
    (void)state;
    static const struct {
        const char *columns;
        size_t wanted;
    } rows[] = {{"120", 120}, {"1", 40}, {"100000", 300}, {"x", 80}};
    FILE *out = tmpfile();
    assert_non_null(out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        setenv("COLUMNS", rows[i].columns, 1);
        assert_int_equal(ops_screen_of(out).columns, rows[i].wanted);
    }
    assert_false(ops_screen_of(out).colour); /* a file is no terminal */
    fclose(out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays_as_it_is),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(what_could_steer_a_terminal_is_escaped),
        cmocka_unit_test(every_byte_alone_is_ascii_on_a_terminal_without_utf_8),
        cmocka_unit_test(a_cell_is_filled_with_spaces),
        cmocka_unit_test(a_column_is_never_cut),
        cmocka_unit_test(the_environment_tells_the_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
