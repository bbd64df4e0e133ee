/* The growing buffer: its ceiling, its NUL, and that nothing of it stays behind. */
#include <support.h>

#include <base/buf.h>
#include <stdlib.h>

static void an_append_is_kept_with_a_nul(void **state) {
    (void)state;
    struct pl_buf b;
    pl_buf_init(&b, 1000);
    assert_null(b.at);
    assert_int_equal(pl_buf_puts(&b, "ab"), POUCH_OK);
    assert_int_equal(pl_buf_putc(&b, 'c'), POUCH_OK);
    assert_int_equal(pl_buf_append(&b, "\0d", 2), POUCH_OK);
    assert_int_equal(pl_buf_printf(&b, "%d-%s", 42, "x"), POUCH_OK);
    assert_int_equal(b.len, 9);
    assert_memory_equal(b.at, "abc\0d42-x", 10);
    pl_buf_reset(&b);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.at, "");
    pl_buf_free(&b);
    assert_null(b.at);
    assert_int_equal(b.max, 1000);
}

static void appending_nothing_gives_an_empty_text(void **state) {
    (void)state;
    struct pl_buf b;
    pl_buf_init(&b, 10);
    assert_int_equal(pl_buf_append(&b, NULL, 0), POUCH_OK);
    assert_string_equal(b.at, "");
    pl_buf_free(&b);
}

static void every_length_up_to_the_ceiling_fits_and_one_more_does_not(void **state) {
    (void)state;
    for (size_t max = 0; max < 300; max++) {
        struct pl_buf b;
        pl_buf_init(&b, max);
        for (size_t i = 0; i < max; i++) assert_int_equal(pl_buf_putc(&b, (char)i), POUCH_OK);
        assert_int_equal(pl_buf_putc(&b, 'x'), POUCH_E_TOO_LARGE);
        assert_int_equal(b.len, max);
        for (size_t i = 0; i < max; i++) assert_int_equal(b.at[i], (char)i);
        assert_true(b.cap <= max + 1);
        pl_buf_free(&b);
    }
}

static void a_refused_append_changes_nothing(void **state) {
    (void)state;
    struct pl_buf b;
    pl_buf_init(&b, 8);
    assert_int_equal(pl_buf_puts(&b, "12345"), POUCH_OK);
    assert_int_equal(pl_buf_append(&b, "6789", 4), POUCH_E_TOO_LARGE);
    assert_int_equal(pl_buf_printf(&b, "%s", "6789"), POUCH_E_TOO_LARGE);
    assert_int_equal(pl_buf_reserve(&b, SIZE_MAX), POUCH_E_TOO_LARGE);
    assert_int_equal(b.len, 5);
    assert_string_equal(b.at, "12345");
    pl_buf_free(&b);
}

static void no_ceiling_is_no_overflow(void **state) {
    (void)state;
    struct pl_buf b;
    pl_buf_init(&b, SIZE_MAX);
    assert_int_equal(pl_buf_puts(&b, "x"), POUCH_OK);
    assert_int_equal(pl_buf_reserve(&b, SIZE_MAX - 1), POUCH_E_TOO_LARGE);
    assert_int_equal(pl_buf_reserve(&b, SIZE_MAX), POUCH_E_TOO_LARGE);
    assert_int_equal(b.len, 1);
    pl_buf_free(&b);
}

static void growth_doubles(void **state) {
    (void)state;
    struct pl_buf b;
    pl_buf_init(&b, 1 << 20);
    int moves = 0;
    for (size_t i = 0, cap = 0; i < 1 << 20; i++) {
        assert_int_equal(pl_buf_putc(&b, 'x'), POUCH_OK);
        if (b.cap != cap) moves++;
        cap = b.cap;
    }
    assert_in_range(moves, 10, 20);
    pl_buf_free(&b);
}

static void taken_bytes_are_the_callers(void **state) {
    (void)state;
    struct pl_buf b;
    pl_buf_init(&b, 100);
    assert_int_equal(pl_buf_puts(&b, "mine"), POUCH_OK);
    size_t n = 0;
    char *text = pl_buf_take(&b, &n);
    assert_int_equal(n, 4);
    assert_string_equal(text, "mine");
    free(text);
    assert_null(b.at);
    assert_int_equal(pl_buf_puts(&b, "next"), POUCH_OK);
    pl_buf_free(&b);

    text = pl_buf_take(&b, &n);
    assert_int_equal(n, 0);
    assert_string_equal(text, "");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_append_is_kept_with_a_nul),
        cmocka_unit_test(appending_nothing_gives_an_empty_text),
        cmocka_unit_test(every_length_up_to_the_ceiling_fits_and_one_more_does_not),
        cmocka_unit_test(a_refused_append_changes_nothing),
        cmocka_unit_test(no_ceiling_is_no_overflow),
        cmocka_unit_test(growth_doubles),
        cmocka_unit_test(taken_bytes_are_the_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
