/*
 * Kafka headers and records that own their memory, kept and used again: a record must stay ready
 * until its delivery report, so that it can be sent once more.
 */
#ifndef POUCH_WORKER_PARCEL_H
#define POUCH_WORKER_PARCEL_H

#include <base/buf.h>
#include <bus/producer.h>
#include <librdkafka/rdkafka.h>
#include <wire/headers.h>

/* Headers in order. Names and values belong to somebody else. */
struct pl_headers {
    struct pl_header *at;
    size_t n, cap;
};

POUCH_MUST_CHECK pouch_err pl_headers_add(struct pl_headers *h, const char *name, const void *value,
                                          size_t n);                                   /* NO_MEMORY */
const struct pl_header *pl_headers_find(const struct pl_headers *h, const char *name); /* the first; NULL: none */
void pl_headers_free(struct pl_headers *h);

/* A record ready to be sent. */
struct pl_parcel {
    struct pl_buf value;
    struct pl_buf text; /* holds what the fields below point to, unless the job does */
    struct pl_headers headers;
    const char *topic;
    const void *key;
    size_t key_n;
    enum pl_goes goes;
};

void pl_parcel_init(struct pl_parcel *p, size_t value_max);
void pl_parcel_reset(struct pl_parcel *p); /* empty; keeps memory worth keeping */
void pl_parcel_free(struct pl_parcel *p);
size_t pl_parcel_size(const struct pl_parcel *p); /* as pl_producer_limit() counts it */

/* Exchanges the contents of two of a kind. */
void pl_parcel_swap(struct pl_parcel *a, struct pl_parcel *b);
void pl_buf_swap(struct pl_buf *a, struct pl_buf *b);

/* Appends the n bytes and a NUL, for which room was reserved; where they are then. */
const char *pl_buf_keep(struct pl_buf *b, const void *p, size_t n);

#endif
