/* Which dead letters were sent again, as it is kept and read. */
#include <support.h>

#include <admin/letter_history.h>
#include <string.h>

enum { PLACES = 8 };

static const struct {
    struct pl_position places[PLACES];
    size_t n;
    const char *text;
} rows[] = {
    {{{0, 5}}, 1, "0:5"},
    {{{0, 5}, {0, 6}, {0, 7}, {0, 9}}, 4, "0:5-7,9"},
    {{{0, 1}, {1, 2}, {1, 3}, {7, 0}}, 4, "0:1;1:2-3;7:0"},
    {{{0, 1}, {0, 3}, {1, 4}, {1, 6}, {1, 7}}, 5, "0:1,3;1:4,6-7"},
    {{{2147483647, INT64_MAX - 1}, {2147483647, INT64_MAX}}, 2, "2147483647:9223372036854775806-9223372036854775807"},
};

static struct admin_letter letter_at(int32_t partition, int64_t offset) {
    return (struct admin_letter){.partition = partition, .offset = offset, .written_ms = 1000};
}

static void what_is_written_is_read_again(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_buf text;
        struct admin_letter_history h = {0};
        pl_buf_init(&text, 1000);
        assert_int_equal(admin_letter_places_write(&text, rows[i].places, rows[i].n), POUCH_OK);
        assert_string_equal(text.at, rows[i].text);
        assert_int_equal(admin_letter_places_read(&h, text.at, 2000, ADMIN_LETTER_REDRIVEN), POUCH_OK);
        admin_letter_history_order(&h);
        for (size_t k = 0; k < rows[i].n; k++) {
            const struct admin_letter l = letter_at(rows[i].places[k].partition, rows[i].places[k].offset);
            assert_true(admin_letter_status(&h, &l));
        }
        const struct admin_letter others[] = {letter_at(0, 8), letter_at(3, 5), letter_at(1, 5)};
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++) assert_false(admin_letter_status(&h, &others[k]));
        admin_letter_history_free(&h);
        pl_buf_free(&text);
    }
}

/* A topic that was made anew has the same places for other letters. */
static void a_letter_that_came_later_was_not_sent_again_then(void **state) {
    (void)state;
    struct admin_letter_history h = {0};
    struct admin_letter l = letter_at(0, 5);
    assert_int_equal(admin_letter_places_read(&h, "0:5", 1000000, ADMIN_LETTER_REDRIVEN), POUCH_OK);
    admin_letter_history_order(&h);
    assert_true(admin_letter_status(&h, &l));
    l.time_ms = 10000000; /* a clock that is ahead */
    assert_true(admin_letter_status(&h, &l));
    l.written_ms = 10000000;
    assert_false(admin_letter_status(&h, &l));
    admin_letter_history_free(&h);
}

static void spans_that_overlap_are_all_looked_at(void **state) {
    (void)state;
    struct admin_letter_history h = {0};
    for (int i = 0; i < 50; i++)
        assert_int_equal(admin_letter_places_read(&h, "1:7;0:60-70,80", 2000, ADMIN_LETTER_REDRIVEN), POUCH_OK);
    assert_int_equal(admin_letter_places_read(&h, "0:0-75;1:3-5", 2000, ADMIN_LETTER_REDRIVEN), POUCH_OK);
    admin_letter_history_order(&h);
    for (int64_t offset = 0; offset < 90; offset++) {
        const struct admin_letter l = letter_at(0, offset), other = letter_at(1, offset);
        assert_int_equal(admin_letter_status(&h, &l), offset <= 75 || offset == 80);
        assert_int_equal(admin_letter_status(&h, &other), (offset >= 3 && offset <= 5) || offset == 7);
    }
    admin_letter_history_free(&h);
}

static void what_is_malformed_is_read_as_far_as_it_goes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t spans;
    } bad[] = {{"", 0},
               {":", 0},
               {"0", 0},
               {"0:", 0},
               {"0:x", 0},
               {"0:1-", 0},
               {"0:1,", 1},
               {"0:1;x", 1},
               {"-1:5", 0},
               {"0:1-3,9;2:", 2},
               {"99999999999:1", 0},
               {"0:1 2", 1},
               {"0:99999999999999999999", 0}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct admin_letter_history h = {0};
        assert_int_equal(admin_letter_places_read(&h, bad[i].text, 1, ADMIN_LETTER_REDRIVEN), POUCH_OK);
        if (h.n != bad[i].spans) fail_msg("'%s': %zu spans", bad[i].text, h.n);
        admin_letter_history_free(&h);
    }
}

static void one_that_was_dismissed_stays_so_however_it_was_told(void **state) {
    (void)state;
    static const struct {
        const char *redriven, *dismissed;
    } both[] = {{"0:5", "0:5"}, {"0:1-9", "0:5"}, {"0:5", "0:1-9"}, {"0:2-6", "0:4-9"}};
    const struct admin_letter l = letter_at(0, 5), other = letter_at(0, 10);
    for (size_t i = 0; i < 2 * sizeof both / sizeof both[0]; i++) {
        struct admin_letter_history h = {0};
        for (int k = 0; k < 2; k++) {
            bool dismissed = (size_t)k == i % 2;
            const char *text = dismissed ? both[i / 2].dismissed : both[i / 2].redriven;
            assert_int_equal(
                admin_letter_places_read(&h, text, 2000, dismissed ? ADMIN_LETTER_DISMISSED : ADMIN_LETTER_REDRIVEN),
                POUCH_OK);
        }
        admin_letter_history_order(&h);
        assert_int_equal(admin_letter_status(&h, &l), ADMIN_LETTER_DISMISSED);
        assert_int_equal(admin_letter_status(&h, &other), ADMIN_LETTER_OPEN);
        admin_letter_history_free(&h);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_letter_that_came_later_was_not_sent_again_then),
        cmocka_unit_test(spans_that_overlap_are_all_looked_at),
        cmocka_unit_test(one_that_was_dismissed_stays_so_however_it_was_told),
        cmocka_unit_test(what_is_malformed_is_read_as_far_as_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
