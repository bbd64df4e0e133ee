/* From a task to a record on its way. */
#include <base/why.h>
#include <crypto/random.h>
#include <metrics/metrics.h>
#include <openssl/evp.h>
#include <plain/message.h>
#include <plain/state.h>
#include <string.h>
#include <strings.h>
#include <wire/dest.h>

enum { TIMEOUT_MOST_MS = 24 * 60 * 60 * 1000, FOR_ID = 6 * PLAIN_ID_MAX + 64 };

#define REQUEST_ID "x-request-id"

/* A task on its way to its record. */
struct asking {
    const pouch_dest *to;
    struct pl_span value; /* what the record carries */
    struct pl_buf made;   /* which lies here when the task came without an id */
    char id[PLAIN_ID_MAX + 1];
    size_t id_n;
    int timeout_ms;
};

pouch_err plain_hash(const struct plain *p, struct pl_uuid *hash, const char *id, size_t n) {
    uint8_t in[PLAIN_SALT_BYTES + PLAIN_ID_MAX], out[EVP_MAX_MD_SIZE];
    memcpy(in, p->salt, sizeof p->salt);
    memcpy(in + sizeof p->salt, id, n);
    if (EVP_Digest(in, sizeof p->salt + n, out, NULL, EVP_sha256(), NULL) != 1)
        return pl_fail(POUCH_E_NO_MEMORY, "no memory for a hash");
    memcpy(hash->b, out, sizeof hash->b);
    return POUCH_OK;
}

static bool is_request_id(const char *name) {
    return !strcasecmp(name, REQUEST_ID);
}

/* A task without an id has that of its header, or a new one. */
static pouch_err choose_id(struct asking *a) {
    for (size_t i = 0; i < a->to->n_headers && !a->id_n; i++) {
        const struct pl_header *h = &a->to->headers[i];
        if (!is_request_id(h->name)) continue;
        a->id_n = plain_id_take(a->id, h->value, h->n);
        if (!a->id_n)
            return pl_fail(POUCH_E_INVALID_PAYLOAD, "the header " REQUEST_ID " must be 1 to %d characters of text",
                           PLAIN_ID_MAX);
    }
    if (a->id_n) return POUCH_OK;
    struct pl_uuid id;
    pouch_err e = pl_random_uuid(&id);
    if (e) return e;
    pl_uuid_format(a->id, &id);
    a->id_n = 36;
    return POUCH_OK;
}

static pouch_err give_id(struct asking *a, const struct plain_task *t) {
    pouch_err e = choose_id(a);
    pl_buf_init(&a->made, t->json.n + FOR_ID);
    if (!e) e = plain_task_write(&a->made, t, a->id);
    a->value = (struct pl_span){a->made.at, a->made.len};
    return e;
}

static pouch_err prepare(const struct plain *p, struct asking *a, const void *json, size_t n) {
    struct plain_task t;
    if (!a->timeout_ms) a->timeout_ms = p->settings->request_timeout_ms;
    if (a->timeout_ms < 1 || a->timeout_ms > TIMEOUT_MOST_MS)
        return pl_fail(POUCH_E_CONFIG, "a timeout of %d ms: it is 1 ms to 24 h", a->timeout_ms);
    pouch_err e = plain_task_read(&t, json, n);
    if (e) return e;
    if (!t.id.at) return give_id(a, &t);
    a->value = t.json;
    a->id_n = plain_id_read(a->id, t.id);
    return a->id_n ? POUCH_OK
                   : pl_fail(POUCH_E_INVALID_PAYLOAD,
                             "the id of a task must be 1 to %d bytes without control characters", PLAIN_ID_MAX);
}

static pouch_err check_topic(const struct plain *p, const pouch_dest *to) {
    if (to->topic && plain_takes(p, to->topic)) return POUCH_OK;
    return pl_fail(POUCH_E_NOT_ALLOWED, "%s is not among gateway.plain_topics, and all others are sealed",
                   to->topic ? to->topic : "a publisher's route");
}

/* Not before its reply could be heard. */
static pouch_err check_ready(const struct plain *p) {
    if (plain_ready(p)) return POUCH_OK;
    pouch_err trouble = (pouch_err)atomic_load_explicit(&p->trouble, memory_order_relaxed);
    bool hopeless = trouble == POUCH_E_NOT_ALLOWED || trouble == POUCH_E_CONFIG;
    return pl_fail(hopeless ? trouble : POUCH_E_NO_BROKER,
                   "the topic %s of plain workers' replies cannot be read yet%s", p->settings->plain_replies,
                   hopeless ? "; the log says why" : ": ask again in a moment");
}

/* Not what nobody would answer. */
static pouch_err check_audience(struct plain *p, const char *topic) {
    bool wake;
    if (!p->watch) return POUCH_OK;
    pouch_err e = pl_watch_asked(p->watch, topic, &wake);
    if (!e && wake) pl_lane_watch(&p->lane);
    if (e) pl_metric_add(PL_M_NO_RESPONDERS, 1);
    return e;
}

/* The caller's headers, but for those that would name another task. id NULL: all of them. */
static size_t headers_of(const pouch_dest *to, const struct asking *a, struct pl_header out[PL_DEST_HEADERS_MAX + 1]) {
    size_t n = 0;
    for (size_t i = 0; i < to->n_headers; i++)
        if (!a || !is_request_id(to->headers[i].name)) out[n++] = to->headers[i];
    if (a) out[n++] = (struct pl_header){REQUEST_ID, a->id, a->id_n};
    return n;
}

static pouch_err produce(struct plain *p, const pouch_dest *to, const struct asking *a, struct pl_span value,
                         struct pl_call *call) {
    struct pl_header headers[PL_DEST_HEADERS_MAX + 1];
    const struct pl_record record = {
        .topic = to->topic,
        .key = to->key,
        .key_n = to->key_n,
        .value = value.at,
        .value_n = value.n,
        .headers = headers,
        .n_headers = headers_of(to, a, headers),
        .arg = call,
    };
    pouch_err e = pl_producer_send(p->producer, &record);
    if (e == POUCH_E_OVERLOADED) pl_metric_add(PL_M_SHED, 1);
    return e;
}

static void note(struct pl_call *call, const struct asking *a, pouch_reply_fn *done, void *arg) {
    call->replied = done;
    call->arg = arg;
    call->timeout_ms = a->timeout_ms;
    strcpy(call->topic, a->to->topic); /* a checked name, so it fits */
}

/* From here on replies find it. */
static pouch_err open_call(struct plain *p, struct pl_call *call, int timeout_ms) {
    bool sooner;
    int64_t due = pl_mono_us(p->clock) + (int64_t)timeout_ms * 1000;
    pouch_err e = pl_pending_open(&p->pending, &call, 1, due, &sooner);
    if (e == POUCH_E_CONFIG) return pl_fail(POUCH_E_EXISTS, "a task with this id is open: each has an id of its own");
    if (!e && sooner) pl_wake_signal(&p->wake);
    return e;
}

/* Notes the task before its record is sent, or the reply could be faster than the note. */
static pouch_err ask(struct plain *p, const struct asking *a, pouch_reply_fn *done, void *arg) {
    struct pl_call *call;
    struct pl_uuid hash;
    pouch_err e = plain_hash(p, &hash, a->id, a->id_n);
    if (!e) e = pl_pending_reserve(&p->pending, &call, 1);
    if (e) return e;
    call->id = hash;
    note(call, a, done, arg);
    if ((e = open_call(p, call, a->timeout_ms))) return e;
    e = check_audience(p, a->to->topic);
    if (!e) e = produce(p, a->to, a, a->value, call);
    if (!e) pl_metric_add(PL_M_PLAIN_REQUESTS, 1);
    /* A task that ended meanwhile has its callback, so this one must not fail as well. */
    return e && pl_pending_withdraw(&p->pending, call) ? e : POUCH_OK;
}

pouch_err plain_ask(struct plain *p, const pouch_dest *to, const void *json, size_t n, int timeout,
                    char id[PLAIN_ID_MAX + 1], pouch_reply_fn *done, void *arg) {
    struct asking a = {.to = to, .timeout_ms = timeout};
    pouch_err e = check_topic(p, to);
    if (!e) e = check_ready(p);
    if (!e) e = prepare(p, &a, json, n);
    if (!e && id) memcpy(id, a.id, a.id_n + 1);
    if (!e) e = ask(p, &a, done, arg);
    pl_buf_free(&a.made);
    return e;
}

pouch_err plain_send(struct plain *p, const pouch_dest *to, const void *json, size_t n, pouch_stored_fn *stored,
                     void *arg) {
    struct pl_call *call = NULL; /* nobody is to be told: then the record needs no entry */
    pouch_err e = check_topic(p, to);
    if (!e && !pl_json_valid(json, n)) e = pl_fail(POUCH_E_INVALID_PAYLOAD, "the value is not one JSON text in UTF-8");
    if (!e && stored) e = pl_pending_reserve(&p->pending, &call, 1);
    if (e) return e;
    if (call) {
        call->stored = stored;
        call->arg = arg;
        strcpy(call->topic, to->topic);
    }
    e = produce(p, to, NULL, (struct pl_span){json, n}, call);
    if (e && call) {
        pl_pending_settle(&p->pending, call);
        pl_pending_drop(&p->pending, &call, 1);
    }
    return e;
}
