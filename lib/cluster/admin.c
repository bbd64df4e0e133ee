#include <base/why.h>
#include <bus/kafka.h>
#include <cluster/admin.h>
#include <cluster/cluster.h>
#include <string.h>

/*
 * GRACE_MS: librdkafka answers each call within its request timeout; this much later it has not. NEVER_MS: the most it
 * takes.
 */
enum { GRACE_MS = 2000, NEVER_MS = 3600 * 1000 };

/* The same but for who hears of its errors, which may outlive the other. */
static pouch_err open_own(struct pl_admin *a, rd_kafka_t *rk) {
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(rd_kafka_conf(rk));
    rd_kafka_conf_set_opaque(conf, NULL);
    pouch_err e = pl_kafka_new(&a->own, rd_kafka_type(rk), conf);
    a->rk = a->own;
    return e;
}

static bool is_for_coordinators(rd_kafka_admin_op_t op) {
    return op == RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS || op == RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
}

pouch_err pl_admin_begin(struct pl_admin *a, rd_kafka_t *rk, rd_kafka_admin_op_t op, int timeout) {
    char why[256];
    memset(a, 0, sizeof *a);
    a->timeout = timeout;
    a->rk = rk;
    pouch_err e = is_for_coordinators(op) ? open_own(a, rk) : POUCH_OK;
    if (e) return e;
    a->options = rd_kafka_AdminOptions_new(a->rk, op);
    a->queue = rd_kafka_queue_new(a->rk);
    if (!a->options || !a->queue) {
        pl_admin_end(a);
        return pl_fail(POUCH_E_NO_MEMORY, "no memory for an admin call");
    }
    if (rd_kafka_AdminOptions_set_request_timeout(a->options, a->own ? NEVER_MS : timeout, why, sizeof why)) {
        pl_admin_end(a);
        return pl_fail(POUCH_E_CONFIG, "an admin call cannot have a timeout of %d ms: %s", timeout, why);
    }
    return POUCH_OK;
}

pouch_err pl_admin_wait(struct pl_admin *a, const char *what, const char *topic) {
    a->event = rd_kafka_queue_poll(a->queue, a->timeout + (a->own ? 0 : GRACE_MS));
    if (!a->event) return pl_kafka_fail(RD_KAFKA_RESP_ERR__TIMED_OUT, what, topic);
    rd_kafka_resp_err_t e = rd_kafka_event_error(a->event);
    return e ? pl_kafka_fail(e, what, topic) : POUCH_OK;
}

void pl_admin_end(struct pl_admin *a) {
    if (a->event) rd_kafka_event_destroy(a->event);
    if (a->queue) rd_kafka_queue_destroy(a->queue);
    if (a->options) rd_kafka_AdminOptions_destroy(a->options);
    if (a->own) pl_kafka_close(a->own);
    memset(a, 0, sizeof *a);
}

pouch_err pl_admin_refused(const rd_kafka_topic_result_t *r, const char *what) {
    rd_kafka_resp_err_t e = rd_kafka_topic_result_error(r);
    const char *topic = rd_kafka_topic_result_name(r), *why = rd_kafka_topic_result_error_string(r);
    switch (e) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return POUCH_OK;
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
        return pl_fail(POUCH_E_CONFIG, "%s %s: %s; change the partitions, the replication or the configs asked for",
                       what, topic, why ? why : rd_kafka_err2str(e));
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        return pl_fail(POUCH_E_TARGET_REFUSED,
                       "%s %s: there is no such topic; `pouch topic list` shows those there are", what, topic);
    default: return pl_kafka_fail(e, what, topic);
    }
}

pouch_err pl_new_topic(rd_kafka_NewTopic_t **out, const struct pl_topic_spec *t) {
    char why[256];
    *out = rd_kafka_NewTopic_new(t->name, t->partitions, t->replication, why, sizeof why);
    if (!*out) return pl_fail(POUCH_E_CONFIG, "cannot make the topic %s: %s", t->name, why);
    for (const char *const *c = t->configs; c && c[0]; c += 2) {
        if (!rd_kafka_NewTopic_set_config(*out, c[0], c[1])) continue;
        rd_kafka_NewTopic_destroy(*out);
        return pl_fail(POUCH_E_CONFIG, "cannot make the topic %s: its config %.64s is refused", t->name, c[0]);
    }
    return POUCH_OK;
}
