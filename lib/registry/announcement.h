/* The records of the control topic. Inside the room. */
#ifndef POUCH_REGISTRY_ANNOUNCEMENT_H
#define POUCH_REGISTRY_ANNOUNCEMENT_H

#include <registry/registry.h>
#include <wire/envelope.h>

enum { PL_ANNOUNCEMENT_KEY = PL_NAME_MAX + 16 };

/* The publisher; for a service "service:NAME", as no publisher can be called. */
void pl_announcement_key(char key[PL_ANNOUNCEMENT_KEY], const struct pl_announcement *a);

/* The value of the record; freed with free(). NULL: out of memory. */
char *pl_announcement_text(const struct pl_announcement *a, size_t *n);

/* What a record tells. */
struct pl_announced {
    int64_t version;
    char publisher[PL_NAME_MAX + 1]; /* "": of no route, but of a service */
};

/* INVALID_PAYLOAD: it is none of ours. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_announcement_read(const void *value, size_t n, struct pl_announced *a);

/* Milliseconds until then on the monotonic clock, at least 1. */
int pl_announcement_left(int64_t until_us);

/* The partitions of the control topic, which is made when it is missing. The errors of lib/cluster. */
POUCH_MUST_CHECK pouch_err pl_announcement_topic(rd_kafka_t *rk, const char *topic, int *partitions, int64_t until_us);

#endif
