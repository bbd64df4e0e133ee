/* The lines between a worker and its command. */
#include "fake_job.h"

#include <runner/lines.h>

#define ID "11111111-2222-4333-8444-555555555555"

static void writes(const struct pouch_job *job, const char *line) {
    struct pl_buf out;
    pl_buf_init(&out, 1 << 20);
    assert_int_equal(runner_line_write(&out, job), POUCH_OK);
    assert_string_equal(out.at, line);
    pl_buf_free(&out);
}

static void a_request_becomes_one_line(void **state) {
    (void)state;
    struct pouch_job job = fake_job(ID, "{\"a\":10,\"b\":5.50}");
    writes(&job,
           "{\"request_id\":\"" ID "\",\"topic\":\"calculate\",\"headers\":[],\"payload\":{\"a\":10,\"b\":5.50}}\n");
}

static void publisher_deadline_and_headers_are_told(void **state) {
    (void)state;
    const struct fake_header headers[] = {{"traceparent", "00-ab", 5}, {"traceparent", "", 0}, {"odd", NULL, 0}};
    struct pouch_job job = fake_job(ID, "null");
    job.publisher = "initial-publisher";
    job.deadline = 1700000000123;
    job.headers = headers;
    job.n_headers = 3;
    writes(&job, "{\"request_id\":\"" ID "\",\"topic\":\"calculate\",\"publisher\":\"initial-publisher\","
                 "\"deadline\":1700000000123,\"headers\":[[\"traceparent\",\"00-ab\"],[\"traceparent\",\"\"],"
                 "[\"odd\",null]],\"payload\":null}\n");
}

static void a_header_that_is_no_text_cannot_break_the_line(void **state) {
    (void)state;
    const struct fake_header headers[] = {{"h", "\xff\"\n\\", 4}};
    struct pouch_job job = fake_job(ID, "1");
    job.headers = headers;
    job.n_headers = 1;
    writes(&job, "{\"request_id\":\"" ID "\",\"topic\":\"calculate\","
                 "\"headers\":[[\"h\",\"\xef\xbf\xbd\\\"\\n\\\\\"]],\"payload\":1}\n");
}

static void newlines_in_a_payload_become_spaces(void **state) {
    (void)state;
    struct pouch_job job = fake_job(ID, "{\r\n  \"a\": \"x\\ny\"\n}");
    writes(&job, "{\"request_id\":\"" ID "\",\"topic\":\"calculate\",\"headers\":[],"
                 "\"payload\":{    \"a\": \"x\\ny\" }}\n");
}

static void a_line_that_does_not_fit_leaves_the_buffer_as_it_was(void **state) {
    (void)state;
    struct pouch_job job = fake_job(ID, "{\"a\":10}");
    struct pl_buf whole;
    pl_buf_init(&whole, 1 << 20);
    assert_int_equal(runner_line_write(&whole, &job), POUCH_OK);
    for (size_t max = 4; max < 4 + whole.len; max++) {
        struct pl_buf out;
        pl_buf_init(&out, max);
        assert_int_equal(pl_buf_puts(&out, "kept"), POUCH_OK);
        assert_int_equal(runner_line_write(&out, &job), POUCH_E_TOO_LARGE);
        assert_string_equal(out.at, "kept");
        assert_int_equal(out.len, 4);
        pl_buf_free(&out);
    }
    pl_buf_free(&whole);
}

static void each_ending_is_read(void **state) {
    (void)state;
    static const struct {
        const char *rest;
        enum runner_ending ending;
        const char *payload, *text;
    } rows[] = {
        {"\"payload\":{\"n\":12345678901234567890.10}", RUNNER_REPLY, "{\"n\":12345678901234567890.10}", NULL},
        {"\"payload\":null", RUNNER_REPLY, "null", NULL},
        {"\"payload\":1,\"error\":null,\"retry\":null,\"forward\":null", RUNNER_REPLY, "1", NULL},
        {"\"payload\" : [ 1 ] , \"unknown\":{\"error\":\"x\"}", RUNNER_REPLY, "[ 1 ]", NULL},
        {"\"error\":\"division by zero\"", RUNNER_FAIL, NULL, "division by zero"},
        {"\"error\":\"\"", RUNNER_FAIL, NULL, ""},
        {"\"retry\":\"caf\\u00e9 \\ud83d\\ude00 closed\"", RUNNER_RETRY, NULL, "caf\xc3\xa9 \xf0\x9f\x98\x80 closed"},
        {"\"forward\":\"topic:next\",\"payload\":{}", RUNNER_FORWARD, "{}", "topic:next"},
        {"\"payload\":{},\"forward\":\"service-1-publisher\"", RUNNER_FORWARD, "{}", "service-1-publisher"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[256];
        int n = snprintf(line, sizeof line, "{\"request_id\":\"%s\",%s} \r", ID, rows[i].rest);
        struct runner_answer a;
        assert_int_equal(runner_answer_read(&a, line, (size_t)n), POUCH_OK);
        assert_true(a.named);
        assert_int_equal(a.ending, rows[i].ending);
        if (rows[i].payload) {
            assert_int_equal(a.payload_n, strlen(rows[i].payload));
            assert_memory_equal(a.payload, rows[i].payload, a.payload_n);
        }
        if (rows[i].text) assert_string_equal(a.text, rows[i].text);
        runner_answer_free(&a);
    }
}

static void what_is_no_answer_is_refused_with_its_place(void **state) {
    (void)state;
    static const struct {
        const char *line;
        bool named;
        const char *why;
    } rows[] = {
        {"", false, "no JSON object: byte 0: no object"},
        {"ready", false, "no JSON object: byte 0: no object"},
        {"[]", false, "no JSON object: byte 0: no object"},
        {"{\"payload\":tru}", false, "no JSON object: byte 11: no sound value"},
        {"{\"request_id\":\"" ID "\",\"payload\":1} x", false, "no JSON object: byte 66: something after the object"},
        {"{\"request_id\":\"" ID "\",\"payload\":1,\"payload\":2}", false,
         "no JSON object: byte 65: a member name that came before"},
        {"{\"payload\":1}", false, "no \"request_id\" as it was given"},
        {"{\"request_id\":7,\"payload\":1}", false, "no \"request_id\" as it was given"},
        {"{\"request_id\":\"seven\",\"payload\":1}", false, "no \"request_id\" as it was given"},
        {"{\"request_id\":\"" ID "\"}", true, "none of \"payload\", \"error\", \"retry\" and \"forward\""},
        {"{\"request_id\":\"" ID "\",\"error\":{}}", true, "\"error\" is no string"},
        {"{\"request_id\":\"" ID "\",\"retry\":true}", true, "\"retry\" is no string"},
        {"{\"request_id\":\"" ID "\",\"forward\":\"next\"}", true, "\"forward\" without \"payload\""},
        {"{\"request_id\":\"" ID "\",\"error\":\"x\",\"payload\":1}", true,
         "more than one of \"payload\", \"error\", \"retry\" and \"forward\" (forward goes with payload)"},
        {"{\"request_id\":\"" ID "\",\"error\":\"x\",\"retry\":\"y\"}", true,
         "more than one of \"payload\", \"error\", \"retry\" and \"forward\" (forward goes with payload)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct runner_answer a;
        assert_int_equal(runner_answer_read(&a, rows[i].line, strlen(rows[i].line)), POUCH_E_INVALID_PAYLOAD);
        assert_string_equal(pouch_why(), rows[i].why);
        assert_int_equal(a.named, rows[i].named);
        runner_answer_free(&a);
    }
}

static void gives(struct runner_splitter *s, enum runner_step step, const char *expected) {
    const char *line;
    size_t n;
    assert_int_equal(runner_splitter_next(s, &line, &n), step);
    if (step != RUNNER_LINE) return;
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(line, expected, n);
}

static void lines_come_whole_however_they_are_cut(void **state) {
    (void)state;
    static const char text[] = "one\n\nthree\nfo";
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        struct runner_splitter s;
        runner_splitter_init(&s);
        char got[64] = "";
        for (size_t at = 0; at < sizeof text - 1; at += cut) {
            size_t left = sizeof text - 1 - at;
            assert_int_equal(runner_splitter_add(&s, text + at, left < cut ? left : cut), POUCH_OK);
            const char *line;
            size_t n;
            while (runner_splitter_next(&s, &line, &n) == RUNNER_LINE) {
                strncat(got, line, n);
                strcat(got, "|");
            }
        }
        assert_string_equal(got, "one||three|");
        runner_splitter_free(&s);
    }
}

static void a_line_that_is_too_long_is_skipped_and_the_next_is_read(void **state) {
    (void)state;
    enum { CHUNK = 1 << 20 };
    char *chunk = malloc(CHUNK);
    assert_non_null(chunk);
    memset(chunk, 'x', CHUNK);
    struct runner_splitter s;
    runner_splitter_init(&s);
    for (int i = 0; i < 3 * RUNNER_LINE_MAX / CHUNK; i++) {
        assert_int_equal(runner_splitter_add(&s, chunk, CHUNK), POUCH_OK);
        gives(&s, RUNNER_MORE, NULL);
    }
    assert_true(s.held.cap <= 2 * (size_t)RUNNER_LINE_MAX + 1);
    assert_int_equal(runner_splitter_add(&s, "end\nnext\n", 9), POUCH_OK);
    gives(&s, RUNNER_TOO_LONG, NULL);
    gives(&s, RUNNER_LINE, "next");
    gives(&s, RUNNER_MORE, NULL);
    runner_splitter_free(&s);
    free(chunk);
}

static void text_comes_out_as_clean_utf8(void **state) {
    (void)state;
    struct pl_buf out;
    pl_buf_init(&out, 12);
    assert_int_equal(runner_text_append(&out, "a\xff\xc3\xa9\xe2\x82", 6), POUCH_OK);
    assert_string_equal(out.at, "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
    assert_int_equal(runner_text_append(&out, "\xff", 1), POUCH_E_TOO_LARGE);
    assert_string_equal(out.at, "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
    pl_buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_becomes_one_line),
        cmocka_unit_test(publisher_deadline_and_headers_are_told),
        cmocka_unit_test(a_header_that_is_no_text_cannot_break_the_line),
        cmocka_unit_test(newlines_in_a_payload_become_spaces),
        cmocka_unit_test(a_line_that_does_not_fit_leaves_the_buffer_as_it_was),
        cmocka_unit_test(each_ending_is_read),
        cmocka_unit_test(what_is_no_answer_is_refused_with_its_place),
        cmocka_unit_test(lines_come_whole_however_they_are_cut),
        cmocka_unit_test(a_line_that_is_too_long_is_skipped_and_the_next_is_read),
        cmocka_unit_test(text_comes_out_as_clean_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
