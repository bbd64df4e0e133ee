/* Which dead letters were sent again, as it is kept and read. */
#include <support.h>

#include <ops/dlq_history.h>
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

static struct ops_letter letter_at(int32_t partition, int64_t offset) {
    return (struct ops_letter){.partition = partition, .offset = offset, .time_ms = 1000};
}

static void what_is_written_is_read_again(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_buf text;
        struct ops_letter_history h = {0};
        pl_buf_init(&text, 1000);
        assert_int_equal(ops_letter_places_write(&text, rows[i].places, rows[i].n), POUCH_OK);
        assert_string_equal(text.at, rows[i].text);
        assert_int_equal(ops_letter_places_read(&h, text.at, 2000), POUCH_OK);
        for (size_t k = 0; k < rows[i].n; k++) {
            const struct ops_letter l = letter_at(rows[i].places[k].partition, rows[i].places[k].offset);
            assert_true(ops_letter_was_redriven(&h, &l));
        }
        const struct ops_letter others[] = {letter_at(0, 8), letter_at(3, 5), letter_at(1, 5)};
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
            assert_false(ops_letter_was_redriven(&h, &others[k]));
        ops_letter_history_free(&h);
        pl_buf_free(&text);
    }
}

/* A topic that was made anew has the same places for other letters. */
static void a_letter_that_came_later_was_not_sent_again_then(void **state) {
    (void)state;
    struct ops_letter_history h = {0};
    struct ops_letter l = letter_at(0, 5);
    assert_int_equal(ops_letter_places_read(&h, "0:5", 1000000), POUCH_OK);
    assert_true(ops_letter_was_redriven(&h, &l));
    l.time_ms = 10000000;
    assert_false(ops_letter_was_redriven(&h, &l));
    ops_letter_history_free(&h);
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
        struct ops_letter_history h = {0};
        assert_int_equal(ops_letter_places_read(&h, bad[i].text, 1), POUCH_OK);
        if (h.n != bad[i].spans) fail_msg("'%s': %zu spans", bad[i].text, h.n);
        ops_letter_history_free(&h);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_letter_that_came_later_was_not_sent_again_then),
        cmocka_unit_test(what_is_malformed_is_read_as_far_as_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
