/* One admin call at a time, or several of one kind: options, a queue of its own and the event that answers it. */
#ifndef POUCH_CLUSTER_ADMIN_H
#define POUCH_CLUSTER_ADMIN_H

#include <librdkafka/rdkafka.h>
#include <pouch/error.h>

struct pl_admin {
    rd_kafka_t *rk, *own; /* rk: the handle to ask with. own: it is none but this call's */
    rd_kafka_AdminOptions_t *options;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event; /* the answer, after pl_admin_wait() */
    int timeout;
};

/*
 * On failure there is nothing to end. NO_MEMORY.
 *
 * What is for the coordinator of a group is asked with a handle of its own, and never times out there: librdkafka
 * (2.0.2 and later, confluentinc/librdkafka#5397) ends the program when the coordinator is found after that. Whoever
 * asks stops waiting, and what is still under way ends with the handle.
 */
POUCH_MUST_CHECK pouch_err pl_admin_begin(struct pl_admin *a, rd_kafka_t *rk, rd_kafka_admin_op_t op, int timeout);

/* Waits for the answer to what was sent with a->options to a->queue. what and topic as for pl_kafka_fail(). */
POUCH_MUST_CHECK pouch_err pl_admin_wait(struct pl_admin *a, const char *what, const char *topic);

void pl_admin_end(struct pl_admin *a);

/*
 * What the answer says of one topic: OK, CONFIG, TARGET_REFUSED or as pl_kafka_fail(). what as "cannot make the topic".
 */
POUCH_MUST_CHECK pouch_err pl_admin_refused(const rd_kafka_topic_result_t *r, const char *what);

/* A request for one topic, freed with rd_kafka_NewTopic_destroy(). CONFIG. */
struct pl_topic_spec;
POUCH_MUST_CHECK pouch_err pl_new_topic(rd_kafka_NewTopic_t **out, const struct pl_topic_spec *t);

#endif
