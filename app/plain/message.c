#include <base/why.h>
#include <plain/message.h>
#include <wire/scan.h>

static pouch_err not_an_object(const struct pl_object *o, const char *text, const char *what) {
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "%s must be a JSON object: %s at byte %zu", what,
                   o->why ? o->why : "more behind it", (size_t)(o->cursor.at - text));
}

/* Reads all members, giving each to fn; the span of the object goes to *json, which may be NULL. */
static pouch_err read_members(struct pl_span text, const char *what, struct pl_span *json,
                              void (*fn)(const struct pl_member *m, void *arg), void *arg) {
    struct pl_cursor start = {text.at, text.at + text.n};
    struct pl_object o;
    struct pl_member m;
    enum pl_step step;
    pl_scan_space(&start);
    pl_object_begin(&o, start.at, start.end, PL_DEPTH_MAX);
    while ((step = pl_object_next(&o, &m)) == PL_STEP_MEMBER) fn(&m, arg);
    if (step == PL_STEP_BAD) return not_an_object(&o, text.at, what);
    if (json) *json = (struct pl_span){start.at, (size_t)(o.cursor.at - start.at)};
    pl_scan_space(&o.cursor);
    return o.cursor.at == o.cursor.end ? POUCH_OK : not_an_object(&o, text.at, what);
}

struct task_at {
    struct plain_task *task;
    bool bad_id;
};

static void task_member(const struct pl_member *m, void *arg) {
    struct task_at *at = arg;
    at->task->empty = false;
    if (!pl_member_is(m, "id", 2)) return;
    at->task->id = pl_value_text(m->value);
    at->bad_id = !at->task->id.at;
}

pouch_err plain_task_read(struct plain_task *t, const void *json, size_t n) {
    struct task_at at = {.task = t};
    *t = (struct plain_task){.empty = true};
    pouch_err e = read_members((struct pl_span){json, n}, "a task for a plain worker", &t->json, task_member, &at);
    if (!e && at.bad_id) e = pl_fail(POUCH_E_INVALID_PAYLOAD, "the id of a task for a plain worker must be a string");
    return e;
}

pouch_err plain_task_write(struct pl_buf *out, const struct plain_task *t, const char *id) {
    char raw[6 * PLAIN_ID_MAX + 1];
    size_t n = pl_json_escape(raw, id, strlen(id));
    pouch_err e = pl_buf_puts(out, "{\"id\":\"");
    if (!e) e = pl_buf_append(out, raw, n);
    if (!e) e = pl_buf_puts(out, t->empty ? "\"" : "\",");
    return e ? e : pl_buf_append(out, t->json.at + 1, t->json.n - 1);
}

static void answer_member(const struct pl_member *m, void *arg) {
    struct plain_answer *a = arg;
    struct pl_span text = pl_value_text(m->value);
    if (pl_member_is(m, "id", 2))
        a->id = text;
    else if (pl_member_is(m, "error", 5))
        a->error = text;
    else if (pl_member_is(m, "status", 6))
        a->success = text.at && pl_text_equal(text, (struct pl_span){"success", 7});
}

pouch_err plain_answer_read(struct plain_answer *a, const void *json, size_t n) {
    *a = (struct plain_answer){.success = true};
    pouch_err e = read_members((struct pl_span){json, n}, "a reply", NULL, answer_member, a);
    if (!e && !a->id.at) e = pl_fail(POUCH_E_INVALID_PAYLOAD, "a reply of a plain worker has no id");
    return e;
}

static bool is_id(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) return false;
    return n > 0;
}

size_t plain_id_read(char out[PLAIN_ID_MAX + 1], struct pl_span raw) {
    if (!raw.at || raw.n > PLAIN_ID_MAX) return 0;
    size_t n = pl_json_unescape(out, raw.at, raw.n);
    return is_id(out, n) ? n : 0;
}

size_t plain_id_take(char out[PLAIN_ID_MAX + 1], const void *text, size_t n) {
    if (n > PLAIN_ID_MAX || !n || !is_id(text, n)) return 0;
    memcpy(out, text, n);
    out[n] = '\0';
    return n;
}
