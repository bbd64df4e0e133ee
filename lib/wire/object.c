#include <string.h>
#include <wire/scan.h>

void pl_object_begin(struct pl_object *o, const char *at, const char *end, unsigned depth) {
    o->cursor = (struct pl_cursor){at, end};
    o->start = at;
    o->why = NULL;
    o->depth = depth;
    o->n = 0;
    o->marks = 0;
}

/* Bytes alone as far as there are no escapes: sixty-four long names are compared with one another. */
bool pl_text_equal(struct pl_span a, struct pl_span b) {
    struct pl_cursor x = {a.at, a.at + a.n}, y = {b.at, b.at + b.n};
    while (x.at < x.end && y.at < y.end) {
        if (*x.at != '\\' && *y.at != '\\') {
            if (*x.at++ != *y.at++) return false;
        } else if (pl_scan_char(&x) != pl_scan_char(&y)) {
            return false;
        }
    }
    return x.at == x.end && y.at == y.end;
}

/* One bit, the same for names that are the same: one with an escape may be any. */
static uint64_t mark_of(const struct pl_member *m) {
    if (m->name_escaped || !m->name.n) return UINT64_MAX;
    unsigned first = (unsigned char)m->name.at[0], last = (unsigned char)m->name.at[m->name.n - 1];
    return UINT64_C(1) << (first + 5 * m->name.n + 3 * last) % 64; /* no two of an envelope's own have one */
}

static bool came_before(const struct pl_object *o, const struct pl_member *m, uint64_t mark) {
    if (!(o->marks & mark)) return false;
    for (size_t i = 0; i < o->n; i++) {
        struct pl_span name = {o->start + o->names[i].at, o->names[i].n};
        if (m->name_escaped || o->names[i].escaped) {
            if (pl_text_equal(m->name, name)) return true;
        } else if (m->name.n == name.n && !memcmp(m->name.at, name.at, name.n)) {
            return true;
        }
    }
    return false;
}

static enum pl_step bad(struct pl_object *o, const char *why) {
    o->why = why;
    return PL_STEP_BAD;
}

static inline bool take(struct pl_object *o, char c) {
    pl_scan_space(&o->cursor);
    if (o->cursor.at == o->cursor.end || *o->cursor.at != c) return false;
    o->cursor.at++;
    return true;
}

static enum pl_step read_name(struct pl_object *o, struct pl_member *m) {
    pl_scan_space(&o->cursor);
    const char *at = o->cursor.at;
    if (!pl_scan_string(&o->cursor, &m->name_escaped)) return bad(o, "no member name");
    m->name = (struct pl_span){at + 1, (size_t)(o->cursor.at - at) - 2};
    uint64_t mark = mark_of(m);
    bool again = came_before(o, m, mark);
    if (again || o->n == PL_MEMBERS_MAX) {
        o->cursor.at = at;
        return bad(o, again ? "a member name that came before" : "more than 64 members");
    }
    o->names[o->n].at = (uint32_t)(m->name.at - o->start);
    o->names[o->n].n = (uint32_t)m->name.n & INT32_MAX;
    o->names[o->n].escaped = m->name_escaped;
    o->marks |= mark;
    o->n++;
    return take(o, ':') ? PL_STEP_MEMBER : bad(o, "no colon after a member name");
}

enum pl_step pl_object_value(struct pl_object *o, struct pl_member *m) {
    struct pl_cursor *c = &o->cursor;
    pl_scan_space(c);
    const char *at = c->at;
    m->value_escaped = false;
    bool is_text = at < c->end && *at == '"';
    if (!(is_text ? pl_scan_string(c, &m->value_escaped) : pl_scan_value(c, o->depth))) return bad(o, "no sound value");
    m->value = (struct pl_span){at, (size_t)(c->at - at)};
    return PL_STEP_MEMBER;
}

enum pl_step pl_object_name(struct pl_object *o, struct pl_member *m) {
    if (!o->n) {
        if (!take(o, '{')) return bad(o, "no object");
        if (take(o, '}')) return PL_STEP_END;
    } else {
        if (take(o, '}')) return PL_STEP_END;
        if (!take(o, ',')) return bad(o, "no comma between two members");
    }
    return read_name(o, m);
}

enum pl_step pl_object_next(struct pl_object *o, struct pl_member *m) {
    enum pl_step step = pl_object_name(o, m);
    return step == PL_STEP_MEMBER ? pl_object_value(o, m) : step;
}
