/* The steps in which a shape comes together, one file each. Inside the room. */
#ifndef POUCH_CLUSTER_SHAPE_PARTS_H
#define POUCH_CLUSTER_SHAPE_PARTS_H

#include <cluster/shape.h>

/* The brokers of the metadata, of which none has been asked yet. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_shape_take_brokers(struct pl_shape **shape, const rd_kafka_metadata_t *md);

/* Topics and troubles, from the metadata of all topics and by which brokers answer. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_shape_take_topics(struct pl_shape *s, const rd_kafka_metadata_t *md);

/* NULL: there is none of that name. */
struct pl_shape_topic *pl_shape_topic(struct pl_shape *s, const char *name);

/* Asks each broker, all at once. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_shape_contact(rd_kafka_t *rk, struct pl_shape *s, int timeout);

/* Reads min.insync.replicas of the topics that have troubles, as no other topic can be below it. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_shape_ask_min_insync(rd_kafka_t *rk, struct pl_shape *s, int timeout);

/*
 * What min.insync.replicas of a topic, or 0 for not known, does to its troubles, which begin at first and stand
 * together. Kafka asks for no more replicas in sync than there are. Gives where those of the next topic begin.
 */
size_t pl_shape_set_min_insync(struct pl_shape *s, size_t first, int min_insync);

/* The worst first, and no more than PL_SHAPE_TROUBLES_MAX. */
void pl_shape_sort_troubles(struct pl_shape *s);

#endif
