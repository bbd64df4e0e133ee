#include <base/why.h>
#include <bus/kafka.h>
#include <cluster/admin.h>
#include <string.h>

/* librdkafka answers each call within its request timeout; this much later it has not. */
enum { GRACE_MS = 2000 };

pouch_err pl_admin_begin(struct pl_admin *a, rd_kafka_t *rk, rd_kafka_admin_op_t op, int timeout) {
    char why[256];
    memset(a, 0, sizeof *a);
    a->timeout = timeout;
    a->options = rd_kafka_AdminOptions_new(rk, op);
    a->queue = rd_kafka_queue_new(rk);
    if (!a->options || !a->queue) {
        pl_admin_end(a);
        return pl_fail(POUCH_E_NO_MEMORY, "no memory for an admin call");
    }
    if (rd_kafka_AdminOptions_set_request_timeout(a->options, timeout, why, sizeof why)) {
        pl_admin_end(a);
        return pl_fail(POUCH_E_CONFIG, "an admin call cannot have a timeout of %d ms: %s", timeout, why);
    }
    return POUCH_OK;
}

pouch_err pl_admin_wait(struct pl_admin *a, const char *what, const char *topic) {
    a->event = rd_kafka_queue_poll(a->queue, a->timeout + GRACE_MS);
    if (!a->event) return pl_kafka_fail(RD_KAFKA_RESP_ERR__TIMED_OUT, what, topic);
    rd_kafka_resp_err_t e = rd_kafka_event_error(a->event);
    return e ? pl_kafka_fail(e, what, topic) : POUCH_OK;
}

void pl_admin_end(struct pl_admin *a) {
    if (a->event) rd_kafka_event_destroy(a->event);
    if (a->queue) rd_kafka_queue_destroy(a->queue);
    if (a->options) rd_kafka_AdminOptions_destroy(a->options);
    memset(a, 0, sizeof *a);
}
