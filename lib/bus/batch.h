/*
 * One batch of records under way a topic: what comes while it is waits here, and goes out
 * together when all of it has been reported.
 *
 * Without this, librdkafka 2.0.2 polls without a pause while records wait for a free place
 * among its produce requests: 33 polls for each request were counted, which took as
 * much of two cores as all the rest of a worker. It also makes fewer and larger requests. A
 * record that finds nothing under way goes out at once, so that a single request loses nothing.
 */
#ifndef POUCH_BUS_BATCH_H
#define POUCH_BUS_BATCH_H

#include <base/buf.h>
#include <bus/producer.h>
#include <pthread.h>
#include <stdbool.h>

/* A record that waits. Its key and value lie behind it in the buffer. */
struct pl_held {
    void *arg;
    rd_kafka_headers_t *headers; /* NULL: none; the batch's until librdkafka has taken the record */
    size_t key_n, value_n;
    bool has_key, has_value; /* an empty one is not an absent one */
};

struct pl_batch {
    pthread_mutex_t lock;
    size_t under_way;   /* records given to librdkafka and not reported yet */
    struct pl_buf held; /* struct pl_held, key, value, padding; one record behind the other */
};

POUCH_MUST_CHECK pouch_err pl_batch_init(struct pl_batch *b, size_t max_bytes); /* NO_MEMORY */
void pl_batch_free(struct pl_batch *b);                                         /* nothing is held */

/*
 * Nothing is under way: *held is 0, and the caller gives the record to librdkafka now. Else it is
 * held, with its headers, in so many bytes. OVERLOADED: max_bytes are held. NO_MEMORY. Any thread.
 */
POUCH_MUST_CHECK pouch_err pl_batch_enter(struct pl_batch *b, const struct pl_record *r, rd_kafka_headers_t *headers,
                                          size_t *held);

/*
 * So many records were reported. When none is under way any more, what was
 * held moves to out (which is empty), counts as under way, and true is returned: the caller
 * gives it to librdkafka. Any thread.
 */
bool pl_batch_leave(struct pl_batch *b, size_t n, struct pl_buf *out);

/* So many records were not taken after all; true: others wait, and nothing will call pl_batch_leave() for them. Any thread. */
bool pl_batch_cancel(struct pl_batch *b, size_t n);

/* Walks the records of a buffer that pl_batch_leave() filled: the one at *at, which is moved on; NULL at the end. */
struct pl_held *pl_held_next(const struct pl_buf *records, size_t *at, const void **key, const void **value);

#endif
