/*
 * A bounded queue of pointers between threads: many producers, many consumers, first in
 * first out. Batches take the lock once. Nobody is woken when nobody waits.
 */
#ifndef POUCH_BASE_QUEUE_H
#define POUCH_BASE_QUEUE_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_queue;

POUCH_MUST_CHECK pouch_err pl_queue_new(struct pl_queue **q, size_t max); /* NO_MEMORY; the ring is allocated whole */
void pl_queue_free(struct pl_queue *q);                                   /* empty and unused by others; NULL allowed */

/* Appends as many of the n as fit, in order; how many. 0 when full or closed. Never waits. */
size_t pl_queue_put(struct pl_queue *q, void *const items[], size_t n);

/*
 * Waits up to wait_us (0: not at all, negative: for ever) for the first item, then takes at
 * most n, and not more than its fair share: ceil(length / (1 + consumers that wait)). How
 * many; 0: timed out, or closed and empty.
 */
size_t pl_queue_take(struct pl_queue *q, void *items[], size_t n, int64_t wait_us);

size_t pl_queue_length(struct pl_queue *q);

/* Lets nothing more in and wakes all who wait; what is in can still be taken. */
void pl_queue_close(struct pl_queue *q);

#endif
