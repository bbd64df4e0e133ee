/*
 * What comes on the reply topic. Every instance of a client id reads all its replies, so what is
 * not in the table of open calls is skipped by its record key, before any work. What is left must
 * be an envelope for an open call, sealed with our key, whose inside names the same request:
 * else it is counted, and the call waits on.
 */
#include <base/log.h>
#include <base/why.h>
#include <client/client.h>
#include <client/gather.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <string.h>
#include <wire/headers.h>
#include <wire/payload.h>
#include <wire/sealed.h>

static bool same(const struct pl_uuid *a, const struct pl_uuid *b) {
    return !memcmp(a, b, sizeof *a);
}

/* A record without a value counts as an empty one. */
static const void *value_of(const rd_kafka_message_t *m) {
    return m->payload ? m->payload : "";
}

/* The request that a record answers: by its key where that is a request id, else by its envelope. */
static bool read_id(const pouch_client *c, const rd_kafka_message_t *m, struct pl_uuid *id) {
    struct pl_envelope env;
    bool keys_tell = !atomic_load_explicit(&c->keys_differ, memory_order_relaxed);
    if (keys_tell && m->key && pl_uuid_parse(id, m->key, m->key_len)) return true;
    if (pl_envelope_scan(&env, value_of(m), m->len)) return false;
    *id = env.id;
    return true;
}

static void unreadable(const rd_kafka_message_t *m, const struct pl_uuid *id) {
    char id_text[37], offset[24];
    pl_uuid_format(id_text, id);
    snprintf(offset, sizeof offset, "%lld", (long long)m->offset);
    pl_metric_add(PL_M_REPLY_UNREADABLE, 1);
    PL_LOG(PL_LOG_WARN, "a reply to an open call cannot be read, and the call waits on", "request_id", id_text,
           "offset", offset, "why", pouch_why());
}

static void mismatch(const struct pl_uuid *id) {
    char id_text[37];
    pl_uuid_format(id_text, id);
    pl_metric_add(PL_M_REPLY_MISMATCH, 1);
    PL_LOG(PL_LOG_WARN, "a reply names another request inside than outside, and the call waits on", "request_id",
           id_text);
}

/*
 * Whether other branches of a fan-out may still succeed: a call ends with its first success, or when all have failed.
 * The header is not authenticated; who forges it can hold an error back until the timeout, as who deletes the record
 * can.
 */
static bool others_may_succeed(pouch_client *c, const rd_kafka_message_t *m, const struct pl_uuid *id) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    unsigned branch, branches;
    if (rd_kafka_message_headers(m, &headers) || rd_kafka_header_get_last(headers, PL_H_FANOUT, &value, &n) ||
        !pl_header_branch(&branch, &branches, value, n))
        return false;
    return pl_pending_branch_failed(&c->pending, id, branch, branches);
}

static void end_call(pouch_client *c, rd_kafka_message_t *m, const struct pl_envelope *env, pouch_err e,
                     pouch_reply *reply) {
    if (e && others_may_succeed(c, m, &env->id)) {
        pl_metric_add(PL_M_REPLY_BRANCH, 1);
        return;
    }
    pl_uuid_format(reply->request_id, &env->id);
    reply->message = m;
    reply->target = c->inbox.target;
    *reply->target = '\0';
    struct pl_call *call = pl_pending_answered(&c->pending, &env->id);
    /* Answered before, by another record or by this one's like, or its time was up. */
    if (!call || (call->gather && pl_gather_knows(call, reply, env))) {
        pl_metric_add(PL_M_REPLY_OTHER, 1);
        return;
    }
    pl_metric_add(!reply->sealed ? PL_M_REPLY_PLAIN : e ? PL_M_REPLY_ERROR : PL_M_REPLY_OK, 1);
    if (e)
        pl_why_set("%s was answered with %s%s%s", call->topic, pouch_err_code(e), reply->sealed ? "" : ": ",
                   reply->sealed ? "" : reply->error);
    if (c->watch) pl_watch_answered(c->watch, call->topic);
    if (call->gather)
        pl_gather_answered(c, call, e, reply, env);
    else
        pl_call_answered(c, call, e, reply);
}

/* The piece as text of its own: whatever follows it in the plaintext is structure, already read. */
static char *terminate(struct pl_buf *plain, struct pl_span span) {
    char *at = plain->at + (span.at - plain->at);
    at[span.n] = '\0';
    return at;
}

/* What peers put in an error reply's payload when they have none. */
static bool is_null(struct pl_span json) {
    return json.n == 4 && !memcmp(json.at, "null", 4);
}

/* A success without a payload is a null; an error with a null has no payload. */
static void set_payload(pouch_reply *reply, struct pl_buf *plain, const struct pl_reply_text *text) {
    if (text->success && !text->payload.at) {
        reply->payload = "null";
        reply->payload_n = 4;
    } else if (text->payload.at && (text->success || !is_null(text->payload))) {
        reply->payload = terminate(plain, text->payload);
        reply->payload_n = text->payload.n;
    }
}

/*
 * What our own validator says of a success. Where it is not well its payload is kept from the caller, who gets the
 * reason in place of an error that the other side told.
 */
static pouch_err validate(pouch_client *c, const struct pl_uuid *id, pouch_reply *reply) {
    char topic[PL_NAME_MAX + 1], publisher[PL_NAME_MAX + 1];
    if (!c->settings.validate || !pl_pending_names(&c->pending, id, topic, publisher)) return POUCH_OK;
    const struct pouch_payload p = {.text = {reply->payload, reply->payload_n},
                                    .topic = *publisher ? "" : topic,
                                    .publisher = publisher,
                                    .is_reply = true};
    pouch_err e = pl_payload_validate(&p, c->settings.validate, c->settings.validate_arg, NULL);
    if (!e) return POUCH_OK;
    pl_metric_add(e == POUCH_E_UNCHECKED ? PL_M_UNCHECKED : PL_M_INVALID_REPLY, 1);
    snprintf(c->inbox.why, sizeof c->inbox.why, "%s", pouch_why());
    reply->error = c->inbox.why;
    reply->payload = "";
    reply->payload_n = 0;
    return e;
}

static void sealed_reply(pouch_client *c, rd_kafka_message_t *m, const struct pl_envelope *env) {
    struct pl_buf *plain = &c->inbox.plain;
    struct pl_reply_text text;
    pouch_err e = pl_sealed_open(plain, c->inbox.sealer, env);
    if (!e) e = c->dialect->read_reply(&text, plain->at, plain->len);
    if (e) {
        unreadable(m, &env->id);
        return;
    }
    if (!same(&text.id, &env->id)) {
        mismatch(&env->id);
        return;
    }
    pouch_err code = text.success ? POUCH_OK : pl_error_from_code(text.code.at, text.code.n);
    if (!text.success && !code) code = POUCH_E_HANDLER_ERROR;
    pouch_reply reply = {.sealed = true, .payload = "", .error = ""};
    if (text.error.at) {
        char *error = plain->at + (text.error.at - plain->at);
        pl_json_unescape(error, text.error.at, text.error.n);
        reply.error = error;
    }
    set_payload(&reply, plain, &text);
    if (!code) code = validate(c, &env->id, &reply);
    end_call(c, m, env, code, &reply);
}

/*
 * An error told without the key. Anyone who may write the topic can make one, so only what a keyless party can know
 * counts.
 */
static void plain_error(pouch_client *c, rd_kafka_message_t *m, const struct pl_envelope *env) {
    struct pl_buf *text = &c->inbox.plain;
    pouch_err code = pl_error_from_code(env->error_code.at, env->error_code.n);
    if (!c->settings.plain_errors || !pl_error_may_be_plain(code)) {
        pl_metric_add(PL_M_REPLY_FORGED, 1);
        return;
    }
    pl_buf_reset(text);
    if (pl_buf_reserve(text, env->error_message.n)) {
        unreadable(m, &env->id);
        return;
    }
    text->len = env->error_message.at ? pl_json_unescape(text->at, env->error_message.at, env->error_message.n) : 0;
    text->at[text->len] = '\0';
    pouch_reply reply = {.payload = "", .error = text->at};
    end_call(c, m, env, code, &reply);
}

/* A record for a call that is open. */
static void read_reply(pouch_client *c, rd_kafka_message_t *m, const struct pl_uuid *id) {
    struct pl_envelope env;
    if (pl_envelope_scan(&env, value_of(m), m->len))
        unreadable(m, id);
    else if (!same(&env.id, id))
        mismatch(id);
    else if (env.error_code.at)
        plain_error(c, m, &env);
    else
        sealed_reply(c, m, &env);
    pl_buf_recycle_secret(&c->inbox.plain);
}

static void read_batch(pouch_client *c, size_t n) {
    struct pl_inbox *in = &c->inbox;
    size_t with_id = 0, others = 0;
    for (size_t i = 0; i < n; i++) {
        if (read_id(c, in->batch[i], &in->ids[with_id])) {
            in->batch[with_id++] = in->batch[i];
        } else {
            pl_metric_add(PL_M_REPLY_UNREADABLE, 1);
            rd_kafka_message_destroy(in->batch[i]);
        }
    }
    pl_pending_known(&c->pending, in->ids, in->known, with_id);
    for (size_t i = 0; i < with_id; i++) others += !in->known[i];
    if (others) pl_metric_add(PL_M_REPLY_OTHER, (int64_t)others); /* before a callback can look */
    for (size_t i = 0; i < with_id; i++) {
        if (in->known[i]) read_reply(c, in->batch[i], &in->ids[i]);
        rd_kafka_message_destroy(in->batch[i]);
    }
}

void pl_inbox_take(pouch_client *c) {
    enum pl_reader_trouble trouble;
    if (!c->inbox.reader) return;
    size_t n = pl_reader_take(c->inbox.reader, c->inbox.batch, PL_CLIENT_BATCH, &trouble);
    if (trouble == PL_READER_TOPIC_GONE) pl_lane_gone(&c->lane);
    if (n || trouble == PL_READER_REFUSED) c->refused = trouble == PL_READER_REFUSED;
    if (n) read_batch(c, n);
}
