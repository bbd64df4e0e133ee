#include <base/clock.h>
#include <base/why.h>
#include <events/record.h>
#include <events/sse.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_MAX_MS = 3600 * 1000 };

/* ---- writing ---- */

static bool set_source(json_t *root, const struct events_source *s) {
    return !json_object_set_new(root, "source",
                                json_pack("{s:s, s:i, s:I, s:I}", "topic", s->topic, "partition", (int)s->partition,
                                          "offset", (json_int_t)s->offset, "timestamp", (json_int_t)s->at_ms));
}

char *events_record_text(const struct events_event *event, const struct events_source *source, size_t *n) {
    json_t *root = json_pack("{s:s, s:O}", "channel", event->channel, "data", event->data);
    bool ok = root != NULL;
    if (ok && event->name) ok = !json_object_set_new(root, "event", json_string(event->name));
    if (ok && event->id) ok = !json_object_set_new(root, "id", json_string(event->id));
    if (ok && event->retry_ms) ok = !json_object_set_new(root, "retry", json_integer(event->retry_ms));
    if (ok && source) ok = set_source(root, source);
    ok = ok && !json_object_set_new(root, "timestamp", json_integer(pl_wall_ms(&pl_clock_system)));
    char *text = ok ? pl_json_text(root, n) : NULL;
    json_decref(root);
    return text;
}

/* ---- reading ---- */

static bool read_source(struct events_source *s, const json_t *value) {
    const json_t *partition = json_object_get(value, "partition"), *offset = json_object_get(value, "offset");
    const json_t *topic = json_object_get(value, "topic"), *at = json_object_get(value, "timestamp");
    const char *name = json_string_value(topic);
    json_int_t p = json_integer_value(partition);
    if (!name || !pl_name_valid(name, strlen(name)) || !json_is_integer(partition) || !json_is_integer(offset) ||
        p < 0 || p > INT32_MAX)
        return false;
    memcpy(s->topic, name, strlen(name) + 1);
    s->partition = (int32_t)p;
    s->offset = json_integer_value(offset);
    s->at_ms = json_integer_value(at);
    return true;
}

/* A text, or nothing at all. */
static bool read_text(const json_t *root, const char *name, const char **out) {
    const json_t *value = json_object_get(root, name);
    *out = json_string_value(value);
    return !value || *out;
}

static bool read_members(struct events_record *r) {
    struct events_event *e = &r->event;
    const json_t *retry = json_object_get(r->root, "retry"), *source = json_object_get(r->root, "source");
    json_int_t ms = json_integer_value(retry);
    e->data = json_object_get(r->root, "data");
    e->retry_ms = ms > 0 && ms <= RETRY_MAX_MS ? (int)ms : 0;
    return e->data && read_text(r->root, "channel", &e->channel) && e->channel && events_name_is_ok(e->channel) &&
           read_text(r->root, "event", &e->name) && (!e->name || events_name_is_ok(e->name)) &&
           read_text(r->root, "id", &e->id) && (!source || read_source(&r->source, source));
}

pouch_err events_record_read(struct events_record *r, const void *value, size_t n) {
    *r = (struct events_record){0};
    pouch_err e = value ? pl_json_read(&r->root, "the event", value, n)
                        : pl_fail(POUCH_E_INVALID_PAYLOAD, "the record has no value");
    if (!e && !read_members(r)) e = pl_fail(POUCH_E_INVALID_PAYLOAD, "the record is no event");
    if (!e) return POUCH_OK;
    json_decref(r->root);
    *r = (struct events_record){0};
    return e;
}

/* ---- sending ---- */

/* The data with the sender's own id in it, or as it is. A new reference; NULL: no memory. */
static json_t *data_of(const struct events_event *event) {
    if (!event->id || !json_is_object(event->data) || json_object_get(event->data, "id"))
        return json_incref((json_t *)(uintptr_t)event->data);
    json_t *copy = json_copy((json_t *)(uintptr_t)event->data);
    if (copy && !json_object_set_new(copy, "id", json_string(event->id))) return copy;
    json_decref(copy);
    return NULL;
}

static pouch_err write_data(struct pl_buf *out, struct sse_event *event, const json_t *data) {
    char *text = NULL;
    if (json_is_string(data))
        event->data = (struct httpd_span){json_string_value(data), json_string_length(data)};
    else
        event->data.at = text = pl_json_text(data, &event->data.n);
    pouch_err e = event->data.at ? events_write(out, event) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for an event");
    free(text);
    return e;
}

pouch_err events_event_write(struct pl_buf *out, const struct events_event *event, int64_t offset) {
    char id[24];
    snprintf(id, sizeof id, "%" PRId64, offset);
    if (!events_name_is_ok(event->channel) || (event->name && !events_name_is_ok(event->name)))
        return pl_fail(POUCH_E_INVALID_PAYLOAD,
                       "the names of a channel and of an event are 1 to %d of A-Z a-z 0-9 . _ : - / @",
                       EVENTS_CHANNEL_MAX);
    struct sse_event sse = {.id = offset < 0 ? NULL : id, .name = event->name, .retry_ms = event->retry_ms};
    json_t *data = data_of(event);
    pouch_err e = data ? write_data(out, &sse, data) : pl_fail(POUCH_E_NO_MEMORY, "out of memory for an event");
    json_decref(data);
    return e;
}
