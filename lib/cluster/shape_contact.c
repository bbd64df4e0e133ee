/*
 * Each broker is sent a request that librdkafka sends to that broker alone, for one config of its own. A refusal is an
 * answer as well. It is asked twice: the first time opens the connection, the second is timed.
 */
#include <base/why.h>
#include <cluster/admin.h>
#include <cluster/shape_parts.h>
#include <cluster/until.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { GRACE_MS = 1000 };

struct round {
    rd_kafka_t *rk;
    struct pl_shape *shape;
    struct pl_admin admin;
    int64_t *sent_us; /* of each broker of the shape */
    size_t asked;
};

static pouch_err ask(struct round *r, size_t i) {
    char id[16];
    snprintf(id, sizeof id, "%" PRId32, r->shape->brokers[i].id);
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, id);
    if (!resource || rd_kafka_ConfigResource_set_config(resource, "log.dirs", "")) {
        if (resource) rd_kafka_ConfigResource_destroy(resource);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory to ask a broker");
    }
    rd_kafka_AdminOptions_set_opaque(r->admin.options, &r->shape->brokers[i]);
    r->sent_us[i] = pl_mono_us(&pl_clock_system);
    rd_kafka_DescribeConfigs(r->rk, &resource, 1, r->admin.options, r->admin.queue);
    rd_kafka_ConfigResource_destroy(resource);
    r->asked++;
    return POUCH_OK;
}

/*
 * Errors of librdkafka's own are negative; the mock has no such request, which is known once it has told what it has.
 */
static bool is_answer(rd_kafka_resp_err_t e) {
    return (int)e >= 0 || e == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
}

static void hear(struct round *r, rd_kafka_event_t *event) {
    struct pl_shape_broker *b = rd_kafka_event_opaque(event);
    rd_kafka_resp_err_t e = rd_kafka_event_error(event);
    b->answers = is_answer(e);
    b->took_us = b->answers ? pl_mono_us(&pl_clock_system) - r->sent_us[b - r->shape->brokers] : -1;
    snprintf(b->why, sizeof b->why, "%s", b->answers ? "" : rd_kafka_event_error_string(event));
}

static pouch_err ask_all(struct round *r, bool again) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0; i < r->shape->n_brokers && !e; i++) {
        const struct pl_shape_broker *b = &r->shape->brokers[i];
        if (b->host && (!again || b->answers)) e = ask(r, i);
    }
    return e;
}

/* Each request ends with an event, at the latest when its time is over. */
static pouch_err turn(struct round *r, bool again, int timeout) {
    pouch_err e = pl_admin_begin(&r->admin, r->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout);
    if (e) return e;
    e = ask_all(r, again);
    for (; r->asked; r->asked--) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(r->admin.queue, timeout + GRACE_MS);
        if (event) hear(r, event);
        if (event) rd_kafka_event_destroy(event);
    }
    pl_admin_end(&r->admin);
    return e;
}

pouch_err pl_shape_contact(rd_kafka_t *rk, struct pl_shape *s, int timeout) {
    int64_t until_us = pl_until_us(timeout);
    struct round r = {.rk = rk, .shape = s, .sent_us = calloc(s->n_brokers + 1, sizeof *r.sent_us)};
    if (!r.sent_us) return pl_fail(POUCH_E_NO_MEMORY, "out of memory to ask %zu brokers", s->n_brokers);
    pouch_err e = turn(&r, false, timeout / 2);
    if (!e) e = turn(&r, true, pl_left_ms(until_us));
    free(r.sent_us);
    return e;
}
