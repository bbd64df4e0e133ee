/*
 * Retry records: a request on its way through a retry topic, byte for byte, with headers that say when and where it
 * comes back. It comes back with its own headers and those that count how often it was tried.
 *
 * Whoever may write a retry topic could have records sent anywhere, so what is read here is checked, and only workers
 * and centers should be allowed to write there.
 */
#ifndef POUCH_LETTER_RETRY_H
#define POUCH_LETTER_RETRY_H

#include <bus/producer.h>
#include <letter/tiers.h>

#define PL_H_RETRY         "pouch-retry-"        /* what all of these begin with */
#define PL_H_RETRY_TOPIC   "pouch-retry-topic"   /* where it comes back to; only while it waits */
#define PL_H_RETRY_AT      "pouch-retry-at"      /* when, in ms since the epoch; only while it waits */
#define PL_H_RETRY_REASON  "pouch-retry-reason"  /* text, at most 1 KiB; only while it waits */
#define PL_H_RETRY_GROUP   "pouch-retry-group"   /* the consumer group that put it off; only while it waits */
#define PL_H_RETRY_ATTEMPT "pouch-retry-attempt" /* decimal: how often it was tried */
#define PL_H_RETRY_TIER    "pouch-retry-tier"    /* decimal: how many retry topics it was put into */
#define PL_H_RETRY_SOURCE  "pouch-retry-source"  /* topic/partition/offset where it was first */

enum { PL_ATTEMPTS_MAX = 1000 };

struct pl_retry {
    const rd_kafka_message_t *record;
    const struct pl_tier *tier;
    const char *topic;  /* where it comes back to */
    const char *reason; /* NULL: none */
    const char *group;
    int attempt; /* tries so far */
    int tiers;   /* retry topics that it was put into, this one included */
    int64_t now_ms;
    void *arg; /* comes back with the delivery report */
};

/* Puts the record into its tier's topic. Errors of pl_producer_send(); TOO_LARGE: with the headers it does not fit. */
POUCH_MUST_CHECK pouch_err pl_retry_send(struct pl_producer *p, const struct pl_retry *r);

/* What the headers of a record say of its retries. */
struct pl_retry_facts {
    char topic[PL_NAME_MAX + 1]; /* "": not told, or no topic's name */
    int64_t at_ms;               /* -1: not told, as are the others */
    int64_t attempt, tier;
};
void pl_retry_read(struct pl_retry_facts *f, const rd_kafka_headers_t *headers); /* NULL: the record has none */

/*
 * Whether a record that waits may be sent to where it says. BAD_ENVELOPE: its headers do not say what they must.
 * NOT_ALLOWED: it wants to go to a topic of Pouch's or Kafka's own (internal.*, __*, or `but`, a list ended by NULL).
 */
POUCH_MUST_CHECK pouch_err pl_retry_check(const struct pl_retry_facts *f, const char *const but[]);

/*
 * Sends a record that waited back to f->topic; into its tier once more, to wait until at_ms. Errors of
 * pl_producer_send().
 */
POUCH_MUST_CHECK pouch_err pl_retry_return(struct pl_producer *p, const rd_kafka_message_t *m,
                                           const struct pl_retry_facts *f, void *arg);
POUCH_MUST_CHECK pouch_err pl_retry_postpone(struct pl_producer *p, const rd_kafka_message_t *m,
                                             const struct pl_tier *tier, int64_t at_ms, void *arg);

/*
 * Whether a topic is one of Pouch's or Kafka's own, to which no request is sent: internal.*, __* and those of `but`, as
 * above.
 */
bool pl_topic_internal(const char *topic, const char *const but[]);

#endif
