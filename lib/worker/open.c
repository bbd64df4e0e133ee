/* Opening: what the record says, whether it may be handled, and its payload. On a pool thread. */
#include <base/hex.h>
#include <base/why.h>
#include <letter/retry.h>
#include <string.h>
#include <wire/sealed.h>
#include <worker/worker.h>

static pouch_err scan(struct pl_envelope *e, const rd_kafka_message_t *m) {
    if (!m->len) return pl_fail(POUCH_E_BAD_ENVELOPE, m->payload ? "the value is empty" : "the record has no value");
    return pl_envelope_scan(e, m->payload, m->len);
}

static size_t headers_size(const rd_kafka_headers_t *headers, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t n;
        rd_kafka_header_get_all(headers, i, &name, &value, &n);
        size += strlen(name) + 1 + n + 1;
    }
    return size;
}

static pouch_err keep_headers(struct pouch_job *j, const rd_kafka_headers_t *headers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t n;
        rd_kafka_header_get_all(headers, i, &name, &value, &n);
        name = pl_buf_keep(&j->names, name, strlen(name));
        if (value) value = pl_buf_keep(&j->names, value, n);
        pouch_err e = pl_headers_add(&j->headers, name, value, n);
        if (e) return e;
    }
    return POUCH_OK;
}

/* Copies what outlives the record. */
static pouch_err copy_names(struct pouch_job *j, const struct pl_envelope *env) {
    rd_kafka_headers_t *headers = NULL;
    size_t count = rd_kafka_message_headers(j->taken.message, &headers) ? 0 : rd_kafka_header_cnt(headers);
    j->headers.n = 0;
    j->publisher = "";
    j->reply_topic = NULL;
    j->fallback = false;
    pl_buf_reset(&j->names);
    pouch_err e =
        pl_buf_reserve(&j->names, headers_size(headers, count) + env->reply_topic.n + 1 + env->worker_name.n + 1);
    if (!e) e = keep_headers(j, headers, count);
    if (e) return e;
    if (env->worker_name.at) j->publisher = pl_buf_keep(&j->names, env->worker_name.at, env->worker_name.n);
    if (env->reply_topic.at) j->reply_topic = pl_buf_keep(&j->names, env->reply_topic.at, env->reply_topic.n);
    return POUCH_OK;
}

static int64_t header_number(const struct pouch_job *j, const char *name, int64_t most) {
    const struct pl_header *h = pl_headers_find(&j->headers, name);
    int64_t value;
    if (!h || !pl_header_number(&value, h->value, h->n)) return 0;
    return value < most ? value : most;
}

static bool header_is(const struct pouch_job *j, const char *name, const char *text) {
    const struct pl_header *h = pl_headers_find(&j->headers, name);
    return h && h->value && h->n == strlen(text) && !memcmp(h->value, text, h->n);
}

static void read_headers(struct pouch_job *j) {
    j->deadline_ms = header_number(j, PL_H_DEADLINE, PL_DEADLINE_MOST);
    j->hop = (int)header_number(j, PL_H_HOP, PL_HOPS_MAX);
    j->wants_reply = !header_is(j, PL_H_REPLY, "none");
    j->attempt = (int)header_number(j, PL_H_RETRY_ATTEMPT, PL_ATTEMPTS_MAX) + 1;
    j->tiers = (int)header_number(j, PL_H_RETRY_TIER, PL_TIERS_MAX);
}

/* A reply has the IV length of its request where that is one we write. */
static size_t reply_iv_bytes(const struct pouch_job *j, const struct pl_envelope *env) {
    size_t n = env->iv.n / 2;
    return n == PL_IV_MIN || n == PL_IV_MAX ? n : (size_t)j->worker->settings.iv_bytes;
}

/*
 * Where the requester may be told; false: at a place that we may not write to. An error is never
 * answered, or two workers could answer each other for ever.
 */
static bool find_reply_topic(struct pouch_job *j, const struct pl_envelope *env) {
    bool allowed = true;
    if (!j->wants_reply || env->error_code.at) {
        j->reply_topic = NULL;
    } else if (!j->reply_topic) {
        j->reply_topic = j->route->fallback;
        j->fallback = true;
    } else {
        allowed = pl_pattern_match(j->worker->settings.reply_topics, j->reply_topic, env->reply_topic.n);
        if (!allowed) j->reply_topic = NULL;
    }
    return allowed;
}

bool pl_job_expired(const struct pouch_job *j) {
    const struct pouch_worker *w = j->worker;
    return j->deadline_ms && pl_clockcheck_trusted(&w->clockcheck) &&
           pl_wall_ms(w->clock) - w->settings.deadline_skew_ms > j->deadline_ms;
}

static pouch_err read_payload(struct pouch_job *j, struct pl_desk *desk, const struct pl_envelope *env) {
    pouch_err e = pl_sealed_open(&j->plain, desk->sealer, env);
    if (!e) e = pl_dialect_splp.read_request(&j->payload, j->plain.at, j->plain.len);
    if (!e) j->plain.at[j->payload.at + j->payload.n - j->plain.at] = 0; /* handlers may read it as text */
    return e;
}

/* Of an envelope that was scanned. One without a tag, an error, has one that no sealing has. */
static void read_tag(struct pouch_job *j, const struct pl_envelope *env) {
    if (!env->tag.at || !pl_hex_decode(j->tag, env->tag.at, sizeof j->tag)) memset(j->tag, 0, sizeof j->tag);
}

/* Everything about the record that can be known without a key. */
static pouch_err read_record(struct pouch_job *j, struct pl_envelope *env) {
    pl_source_write(j->source, j->route->topic, j->taken.message->partition, j->taken.message->offset);
    pouch_err bad = scan(env, j->taken.message);
    pouch_err e = copy_names(j, env);
    if (e) return e;
    read_headers(j);
    j->id = env->id;
    j->readable = env->request_id.at != NULL;
    if (j->readable) pl_uuid_format(j->request_id, &j->id);
    j->iv_bytes = reply_iv_bytes(j, env);
    if (!bad && j->worker->dedupe) read_tag(j, env);
    bool allowed = find_reply_topic(j, env);
    if (bad || allowed) return bad;
    return pl_fail(
        POUCH_E_NOT_ALLOWED,
        "the request wants its reply on %.*s, which is not among reply.topics (%s); add it there if it may be",
        (int)env->reply_topic.n, env->reply_topic.at, j->worker->settings.reply_topics);
}

pouch_err pl_job_read(struct pouch_job *j) {
    struct pl_envelope env = {0};
    return read_record(j, &env);
}

pouch_err pl_job_open(struct pouch_job *j, struct pl_desk *desk) {
    struct pl_envelope env = {0};
    pouch_err e = read_record(j, &env);
    if (e) return e;
    if (pl_job_expired(j) || pl_job_stale(j))
        return pl_fail(POUCH_E_EXPIRED, "the deadline had passed before a handler was free");
    return read_payload(j, desk, &env);
}
