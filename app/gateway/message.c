/* What the body of a call says, found by a scanner: the value is not copied, and of JSON no tree is made. */
#include <base/why.h>
#include <gateway/state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wire/scan.h>

enum { TIMEOUT_MOST_MS = 300 * 1000, TEXT_MAX = 4096, RESPONDERS_MAX = 1000 };

enum member { KEY, VALUE, HEADERS, TOPIC, PUBLISHER, TIMEOUT, ENOUGH, RESPONDERS, MEMBERS };

/* What they are called in a message of /kafka/…, and in a request of /v1. */
static const char *const of_message[MEMBERS] = {[KEY] = "key", [VALUE] = "value", [HEADERS] = "headers"};
static const char *const of_request[MEMBERS] = {"key",       "payload", "headers", "topic",
                                                "publisher", "timeout", "enough",  "responders"};

/* at NULL: it is not there, or null. */
struct members {
    struct pl_span at[MEMBERS]; /* values, raw */
    const char *const *names;
    const char *start;
};

static pouch_err not_json(const struct pl_object *o, const char *why) {
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: %s at byte %zu of the body", why,
                   (size_t)(o->cursor.at - o->start));
}

static pouch_err take(struct members *m, const struct pl_member *member) {
    for (int i = 0; i < MEMBERS; i++) {
        if (!m->names[i] || !pl_member_is(member, m->names[i], strlen(m->names[i]))) continue;
        if (!pl_value_is_null(member->value) || i == VALUE) m->at[i] = member->value;
        return POUCH_OK;
    }
    return pl_fail(POUCH_E_INVALID_PAYLOAD,
                   "Invalid message format: no member of that name is known at byte %zu of the body; see /docs",
                   (size_t)(member->name.at - m->start));
}

static pouch_err read_members(struct members *m, const char *const names[MEMBERS], struct httpd_span body) {
    struct pl_object o;
    struct pl_member member;
    enum pl_step step;
    pouch_err e = POUCH_OK;
    *m = (struct members){.names = names, .start = body.at};
    if (!body.n) return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: the body is empty");
    pl_object_begin(&o, body.at, body.at + body.n, PL_SCAN_DEPTH_MAX);
    while (!e && (step = pl_object_next(&o, &member)) == PL_STEP_MEMBER) e = take(m, &member);
    if (e) return e;
    if (step == PL_STEP_BAD) return not_json(&o, o.why);
    pl_scan_space(&o.cursor);
    if (o.cursor.at != body.at + body.n) return not_json(&o, "something follows the object");
    return POUCH_OK;
}

/*
 * The text that a member is, escapes read, into out. INVALID_PAYLOAD: no string, longer than that, or with a NUL in it.
 */
static pouch_err text_of(struct pl_buf *out, struct pl_span value, const char *name) {
    struct pl_span raw = pl_value_text(value);
    if (!raw.at) return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: %s is no string", name);
    pl_buf_reset(out);
    pouch_err e = pl_buf_reserve(out, raw.n + 1);
    if (e == POUCH_E_TOO_LARGE)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: %s is longer than %zu bytes", name, out->max);
    if (e) return e;
    out->len = pl_json_unescape(out->at, raw.at, raw.n);
    if (memchr(out->at, 0, out->len))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: %s has U+0000 in it", name);
    return POUCH_OK;
}

/* What a destination refuses of what the body says is the body's fault. */
static pouch_err blame(pouch_err e, const char *name) {
    if (e != POUCH_E_CONFIG) return e;
    char why[512];
    snprintf(why, sizeof why, "%s", pouch_why());
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: %s: %s", name, why);
}

static pouch_err add_header(pouch_dest *d, const struct pl_buf *name, struct pl_span value, struct pl_buf *text) {
    pouch_err e = text_of(text, value, "the value of a member of headers");
    return e ? e : blame(pouch_dest_add_header(d, name->at, text->at, text->len), "headers");
}

/* "name": "value", or several of one name: "name": ["one", "two"]. */
static pouch_err add_values(pouch_dest *d, const struct pl_buf *name, struct pl_span value, struct pl_buf *text) {
    if (*value.at != '[') return add_header(d, name, value, text);
    struct pl_cursor c = {value.at + 1, value.at + value.n};
    pouch_err e = POUCH_OK;
    for (pl_scan_space(&c); !e && *c.at != ']'; pl_scan_space(&c)) {
        const char *at = c.at;
        if (!pl_scan_value(&c, PL_SCAN_DEPTH_MAX)) return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format");
        e = add_header(d, name, (struct pl_span){at, (size_t)(c.at - at)}, text);
        pl_scan_space(&c);
        if (*c.at == ',') c.at++;
    }
    return e;
}

static pouch_err add_headers(pouch_dest *d, struct pl_span headers) {
    struct pl_object o;
    struct pl_member m;
    struct pl_buf name, text;
    pouch_err e = POUCH_OK;
    if (*headers.at != '{')
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: headers is no object of strings");
    pl_buf_init(&name, TEXT_MAX);
    pl_buf_init(&text, (size_t)2 * TEXT_MAX);
    pl_object_begin(&o, headers.at, headers.at + headers.n, PL_SCAN_DEPTH_MAX);
    enum pl_step step;
    while (!e && (step = pl_object_next(&o, &m)) == PL_STEP_MEMBER) {
        struct pl_span quoted = {m.name.at - 1, m.name.n + 2};
        e = text_of(&name, quoted, "the name of a member of headers");
        if (!e) e = add_values(d, &name, m.value, &text);
    }
    if (!e && step == PL_STEP_BAD)
        e = pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: headers has %s", o.why);
    pl_buf_free(&name);
    pl_buf_free(&text);
    return e;
}

static pouch_err set_key(pouch_dest *d, struct pl_span key) {
    struct pl_buf text;
    pl_buf_init(&text, TEXT_MAX);
    pouch_err e = text_of(&text, key, "key");
    if (!e) e = blame(pouch_dest_set_key(d, text.at), "key");
    pl_buf_free(&text);
    return e;
}

/* Who asked this gateway may be traced, and goes on to be. */
static pouch_err add_trace(pouch_dest *d, const struct httpd_call *c) {
    static const char *const names[] = {"traceparent", "tracestate"};
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < sizeof names / sizeof names[0]; i++) {
        const struct httpd_span *value = httpd_call_field(c, names[i]);
        if (value && value->n) e = blame(pouch_dest_add_header(d, names[i], value->at, value->n), names[i]);
    }
    return e;
}

static pouch_err make_dest(struct gateway_ask *ask) {
    const char *name = ask->topic ? ask->topic : ask->publisher;
    ask->dest = ask->topic ? pouch_dest_topic(name) : pouch_dest_publisher(name);
    if (ask->dest) return POUCH_OK;
    return pl_name_valid(name, strlen(name)) ? POUCH_E_NO_MEMORY : POUCH_E_INVALID_PAYLOAD;
}

static pouch_err fill(struct gateway_ask *ask, const struct members *m) {
    pouch_err e = make_dest(ask);
    if (e) return e;
    if (!m->at[VALUE].at)
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: the member %s is missing", m->names[VALUE]);
    ask->value = (struct httpd_span){m->at[VALUE].at, m->at[VALUE].n};
    if (m->at[KEY].at) e = set_key(ask->dest, m->at[KEY]);
    if (!e && m->at[HEADERS].at) e = add_headers(ask->dest, m->at[HEADERS]);
    return e;
}

static void take_body(struct gateway_ask *ask, struct httpd_call *c, const struct gateway *g) {
    *ask = (struct gateway_ask){.timeout_ms = g->conf.request_timeout_ms};
    if (ask->timeout_ms > TIMEOUT_MOST_MS) ask->timeout_ms = TIMEOUT_MOST_MS;
    ask->body = httpd_call_take_body(c, &ask->body_n);
}

/* A whole number, where it is there. */
static pouch_err read_number(const struct members *m, enum member which, size_t least, size_t most, size_t *out) {
    struct pl_span value = m->at[which];
    size_t n = 0;
    bool sound = value.n <= 6;
    if (!value.at) return POUCH_OK;
    for (size_t i = 0; sound && i < value.n; i++) {
        sound = value.at[i] >= '0' && value.at[i] <= '9';
        n = n * 10 + (size_t)(value.at[i] - '0');
    }
    *out = n;
    if (sound && n >= least && n <= most) return POUCH_OK;
    return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: %s is no whole number from %zu to %zu",
                   m->names[which], least, most);
}

static pouch_err read_numbers(struct gateway_ask *ask, const struct members *m) {
    size_t responders = 1, timeout_ms = (size_t)ask->timeout_ms;
    pouch_err e = read_number(m, TIMEOUT, 1, TIMEOUT_MOST_MS, &timeout_ms);
    if (!e) e = read_number(m, ENOUGH, 0, RESPONDERS_MAX, &ask->enough);
    if (!e) e = read_number(m, RESPONDERS, 1, RESPONDERS_MAX, &responders);
    if (!e && m->at[RESPONDERS].at) e = blame(pouch_dest_set_responders(ask->dest, responders), "responders");
    ask->timeout_ms = (int)timeout_ms;
    ask->gathers = m->at[ENOUGH].at || m->at[RESPONDERS].at;
    return e;
}

static pouch_err read_name(struct gateway_ask *ask, const struct members *m) {
    bool to_topic = m->at[TOPIC].at != NULL;
    struct pl_buf text;
    if (to_topic == (m->at[PUBLISHER].at != NULL))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: say one of topic and publisher");
    pl_buf_init(&text, TEXT_MAX);
    pouch_err e = text_of(&text, m->at[to_topic ? TOPIC : PUBLISHER], to_topic ? "topic" : "publisher");
    if (!e && !pl_name_valid(text.at, text.len))
        e = pl_fail(POUCH_E_INVALID_PAYLOAD,
                    "Invalid message format: %s is no name of A-Z a-z 0-9 . _ - with up to %zu",
                    to_topic ? "topic" : "publisher", sizeof ask->name - 1);
    if (!e) memcpy(ask->name, text.at, text.len + 1);
    pl_buf_free(&text);
    *(to_topic ? &ask->topic : &ask->publisher) = ask->name;
    return e;
}

pouch_err gateway_ask_read(struct gateway_ask *ask, const char *topic) {
    struct members m;
    pouch_err e = read_members(&m, topic ? of_message : of_request, (struct httpd_span){ask->body, ask->body_n});
    ask->topic = topic;
    if (!e && !topic) e = read_name(ask, &m);
    if (!e) e = fill(ask, &m);
    if (!e && !topic) e = read_numbers(ask, &m);
    /* As the first systems have it. */
    if (!e && topic && *ask->value.at != '{' && *ask->value.at != '[')
        e = pl_fail(POUCH_E_INVALID_PAYLOAD, "Invalid message format: value is no object and no array");
    return e;
}

pouch_err gateway_ask_message(struct gateway_ask *ask, struct httpd_call *c, const struct gateway *g) {
    int64_t timeout_ms = 0;
    take_body(ask, c, g);
    pouch_err e = gateway_ask_read(ask, httpd_call_param(c, "topic"));
    if (!e) e = gateway_query_number(c, "timeout", ask->timeout_ms, 1, TIMEOUT_MOST_MS, &timeout_ms);
    ask->timeout_ms = (int)timeout_ms;
    return e ? e : add_trace(ask->dest, c);
}

pouch_err gateway_ask_request(struct gateway_ask *ask, struct httpd_call *c, const struct gateway *g) {
    take_body(ask, c, g);
    pouch_err e = gateway_ask_read(ask, NULL);
    return e ? e : add_trace(ask->dest, c);
}

void gateway_ask_free(struct gateway_ask *ask) {
    pouch_dest_free(ask->dest);
    free(ask->body);
    ask->dest = NULL;
    ask->body = NULL;
}
