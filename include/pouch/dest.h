/*
 * Where a request goes, and what its record carries besides the payload.
 *
 * Build it, then use it: once a dest has been passed to a request it must not be changed,
 * and may then be shared by any number of threads and requests.
 */
#ifndef POUCH_DEST_H
#define POUCH_DEST_H

#include <pouch/error.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pouch_dest pouch_dest;

/* A worker's topic. NULL: out of memory, or not a topic name ([A-Za-z0-9._-], 1-249 characters); see pouch_why(). */
POUCH_API pouch_dest *pouch_dest_topic(const char *topic);

/* A publisher's route through the command center, by its inbox topic (setting center.inbox). NULL as above. */
POUCH_API pouch_dest *pouch_dest_publisher(const char *publisher);

/*
 * The record key. Records with one key go to one partition and stay in order. By default it is the request id, and any
 * partition will do. At most 1,024 bytes.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_dest_set_key(pouch_dest *d, const char *key);

/*
 * A Kafka header on every request to d, e.g. traceparent; headers travel in clear. At most 32
 * of 4,096 bytes each. CONFIG: the name is empty, begins with "pouch-" (ours), or a bound is passed.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_dest_add_header(pouch_dest *d, const char *name, const void *value,
                                                           size_t n);

/* 12 or 16 (setting crypto.iv_bytes otherwise): some peers refuse one of them. CONFIG: any other number. */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_dest_set_iv_bytes(pouch_dest *d, int bytes);

/*
 * How many answer a request to d: groups that read its topic, each of which answers. Only pouch_client_gather() waits
 * for more than one. 1 to 1,000; CONFIG: any other number. Unset: one, or one for each target of a publisher's route.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_dest_set_responders(pouch_dest *d, size_t n);

/* NULL is allowed. Requests under way do not need it any more. */
POUCH_API void pouch_dest_free(pouch_dest *d);

#ifdef __cplusplus
}
#endif
#endif
