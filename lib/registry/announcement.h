/* The records of the control topic. Inside the room. */
#ifndef POUCH_REGISTRY_ANNOUNCEMENT_H
#define POUCH_REGISTRY_ANNOUNCEMENT_H

#include <registry/registry.h>

/* The value of the record; freed with free(). NULL: out of memory. */
char *pl_announcement_text(const struct pl_announcement *a, size_t *n);

/* The version that a record tells of. INVALID_PAYLOAD: it is none of ours. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_announcement_version(const void *value, size_t n, int64_t *version);

/* The partitions of the control topic, which is made when it is missing. The errors of lib/cluster. */
POUCH_MUST_CHECK pouch_err pl_announcement_topic(rd_kafka_t *rk, const char *topic, int *partitions, int timeout);

#endif
