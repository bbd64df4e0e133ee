/*
 * The embedded default: librdkafka's in-process mock broker, on loopback, on a port that the
 * kernel picks. It keeps nothing on disk and only the newest 5 MiB or 100,000 records of a
 * partition: for trying out and for tests.
 */
#ifndef POUCH_DEV_DEV_H
#define POUCH_DEV_DEV_H

#include <pouch/error.h>

struct dev_cluster;

POUCH_MUST_CHECK pouch_err dev_cluster_start(struct dev_cluster **c); /* NO_MEMORY, NO_BROKER */

/* host:port; valid as long as c. */
const char *dev_cluster_brokers(const struct dev_cluster *c);

/* CONFIG: a bad name or number of partitions (1 to 1,000), or it is there already. Any time. */
POUCH_MUST_CHECK pouch_err dev_cluster_topic(struct dev_cluster *c, const char *name, int partitions);

/* Time that a request and its answer spend on the way to the broker and back, for measuring. */
POUCH_MUST_CHECK pouch_err dev_cluster_rtt(struct dev_cluster *c, int ms);

void dev_cluster_stop(struct dev_cluster *c); /* NULL allowed */

#endif
