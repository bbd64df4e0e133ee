#include <base/clock.h>
#include <base/why.h>
#include <crypto/random.h>
#include <event/fields.h>
#include <stdlib.h>
#include <string.h>
#include <wire/headers.h>

pouch_event *pouch_event_new(void) {
    pouch_event *e = calloc(1, sizeof *e);
    if (!e) {
        pl_why_set("out of memory for an event");
        return NULL;
    }
    for (size_t i = 0; i < PL_EVENT_FIELDS; i++) pl_buf_init(&e->fields[i], pl_event_rows[i].most);
    return e;
}

void pouch_event_free(pouch_event *e) {
    if (!e) return;
    for (size_t i = 0; i < PL_EVENT_FIELDS; i++) pl_buf_free(&e->fields[i]);
    free(e);
}

void pl_event_clear(pouch_event *e) {
    for (size_t i = 0; i < PL_EVENT_FIELDS; i++) pl_buf_reset(&e->fields[i]);
}

/* Room is made before the old value goes, so that a failure leaves it. */
pouch_err pl_event_put(pouch_event *e, size_t field, const void *value, size_t n) {
    struct pl_buf *b = &e->fields[field];
    pouch_err err = n > b->len ? pl_buf_reserve(b, n - b->len) : POUCH_OK;
    if (err) return err;
    pl_buf_reset(b);
    return n ? pl_buf_append(b, value, n) : POUCH_OK;
}

pouch_err pouch_event_set(pouch_event *e, pouch_event_field field, const void *value, size_t n) {
    if ((size_t)field >= PL_EVENT_FIELDS) return pl_fail(POUCH_E_CONFIG, "an event has no field %d", (int)field);
    const struct pl_event_row *row = &pl_event_rows[field];
    if (row->kind == PL_EVENT_OBJECT && n > row->most)
        return pl_fail(POUCH_E_TOO_LARGE, "%s of an event is over %zu bytes", row->name, row->most);
    if (n && (n > row->most || !row->check(value, n)))
        return pl_fail(POUCH_E_CONFIG, "%s of an event is to be %s", row->name, row->rule);
    return pl_event_put(e, (size_t)field, value, n);
}

const char *pouch_event_get(const pouch_event *e, pouch_event_field field, size_t *n) {
    const struct pl_buf *b = (size_t)field < PL_EVENT_FIELDS ? &e->fields[field] : NULL;
    if (n) *n = b ? b->len : 0;
    return b && b->len ? b->at : NULL;
}

pouch_err pouch_event_begin(pouch_event *e) {
    char id[37], now[20];
    struct pl_uuid uuid;
    int64_t ms = pl_wall_ms(&pl_clock_system);
    pl_event_clear(e);
    pouch_err err = pl_random_uuid(&uuid);
    if (err) return err;
    pl_uuid_v7(&uuid, ms);
    pl_uuid_format(id, &uuid);
    err = pl_event_put(e, POUCH_EVENT_ID, id, sizeof id - 1);
    if (!err) err = pl_event_put(e, POUCH_EVENT_TIMESTAMP, now, (size_t)(pl_decimal_write(now, ms) - now));
    if (!err) err = pl_event_put(e, POUCH_EVENT_VERSION, "1.0.0", 5);
    if (!err) err = pl_event_put(e, POUCH_EVENT_METADATA, "{}", 2);
    if (err) pl_event_clear(e);
    return err;
}

/* What is written, counted even where it does not fit any more. */
struct text {
    char *at;
    size_t size, n;
};

static void add(struct text *t, const char *text, size_t n) {
    if (t->n + n < t->size) memcpy(t->at + t->n, text, n);
    t->n += n;
}

static void add_member(struct text *t, const struct pl_event_row *row, const struct pl_buf *value) {
    char escaped[6 * PL_EVENT_TEXT_MAX + 1];
    add(t, t->n ? ",\"" : "{\"", 2);
    add(t, row->name, row->name_n);
    add(t, "\":", 2);
    if (row->kind == PL_EVENT_STRING) {
        add(t, "\"", 1);
        add(t, escaped, pl_json_escape(escaped, value->at, value->len));
        add(t, "\"", 1);
    } else {
        add(t, value->at, value->len);
    }
}

pouch_err pouch_event_write(const pouch_event *e, char *out, size_t size, size_t *n) {
    struct text t = {out, size, 0};
    for (size_t i = 0; i < PL_EVENT_FIELDS; i++) {
        if (e->fields[i].len)
            add_member(&t, &pl_event_rows[i], &e->fields[i]);
        else if (!pl_event_rows[i].optional)
            return pl_fail(POUCH_E_CONFIG, "the event has no %s", pl_event_rows[i].name);
    }
    add(&t, "}", 1);
    *n = t.n;
    if (t.n >= size) return pl_fail(POUCH_E_TOO_LARGE, "the event takes %zu bytes and has room for %zu", t.n + 1, size);
    out[t.n] = 0;
    return POUCH_OK;
}

pouch_err pouch_event_add_headers(const pouch_event *e, pouch_dest *d) {
    static const struct {
        pouch_event_field field;
        const char *name;
    } told[] = {{POUCH_EVENT_TENANT_ID, POUCH_HEADER_TENANT_ID},
                {POUCH_EVENT_CORRELATION_ID, POUCH_HEADER_CORRELATION_ID},
                {POUCH_EVENT_TRACE_ID, POUCH_HEADER_TRACE_ID},
                {POUCH_EVENT_TIMESTAMP, POUCH_HEADER_TIMESTAMP}};
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < sizeof told / sizeof told[0]; i++) {
        const struct pl_buf *value = &e->fields[told[i].field];
        if (value->len) err = pouch_dest_add_header(d, told[i].name, value->at, value->len);
    }
    return err;
}
