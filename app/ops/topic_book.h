/*
 * What the commands on topics by their names share: that these are names, and the book of who changed which, kept in
 * the store as for routes.
 */
#ifndef POUCH_OPS_TOPIC_BOOK_H
#define POUCH_OPS_TOPIC_BOOK_H

#include <catalog/actual.h>
#include <json/json.h>
#include <ops/ops.h>

/* CONFIG: one of the call's first n arguments cannot be a topic's name. */
POUCH_MUST_CHECK pouch_err ops_topic_names_check(const struct ops_call *call, size_t n);

struct pl_store;
struct ops_topic_book { /* all zero but the call: nothing was written yet */
    const struct ops_call *call;
    struct pl_store *store;
    bool lost; /* it cannot be written, which has been said */
};

/*
 * Writes down a change that was made. Takes before and after; NULL: there was, or is, no such topic. The topic is what
 * counts: a change that cannot be written down stays made, and that is said once.
 */
void ops_topic_book_put(struct ops_topic_book *b, const char *topic, json_t *before, json_t *after);
void ops_topic_book_close(struct ops_topic_book *b);

/*
 * Reads how the topics of the call's first n arguments stand, as far as that can be told. Closed with pl_actual_free().
 */
void ops_topic_states(struct pl_actual *a, rd_kafka_t *rk, const struct ops_call *call, size_t n);

/*
 * {"partitions","replication"} and the topic's own configs by Kafka's names, for the book; {}: not known. NULL: out of
 * memory.
 */
json_t *ops_topic_state(const struct pl_actual *a, const char *topic);

#endif
