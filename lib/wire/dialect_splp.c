#include <base/why.h>
#include <stdio.h>
#include <string.h>
#include <wire/dialect.h>
#include <wire/scan.h>

static pouch_err read_request(struct pl_span *payload, const char *plain, size_t n) {
    if (!pl_json_valid(plain, n)) return pl_fail(POUCH_E_INVALID_PAYLOAD, "the request's payload is not one JSON text");
    *payload = (struct pl_span){plain, n};
    return POUCH_OK;
}

static pouch_err write_request(struct pl_buf *out, const struct pl_uuid *id, const char *json, size_t n,
                               int64_t now_ms) {
    (void)id;
    (void)now_ms;
    return pl_buf_append(out, json, n);
}

static pouch_err bad_reply(const char *why) {
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "not a reply: %s", why);
}

/* The digits a number begins with, in whole milliseconds; what is no such number (RFC 3339 text) counts as absent. */
static int64_t read_timestamp(struct pl_span value) {
    uint64_t ms = 0;
    for (size_t i = 0; i < value.n && i < 18 && value.at[i] >= '0' && value.at[i] <= '9'; i++)
        ms = ms * 10 + (uint64_t)(value.at[i] - '0');
    return (int64_t)ms;
}

/* What a reply's members must be; success and request_id must be there. */
struct seen {
    bool id, success;
};

static const char *read_member(struct pl_reply_text *r, struct seen *seen, const struct pl_member *m) {
    struct pl_span text = pl_value_text(m->value);
    bool null = pl_value_is_null(m->value);
    if (pl_member_is(m, "payload", 7)) {
        r->payload = m->value;
    } else if (pl_member_is(m, "request_id", 10)) {
        seen->id = text.at && pl_uuid_parse(&r->id, text.at, text.n);
        if (!seen->id) return "request_id is no uuid";
    } else if (pl_member_is(m, "success", 7)) {
        seen->success = *m->value.at == 't' || *m->value.at == 'f';
        if (!seen->success) return "success is neither true nor false";
        r->success = *m->value.at == 't';
    } else if (pl_member_is(m, "timestamp", 9)) {
        r->timestamp = read_timestamp(m->value);
    } else if (pl_member_is(m, "error", 5) && !null) {
        if (!text.at) return "error is no string";
        r->error = text;
    } else if (pl_member_is(m, "code", 4) && !null) {
        if (!text.at || m->value_escaped) return "code is no code";
        r->code = text;
    }
    return NULL;
}

static pouch_err read_reply(struct pl_reply_text *reply, const char *plain, size_t n) {
    memset(reply, 0, sizeof *reply);
    if (n > INT32_MAX) return bad_reply("over 2 GiB");
    struct pl_object o;
    struct pl_member m;
    struct seen seen = {false, false};
    enum pl_step step;
    pl_object_begin(&o, plain, plain + n, PL_SCAN_DEPTH_MAX);
    while ((step = pl_object_next(&o, &m)) == PL_STEP_MEMBER) {
        const char *wrong = read_member(reply, &seen, &m);
        if (wrong) return bad_reply(wrong);
    }
    if (step == PL_STEP_BAD) return bad_reply(o.why);
    pl_scan_space(&o.cursor);
    if (o.cursor.at != o.cursor.end) return bad_reply("something after the object");
    if (!seen.id || !seen.success) return bad_reply(seen.id ? "no success" : "no request_id");
    return POUCH_OK;
}

static pouch_err write_text_member(struct pl_buf *out, const char *start, struct pl_span text) {
    pouch_err e = pl_buf_puts(out, start);
    if (!e) e = pl_buf_reserve(out, 6 * text.n + 1);
    if (e) return e;
    out->len += pl_json_escape(out->at + out->len, text.at, text.n);
    return pl_buf_putc(out, '"');
}

static pouch_err write_request_id(struct pl_buf *out, const struct pl_uuid *id) {
    char text[37];
    pl_uuid_format(text, id);
    pouch_err e = pl_buf_puts(out, "{\"request_id\":\"");
    if (!e) e = pl_buf_append(out, text, 36);
    return e;
}

/* Peers read payload without asking whether it is there, so a reply without one says null. */
static pouch_err write_payload(struct pl_buf *out, struct pl_span payload) {
    pouch_err e = pl_buf_puts(out, "\",\"payload\":");
    if (e) return e;
    return payload.at ? pl_buf_append(out, payload.at, payload.n) : pl_buf_puts(out, "null");
}

static pouch_err write_reply(struct pl_buf *out, const struct pl_reply_text *reply) {
    char outcome[64];
    int n = snprintf(outcome, sizeof outcome, ",\"timestamp\":%lld,\"success\":%s", (long long)reply->timestamp,
                     reply->success ? "true" : "false");
    pouch_err e = write_request_id(out, &reply->id);
    if (!e) e = write_payload(out, reply->payload);
    if (!e) e = pl_buf_append(out, outcome, (size_t)n);
    if (!e && reply->error.at) e = write_text_member(out, ",\"error\":\"", reply->error);
    if (!e && reply->code.at) e = write_text_member(out, ",\"code\":\"", reply->code);
    return e ? e : pl_buf_putc(out, '}');
}

const struct pl_dialect pl_dialect_splp = {
    .name = "splp",
    .reply_suffix = ".replies",
    .read_request = read_request,
    .write_request = write_request,
    .read_reply = read_reply,
    .write_reply = write_reply,
};
