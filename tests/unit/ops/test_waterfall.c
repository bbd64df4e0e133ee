/* A request's rows as hops, and hops as a picture. */
#include <support.h>

#include <ops/waterfall.h>
#include <stdio.h>

static const struct ops_screen ascii = {80, false, false}, utf8 = {80, true, false};

static const char record[] = "orders";

static struct pl_trace row(enum pl_trace_by by, bool response, int64_t at_us, int64_t took_us) {
    return (struct pl_trace){.by = by,
                             .response = response,
                             .success = true,
                             .at_us = at_us,
                             .took_us = took_us,
                             .topic = record,
                             .partition = 0,
                             .offset = 7};
}

/* A request through a center to a worker and back: five rows, three hops. */
static size_t whole_way(struct pl_trace rows[5]) {
    rows[0] = row(PL_TRACE_CLIENT, false, 1000000, -1);
    rows[0].topic = "command-center-inbox";
    rows[1] = row(PL_TRACE_CENTER, false, 1002000, 1000);
    rows[1].topic = "command-center-inbox";
    rows[1].target = "orders";
    rows[2] = row(PL_TRACE_WORKER, false, 1005000, -1);
    rows[3] = row(PL_TRACE_WORKER, true, 1009000, 4000);
    rows[3].target = "shop.replies";
    rows[4] = row(PL_TRACE_CLIENT, true, 1010000, 10000);
    rows[4].topic = "shop.replies";
    return 5;
}

static void beginning_and_end_of_one_program_are_one_hop(void **state) {
    (void)state;
    struct pl_trace rows[5];
    struct admin_hop hops[5];
    assert_int_equal(admin_hops_of(hops, rows, whole_way(rows)), 3);
    assert_int_equal(hops[0].by, PL_TRACE_CLIENT);
    assert_null(hops[0].from);
    assert_string_equal(hops[0].to, "command-center-inbox");
    assert_int_equal(hops[0].start_us, 1000000);
    assert_int_equal(hops[0].took_us, 10000);
    assert_int_equal(hops[1].by, PL_TRACE_CENTER);
    assert_string_equal(hops[1].to, "orders");
    assert_int_equal(hops[2].start_us, 1005000);
    assert_int_equal(hops[2].took_us, 4000);
    assert_string_equal(hops[2].to, "shop.replies");
    for (int i = 0; i < 3; i++) assert_int_equal(hops[i].end, ADMIN_HOP_OK);
    assert_int_equal(admin_hops_span_us(hops, 3), 10000);
}

static void rows_of_different_records_stay_apart(void **state) {
    (void)state;
    struct pl_trace rows[4] = {row(PL_TRACE_WORKER, false, 10, -1), row(PL_TRACE_WORKER, true, 30, 20),
                               row(PL_TRACE_WORKER, false, 15, -1), row(PL_TRACE_WORKER, true, 40, 25)};
    struct admin_hop hops[4];
    rows[2].partition = rows[3].partition = 1;
    assert_int_equal(admin_hops_of(hops, rows, 4), 2);
    assert_int_equal(hops[0].took_us, 20);
    assert_int_equal(hops[1].took_us, 25);
}

static void what_has_not_ended_is_open(void **state) {
    (void)state;
    struct pl_trace rows[2] = {row(PL_TRACE_CLIENT, false, 10, -1), row(PL_TRACE_WORKER, false, 20, -1)};
    struct admin_hop hops[2];
    assert_int_equal(admin_hops_of(hops, rows, 2), 2);
    assert_int_equal(hops[0].end, ADMIN_HOP_OPEN);
    assert_int_equal(hops[1].end, ADMIN_HOP_OPEN);
    assert_int_equal(hops[1].took_us, -1);
}

static void an_end_without_a_beginning_is_a_hop_too(void **state) {
    (void)state;
    struct pl_trace rows[1] = {row(PL_TRACE_WORKER, true, 5000, 3000)};
    struct admin_hop hops[1];
    rows[0].success = false;
    rows[0].code = "handler_error";
    assert_int_equal(admin_hops_of(hops, rows, 1), 1);
    assert_int_equal(hops[0].start_us, 2000);
    assert_int_equal(hops[0].end, ADMIN_HOP_FAILED);
    assert_string_equal(hops[0].code, "handler_error");
}

static char drawing[16384];

/* Gives the text, until the next one is drawn. */
static const char *drawn(const struct ops_screen *s, const struct admin_hop *hops, size_t n) {
    FILE *out = fmemopen(drawing, sizeof drawing, "w");
    assert_non_null(out);
    ops_waterfall(out, s, hops, n);
    assert_true(ftell(out) < (long)sizeof drawing);
    fclose(out);
    return drawing;
}

static void the_picture_shows_the_way(void **state) {
    (void)state;
    struct pl_trace rows[5];
    struct admin_hop hops[5];
    size_t n = admin_hops_of(hops, rows, whole_way(rows));
    const char *text = drawn(&ascii, hops, n);
    assert_string_equal(text, "WHO    FROM -> TO                        START                      TOOK  END\n"
                              "client -> command-center-inbox            0 us |##############|  10.0 ms  ok\n"
                              "center command-center-inbox -> orders  2.00 ms |  ##          |  1.00 ms  ok\n"
                              "worker orders -> shop.replies          5.00 ms |       #####  |  4.00 ms  ok\n");
}

/* Columns of the widest line. */
static size_t widest(const char *text) {
    size_t most = 0, columns = 0;
    for (; *text; text++) {
        columns = *text == '\n' ? 0 : columns + ((*text & 0xc0) != 0x80);
        if (columns > most) most = columns;
    }
    return most;
}

static void no_line_is_wider_than_the_screen(void **state) {
    (void)state;
    char from[250], to[250];
    memset(from, 'f', sizeof from - 1);
    memset(to, 't', sizeof to - 1);
    from[249] = to[249] = 0;
    for (size_t length = 1; length <= 249; length += 31) {
        struct admin_hop hops[3] = {
            {.by = PL_TRACE_CENTER, .from = from + 249 - length, .to = to, .took_us = 5},
            {.by = PL_TRACE_WORKER,
             .from = from,
             .to = to + 249 - length,
             .start_us = 3,
             .took_us = -1,
             .end = ADMIN_HOP_OPEN},
            {.by = PL_TRACE_CLIENT, .to = "x", .start_us = 5, .took_us = INT64_C(500000000000)}};
        for (size_t columns = 60; columns <= 300; columns += 20) {
            const struct ops_screen screens[] = {{columns, false, false}, {columns, true, false}};
            for (size_t i = 0; i < 2; i++) {
                const char *text = drawn(&screens[i], hops, 3);
                assert_in_range(widest(text), 1, columns);
            }
        }
    }
}

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what)) n++;
    return n;
}

static void every_bar_has_a_cell_and_none_leaves_its_box(void **state) {
    (void)state;
    for (int64_t start = 0; start <= 1000; start += 25) {
        struct admin_hop hops[2] = {{.by = PL_TRACE_CLIENT, .to = "t", .took_us = 1000},
                                    {.by = PL_TRACE_WORKER, .from = "t", .start_us = start, .took_us = 0}};
        const char *text = drawn(&utf8, hops, 2), *line = strstr(text, "worker");
        assert_int_equal(count(line, "█"), 1);
        assert_int_equal(count(line, "│"), 2);
        assert_true(strstr(line, "│") < strstr(line, "█"));
    }
}

static void requests_of_no_length_can_be_drawn(void **state) {
    (void)state;
    const struct admin_hop hop = {.by = PL_TRACE_CENTER, .from = "a", .to = "b"};
    const char *text = drawn(&ascii, &hop, 1);
    assert_int_equal(count(text, "#"), 1);
}

static void failures_say_why_below_the_picture(void **state) {
    (void)state;
    const struct admin_hop hop = {.by = PL_TRACE_CENTER,
                                  .from = "in",
                                  .end = ADMIN_HOP_FAILED,
                                  .code = "no_route",
                                  .error = "No route found for publisher: \x1b[31mx"};
    const char *text = drawn(&ascii, &hop, 1);
    assert_non_null(strstr(text, "  failed\n"));
    assert_non_null(strstr(text, "center on in: no_route: No route found for publisher: \\x1b[31mx\n"));
}

static void colours_are_only_for_screens_that_have_them(void **state) {
    (void)state;
    const struct ops_screen coloured = {80, true, true};
    const struct admin_hop hop = {.by = PL_TRACE_CENTER, .from = "a", .to = "b", .took_us = 1};
    assert_non_null(strstr(drawn(&coloured, &hop, 1), "\033[32m"));
    assert_null(strchr(drawn(&utf8, &hop, 1), '\033'));
}

static void spans_are_written_in_three_digits(void **state) {
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {{-1, "-"},           {0, "0 us"},           {999, "999 us"},       {1000, "1.00 ms"},
                {9994, "9.99 ms"},   {9995, "10.0 ms"},     {12345, "12.3 ms"},    {99949, "99.9 ms"},
                {99950, "100 ms"},   {340000, "340 ms"},    {999499, "999 ms"},    {999500, "1.00 s"},
                {1234567, "1.23 s"}, {35200000, "35.20 s"}, {99994999, "99.99 s"}, {99995000, "100 s"},
                {340000000, "340 s"}};
    char text[OPS_SPAN_TEXT];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(ops_span_text(text, rows[i].us), rows[i].text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beginning_and_end_of_one_program_are_one_hop),
        cmocka_unit_test(rows_of_different_records_stay_apart),
        cmocka_unit_test(what_has_not_ended_is_open),
        cmocka_unit_test(an_end_without_a_beginning_is_a_hop_too),
        cmocka_unit_test(the_picture_shows_the_way),
        cmocka_unit_test(no_line_is_wider_than_the_screen),
        cmocka_unit_test(every_bar_has_a_cell_and_none_leaves_its_box),
        cmocka_unit_test(requests_of_no_length_can_be_drawn),
        cmocka_unit_test(failures_say_why_below_the_picture),
        cmocka_unit_test(colours_are_only_for_screens_that_have_them),
        cmocka_unit_test(spans_are_written_in_three_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
