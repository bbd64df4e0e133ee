/*
 * Deadlines, soonest first: an intrusive 4-ary heap. A node lives inside the thing that has
 * the deadline and knows its place, so removal is O(log n). One owner, no locking.
 */
#ifndef POUCH_BASE_HEAP_H
#define POUCH_BASE_HEAP_H

#include <pouch/error.h>
#include <stddef.h>
#include <stdint.h>

struct pl_heap_node {
    int64_t due;  /* microseconds on the monotonic clock */
    size_t place; /* index + 1 in the heap; 0 = in none */
};

struct pl_heap {
    struct pl_heap_node **nodes;
    size_t count, cap;
};

void pl_heap_init(struct pl_heap *h);
void pl_heap_free(struct pl_heap *h); /* forgets the nodes without touching them: they may be gone */

/* Room for cap nodes in all, so that adding up to that many cannot fail. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_heap_reserve(struct pl_heap *h, size_t cap);
POUCH_MUST_CHECK pouch_err pl_heap_add(struct pl_heap *h, struct pl_heap_node *n,
                                       int64_t due);            /* n is in no heap; NO_MEMORY */
void pl_heap_remove(struct pl_heap *h, struct pl_heap_node *n); /* nothing when it is in no heap */
struct pl_heap_node *pl_heap_first(const struct pl_heap *h);    /* NULL when empty */

#endif
