#include <base/clock.h>
#include <store/message_log.h>
#include <worker/trace.h>

static struct pl_trace row_of(const struct pouch_job *j, const char *target, bool response) {
    const rd_kafka_message_t *m = j->taken.message;
    return (struct pl_trace){
        .id = pl_trace_id(j->route->topic, m->partition, m->offset, NULL, PL_TRACE_WORKER, response),
        .by = PL_TRACE_WORKER,
        .response = response,
        .request_id = j->id,
        .publisher = *j->publisher ? j->publisher : NULL,
        .topic = j->route->topic,
        .partition = m->partition,
        .offset = m->offset,
        .target = target,
    };
}

/* Envelopes of requests that did not open, and of errors told without the key,
 * are not kept. */
static void keep_payload(const struct pouch_job *j, struct pl_trace *row, const void *envelope, size_t n) {
    if (!j->worker->settings.trace_sealed || !j->opened || !n) return;
    row->payload = envelope;
    row->payload_n = n;
}

void pl_worker_trace_begun(const struct pouch_job *j) {
    const struct pouch_worker *w = j->worker;
    if (!w->tracer) return;
    struct pl_trace row = row_of(j, NULL, false);
    row.success = true;
    row.at_us = pl_wall_us(w->clock);
    row.took_us = -1;
    keep_payload(j, &row, j->taken.message->payload, j->taken.message->len);
    pl_tracer_put(w->tracer, &row);
}

static bool succeeded(const struct pouch_job *j) {
    return j->counted == PL_M_JOBS || j->counted == PL_M_JOBS_DONE || j->counted == PL_M_JOBS_FORWARDED ||
           j->counted == PL_M_JOBS_REPEATED;
}

/* A handler that ended its job with an error has told the requester itself, and
 * left no code here. */
static pouch_err code_of(const struct pouch_job *j) {
    if (succeeded(j)) return POUCH_OK;
    return j->code ? j->code : POUCH_E_HANDLER_ERROR;
}

/* What a handler says of its error is for the requester alone: its text may
 * hold what was sealed. */
static const char *error_of(const struct pouch_job *j, pouch_err code) {
    return code && code != POUCH_E_HANDLER_ERROR && !j->confided && j->text.len ? j->text.at : NULL;
}

void pl_worker_trace_ended(const struct pouch_job *j) {
    const struct pouch_worker *w = j->worker;
    if (!w->tracer) return;
    int64_t now_us = pl_mono_us(w->clock), started_us = atomic_load_explicit(&j->started_us, memory_order_relaxed);
    int64_t ended_us = j->ended_us > started_us ? j->ended_us : now_us;
    bool sent = j->parcel.value.len > 0;
    pouch_err code = code_of(j);
    const char *target = sent          ? j->parcel.topic
                         : j->later    ? j->later->topic
                         : j->lettered ? w->settings.dlq_topic
                                       : NULL;
    struct pl_trace row = row_of(j, target, true);
    row.success = !code;
    row.at_us = pl_wall_us(w->clock) - (now_us - ended_us);
    row.took_us = started_us ? ended_us - started_us : -1;
    row.code = code ? pouch_err_code(code) : NULL;
    row.error = error_of(j, code);
    keep_payload(j, &row, j->parcel.value.at, j->parcel.value.len);
    pl_tracer_put(w->tracer, &row);
}
