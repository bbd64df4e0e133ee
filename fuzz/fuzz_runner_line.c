/*
 * What a command of `pouch worker --pipe` prints, in pieces of any size: whatever is taken for an
 * answer is one. And what it is given: one line, and JSON, whatever stands in a header.
 */
#include <runner/lines.h>
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The job that is written: one header, made of the input. */
struct pouch_job {
    const void *header;
    size_t header_n;
};

const void *pouch_job_payload(const pouch_job *j, size_t *n) {
    (void)j;
    *n = 13;
    return "{\r\n \"a\" : 1\n}";
}

const char *pouch_job_request_id(const pouch_job *j) {
    (void)j;
    return "00000000-0000-4000-8000-000000000000";
}

const char *pouch_job_topic(const pouch_job *j) {
    (void)j;
    return "topic";
}

const char *pouch_job_publisher(const pouch_job *j) {
    (void)j;
    return "";
}

int64_t pouch_job_deadline(const pouch_job *j) {
    (void)j;
    return 1;
}

const char *pouch_job_header_at(const pouch_job *j, size_t i, const void **value, size_t *n) {
    if (i) return NULL;
    *value = j->header;
    *n = j->header_n;
    return "name";
}

/* The rest of the room ends jobs, which none of this does. */
const void *pouch_job_header(const pouch_job *j, const char *name, size_t *n) {
    (void)j, (void)name, (void)n;
    abort();
}

int pouch_job_wants_reply(const pouch_job *j) {
    (void)j;
    abort();
}

pouch_err pouch_job_reply(pouch_job *j, const void *json, size_t n) {
    (void)j, (void)json, (void)n;
    abort();
}

pouch_err pouch_job_fail(pouch_job *j, const char *text) {
    (void)j, (void)text;
    abort();
}

pouch_err pouch_job_retry(pouch_job *j, const char *reason) {
    (void)j, (void)reason;
    abort();
}

pouch_err pouch_job_forward(pouch_job *j, const pouch_dest *next, const void *json, size_t n) {
    (void)j, (void)next, (void)json, (void)n;
    abort();
}

static void require(bool truth) {
    if (!truth) abort();
}

static void require_answer(const char *line, size_t n) {
    struct runner_answer a;
    pouch_err e = runner_answer_read(&a, line, n);
    require(e == POUCH_OK || e == POUCH_E_INVALID_PAYLOAD);
    if (!e) {
        bool carries = a.ending == RUNNER_REPLY || a.ending == RUNNER_FORWARD;
        require(a.named && pl_json_valid(line, n));
        require(carries ? pl_json_valid(a.payload, a.payload_n) : !a.payload);
        require((a.ending == RUNNER_REPLY) == !a.text);
    }
    runner_answer_free(&a);
}

static void read_lines(const char *text, size_t n, size_t piece) {
    struct runner_splitter s;
    runner_splitter_init(&s);
    size_t newlines = 0, lines = 0;
    for (size_t i = 0; i < n; i++) newlines += text[i] == '\n';
    for (size_t at = 0; at < n; at += piece) {
        require(!runner_splitter_add(&s, text + at, n - at < piece ? n - at : piece));
        const char *line;
        size_t line_n;
        while (runner_splitter_next(&s, &line, &line_n) == RUNNER_LINE) {
            lines++;
            require_answer(line, line_n);
        }
    }
    require(lines == newlines);
    runner_splitter_free(&s);
}

static void write_line(const void *header, size_t n) {
    struct pouch_job job = {header, n};
    struct pl_buf out;
    pl_buf_init(&out, 8 * n + 1024);
    require(!runner_line_write(&out, &job));
    require(memchr(out.at, '\n', out.len) == out.at + out.len - 1 && !memchr(out.at, '\r', out.len));
    require(pl_json_valid(out.at, out.len));
    pl_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!n) return 0;
    read_lines((const char *)data + 1, n - 1, (size_t)data[0] + 1);
    write_line(data, n);
    return 0;
}
