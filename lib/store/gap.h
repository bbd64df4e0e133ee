/* Rows that are missing, counted. Inside the room. */
#ifndef POUCH_STORE_GAP_H
#define POUCH_STORE_GAP_H

#include <store/backend.h>

/* Rows more, which began between those times. */
void pl_gap_add(struct pl_gap *g, int64_t from_us, int64_t to_us, uint64_t rows);

/* Moves what `from` counts into g. */
void pl_gap_move(struct pl_gap *g, struct pl_gap *from);

/* Gives it an id: from here on it does not change any more. */
void pl_gap_close(struct pl_gap *g);

#endif
