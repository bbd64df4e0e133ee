/*
 * A producer's topic handles by name. librdkafka would walk the list of all topics for each
 * record; with thousands of reply topics that costs more than the record.
 */
#ifndef POUCH_BUS_TOPICS_H
#define POUCH_BUS_TOPICS_H

#include <bus/batch.h>
#include <stdatomic.h>

enum { PL_TOPICS_MAX = 4096, PL_TOPICS_SLOTS = 2 * PL_TOPICS_MAX };

struct pl_topics {
    struct pl_batches batches;
    _Atomic(struct pl_topic *) slots[PL_TOPICS_SLOTS]; /* open addressing; nothing is removed */
    atomic_size_t count;
};

/* most: batches under way at a broker. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_topics_init(struct pl_topics *t, size_t most);

/* Whether it takes no more names. Any thread. */
bool pl_topics_full(const struct pl_topics *t);

/* NULL: not here (yet). Any thread. */
struct pl_topic *pl_topics_find(const struct pl_topics *t, const char *name);

/*
 * Makes the producer that conf is for tell t how many partitions topics have. Before rd_kafka_new(); conf has
 * topic properties.
 */
void pl_topics_listen(struct pl_topics *t, rd_kafka_conf_t *conf);

/*
 * Opens name and keeps it, unless it is here or the table is full. Its batches hold at most max_bytes each. One thread
 * at a time. CONFIG: librdkafka refuses the name. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_topics_add(struct pl_topics *t, rd_kafka_t *rk, const char *name, size_t max_bytes);

/* Closes all of them; their batches hold nothing. The table stays, for librdkafka's threads, until pl_topics_free(). */
void pl_topics_close(struct pl_topics *t);
void pl_topics_free(struct pl_topics *t);

#endif
