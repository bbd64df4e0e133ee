#include <base/why.h>
#include <events/maps.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = EVENTS_BYTES_MAX / 4 * 3, KEY_MAX = 1024 };

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
    m->message = strndup(at, (size_t)(text + n - at));
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
                           "and TOPIC=CHANNEL:EVENT:MESSAGE",
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

/* JSON as such, other text as a string. NULL: it stays out. */
static json_t *value_of(struct httpd_span value) {
    json_t *json;
    if (!value.n || value.n > VALUE_MAX) return NULL;
    if (!pl_json_read(&json, "the value", value.at, value.n)) return json;
    return json_stringn(value.at, value.n); /* NULL: no UTF-8 */
}

static bool add_value(json_t *data, struct httpd_span value) {
    struct pl_envelope envelope;
    if (value.n && !pl_envelope_scan(&envelope, value.at, value.n))
        return !json_object_set_new(data, "request_id", json_stringn(envelope.request_id.at, envelope.request_id.n));
    json_t *json = value_of(value);
    return !json || !json_object_set_new(data, "value", json);
}

json_t *events_map_data(const struct events_map *m, struct httpd_span key, struct httpd_span value, int64_t at_ms) {
    json_t *data =
        json_pack("{s:s, s:s, s:I}", "message", m->message, "topic", m->topic, "timestamp", (json_int_t)at_ms);
    json_t *text = key.n && key.n <= KEY_MAX ? json_stringn(key.at, key.n) : NULL;
    bool ok = data && (!text || !json_object_set_new(data, "key", text)) && add_value(data, value);
    if (ok) return data;
    json_decref(data);
    return NULL;
}
