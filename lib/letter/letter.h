/*
 * Dead letters: the original record, byte for byte, on the dead-letter topic, with headers that
 * say why and where from. A record that no longer fits keeps its headers and the first 64 KiB.
 */
#ifndef POUCH_LETTER_LETTER_H
#define POUCH_LETTER_LETTER_H

#include <bus/producer.h>
#include <pouch/error.h>

#define PL_H_DLQ_CODE      "pouch-dlq-code"       /* wire code of the error */
#define PL_H_DLQ_REASON    "pouch-dlq-reason"     /* text, at most 1 KiB */
#define PL_H_DLQ_SOURCE    "pouch-dlq-source"     /* topic/partition/offset */
#define PL_H_DLQ_GROUP     "pouch-dlq-group"      /* the consumer group that gave it up */
#define PL_H_DLQ_TIME      "pouch-dlq-failed-at"  /* ms since the epoch */
#define PL_H_DLQ_ATTEMPTS  "pouch-dlq-attempts"   /* decimal */
#define PL_H_DLQ_REQUEST   "pouch-dlq-request-id" /* where it could be read */
#define PL_H_DLQ_TARGET    "pouch-dlq-target"     /* the topic it was to go to, where there was one */
#define PL_H_DLQ_TRUNCATED "pouch-dlq-truncated"  /* original length, when cut */

struct pl_letter {
    const rd_kafka_message_t *record;
    const char *request_id; /* NULL: unreadable */
    const char *target;     /* NULL: none */
    pouch_err code;
    const char *reason;
    const char *group;
    int attempts;
    int64_t now_ms;
    void *arg; /* comes back with the delivery report */
};

/*
 * Sends it, and counts PL_M_DEAD_LETTERS. Errors of pl_producer_send(); TOO_LARGE cannot happen as long as
 * message.max.bytes is 4 KiB or more: after the value, the original headers and the key give way.
 */
POUCH_MUST_CHECK pouch_err pl_letter_send(struct pl_producer *p, const char *dlq_topic, const struct pl_letter *l);

/* Makes the dead-letter topic when it is missing (4 partitions, 30 days). Errors of pl_topic_create(). */
POUCH_MUST_CHECK pouch_err pl_letter_topic(rd_kafka_t *rk, const char *dlq_topic, int timeout);

#endif
