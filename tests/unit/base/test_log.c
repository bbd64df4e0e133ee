/* The log lines in both forms, their bounds, and the rate a call site is held to. */
#include <support.h>

#include <base/log_line.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const no_fields[] = {NULL};

static const char *json(const char *msg, const char *const fields[]) {
    static struct pl_log_line line;
    struct pl_log_event event = {1700000000123, PL_LOG_WARN, msg, fields};
    pl_log_line_json(&line, &event);
    assert_int_equal(line.at[line.len - 1], '\n');
    line.at[line.len - 1] = 0;
    return line.at;
}

static const char *text(const char *msg, const char *const fields[], const char *program, bool colour) {
    static struct pl_log_line line;
    struct pl_log_event event = {1700000000123, PL_LOG_WARN, msg, fields};
    pl_log_line_text(&line, &event, program, colour);
    assert_int_equal(line.at[line.len - 1], '\n');
    line.at[line.len - 1] = 0;
    return line.at;
}

static void a_json_line_has_time_level_message_and_fields(void **state) {
    (void)state;
    const char *const fields[] = {"topic", "a b", "partition", NULL, "offset", "7", NULL};
    assert_string_equal(json("reply too late", fields),
                        "{\"ts\":\"2023-11-14T22:13:20.123Z\",\"level\":\"warn\",\"msg\":\"reply too late\","
                        "\"topic\":\"a b\",\"offset\":\"7\"}");
}

static void a_terminal_line_is_for_reading(void **state) {
    (void)state;
    const char *const fields[] = {"topic", "t", "why", "a b", "none", NULL, "empty", "", "sum", "1=1", NULL};
    assert_string_equal(text("reply too late", fields, "pouch", false),
                        "pouch: 22:13:20 warn: reply too late topic=t why=\"a b\" empty=\"\" sum=\"1=1\"");
    assert_string_equal(text("x", no_fields, NULL, true), "22:13:20 \033[33mwarn\033[0m: x");
}

/* What goes into a string of both forms, and what must come out. */
static void no_byte_breaks_out_of_its_string(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"\"\\", "\\\"\\\\"},
        {"a\nb\tc\x1b[0m", "a\\u000ab\\u0009c\\u001b[0m"},
        {"\x7f", "\\u007f"},
        {"\xc2\x9b", "\\u009b"},
        {"\xc2\xa0\xc3\xa9", "\xc2\xa0\xc3\xa9"},
        {"\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xff|\x80", "\xef\xbf\xbd|\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc3", "\xef\xbf\xbd"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe0\x9f\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x8f\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf5", "\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[256];
        snprintf(want, sizeof want,
                 "{\"ts\":\"2023-11-14T22:13:20.123Z\",\"level\":\"warn\",\"msg\":\"%s\",\"f\":\"%s\"}", rows[i].out,
                 rows[i].out);
        assert_string_equal(json(rows[i].in, (const char *const[]){"f", rows[i].in, NULL}), want);
        snprintf(want, sizeof want, "22:13:20 warn: %s", rows[i].out);
        assert_string_equal(text(rows[i].in, no_fields, NULL, false), want);
    }
}

/* Messages and values of every length around the bound, of one, two and six bytes a character. */
static void a_line_too_long_is_cut_and_still_whole(void **state) {
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xa9", "\x01"};
    static char value[3 * PL_LOG_LINE_MAX];
    for (size_t c = 0; c < 3; c++) {
        value[0] = 0;
        size_t n = strlen(characters[c]), shown = c == 2 ? 6 : n;
        for (size_t length = 0; length * shown < PL_LOG_LINE_MAX + 100; length++) {
            strcpy(value + length * n, characters[c]);
            if (length * shown < PL_LOG_LINE_MAX - 300) continue;
            const char *const fields[] = {"f", value, "after", "short", NULL};
            const char *const lines[] = {json("m", fields), json(value, fields), text("m", fields, "p", false)};
            for (size_t i = 0; i < 3; i++) {
                size_t len = strlen(lines[i]);
                const char *end = i < 2 ? "\"}" : "short";
                const char *cut_end = i < 2 ? "\",\"cut\":true}" : " [cut]";
                assert_true(len < PL_LOG_LINE_MAX);
                bool cut = strstr(lines[i], cut_end) != NULL;
                assert_string_equal(lines[i] + len - strlen(cut ? cut_end : end), cut ? cut_end : end);
                assert_true(cut || strstr(lines[i], "after") != NULL);
                if (length * shown >= PL_LOG_LINE_MAX) assert_true(cut);
            }
        }
    }
}

static char captured[64 * 1024];

/* Lets stderr go to `into` while `say` runs; what it wrote is then read from `from`. */
static void capture(int into, int from, void (*say)(void)) {
    int old = dup(STDERR_FILENO);
    assert_true(old >= 0 && dup2(into, STDERR_FILENO) >= 0);
    say();
    assert_true(dup2(old, STDERR_FILENO) >= 0);
    close(old);
    close(into);
    ssize_t n, len = 0;
    while ((n = read(from, captured + len, sizeof captured - 1 - (size_t)len)) > 0) len += n;
    captured[len] = 0;
    close(from);
}

static void capture_pipe(void (*say)(void)) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    capture(ends[1], ends[0], say);
}

static struct test_clock now;
static int lines_to_say;

static void say_lines(void) {
    for (int i = 0; i < lines_to_say; i++) PL_LOG(PL_LOG_INFO, "again");
}

static size_t count(const char *what) {
    size_t n = 0;
    for (const char *at = captured; (at = strstr(at, what)); at++) n++;
    return n;
}

static void a_place_that_repeats_itself_is_held_to_ten_a_second(void **state) {
    (void)state;
    uint64_t left_out = pl_log_left_out();
    lines_to_say = 25;
    capture_pipe(say_lines);
    assert_int_equal(count("\"msg\":\"again\""), 10);
    assert_int_equal(count("left out"), 0);
    assert_int_equal(pl_log_left_out() - left_out, 15);

    now.mono_us += 1000000;
    lines_to_say = 10;
    capture_pipe(say_lines);
    assert_int_equal(count("\"msg\":\"again\""), 10);
    assert_int_equal(count("\"msg\":\"lines were left out\",\"like\":\"again\",\"count\":\"15\"}"), 1);

    now.mono_us += 1000000;
    capture_pipe(say_lines);
    assert_int_equal(count("\"msg\":\"again\""), 10);
    assert_int_equal(count("left out"), 0);
}

static void say_two_places(void) {
    for (int i = 0; i < 12; i++) {
        PL_LOG(PL_LOG_INFO, "here");
        PL_LOG(PL_LOG_INFO, "there", "i", i == 11 ? "last" : NULL);
    }
}

static void places_do_not_share_their_rate(void **state) {
    (void)state;
    now.mono_us += 1000000;
    capture_pipe(say_two_places);
    assert_int_equal(count("\"here\""), 10);
    assert_int_equal(count("\"there\""), 10);
}

static void say_each_level(void) {
    PL_LOG(PL_LOG_ERROR, "an-error");
    PL_LOG(PL_LOG_WARN, "a-warning");
    PL_LOG(PL_LOG_INFO, "an-info");
    PL_LOG(PL_LOG_DEBUG, "a-debug");
}

static void levels_beyond_the_set_one_are_silent(void **state) {
    (void)state;
    static const char *const words[] = {"an-error", "a-warning", "an-info", "a-debug"};
    for (int most = PL_LOG_ERROR; most <= PL_LOG_DEBUG; most++) {
        now.mono_us += 1000000;
        pl_log_set_level((enum pl_log_level)most);
        capture_pipe(say_each_level);
        for (int i = 0; i < 4; i++) assert_int_equal(count(words[i]), i <= most);
    }
    pl_log_set_level(PL_LOG_INFO);
}

static void say_many(void) {
    pl_log_set_level(PL_LOG_INFO);
    for (int i = 0; i < PL_LOG_KEPT; i++) {
        char n[8];
        snprintf(n, sizeof n, "%d", i);
        PL_LOG(PL_LOG_ERROR, "kept", "n", n);
        PL_LOG(PL_LOG_INFO, "passed by", "n", n);
    }
    PL_LOG(PL_LOG_WARN, "the last");
}

static void join(const char *json, size_t n, void *arg) {
    char *all = arg;
    strncat(all, json, n);
    strcat(all, "\n");
}

static void the_latest_errors_and_warnings_are_kept(void **state) {
    (void)state;
    static char all[PL_LOG_KEPT * (PL_LOG_LINE_MAX + 1)];
    capture_pipe(say_many);
    pl_log_kept(join, all);
    const char *at = all;
    for (int i = 1; i < PL_LOG_KEPT; i++) {
        char end[64];
        snprintf(end, sizeof end, "\"level\":\"error\",\"msg\":\"kept\",\"n\":\"%d\"}\n", i);
        at = strstr(at, end);
        assert_non_null(at);
        at += strlen(end);
    }
    assert_non_null(strstr(at, "\"level\":\"warn\",\"msg\":\"the last\"}\n"));
    assert_null(strstr(all, "\"n\":\"0\""));
    assert_null(strstr(all, "passed by"));
}

static void say_one(void) {
    errno = ENOTTY + 1;
    PL_LOG(PL_LOG_ERROR, "one");
    assert_int_equal(errno, ENOTTY + 1);
}

static void a_terminal_gets_text_and_colour_only_if_wanted(void **state) {
    (void)state;
    static const struct {
        const char *no_colour, *term;
        bool colour;
    } rows[] = {
        {NULL, "xterm", true}, {"", "xterm", true}, {"1", "xterm", false}, {NULL, "dumb", false}, {NULL, NULL, false},
    };
    pl_log_set_name("pouch");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int ours, theirs;
        now.mono_us += 1000000;
        unsetenv("NO_COLOR");
        unsetenv("TERM");
        if (rows[i].no_colour) setenv("NO_COLOR", rows[i].no_colour, 1);
        if (rows[i].term) setenv("TERM", rows[i].term, 1);
        assert_int_equal(openpty(&ours, &theirs, NULL, NULL, NULL), 0);
        capture(theirs, ours, say_one);
        assert_string_equal(captured, rows[i].colour ? "pouch: 22:13:20 \033[31merror\033[0m: one\r\n"
                                                     : "pouch: 22:13:20 error: one\r\n");
    }
    pl_log_set_name(NULL);
}

static void a_closed_stderr_is_no_failure(void **state) {
    (void)state;
    now.mono_us += 1000000;
    int old = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    say_one();
    assert_true(dup2(old, STDERR_FILENO) >= 0);
    close(old);
}

static void a_pipe_that_is_full_or_read_by_nobody_holds_up_nothing(void **state) {
    (void)state;
    int ends[2], old = dup(STDERR_FILENO);
    char filling[4096] = {0};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], filling, sizeof filling) > 0) continue;
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    now.mono_us += 1000000;
    say_one();
    close(ends[0]);
    say_one();
    assert_true(dup2(old, STDERR_FILENO) >= 0);
    close(old);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_json_line_has_time_level_message_and_fields),
        cmocka_unit_test(a_terminal_line_is_for_reading),
        cmocka_unit_test(no_byte_breaks_out_of_its_string),
        cmocka_unit_test(a_line_too_long_is_cut_and_still_whole),
        cmocka_unit_test(a_place_that_repeats_itself_is_held_to_ten_a_second),
        cmocka_unit_test(places_do_not_share_their_rate),
        cmocka_unit_test(levels_beyond_the_set_one_are_silent),
        cmocka_unit_test(a_terminal_gets_text_and_colour_only_if_wanted),
        cmocka_unit_test(the_latest_errors_and_warnings_are_kept),
        cmocka_unit_test(a_closed_stderr_is_no_failure),
        cmocka_unit_test(a_pipe_that_is_full_or_read_by_nobody_holds_up_nothing),
    };
    setenv("TZ", "UTC", 1);
    test_clock_init(&now);
    now.wall_ms = 1700000000123;
    pl_log_set_clock(&now.clock);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
