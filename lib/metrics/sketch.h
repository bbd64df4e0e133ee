/*
 * A histogram (histogram.h, the same buckets) that takes memory only for the buckets it has values in, and that can
 * be stored and added up again. One owner, no locking.
 */
#ifndef POUCH_METRICS_SKETCH_H
#define POUCH_METRICS_SKETCH_H

#include <base/buf.h>
#include <pouch/error.h>
#include <stddef.h>
#include <stdint.h>

struct pl_sketch_slot {
    uint32_t bucket;
    uint64_t n; /* 0: the slot is free */
};

/* All zero: empty. */
struct pl_sketch {
    struct pl_sketch_slot *slots; /* a hash table */
    size_t used, cap;
    uint64_t count; /* of all values */
};

void pl_sketch_free(struct pl_sketch *s); /* empty again */

/* Negative counts as 0. NO_MEMORY: nothing was added. */
POUCH_MUST_CHECK pouch_err pl_sketch_add(struct pl_sketch *s, int64_t value);

/* Appends it in bytes that pl_sketch_merge() reads. Errors as pl_buf_append(). */
POUCH_MUST_CHECK pouch_err pl_sketch_encode(const struct pl_sketch *s, struct pl_buf *out);

/* Adds what was encoded. STORE: it was not, NO_MEMORY; a part may have been added. */
POUCH_MUST_CHECK pouch_err pl_sketch_merge(struct pl_sketch *s, const void *encoded, size_t n);

/* q in 0..1; 0 when empty. */
int64_t pl_sketch_quantile(const struct pl_sketch *s, double q);

#endif
