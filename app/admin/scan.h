/*
 * Reads a topic without a group: all of it, one record, or from its end backwards. It ends where it ended when the
 * reading began.
 */
#ifndef POUCH_ADMIN_SCAN_H
#define POUCH_ADMIN_SCAN_H

#include <bus/reader.h>
#include <stdatomic.h>

/* The record is borrowed during the call. false ends the scan. */
typedef bool admin_scan_fn(const rd_kafka_message_t *m, void *arg);

/* How long something may go on. */
struct admin_until {
    const atomic_bool *stop; /* it ends soon after that is set: CLOSED; NULL: never */
    int64_t by_us;           /* it ends then, on the monotonic clock: EXPIRED; 0: never */
};

/*
 * only: that one record in place of all. until NULL: to the end. TARGET_REFUSED: there is no such topic. NOT_FOUND:
 * that record is not there (any more). TIMEOUT, NO_BROKER: a partition did not come to its end within reasonable time;
 * what could be read was given to fn. NOT_ALLOWED.
 */
POUCH_MUST_CHECK pouch_err admin_scan(const struct pl_settings *s, const char *topic, const struct pl_position *only,
                                      const struct admin_until *until, admin_scan_fn *fn, void *arg);

/* ---- backwards ---- */

enum { ADMIN_WALK_PARTITIONS = 256 };

struct admin_walk;

/* At the end of each partition. Borrows. CONFIG: it has more partitions than that. Else what admin_scan() says. */
POUCH_MUST_CHECK pouch_err admin_walk_open(struct admin_walk **w, const struct pl_settings *s, const char *topic,
                                           const struct admin_until *until);
void admin_walk_close(struct admin_walk *w); /* NULL allowed */

/*
 * Reads about so many records of those that stand right before what was read, as many of each partition that has some,
 * forwards within each. After an error fn may have seen some of them, and nothing counts as read. What admin_scan()
 * says.
 */
POUCH_MUST_CHECK pouch_err admin_walk_step(struct admin_walk *w, int64_t records, admin_scan_fn *fn, void *arg);

int32_t admin_walk_partitions(const struct admin_walk *w);
int64_t admin_walk_at(const struct admin_walk *w, int32_t partition); /* what is before that offset was not read yet */
void admin_walk_back_to(struct admin_walk *w, int32_t partition, int64_t offset); /* leaves out what is behind that */
bool admin_walk_has_more(const struct admin_walk *w, int32_t partition);          /* -1: any */

#endif
