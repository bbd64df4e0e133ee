/*
 * Sending a dead letter again: its record as it came, without what belonged to the request of then (its deadline, its
 * wish for an answer, its hops and retries), and with a count that ends circles.
 */
#ifndef POUCH_LETTER_REDRIVE_H
#define POUCH_LETTER_REDRIVE_H

#include <bus/producer.h>
#include <letter/read.h>

#define PL_H_REDRIVE        "pouch-redrive"        /* decimal: how often it was sent again from a dead-letter topic */
#define PL_H_REDRIVE_SOURCE "pouch-redrive-source" /* topic/partition/offset of that dead letter */

/* How often the record was sent again before it came to be this letter. */
int64_t pl_redrive_count(const struct pl_letter_facts *f, const rd_kafka_headers_t *headers);

/*
 * Where it goes unless told: the topic that it came from; where that is a retry topic, the one that it was to go back
 * to. False: it does not say, or it is a topic of Pouch's or Kafka's own, or of `but`, a list ended by NULL.
 */
bool pl_redrive_target(const struct pl_letter_facts *f, const char *const but[], char topic[PL_NAME_MAX + 1]);

/* The letter m to a topic. Errors of pl_producer_send(). */
POUCH_MUST_CHECK pouch_err pl_redrive_send(struct pl_producer *p, const rd_kafka_message_t *m,
                                           const struct pl_letter_facts *f, const char *topic, void *arg);

#endif
