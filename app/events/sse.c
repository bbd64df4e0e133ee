#include <base/why.h>
#include <events/sse.h>
#include <string.h>

static bool is_one_line(const char *text) {
    return !text || !text[strcspn(text, "\r\n")];
}

/* The bytes up to the next line end, and how many that has: "\n", "\r", "\r\n", or none at the end of the data. */
static size_t line_of(const char *at, const char *end, size_t *line_end) {
    const char *p = at;
    while (p < end && *p != '\n' && *p != '\r') p++;
    *line_end = p == end ? 0 : *p == '\r' && p + 1 < end && p[1] == '\n' ? 2 : 1;
    return (size_t)(p - at);
}

static pouch_err write_field(struct pl_buf *out, const char *name, const void *value, size_t n) {
    pouch_err e = pl_buf_puts(out, name);
    if (!e) e = pl_buf_append(out, ": ", 2);
    if (!e && n) e = pl_buf_append(out, value, n);
    return e ? e : pl_buf_putc(out, '\n');
}

/* At least one line: an event without any is passed over by clients. */
static pouch_err write_data(struct pl_buf *out, struct httpd_span data) {
    const char *at = data.at, *end = data.at + data.n;
    size_t line_end = 1;
    pouch_err e = data.n ? POUCH_OK : write_field(out, "data", NULL, 0);
    while (!e && data.n && line_end) {
        size_t n = line_of(at, end, &line_end);
        e = write_field(out, "data", at, n);
        at += n + line_end;
    }
    return e;
}

static pouch_err write_all(struct pl_buf *out, const struct sse_event *event) {
    pouch_err e = POUCH_OK;
    if (event->id) e = write_field(out, "id", event->id, strlen(event->id));
    if (!e && event->name) e = write_field(out, "event", event->name, strlen(event->name));
    if (!e && event->retry_ms > 0) e = pl_buf_printf(out, "retry: %d\n", event->retry_ms);
    if (!e) e = write_data(out, event->data);
    return e ? e : pl_buf_putc(out, '\n');
}

static pouch_err undo(struct pl_buf *out, size_t len, pouch_err e) {
    if (e && out->at) out->at[len] = 0;
    if (e) out->len = len;
    return e;
}

pouch_err events_write(struct pl_buf *out, const struct sse_event *event) {
    size_t len = out->len;
    if (!is_one_line(event->id) || !is_one_line(event->name))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "the id or the name of an event has a line end in it");
    return undo(out, len, write_all(out, event));
}

pouch_err events_comment(struct pl_buf *out, const char *text) {
    size_t len = out->len;
    pouch_err e = is_one_line(text) ? pl_buf_printf(out, ": %s\n\n", text)
                                    : pl_fail(POUCH_E_INVALID_PAYLOAD, "a comment has a line end in it");
    return undo(out, len, e);
}
