/* From a payload to a record on its way. */
#include <base/why.h>
#include <client/trace.h>
#include <crypto/random.h>
#include <metrics/metrics.h>
#include <string.h>
#include <wire/payload.h>
#include <wire/sealed.h>

enum {
    TIMEOUT_MOST_MS = 24 * 60 * 60 * 1000,
    FOR_HOPS = 4096, /* what the hops of a request may add to its record */
    OWN_HEADERS = 2,
    DIGITS_MAX = 19,        /* of an int64_t that is not negative */
    OWN_HEADER_BYTES = 128, /* what those take at most */
};

pouch_err pl_ask_begin(const pouch_client *c, struct pl_ask *a) {
    a->now_us = pl_wall_us(c->clock);
    a->now_ms = a->now_us / 1000;
    if (a->timeout_ms == 0) a->timeout_ms = c->settings.request_timeout_ms;
    if (a->timeout_ms > 0 && a->timeout_ms <= TIMEOUT_MOST_MS) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "a timeout of %d ms: it is 1 ms to 24 h, or 0 for the setting request.timeout",
                   a->timeout_ms);
}

int64_t pl_ask_due(const pouch_client *c, const struct pl_ask *a) {
    return pl_mono_us(c->clock) + (int64_t)a->timeout_ms * 1000;
}

static struct pl_seal_to seal_to(const pouch_client *c, const struct pl_ask *a, const struct pl_uuid *id) {
    return (struct pl_seal_to){
        .id = *id,
        .publisher = a->to->publisher,
        .reply_topic = a->wants_reply ? c->reply_topic : NULL,
        .iv_bytes = (size_t)(a->to->iv_bytes ? a->to->iv_bytes : c->settings.iv_bytes),
    };
}

static const char *topic_of(const pouch_client *c, const pouch_dest *to) {
    return to->topic ? to->topic : c->settings.inbox;
}

static size_t header_bytes(const pouch_dest *to) {
    size_t n = OWN_HEADER_BYTES;
    for (size_t i = 0; i < to->n_headers; i++) n += PL_HEADER_BYTES + strlen(to->headers[i].name) + to->headers[i].n;
    return n;
}

static pouch_err validate(const pouch_client *c, const struct pl_ask *a) {
    const struct pouch_payload p = {.text = {a->json, a->n},
                                    .topic = a->to->topic ? a->to->topic : "",
                                    .publisher = a->to->publisher ? a->to->publisher : ""};
    if (!c->settings.validate) return POUCH_OK;
    pouch_err e = pl_payload_validate(&p, c->settings.validate, c->settings.validate_arg, NULL);
    if (e) pl_metric_add(e == POUCH_E_UNCHECKED ? PL_M_UNCHECKED : PL_M_INVALID_REQUEST, 1);
    return e;
}

pouch_err pl_ask_check(const pouch_client *c, const struct pl_ask *a) {
    static const struct pl_uuid any_id;
    const struct pl_seal_to to = seal_to(c, a, &any_id);
    size_t limit = pl_producer_limit(c->producer), most = limit > FOR_HOPS ? limit - FOR_HOPS : 0;
    size_t key_n = a->to->key ? a->to->key_n : 36;
    size_t needs = a->n <= most ? pl_sealed_size(&to, a->n) + key_n + header_bytes(a->to) : a->n;
    if (needs > most)
        return pl_fail(
            POUCH_E_TOO_LARGE,
            "the payload of %zu bytes makes a record of %zu%s, and %zu are allowed (kafka.message.max.bytes less "
            "%d for what hops add): send less, or a reference to it",
            a->n, needs, a->n > most ? " or more" : "", most, FOR_HOPS);
    if (!pl_json_valid(a->json, a->n))
        return pl_fail(POUCH_E_INVALID_PAYLOAD, "the payload is not one JSON text in UTF-8");
    return validate(c, a);
}

void pl_ask_note(const pouch_client *c, struct pl_call *call, const struct pl_ask *a, const struct pl_uuid *id) {
    call->id = *id;
    call->timeout_ms = a->timeout_ms;
    call->iv_bytes = a->to->iv_bytes ? a->to->iv_bytes : c->settings.iv_bytes;
    strcpy(call->topic, topic_of(c, a->to)); /* checked names, so they fit, as a publisher's does */
    if (c->tracer || c->settings.validate) strcpy(call->publisher, a->to->publisher ? a->to->publisher : "");
}

static pouch_err seal(pouch_client *c, struct pl_ask_desk *desk, const struct pl_ask *a, const struct pl_uuid *id) {
    const struct pl_seal_to to = seal_to(c, a, id);
    pl_buf_reset(&desk->plain);
    pouch_err e = c->dialect->write_request(&desk->plain, id, a->json, a->n, a->now_ms);
    return e ? e : pl_sealed_write(&desk->envelope, desk->sealer, &to, desk->plain.at, desk->plain.len);
}

/* Held until the sluice opens, if it has not; then the client's thread has it. */
static pouch_err produce(pouch_client *c, struct pl_sluice *sluice, const struct pl_record *r) {
    bool held = false;
    if (!pl_sluice_is_open(sluice)) {
        int64_t give_up = pl_mono_us(c->clock) + (int64_t)c->settings.connect_timeout_ms * 1000;
        pouch_err e = pl_sluice_hold(sluice, r, give_up, &held);
        if (e) return e;
        if (held) pl_wake_signal(&c->wake);
    }
    return held ? POUCH_OK : pl_producer_send(c->producer, r);
}

/* printf takes as long for this as the cipher does for a small payload. */
static struct pl_header number_header(const char *name, int64_t value, char digits[DIGITS_MAX]) {
    char *end = digits + DIGITS_MAX, *at = end;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    return (struct pl_header){name, at, (size_t)(end - at)};
}

/*
 * The reply's key tells its request, which saves scanning other instances' replies, unless a request's own key looks
 * like an id.
 */
static void note_key(pouch_client *c, const pouch_dest *to) {
    struct pl_uuid ignored;
    if (to->key && pl_uuid_parse(&ignored, to->key, to->key_n))
        atomic_store_explicit(&c->keys_differ, true, memory_order_relaxed);
}

/* Not a request that nobody would answer. */
static pouch_err check_audience(pouch_client *c, const struct pl_ask *a) {
    bool wake;
    if (!c->watch || !a->wants_reply) return POUCH_OK;
    pouch_err e = pl_watch_asked(c->watch, topic_of(c, a->to), &wake);
    if (!e && wake) pl_lane_watch(&c->lane);
    if (e) pl_metric_add(PL_M_NO_RESPONDERS, 1);
    return e;
}

pouch_err pl_ask_send(pouch_client *c, struct pl_ask_desk *desk, const struct pl_ask *a, const struct pl_uuid *id,
                      struct pl_call *call) {
    struct pl_header headers[PL_DEST_HEADERS_MAX + OWN_HEADERS];
    char id_text[37], digits[DIGITS_MAX];
    pouch_err e = check_audience(c, a);
    if (!e) e = seal(c, desk, a, id);
    if (e) return e;
    pl_uuid_format(id_text, id);
    size_t n = a->to->n_headers;
    if (n) memcpy(headers, a->to->headers, n * sizeof *headers);
    if (a->wants_reply) {
        headers[n++] = number_header(PL_H_DEADLINE, a->now_ms + a->timeout_ms, digits);
        if (a->named) headers[n++] = (struct pl_header){PL_H_REPLY, "named", 5};
        note_key(c, a->to);
    } else {
        headers[n++] = (struct pl_header){PL_H_REPLY, "none", 4};
    }
    const struct pl_record record = {
        .topic = topic_of(c, a->to),
        .key = a->to->key ? a->to->key : id_text,
        .key_n = a->to->key ? a->to->key_n : 36,
        .value = desk->envelope.at,
        .value_n = desk->envelope.len,
        .headers = headers,
        .n_headers = n,
        .arg = call,
        .goes = a->to->key ? PL_BY_KEY : PL_BY_TURNS,
    };
    e = produce(c, a->wants_reply ? &c->requests : &c->sends, &record);
    if (e == POUCH_E_OVERLOADED) pl_metric_add(PL_M_SHED, 1);
    if (!e) pl_metric_add(PL_M_REQUESTS, 1);
    if (!e && c->tracer) pl_client_trace_asked(c, a, id, &record);
    return e;
}

/* Notes the call before its record is sent, or the reply could be faster than the note. */
static pouch_err ask(pouch_client *c, struct pl_ask_desk *desk, const struct pl_ask *a, const struct pl_uuid *id,
                     pouch_reply_fn *done, void *arg) {
    struct pl_call *call;
    bool sooner;
    pouch_err e = pl_pending_reserve(&c->pending, &call, 1);
    if (e) return e;
    pl_ask_note(c, call, a, id);
    call->replied = done;
    call->arg = arg;
    e = pl_pending_open(&c->pending, &call, 1, pl_ask_due(c, a), &sooner);
    if (e) return e;
    if (sooner) pl_wake_signal(&c->wake);
    e = pl_ask_send(c, desk, a, id, call);
    /* A call that ended meanwhile (timeout, close) has its callback, so this one must not fail as well. */
    return e && pl_pending_withdraw(&c->pending, call) ? e : POUCH_OK;
}

pouch_err pl_ask(pouch_client *c, struct pl_ask *a, char request_id[37], pouch_reply_fn *done, void *arg) {
    struct pl_ask_desk *desk;
    struct pl_uuid id;
    pouch_err e = pl_ask_begin(c, a);
    if (!e) e = pl_ask_check(c, a);
    if (!e) e = pl_random_uuid(&id);
    if (e) return e;
    if (request_id) pl_uuid_format(request_id, &id);
    e = pl_ask_desk_take(&c->desks, &desk);
    if (e) return e;
    e = ask(c, desk, a, &id, done, arg);
    pl_ask_desk_give(&c->desks, desk);
    return e;
}

pouch_err pouch_client_request(pouch_client *c, const pouch_dest *to, const void *json, size_t n, int timeout,
                               char request_id[37], pouch_reply_fn *done, void *arg) {
    struct pl_ask a = {.to = to, .json = json, .n = n, .wants_reply = true, .timeout_ms = timeout};
    pouch_err e = pl_client_enter(c);
    if (e) return e;
    e = pl_ask(c, &a, request_id, done, arg);
    pl_client_leave(c);
    return e;
}

static pouch_err tell(pouch_client *c, struct pl_ask *a, char request_id[37], pouch_stored_fn *stored, void *arg) {
    struct pl_call *call = NULL; /* nobody is to be told: then the record needs no entry */
    struct pl_ask_desk *desk;
    struct pl_uuid id;
    pouch_err e = pl_ask_begin(c, a);
    if (!e) e = pl_ask_check(c, a);
    if (!e) e = pl_random_uuid(&id);
    if (!e) e = pl_ask_desk_take(&c->desks, &desk);
    if (e) return e;
    if (request_id) pl_uuid_format(request_id, &id);
    if (stored) e = pl_pending_reserve(&c->pending, &call, 1);
    if (!e && call) {
        pl_ask_note(c, call, a, &id);
        call->stored = stored;
        call->arg = arg;
    }
    if (!e) {
        e = pl_ask_send(c, desk, a, &id, call);
        if (e && call) {
            pl_pending_settle(&c->pending, call);
            pl_pending_drop(&c->pending, &call, 1);
        }
    }
    pl_ask_desk_give(&c->desks, desk);
    return e;
}

pouch_err pouch_client_send(pouch_client *c, const pouch_dest *to, const void *json, size_t n, char request_id[37],
                            pouch_stored_fn *stored, void *arg) {
    struct pl_ask a = {.to = to, .json = json, .n = n};
    pouch_err e = pl_client_enter(c);
    if (e) return e;
    e = tell(c, &a, request_id, stored, arg);
    pl_client_leave(c);
    return e;
}
