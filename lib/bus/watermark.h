/*
 * The offset that may be committed: the end of the done prefix of what was taken, in order,
 * from one partition. A ring; offsets may have gaps (compaction, transactions). One owner.
 *
 *   first .. head of the done prefix | taken, some done … | next free
 */
#ifndef POUCH_BUS_WATERMARK_H
#define POUCH_BUS_WATERMARK_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_watermark {
    int64_t *offsets; /* ring of cap; the lowest bit of `done` beside it */
    uint8_t *done;
    size_t cap; /* power of two; grows up to max */
    size_t max;
    uint64_t head, tail; /* tickets: head = oldest not committed, tail = next */
};

POUCH_MUST_CHECK pouch_err pl_watermark_init(struct pl_watermark *w, size_t max); /* NO_MEMORY */
void pl_watermark_free(struct pl_watermark *w);
bool pl_watermark_full(const struct pl_watermark *w);
size_t pl_watermark_open(const struct pl_watermark *w); /* taken and not in the done prefix */

/*
 * Notes that offset (greater than all before) was taken; *ticket is to be given to _done. OVERLOADED when full,
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_watermark_take(struct pl_watermark *w, int64_t offset, uint64_t *ticket);

/* Marks it done, once. True when the prefix grew: *commit is then the offset to commit (last done + 1). */
bool pl_watermark_done(struct pl_watermark *w, uint64_t ticket, int64_t *commit);

#endif
