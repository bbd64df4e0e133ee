/*
 * Brings back what waits in the retry topics: reads them in a group of its own, leaves each record where it is until it
 * is due, then sends it to the topic that it came from. An offset is stored when the broker has the record, so one that
 * was sent when its process was killed is sent again.
 *
 * A partition's next record is held back until it is due, by leaving the partition unread; no partition waits for
 * another. A record is never sent early: how long it still waits is told by the wall clock when it is read, and counted
 * on the monotonic one; while the wall clock cannot be believed it waits the whole delay of its topic.
 *
 * THREADS  One of its own. It works while brokers are there and tries again while they are not.
 */
#ifndef POUCH_LETTER_REDELIVER_H
#define POUCH_LETTER_REDELIVER_H

#include <conf/settings.h>
#include <letter/tiers.h>
#include <stdbool.h>

#define PL_REDELIVER_GROUP "pouch-retries"

struct pl_redeliverer;

/*
 * tiers has some; all that is given is borrowed until _free. It joins the group a little later, so that a process that
 * runs for a moment moves no partitions. NO_MEMORY, OVERLOADED.
 */
POUCH_MUST_CHECK pouch_err pl_redeliver_start(struct pl_redeliverer **r, const struct pl_settings *s,
                                              const struct pl_tiers *tiers, const char *client_id);

void pl_redeliver_stop(struct pl_redeliverer *r); /* asks it to end; returns at once. NULL allowed */
void pl_redeliver_free(struct pl_redeliverer *r); /* waits until it has; seconds at most. NULL allowed */

/* How long a record that is due at at_ms still waits in a topic of that delay. */
int64_t pl_redeliver_wait_ms(int64_t at_ms, int64_t wall_ms, int64_t delay_ms, bool wall_trusted);

#endif
