#include <base/why.h>
#include <runner/lines.h>
#include <stdlib.h>
#include <string.h>
#include <wire/scan.h>

static pouch_err append_string(struct pl_buf *out, const char *text, size_t n) {
    pouch_err e = pl_buf_reserve(out, 6 * n + 3);
    if (e) return e;
    out->at[out->len++] = '"';
    out->len += pl_json_escape(out->at + out->len, text, n);
    out->at[out->len++] = '"';
    out->at[out->len] = 0;
    return POUCH_OK;
}

static pouch_err append_member(struct pl_buf *out, const char *name, const char *value) {
    pouch_err e = pl_buf_printf(out, ",\"%s\":", name);
    return e ? e : append_string(out, value, strlen(value));
}

static pouch_err append_header(struct pl_buf *out, const char *name, const void *value, size_t n) {
    pouch_err e = pl_buf_putc(out, '[');
    if (!e) e = append_string(out, name, strlen(name));
    if (!e) e = pl_buf_putc(out, ',');
    if (!e) e = value ? append_string(out, value, n) : pl_buf_puts(out, "null");
    return e ? e : pl_buf_putc(out, ']');
}

static pouch_err append_headers(struct pl_buf *out, const pouch_job *job) {
    pouch_err e = pl_buf_puts(out, ",\"headers\":[");
    const char *name;
    const void *value;
    size_t n;
    for (size_t i = 0; !e && (name = pouch_job_header_at(job, i, &value, &n)); i++) {
        if (i) e = pl_buf_putc(out, ',');
        if (!e) e = append_header(out, name, value, n);
    }
    return e ? e : pl_buf_putc(out, ']');
}

/*
 * The payload must not break the line. Outside of strings a newline is only space, inside of
 * them JSON has it escaped, so blanking every one changes nothing.
 */
static pouch_err append_payload(struct pl_buf *out, const pouch_job *job) {
    size_t n;
    const void *payload = pouch_job_payload(job, &n);
    pouch_err e = pl_buf_puts(out, ",\"payload\":");
    size_t start = out->len;
    if (!e) e = pl_buf_append(out, payload, n);
    if (e) return e;
    for (size_t i = start; i < out->len; i++)
        if (out->at[i] == '\n' || out->at[i] == '\r') out->at[i] = ' ';
    return pl_buf_puts(out, "}\n");
}

pouch_err runner_line_write(struct pl_buf *out, const pouch_job *job) {
    size_t before = out->len;
    const char *publisher = pouch_job_publisher(job);
    int64_t deadline = pouch_job_deadline(job);
    pouch_err e = pl_buf_printf(out, "{\"request_id\":\"%s\"", pouch_job_request_id(job));
    if (!e) e = append_member(out, "topic", pouch_job_topic(job));
    if (!e && *publisher) e = append_member(out, "publisher", publisher);
    if (!e && deadline) e = pl_buf_printf(out, ",\"deadline\":%lld", (long long)deadline);
    if (!e) e = append_headers(out, job);
    if (!e) e = append_payload(out, job);
    if (e && out->at) {
        out->len = before;
        out->at[before] = 0;
    }
    return e;
}

/* What a line said, before it is known what that means. A member that is null counts as absent, but for the payload. */
struct members {
    struct pl_span id, payload, error, retry, forward;
};

static pouch_err read_members(struct members *m, const char *line, size_t n) {
    const struct {
        const char *name;
        struct pl_span *value;
    } known[] = {
        {"request_id", &m->id}, {"payload", &m->payload}, {"error", &m->error},
        {"retry", &m->retry},   {"forward", &m->forward},
    };
    struct pl_object object;
    struct pl_member member;
    enum pl_step step;
    pl_object_begin(&object, line, line + n, PL_SCAN_DEPTH_MAX);
    while ((step = pl_object_next(&object, &member)) == PL_STEP_MEMBER)
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            if (pl_member_is(&member, known[i].name, strlen(known[i].name)) &&
                (known[i].value == &m->payload || !pl_value_is_null(member.value)))
                *known[i].value = member.value;
    const char *why = object.why;
    if (step == PL_STEP_END) {
        pl_scan_space(&object.cursor);
        if (object.cursor.at == object.cursor.end) return POUCH_OK;
        why = "something after the object";
    }
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "no JSON object: byte %zu: %s", (size_t)(object.cursor.at - line), why);
}

static pouch_err read_text(char **text, struct pl_span value, const char *what) {
    struct pl_span raw = pl_value_text(value);
    if (!raw.at) return pl_fail(POUCH_E_INVALID_PAYLOAD, "\"%s\" is no string", what);
    *text = malloc(raw.n + 1);
    if (!*text) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    pl_json_unescape(*text, raw.at, raw.n);
    return POUCH_OK;
}

static pouch_err read_ending(struct runner_answer *a, const struct members *m) {
    bool payload = m->payload.at, error = m->error.at, retry = m->retry.at, forward = m->forward.at;
    if (error + retry + forward > 1 || (payload && (error || retry)))
        return pl_fail(
            POUCH_E_INVALID_PAYLOAD,
            "more than one of \"payload\", \"error\", \"retry\" and \"forward\" (forward goes with payload)");
    if (!payload && !error && !retry)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, forward ? "\"forward\" without \"payload\""
                                                        : "none of \"payload\", \"error\", \"retry\" and \"forward\"");
    a->payload = m->payload.at;
    a->payload_n = m->payload.n;
    a->ending = error ? RUNNER_FAIL : retry ? RUNNER_RETRY : forward ? RUNNER_FORWARD : RUNNER_REPLY;
    if (error) return read_text(&a->text, m->error, "error");
    if (retry) return read_text(&a->text, m->retry, "retry");
    return forward ? read_text(&a->text, m->forward, "forward") : POUCH_OK;
}

pouch_err runner_answer_read(struct runner_answer *a, const char *line, size_t n) {
    *a = (struct runner_answer){0};
    struct members m = {0};
    pouch_err e = read_members(&m, line, n);
    if (e) return e;
    struct pl_span id = m.id.at ? pl_value_text(m.id) : m.id;
    a->named = id.at && pl_uuid_parse(&a->id, id.at, id.n);
    if (!a->named) return pl_fail(POUCH_E_INVALID_PAYLOAD, "no \"request_id\" as it was given");
    return read_ending(a, &m);
}

void runner_answer_free(struct runner_answer *a) {
    free(a->text);
    a->text = NULL;
}

void runner_splitter_init(struct runner_splitter *s) {
    *s = (struct runner_splitter){0};
    pl_buf_init(&s->held, 2 * (size_t)RUNNER_LINE_MAX);
}

void runner_splitter_free(struct runner_splitter *s) {
    pl_buf_wipe(&s->held);
    s->taken = s->looked = 0;
    s->skipping = false;
}

pouch_err runner_splitter_add(struct runner_splitter *s, const char *bytes, size_t n) {
    if (s->taken) {
        s->held.len -= s->taken;
        memmove(s->held.at, s->held.at + s->taken, s->held.len);
        s->looked -= s->taken;
        s->taken = 0;
    }
    return pl_buf_append(&s->held, bytes, n);
}

enum runner_step runner_splitter_next(struct runner_splitter *s, const char **line, size_t *n) {
    const char *from = s->held.at + s->looked;
    const char *newline = s->held.len > s->looked ? memchr(from, '\n', s->held.len - s->looked) : NULL;
    size_t start = s->taken, end = newline ? (size_t)(newline - s->held.at) : s->held.len;
    bool skipped = s->skipping || end - start > RUNNER_LINE_MAX;
    s->looked = s->held.len;
    if (!newline) {
        if (skipped) s->taken = s->held.len;
        s->skipping = skipped;
        return RUNNER_MORE;
    }
    s->taken = s->looked = end + 1;
    s->skipping = false;
    *line = s->held.at + start;
    *n = end - start;
    return skipped ? RUNNER_TOO_LONG : RUNNER_LINE;
}

pouch_err runner_text_append(struct pl_buf *out, const char *text, size_t n) {
    size_t before = out->len;
    pouch_err e = POUCH_OK;
    for (const char *at = text, *end = text + n; !e && at < end;) {
        size_t length = pl_utf8_length(at, end);
        e = length ? pl_buf_append(out, at, length) : pl_buf_puts(out, "\xef\xbf\xbd");
        at += length ? length : 1;
    }
    if (e && out->at) {
        out->len = before;
        out->at[before] = 0;
    }
    return e;
}
