/*
 * Dead letters: the original record, byte for byte, on the dead-letter topic, with headers that
 * say why and where from, ours and those that Spring writes, so that its tools read them too. A record that no longer
 * fits keeps its headers and the first 64 KiB.
 */
#ifndef POUCH_LETTER_LETTER_H
#define POUCH_LETTER_LETTER_H

#include <bus/producer.h>
#include <pouch/error.h>
#include <stdbool.h>
#include <wire/envelope.h>

#define PL_H_DLQ_CODE      "pouch-dlq-code"       /* wire code of the error */
#define PL_H_DLQ_KIND      "pouch-dlq-kind"       /* "retriable": sending it again may help; or "permanent" */
#define PL_H_DLQ_REASON    "pouch-dlq-reason"     /* text, at most 1 KiB */
#define PL_H_DLQ_WORDS     "pouch-dlq-words"      /* what the handler said: the error reply, sealed */
#define PL_H_DLQ_SOURCE    "pouch-dlq-source"     /* topic/partition/offset */
#define PL_H_DLQ_GROUP     "pouch-dlq-group"      /* the consumer group that gave it up */
#define PL_H_DLQ_TIME      "pouch-dlq-failed-at"  /* ms since the epoch */
#define PL_H_DLQ_ATTEMPTS  "pouch-dlq-attempts"   /* decimal */
#define PL_H_DLQ_REQUEST   "pouch-dlq-request-id" /* where it could be read */
#define PL_H_DLQ_TARGET    "pouch-dlq-target"     /* the topic it was to go to, where there was one */
#define PL_H_DLQ_TRUNCATED "pouch-dlq-truncated"  /* original length, when cut */

/* Spring's; numbers are big-endian, of 8 bytes but for the partition's 4. */
#define PL_H_DLT_CODE      "kafka_dlt-exception-fqcn" /* the wire code */
#define PL_H_DLT_MESSAGE   "kafka_dlt-exception-message"
#define PL_H_DLT_TOPIC     "kafka_dlt-original-topic"
#define PL_H_DLT_PARTITION "kafka_dlt-original-partition"
#define PL_H_DLT_OFFSET    "kafka_dlt-original-offset"
#define PL_H_DLT_TIMESTAMP "kafka_dlt-original-timestamp"
#define PL_H_DLT_TIME_TYPE "kafka_dlt-original-timestamp-type"
#define PL_H_DLT_GROUP     "kafka_dlt-original-consumer-group"

/* CAAS's, which records that were put off or sent again have as well. */
#define PL_H_X_COUNT  "x-retry-count"    /* decimal: how often it was tried again */
#define PL_H_X_TOPIC  "x-original-topic" /* where it was to be handled */
#define PL_H_X_LETTER "x-dlq-id"         /* topic/partition/offset of the dead letter that it was */

struct pl_letter {
    const rd_kafka_message_t *record;
    const char *request_id; /* NULL: unreadable */
    const char *target;     /* NULL: none */
    pouch_err code;
    const char *reason;
    struct pl_span words; /* at NULL: none */
    const char *group;
    int attempts;
    /* it was tried as often as was allowed, or will be welcome later; what code says does not matter then */
    bool retriable;
    int64_t now_ms;
    size_t most; /* bytes that it may have, of pl_letter_less(); 0: as many as the producer takes */
    void *arg;   /* comes back with the delivery report */
};

/*
 * Sends it, and counts it. Errors of pl_producer_send(); TOO_LARGE cannot happen as long as
 * message.max.bytes is 4 KiB or more: after the value, the original headers, the key and the words give way.
 */
POUCH_MUST_CHECK pouch_err pl_letter_send(struct pl_producer *p, const char *dlq_topic, const struct pl_letter *l);

/*
 * A topic may take less than a producer sends (max.message.bytes), and tells nobody how much: what a letter may have
 * that was refused as too large when it might have `most`, 4 KiB at least.
 */
size_t pl_letter_less(size_t most);

/* Makes the dead-letter topic when it is missing (4 partitions, 30 days). Errors of pl_topic_create(). */
POUCH_MUST_CHECK pouch_err pl_letter_topic(rd_kafka_t *rk, const char *dlq_topic, int timeout);

#endif
