/* What is written as text/event-stream, and what an EventSource makes of it. */
#include <support.h>

#include <events/sse.h>
#include <sse_reader.h>

static void say(struct pl_buf *out, const char *id, const char *name, int retry_ms, const char *data) {
    const struct sse_event event = {.id = id, .name = name, .retry_ms = retry_ms, .data = {data, strlen(data)}};
    assert_int_equal(events_write(out, &event), POUCH_OK);
}

/* acceptance: C9 */
static void an_event_is_written_with_its_fields(void **state) {
    (void)state;
    struct pl_buf out;
    pl_buf_init(&out, 1000);
    say(&out, "7", "task_completed", 250, "{\"a\":1}");
    assert_string_equal(out.at, "id: 7\nevent: task_completed\nretry: 250\ndata: {\"a\":1}\n\n");
    pl_buf_reset(&out);
    say(&out, NULL, NULL, 0, "x");
    assert_string_equal(out.at, "data: x\n\n");
    pl_buf_free(&out);
}

static void keep(const struct sse_seen *event, void *arg) {
    struct pl_buf *seen = arg;
    assert_int_equal(pl_buf_printf(seen, "[%s|%s|", event->name, event->id), POUCH_OK);
    assert_int_equal(pl_buf_append(seen, event->data, event->n), POUCH_OK);
    assert_int_equal(pl_buf_putc(seen, ']'), POUCH_OK);
}

/* acceptance: C9 */
static void data_of_many_lines_arrives_as_one_event(void **state) {
    (void)state;
    static const struct {
        const char *data, *seen;
    } rows[] = {
        {"one", "[message|3|one]"},
        {"one\ntwo", "[message|3|one\ntwo]"},
        {"one\r\ntwo\rthree\n", "[message|3|one\ntwo\nthree\n]"},
        {"", "[message|3|]"},
        {"\n", "[message|3|\n]"},
        {"\n\n", "[message|3|\n\n]"},
        {" x", "[message|3| x]"},
        {"event: forged\n\nid: 9\ndata: y", "[message|3|event: forged\n\nid: 9\ndata: y]"},
        {": no comment", "[message|3|: no comment]"},
        {"\r\r\n\n", "[message|3|\n\n\n]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_buf out, seen;
        struct sse_reader *r = calloc(1, sizeof *r);
        assert_non_null(r);
        pl_buf_init(&out, 1000);
        pl_buf_init(&seen, 1000);
        r->dispatch = keep;
        r->arg = &seen;
        say(&out, "3", NULL, 0, rows[i].data);
        assert_int_equal(sse_reader_feed(r, out.at, out.len), out.len);
        assert_string_equal(seen.at, rows[i].seen);
        pl_buf_free(&out);
        pl_buf_free(&seen);
        free(r);
    }
}

static void a_line_end_in_an_id_or_a_name_begins_no_other_event(void **state) {
    (void)state;
    static const struct sse_event rows[] = {{.id = "1\ndata: x"}, {.id = "1\r"}, {.name = "a\n\n"}, {.name = "\rb"}};
    struct pl_buf out;
    pl_buf_init(&out, 1000);
    say(&out, "1", NULL, 0, "before");
    size_t n = out.len;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sse_event event = rows[i];
        event.data = (struct httpd_span){"x", 1};
        assert_int_equal(events_write(&out, &event), POUCH_E_INVALID_PAYLOAD);
        assert_int_equal(out.len, n);
    }
    assert_int_equal(events_comment(&out, "a\nb"), POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(events_comment(&out, "fine"), POUCH_OK);
    assert_string_equal(out.at + n, ": fine\n\n");
    pl_buf_free(&out);
}

static void what_does_not_fit_leaves_nothing_behind(void **state) {
    (void)state;
    struct pl_buf out;
    const struct sse_event event = {.id = "12", .name = "n", .data = {"some data\nof two lines", 22}};
    for (size_t max = 0;; max++) {
        pl_buf_init(&out, max);
        pouch_err e = events_write(&out, &event);
        assert_true(e == POUCH_OK || (e == POUCH_E_TOO_LARGE && out.len == 0));
        pl_buf_free(&out);
        if (!e) break;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_written_with_its_fields),
        cmocka_unit_test(data_of_many_lines_arrives_as_one_event),
        cmocka_unit_test(a_line_end_in_an_id_or_a_name_begins_no_other_event),
        cmocka_unit_test(what_does_not_fit_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
