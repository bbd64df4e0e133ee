/*
 * Produces records: idempotent, acks=all, linger 0, a few requests in flight, a bounded queue.
 * While one request is on its way the next batch fills (design: batching without waiting).
 *
 * THREADS   pl_producer_send() from any thread; pl_producer_poll() from one.
 * FATAL     An idempotent producer can end for good. pl_producer_poll() then puts a new handle
 *           in its place, at most one a second, and reports every record that was not yet
 *           acknowledged as TRANSIENT; its owner sends it again, from the report if it likes.
 *           Until then pl_producer_send() says OVERLOADED.
 * TOPICS    librdkafka keeps every topic that a producer has sent to. One that has come to know PL_TOPICS_MAX is made
 *           anew by a pl_producer_poll() that finds nothing waiting, at most once a minute. Until then records of
 *           further topics go without the help of bus/batch.h.
 * BOUNDS    What waits, here and in librdkafka together, is at most queue.buffering.max.messages records with
 *           queue.buffering.max.kbytes of keys and values.
 */
#ifndef POUCH_BUS_PRODUCER_H
#define POUCH_BUS_PRODUCER_H

#include <bus/kafka.h>
#include <wire/headers.h>

struct pl_producer;

/* What chooses a record's partition. */
enum pl_goes {
    PL_BY_KEY,   /* its key, as with Kafka's own clients */
    PL_BY_TURNS, /* its key orders nothing: where many come, some go to one partition, then as many to the next */
    PL_ANYWHERE  /* nor do readers share the partitions to do work: what goes at once goes to one of them */
};

struct pl_record {
    const char *topic;
    const void *key; /* NULL, 0: none */
    size_t key_n;
    const void *value; /* copied */
    size_t value_n;
    const struct pl_header *headers; /* copied, in order */
    size_t n_headers;
    void *arg; /* comes back with the delivery report; NULL, or aligned to two bytes at least */
    enum pl_goes goes;
};

/* A record's end: what became of it, exactly once for each accepted record, from pl_producer_poll() or _free(). */
struct pl_delivery {
    void *arg;
    const char *topic;         /* borrowed */
    enum pl_kafka_class class; /* OK, TRANSIENT (may be persisted all the same), PERMANENT */
    rd_kafka_resp_err_t error;
    int64_t at_ms; /* the record's timestamp as the broker or producer set it */
};
typedef void pl_delivered_fn(const struct pl_delivery *d, void *owner);

/*
 * wake is signalled when there are deliveries to poll; s outlives the producer. CONFIG: a property librdkafka refuses.
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_producer_new(struct pl_producer **p, const struct pl_settings *s, const char *client_id,
                                           struct pl_kafka_health *health, struct pl_wake *wake, pl_delivered_fn *fn,
                                           void *owner);

/*
 * Takes a copy of everything. OVERLOADED: queue full, or being rebuilt. TOO_LARGE: over pl_producer_limit().
 * TARGET_REFUSED, NOT_ALLOWED: the topic is known not to exist, or to refuse us; where that is not
 * known yet, a PERMANENT delivery says so later; a topic that has refused us is tried again after 5 s. CONFIG: no topic
 * can have that name. CLOSED: from a report of pl_producer_free(). NO_MEMORY. After an error nothing was taken.
 */
POUCH_MUST_CHECK pouch_err pl_producer_send(struct pl_producer *p, const struct pl_record *r);

/*
 * Reports deliveries, rebuilds after a fatal error. Never blocks, but for the rebuild, which may for a second. How many
 * were reported.
 */
int pl_producer_poll(struct pl_producer *p);

/*
 * When pl_producer_poll() is to be called though nothing has signalled the wake, on the monotonic clock: records wait
 * for others that may be stuck. INT64_MAX: never. The polling thread's.
 */
int64_t pl_producer_due(struct pl_producer *p);

/* Records accepted and not yet reported. Any thread. */
size_t pl_producer_waiting(const struct pl_producer *p);

/* Largest value + key + headers that is accepted; a header counts at most PL_HEADER_BYTES beside its name and value. */
enum { PL_HEADER_BYTES = 10 };
size_t pl_producer_limit(const struct pl_producer *p);

/*
 * The handle for admin calls and metadata, never to produce with. On the polling thread: valid until the
 * next pl_producer_poll(). Other threads take and give it back; a rebuild meanwhile leaves the
 * taken handle working. All are given back before pl_producer_free().
 */
rd_kafka_t *pl_producer_handle(struct pl_producer *p);
rd_kafka_t *pl_producer_take(struct pl_producer *p);
void pl_producer_give(rd_kafka_t *rk);

/*
 * Waits up to ms for what is under way, reporting deliveries; then reports the rest TRANSIENT and frees. That takes
 * some seconds at most, also where a thread of librdkafka hangs; what such a thread holds is never reported. NULL
 * allowed.
 */
void pl_producer_free(struct pl_producer *p, int ms);

#endif
