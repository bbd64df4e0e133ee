#include <base/why.h>
#include <events/maps.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = EVENTS_BYTES_MAX / 4 * 3, KEY_MAX = 1024 };
enum { FRAME_MAX = 512, DATA_MAX = EVENTS_BYTES_MAX - FRAME_MAX }; /* the frame: id, name and ends of lines */

void events_maps_free(struct events_maps *m) {
    for (size_t i = 0; i < m->n; i++) free(m->at[i].message);
    m->n = 0;
}

/* Copies the text up to one of the stops; behind it. NULL: it is empty, or does not fit. */
static const char *cut(char *out, size_t max, const char *text, const char *stops) {
    size_t n = strcspn(text, stops);
    if (!n || n >= max) return NULL;
    memcpy(out, text, n);
    out[n] = 0;
    return text + n;
}

/* What is no UTF-8 could be told with no record. */
static bool is_utf8(const char *at, size_t n) {
    json_t *text = json_stringn(at, n);
    bool is = text != NULL;
    json_decref(text);
    return is;
}

/* One of them, up to its end. */
static bool read_one(struct events_map *m, const char *text, size_t n) {
    const char *at = cut(m->topic, sizeof m->topic, text, "=,");
    if (!at || *at != '=' || !pl_name_valid(m->topic, strlen(m->topic))) return false;
    at = cut(m->channel, sizeof m->channel, at + 1, ":,");
    if (!at || !events_name_is_ok(m->channel)) return false;
    strcpy(m->name, "message");
    if (*at == ':') at = cut(m->name, sizeof m->name, at + 1, ":,");
    if (!at || !events_name_is_ok(m->name)) return false;
    if (*at == ':') at++;
    size_t left = (size_t)(text + n - at);
    if (!is_utf8(at, left)) return false;
    m->message = strndup(at, left);
    return true;
}

pouch_err events_maps_read(struct events_maps *m, const char *text) {
    m->n = 0;
    for (size_t n; text && *text; text += n + (text[n] == ',')) {
        n = strcspn(text, ",");
        if (m->n == EVENTS_MAPS_MAX)
            return pl_fail(POUCH_E_CONFIG, "gateway.events_map has more than %d topics", EVENTS_MAPS_MAX);
        struct events_map *one = &m->at[m->n];
        *one = (struct events_map){0};
        if (!read_one(one, text, n))
            return pl_fail(POUCH_E_CONFIG,
                           "gateway.events_map: \"%.*s\" is none of TOPIC=CHANNEL, TOPIC=CHANNEL:EVENT "
                           "and TOPIC=CHANNEL:EVENT:MESSAGE, in UTF-8",
                           (int)n, text);
        if (!one->message) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for gateway.events_map");
        m->n++;
        if (events_maps_find(m, one->topic) != one)
            return pl_fail(POUCH_E_CONFIG, "gateway.events_map names the topic %s twice", one->topic);
    }
    return POUCH_OK;
}

const struct events_map *events_maps_find(const struct events_maps *m, const char *topic) {
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->at[i].topic, topic)) return &m->at[i];
    return NULL;
}

/* NULL: it stays out, since it is no UTF-8, or has a NUL, with which the log's readers would pass over all of it. */
static json_t *text_of(struct httpd_span s) {
    return memchr(s.at, 0, s.n) ? NULL : json_stringn(s.at, s.n);
}

/* JSON as such, other text as a string. NULL: it stays out. */
static json_t *value_of(struct httpd_span value) {
    json_t *json;
    if (!value.n || value.n > VALUE_MAX) return NULL;
    if (!pl_json_read(&json, "the value", value.at, value.n)) return json;
    return text_of(value);
}

static bool add_value(json_t *data, struct httpd_span value) {
    struct pl_envelope envelope;
    if (value.n && !pl_envelope_scan(&envelope, value.at, value.n))
        return !json_object_set_new(data, "request_id", json_stringn(envelope.request_id.at, envelope.request_id.n));
    json_t *json = value_of(value);
    return !json || !json_object_set_new(data, "value", json);
}

/* Written out, controls and numbers may be several times as long as they came. */
static void bound(json_t *data) {
    if (json_dumpb(data, NULL, 0, JSON_COMPACT) > DATA_MAX) json_object_del(data, "value");
}

json_t *events_map_data(const struct events_map *m, struct httpd_span key, struct httpd_span value, int64_t at_ms) {
    json_t *data =
        json_pack("{s:s, s:s, s:I}", "message", m->message, "topic", m->topic, "timestamp", (json_int_t)at_ms);
    json_t *text = key.n && key.n <= KEY_MAX ? text_of(key) : NULL;
    bool ok = data && (!text || !json_object_set_new(data, "key", text)) && add_value(data, value);
    if (ok) {
        bound(data);
        return data;
    }
    json_decref(data);
    return NULL;
}
