/* How tasks end, on plain's thread. */
#include <base/log.h>
#include <base/why.h>
#include <client/reply.h>
#include <metrics/metrics.h>
#include <plain/message.h>
#include <plain/state.h>

static void drop(struct plain *p, struct pl_call *call) {
    pl_pending_drop(&p->pending, &call, 1);
}

void plain_ended(struct plain *p, struct pl_call *call, pouch_err e, const pouch_reply *reply) {
    call->replied(e, reply, call->arg);
    drop(p, call);
}

void plain_expired(struct plain *p, struct pl_call *call) {
    plain_recent_note(&p->recent, &call->id, PLAIN_TIMED_OUT);
    pl_metric_add(PL_M_TIMEOUTS, 1);
    pouch_err e =
        pl_fail(POUCH_E_TIMEOUT, "no answer from topic %s within %d ms%s%s", call->topic, call->timeout_ms,
                p->refused ? "; the brokers do not let us read its replies: give this user the ACL READ on " : "",
                p->refused ? p->settings->plain_replies : "");
    plain_ended(p, call, e, NULL);
}

static pouch_err delivery_error(struct plain *p, const struct pl_delivery *d) {
    char health[512];
    if (d->class == PL_KAFKA_OK) return POUCH_OK;
    if (p->is_finishing) return pl_fail(POUCH_E_CLOSED, "the gateway stopped before a broker took the record");
    if (d->class == PL_KAFKA_PERMANENT) return pl_kafka_fail(d->error, "sending to", d->topic);
    if (!pl_kafka_all_down(p->health))
        return pl_fail(POUCH_E_NO_BROKER,
                       "the brokers did not take a record for topic %s in time (%s); it may be stored all the same",
                       d->topic, rd_kafka_err2name(d->error));
    pl_kafka_health_text(p->health, p->settings->brokers, health, sizeof health);
    return pl_fail(pl_kafka_health_error(p->health), "%s", health);
}

void plain_delivered(const struct pl_delivery *d, void *plain) {
    struct plain *p = plain;
    struct pl_call *call = d->arg;
    pouch_err e = delivery_error(p, d);
    if (!call) {
        if (e && !p->is_finishing) PL_LOG(PL_LOG_WARN, "a record could not be sent", "why", pouch_why());
        return;
    }
    if (call->stored) {
        pl_pending_settle(&p->pending, call);
        call->stored(e, call->arg);
    } else if (e && pl_pending_is_open(&p->pending, call) && pl_pending_claim(&p->pending, &call->id)) {
        plain_ended(p, call, e, NULL); /* not another one, which may have the same id by now */
    }
    drop(p, call);
}

/* It ended no task: whose was it? */
static void count_other(const struct plain *p, const struct pl_uuid *id) {
    switch (plain_recent_find(&p->recent, id)) {
    case PLAIN_ANSWERED: pl_metric_add(PL_M_PLAIN_DUPLICATE, 1); break;
    case PLAIN_TIMED_OUT: pl_metric_add(PL_M_PLAIN_LATE, 1); break;
    case PLAIN_UNKNOWN: pl_metric_add(PL_M_PLAIN_OTHER, 1); break;
    }
}

/* Value and error as texts of their own. */
static pouch_err copy_texts(struct plain *p, const rd_kafka_message_t *m, const struct plain_answer *a) {
    static const char none[] = "the worker says that it failed, and gives no reason";
    pl_buf_recycle(&p->text);
    pl_buf_recycle(&p->error);
    pouch_err e = pl_buf_append(&p->text, m->payload, m->len);
    if (e || a->success) return e;
    if (!a->error.at) return pl_buf_puts(&p->error, none);
    if ((e = pl_buf_reserve(&p->error, a->error.n + 1))) return e;
    p->error.len = pl_json_unescape(p->error.at, a->error.at, a->error.n);
    return POUCH_OK;
}

static void answer(struct plain *p, struct pl_call *call, rd_kafka_message_t *m, const struct plain_answer *a) {
    char target[PL_NAME_MAX + 1] = "";
    pl_metric_add(a->success ? PL_M_PLAIN_OK : PL_M_PLAIN_ERROR, 1);
    plain_recent_note(&p->recent, &call->id, PLAIN_ANSWERED);
    if (p->watch) pl_watch_answered(p->watch, call->topic);
    if (copy_texts(p, m, a)) {
        plain_ended(p, call, pl_fail(POUCH_E_NO_MEMORY, "out of memory for the reply of %s", call->topic), NULL);
        return;
    }
    const pouch_reply reply = {.payload = p->text.at,
                               .payload_n = p->text.len,
                               .error = p->error.at ? p->error.at : "",
                               .message = m,
                               .target = target};
    pouch_err e = a->success ? POUCH_OK : POUCH_E_HANDLER_ERROR;
    if (e) pl_why_set("%s was answered with an error: %s", call->topic, reply.error);
    plain_ended(p, call, e, &reply);
}

void plain_take_reply(struct plain *p, rd_kafka_message_t *m) {
    struct plain_answer a;
    struct pl_uuid hash;
    char id[PLAIN_ID_MAX + 1];
    size_t n = plain_answer_read(&a, m->payload ? m->payload : "", m->len) ? 0 : plain_id_read(id, a.id);
    if (!n || plain_hash(p, &hash, id, n)) {
        pl_metric_add(PL_M_PLAIN_UNREADABLE, 1);
        return;
    }
    struct pl_call *call = pl_pending_claim(&p->pending, &hash);
    if (call)
        answer(p, call, m, &a);
    else
        count_other(p, &hash);
}
