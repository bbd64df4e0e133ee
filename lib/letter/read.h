/*
 * What a record of a dead-letter topic says about itself: in our headers, in those of Spring, Kafka Connect or
 * CAAS, or not at all. Whoever may write the topic may write anything: what is malformed counts as not told, and texts
 * may hold any bytes.
 */
#ifndef POUCH_LETTER_READ_H
#define POUCH_LETTER_READ_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <wire/envelope.h>

enum pl_letter_by { PL_LETTER_OTHER, PL_LETTER_POUCH, PL_LETTER_SPRING, PL_LETTER_CONNECT, PL_LETTER_CAAS };

/* Spans are borrowed from the headers; at NULL or -1: not told. */
struct pl_letter_facts {
    enum pl_letter_by by;
    struct pl_span code; /* a wire code of ours, or the class of an exception */
    struct pl_span kind; /* "retriable" or "permanent" */
    struct pl_span reason, group, request_id, target;
    struct pl_span words; /* an envelope: what the handler said */
    struct pl_span topic; /* where the record was read from, as are the next two */
    int64_t partition, offset;
    int64_t failed_at_ms;
    int64_t attempts;
    int64_t whole_bytes; /* length of the original value; -1: nothing was cut off */
    size_t first;        /* headers from here on may be the letter's, those before are the original record's */
};

/* headers NULL: the record has none. */
void pl_letter_read(struct pl_letter_facts *f, const rd_kafka_headers_t *headers);

/* Whether the i-th header was the original record's; false too past the end. */
bool pl_letter_original(const struct pl_letter_facts *f, const rd_kafka_headers_t *headers, size_t i);

#endif
