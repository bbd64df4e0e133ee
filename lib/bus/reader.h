/*
 * Reads partitions that were assigned by hand: no group, no rebalance, ready in milliseconds.
 * One thread polls; every change of the assignment is made on it, between polls.
 */
#ifndef POUCH_BUS_READER_H
#define POUCH_BUS_READER_H

#include <bus/kafka.h>

struct pl_reader;

struct pl_position {
    int32_t partition;
    int64_t offset; /* absolute; RD_KAFKA_OFFSET_BEGINNING allowed */
};

enum pl_reader_trouble {
    PL_READER_NONE,
    PL_READER_TOPIC_GONE, /* the topic or a partition is unknown to the broker: position anew */
    PL_READER_REFUSED     /* authorization */
};

/* mock: the cluster is librdkafka's mock. auto.offset.reset is earliest. CONFIG, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_reader_new(struct pl_reader **r, const struct pl_settings *s, const char *client_id,
                                         bool mock, struct pl_kafka_health *health, struct pl_wake *wake);

/*
 * The same, and when a partition has been read to its end `ended` is called from pl_reader_take(), each time that comes
 * about.
 */
typedef void pl_reader_ended_fn(int32_t partition, void *arg);
POUCH_MUST_CHECK pouch_err pl_reader_new_to_end(struct pl_reader **r, const struct pl_settings *s,
                                                const char *client_id, bool mock, struct pl_kafka_health *health,
                                                struct pl_wake *wake, pl_reader_ended_fn *ended, void *arg);

/*
 * Reads these partitions as well; those that are read already go on where they are. from_start: reads these in place
 * of all before, each from the offset given; not again within a second, because librdkafka 2.0.2 aborts
 * (rktp_started) when a partition is to be stopped that is being stopped. An offset that is out of the log's range
 * means the earliest there is. The errors of pl_kafka_fail(); whether the topic exists is found out by reading
 * (trouble).
 */
POUCH_MUST_CHECK pouch_err pl_reader_assign(struct pl_reader *r, const char *topic, const struct pl_position *p,
                                            size_t n, bool from_start);

/*
 * Up to max records that are there; never waits. When there may be more the wake is signalled. Error
 * events go to trouble (may be NULL; the last one counts). Each record is given back with rd_kafka_message_destroy(),
 * before pl_reader_free().
 */
size_t pl_reader_take(struct pl_reader *r, rd_kafka_message_t *out[], size_t max, enum pl_reader_trouble *trouble);

void pl_reader_free(struct pl_reader *r);

#endif
