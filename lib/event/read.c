#include <base/why.h>
#include <event/fields.h>
#include <wire/scan.h>

enum { EVENT_MAX = 2 * PL_EVENT_JSON_MAX + 64 * 1024 };

/* The reading of one event. */
struct reading {
    pouch_event *event;
    const char *text;
    struct pl_object object;
};

static pouch_err refuse(const struct reading *r, const char *at, const char *what, const char *why) {
    return pl_fail(POUCH_E_BAD_ENVELOPE, "not an event: %s%s at byte %zu", what, why, (size_t)(at - r->text));
}

static pouch_err refuse_value(const struct reading *r, const struct pl_member *m, const struct pl_event_row *row) {
    return pl_fail(POUCH_E_BAD_ENVELOPE, "not an event: %s at byte %zu is to be %s", row->name,
                   (size_t)(m->value.at - r->text), row->rule);
}

static size_t field_of(const struct pl_member *m) {
    size_t i = 0;
    while (i < PL_EVENT_FIELDS && !pl_member_is(m, pl_event_rows[i].name, pl_event_rows[i].name_n)) i++;
    return i;
}

static pouch_err take_string(struct reading *r, const struct pl_member *m, size_t field) {
    char plain[6 * PL_EVENT_TEXT_MAX + 1]; /* each byte may be written as six */
    const struct pl_event_row *row = &pl_event_rows[field];
    struct pl_span raw = pl_value_text(m->value);
    if (row->optional && pl_value_is_null(m->value)) return POUCH_OK;
    if (!raw.at || raw.n >= sizeof plain) return refuse_value(r, m, row);
    size_t n = pl_json_unescape(plain, raw.at, raw.n);
    if (n > row->most || !row->check(plain, n)) return refuse_value(r, m, row);
    return pl_event_put(r->event, field, plain, n);
}

static pouch_err take_other(struct reading *r, const struct pl_member *m, size_t field) {
    const struct pl_event_row *row = &pl_event_rows[field];
    if (row->kind == PL_EVENT_OBJECT && m->value.n > row->most)
        return pl_fail(POUCH_E_TOO_LARGE, "%s of an event is over %zu bytes", row->name, row->most);
    if (m->value.n > row->most || !row->check(m->value.at, m->value.n)) return refuse_value(r, m, row);
    return pl_event_put(r->event, field, m->value.at, m->value.n);
}

static pouch_err take_member(struct reading *r, const struct pl_member *m) {
    size_t field = field_of(m);
    if (field == PL_EVENT_FIELDS) return refuse(r, m->name.at, "a member that events do not have", "");
    return pl_event_rows[field].kind == PL_EVENT_STRING ? take_string(r, m, field) : take_other(r, m, field);
}

static pouch_err take_members(struct reading *r, const char *end) {
    struct pl_member m;
    enum pl_step step;
    pouch_err err = POUCH_OK;
    while (!err && (step = pl_object_next(&r->object, &m)) != PL_STEP_END) {
        if (step == PL_STEP_BAD) return refuse(r, r->object.cursor.at, r->object.why, "");
        err = take_member(r, &m);
    }
    if (err) return err;
    pl_scan_space(&r->object.cursor);
    return r->object.cursor.at == end ? POUCH_OK : refuse(r, r->object.cursor.at, "something behind it", "");
}

static pouch_err check_whole(const pouch_event *e) {
    for (size_t i = 0; i < PL_EVENT_FIELDS; i++)
        if (!pl_event_rows[i].optional && !e->fields[i].len)
            return pl_fail(POUCH_E_BAD_ENVELOPE, "not an event: it has no %s", pl_event_rows[i].name);
    return POUCH_OK;
}

pouch_err pouch_event_read(pouch_event *e, const void *json, size_t n) {
    const char *text = json;
    pl_event_clear(e);
    if (n > EVENT_MAX) return pl_fail(POUCH_E_TOO_LARGE, "an event has at most %d bytes, not %zu", EVENT_MAX, n);
    struct reading r = {.event = e, .text = text};
    pl_object_begin(&r.object, text, text + n, PL_DEPTH_MAX - 1);
    pouch_err err = take_members(&r, text + n);
    if (!err) err = check_whole(e);
    if (err) pl_event_clear(e);
    return err;
}
