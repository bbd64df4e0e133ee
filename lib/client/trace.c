#include <base/clock.h>
#include <base/why.h>
#include <client/trace.h>
#include <store/message_log.h>
#include <string.h>

/* Request ids are random, so their bits serve as the rows' ids; nth: 0 for the request, then its answers from 1. */
static uint64_t row_id(const struct pl_uuid *id, size_t nth) {
    uint64_t bits;
    memcpy(&bits, id->b, sizeof bits);
    return bits ^ nth;
}

void pl_client_trace_asked(pouch_client *c, const struct pl_ask *a, const struct pl_uuid *id,
                           const struct pl_record *record) {
    struct pl_trace row = {
        .id = row_id(id, 0),
        .by = PL_TRACE_CLIENT,
        .success = true,
        .request_id = *id,
        .at_us = a->now_us, /* by now the record may have been answered */
        .took_us = -1,
        .publisher = a->to->publisher,
        .topic = record->topic,
        .partition = -1,
        .offset = -1,
    };
    if (c->settings.trace_sealed) {
        row.payload = record->value;
        row.payload_n = record->value_n;
    }
    pl_tracer_put(c->tracer, &row);
}

/* Calls that want no reply have no deadline to count back from. */
static int64_t took_us(const pouch_client *c, const struct pl_call *call) {
    if (call->stored) return -1;
    return pl_mono_us(c->clock) - (call->timer.due - (int64_t)call->timeout_ms * 1000);
}

/* What was sealed stays sealed: of such an error only the code is kept. */
static const char *error_text(pouch_err e, const pouch_reply *reply) {
    if (!e) return NULL;
    if (!reply) return pouch_why();
    return reply->sealed ? NULL : reply->error;
}

void pl_client_trace_ended(pouch_client *c, const struct pl_call *call, pouch_err e, const pouch_reply *reply,
                           size_t nth) {
    const rd_kafka_message_t *m = reply ? reply->message : NULL;
    struct pl_trace row = {
        .id = row_id(&call->id, 1 + nth),
        .by = PL_TRACE_CLIENT,
        .response = true,
        .success = !e,
        .request_id = call->id,
        .at_us = pl_wall_us(c->clock),
        .took_us = took_us(c, call),
        .publisher = *call->publisher ? call->publisher : NULL,
        .topic = m ? c->reply_topic : call->topic,
        .partition = m ? m->partition : -1,
        .offset = m ? m->offset : -1,
        .code = e ? pouch_err_code(e) : NULL,
        .error = error_text(e, reply),
    };
    if (c->settings.trace_sealed && m && reply->sealed) {
        row.payload = m->payload;
        row.payload_n = m->len;
    }
    pl_tracer_put(c->tracer, &row);
}
