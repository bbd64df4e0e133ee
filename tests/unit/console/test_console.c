/* The files of the console, and what clients say of those that they take or have. */
#include <support.h>

#include <console/files.h>
#include <string.h>

static void every_file_is_found_by_its_name_and_nothing_else_is(void **state) {
    (void)state;
    for (size_t i = 0; i < console_n_files; i++) {
        const struct console_file *f = &console_files[i];
        assert_ptr_equal(console_find(f->name), f);
        assert_null(strchr(f->name, '/'));
        assert_true(f->n_whole > 0 && f->n_gzip > 0);
        assert_int_equal(f->gzip[0], 0x1f);
        assert_int_equal(f->etag[0], '"');
        assert_int_equal(f->etag[strlen(f->etag) - 1], '"');
    }
    assert_null(console_find("no-such.js"));
    assert_null(console_find(""));
}

static void the_page_is_asked_for_again_and_what_it_names_is_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < console_n_files; i++)
        assert_int_equal(console_files[i].fixed, strcmp(console_files[i].name, "index.html") != 0);
}

static void gzip_is_taken_when_it_is_named_and_not_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool taken;
    } rows[] = {
        {"gzip", true},       {"deflate, gzip;q=1.0, *;q=0.5", true},
        {"br ,\tGZIP", true}, {"gzip ; q=0.001", true},
        {"gzip;q=0", false},  {"gzip; q=0.000", false},
        {"gzip;Q=0", false},  {"gzipped", false},
        {"xgzip, br", false}, {"identity", false},
        {"*", false},         {",, ,", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (console_takes_gzip(rows[i].text, strlen(rows[i].text)) != rows[i].taken) fail_msg("'%s'", rows[i].text);
    assert_false(console_takes_gzip(NULL, 0));
}

static void a_file_is_known_by_its_tag_among_others(void **state) {
    (void)state;
    static const struct console_file f = {.etag = "\"abc\""};
    static const struct {
        const char *text;
        bool known;
    } rows[] = {
        {"\"abc\"", true},   {"W/\"abc\"", true}, {"\"x\", \"abc\"", true}, {"*", true}, {" \"abc\" ,", true},
        {"\"abcd\"", false}, {"\"ab\"", false},   {"abc", false},           {"", false}, {"W/", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (console_is_known(&f, rows[i].text, strlen(rows[i].text)) != rows[i].known) fail_msg("'%s'", rows[i].text);
    assert_false(console_is_known(&f, NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_is_found_by_its_name_and_nothing_else_is),
        cmocka_unit_test(the_page_is_asked_for_again_and_what_it_names_is_kept),
        cmocka_unit_test(gzip_is_taken_when_it_is_named_and_not_refused),
        cmocka_unit_test(a_file_is_known_by_its_tag_among_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
