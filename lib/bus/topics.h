/*
 * A producer's topic handles by name. librdkafka would walk the list of all topics for each
 * record; with thousands of reply topics that costs more than the record.
 */
#ifndef POUCH_BUS_TOPICS_H
#define POUCH_BUS_TOPICS_H

#include <bus/batch.h>

enum { PL_TOPICS_MAX = 4096, PL_TOPICS_SLOTS = 2 * PL_TOPICS_MAX };

struct pl_topic {
    rd_kafka_topic_t *rkt;
    struct pl_batch batch;
};

struct pl_topics {
    struct pl_topic *slots[PL_TOPICS_SLOTS]; /* open addressing; nothing is removed */
    size_t count;
};

/* NULL: not here (yet). Readers may run side by side. */
struct pl_topic *pl_topics_find(const struct pl_topics *t, const char *name);

/*
 * Opens name and keeps it, unless it is here, the table is full, memory is out or librdkafka refuses it.
 * Its batch holds at most max_bytes. Nobody else may use t meanwhile.
 */
void pl_topics_add(struct pl_topics *t, rd_kafka_t *rk, const char *name, size_t max_bytes);

/* Closes all of them; their batches hold nothing. */
void pl_topics_close(struct pl_topics *t);

#endif
