/* Targets: paths that fit routes, and what escapes may stand for. */
#include <support.h>

#include <httpd/target.h>
#include <stdio.h>

static struct httpd_span span(const char *text) {
    return (struct httpd_span){text, strlen(text)};
}

static void a_path_fits_the_routes_that_have_its_segments(void **state) {
    (void)state;
    static const struct {
        const char *path, *route, *first, *second; /* NULL route: fits none */
        bool fits;
    } rows[] = {
        {"/", "/", NULL, NULL, true},
        {"/a", "/", NULL, NULL, false},
        {"/", "/a", NULL, NULL, false},
        {"/a/b", "/a/b", NULL, NULL, true},
        {"/a/b/", "/a/b", NULL, NULL, false},
        {"/a//b", "/a/b", NULL, NULL, false},
        {"//a", "/a", NULL, NULL, false},
        {"/A", "/a", NULL, NULL, false},
        {"/%61", "/a", NULL, NULL, true},
        {"/a/x/c", "/a/{b}/c", "x", NULL, true},
        {"/a//c", "/a/{b}/c", NULL, NULL, false},
        {"/a/x/c/y", "/a/{b}/c/{d}", "x", "y", true},
        {"/a/x%20y", "/a/{b}", "x%20y", NULL, true},
        {"/a/x/y", "/a/{b}", NULL, NULL, false},
        {"*", "/a", NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct httpd_span values[4];
        size_t n;
        bool fits = httpd_path_fits(span(rows[i].path), rows[i].route, values, 4, &n);
        if (fits != rows[i].fits) fail_msg("%s %s", rows[i].path, rows[i].route);
        if (!fits) continue;
        assert_int_equal(n, (rows[i].first != NULL) + (rows[i].second != NULL));
        if (rows[i].first) assert_true(httpd_span_is(values[0], rows[i].first));
        if (rows[i].second) assert_true(httpd_span_is(values[1], rows[i].second));
    }
}

static void a_segment_stands_for_one_text_or_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *segment, *text; /* NULL: refused */
    } rows[] = {
        {"abc", "abc"},
        {"a+b", "a+b"},
        {"%41%7a", "Az"},
        {"%e2%82%ac", "\xe2\x82\xac"},
        {"%F0%9F%98%80", "\xf0\x9f\x98\x80"},
        {"...", "..."},
        {"%", NULL},
        {"%4", NULL},
        {"%4g", NULL},
        {"%%41", NULL},
        {"%00", NULL},
        {"a%00b", NULL},
        {"%0a", NULL},
        {"%7f", NULL},
        {"a%2fb", NULL},
        {"a%2Fb", NULL},
        {".", NULL},
        {"..", NULL},
        {"%2e%2E", NULL},
        {"%c0%af", NULL},       /* "/" in two bytes */
        {"%e0%80%af", NULL},    /* and in three */
        {"%c1%81", NULL},       /* longer than it need be */
        {"%ed%a0%80", NULL},    /* a surrogate */
        {"%f4%90%80%80", NULL}, /* beyond U+10FFFF */
        {"%f5%80%80%80", NULL},
        {"%80", NULL},
        {"%c3", NULL},
        {"%e2%82", NULL},
        {"%e2%82x", NULL},
        {"%ff", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[64];
        bool decoded = httpd_decode_segment(span(rows[i].segment), out);
        if (decoded != (rows[i].text != NULL)) fail_msg("%s", rows[i].segment);
        if (decoded) assert_string_equal(out, rows[i].text);
    }
}

static void a_path_is_sound_when_all_its_segments_are(void **state) {
    (void)state;
    assert_true(httpd_path_is_sound(span("/")));
    assert_true(httpd_path_is_sound(span("/a//b/%20/")));
    assert_false(httpd_path_is_sound(span("/a/../b")));
    assert_false(httpd_path_is_sound(span("/a/b%2f")));
    assert_false(httpd_path_is_sound(span("/a/%zz/b")));
}

static void a_query_is_taken_apart(void **state) {
    (void)state;
    struct httpd_span query = span("a=1&&b&c=x=y&=z&d="), name, value;
    static const char *const rows[][2] = {{"a", "1"}, {"b", ""}, {"c", "x=y"}, {"", "z"}, {"d", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(httpd_query_next(&query, &name, &value));
        assert_true(httpd_span_is(name, rows[i][0]));
        assert_true(httpd_span_is(value, rows[i][1]));
    }
    assert_false(httpd_query_next(&query, &name, &value));
    char out[32];
    assert_true(httpd_decode_query(span("a+b%2B%2f%0a"), out));
    assert_string_equal(out, "a b+/\n");
    assert_false(httpd_decode_query(span("%00"), out));
    assert_false(httpd_decode_query(span("%fe"), out));
}

static void a_route_is_sound_and_its_braces_have_names(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "a", "/{", "/}", "/{}", "/a{b}", "/{a}b", "/{a}/{b}/{c}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (httpd_route_is_sound(wrong[i], 2)) fail_msg("%s", wrong[i]);
    assert_true(httpd_route_is_sound("/", 2));
    assert_true(httpd_route_is_sound("/a/{b}/c/{d}", 2));
    assert_true(httpd_span_is(httpd_route_name("/a/{b}/c/{de}", 1), "de"));
    assert_int_equal(httpd_route_name("/a/{b}/c/{de}", 2).n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_fits_the_routes_that_have_its_segments),
        cmocka_unit_test(a_segment_stands_for_one_text_or_is_refused),
        cmocka_unit_test(a_path_is_sound_when_all_its_segments_are),
        cmocka_unit_test(a_query_is_taken_apart),
        cmocka_unit_test(a_route_is_sound_and_its_braces_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
