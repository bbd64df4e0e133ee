/* How calls end: their texts, their callbacks, and the way of their entries back to the pool. */
#include <base/log.h>
#include <base/why.h>
#include <client/gather.h>
#include <client/trace.h>
#include <metrics/metrics.h>
#include <stdio.h>

void pl_client_flush_let_go(pouch_client *c) {
    pl_pending_drop(&c->pending, c->let_go, c->n_let_go);
    c->n_let_go = 0;
}

void pl_client_let_go(pouch_client *c, struct pl_call *call) {
    if (c->n_let_go == PL_CLIENT_BATCH) pl_client_flush_let_go(c);
    c->let_go[c->n_let_go++] = call;
}

void pl_call_answered(pouch_client *c, struct pl_call *call, pouch_err e, const pouch_reply *reply) {
    if (call->gather) {
        pl_gather_call_ended(c, call, e);
    } else {
        if (c->tracer) pl_client_trace_ended(c, call, e, reply, 0);
        call->replied(e, reply, call->arg);
    }
    pl_client_let_go(c, call);
}

/* Why there may have been no answer, as far as we can tell. */
static void likely_cause(const pouch_client *c, const struct pl_call *call, char *out, size_t n) {
    *out = '\0';
    if (c->refused)
        snprintf(out, n, "; the brokers do not let us read %s: give this user the ACL READ on it", c->reply_topic);
    else if (!c->positioned)
        snprintf(out, n, "; the reply lane was not ready: %s",
                 c->lane_trouble ? c->lane_why : "no broker has answered yet");
    else if (call->iv_bytes == PL_IV_MAX)
        snprintf(out, n, "; if the worker is an older splp peer or on .NET, try crypto.iv_bytes = 12");
}

void pl_call_expired(pouch_client *c, struct pl_call *call) {
    char cause[600];
    pouch_err e = call->failed;
    if (e == POUCH_E_NO_RESPONDERS) {
        e = pl_watch_fail(call->topic);
    } else if (e) {
        pl_why_set("the request to topic %s could not be sent (%s)", call->topic, pouch_err_code(e));
    } else {
        likely_cause(c, call, cause, sizeof cause);
        e = pl_fail(POUCH_E_TIMEOUT, "no answer from topic %s within %d ms%s", call->topic, call->timeout_ms, cause);
        pl_metric_add(PL_M_TIMEOUTS, 1);
    }
    pl_call_answered(c, call, e, NULL);
}

/* A record that was only sent has come to its end; call is NULL when nobody wants to know. */
static void stored(pouch_client *c, struct pl_call *call, pouch_err e) {
    if (!call) {
        if (e && !c->is_finishing) PL_LOG(PL_LOG_WARN, "a record could not be sent", "why", pouch_why());
        return;
    }
    if (e && c->tracer) pl_client_trace_ended(c, call, e, NULL, 0);
    pl_pending_settle(&c->pending, call);
    call->stored(e, call->arg);
    pl_client_let_go(c, call);
}

void pl_record_unsent(pouch_client *c, struct pl_call *call, pouch_err e) {
    if (!call || call->stored) {
        stored(c, call, e);
        return;
    }
    if (pl_pending_claim(&c->pending, &call->id)) pl_call_answered(c, call, e, NULL);
    pl_client_let_go(c, call);
}

static pouch_err unknown_topic(const char *topic) {
    return pl_fail(POUCH_E_TARGET_REFUSED, "topic %s does not exist: pouch topic create %s", topic, topic);
}

static pouch_err not_taken(pouch_client *c, const struct pl_delivery *d) {
    char health[512];
    if (!pl_kafka_all_down(c->health))
        return pl_fail(POUCH_E_NO_BROKER,
                       "the brokers did not take a record for topic %s in time (%s); it may be stored all the same",
                       d->topic, rd_kafka_err2name(d->error));
    pl_kafka_health_text(c->health, c->settings.brokers, health, sizeof health);
    return pl_fail(POUCH_E_NO_BROKER, "%s", health);
}

static pouch_err delivery_error(pouch_client *c, const struct pl_delivery *d) {
    if (d->class == PL_KAFKA_OK) return POUCH_OK;
    if (c->is_finishing) return pl_fail(POUCH_E_CLOSED, "the client was closed before a broker took the record");
    if (d->class == PL_KAFKA_TRANSIENT) return not_taken(c, d);
    if (d->error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || d->error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return unknown_topic(d->topic);
    return pl_kafka_fail(d->error, "sending to", d->topic);
}

void pl_call_delivered(const struct pl_delivery *d, void *client) {
    pouch_client *c = client;
    struct pl_call *call = d->arg;
    pouch_err e = delivery_error(c, d);
    if (!call || call->stored)
        stored(c, call, e);
    else if (e)
        pl_record_unsent(c, call, e);
    else
        pl_client_let_go(c, call);
}
