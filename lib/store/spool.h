/*
 * Rows that wait on disk until their store takes them: segments of a bounded size, read oldest first. What was put
 * outlives the process, however it ends; whoever takes the slot next has it. Inside the room.
 *
 * THREADS  One thread puts; one, which may be another, reads. Opening and closing is done while neither does.
 */
#ifndef POUCH_STORE_SPOOL_H
#define POUCH_STORE_SPOOL_H

#include <store/backend.h>
#include <store/spool_file.h>

struct pl_spool_bounds {
    size_t segment; /* bytes of a file; a row that needs more has a larger one */
    size_t most;    /* bytes of all files */
    size_t reserve; /* of these, bytes that are taken from the disk at once and kept, for when it is full */
};

struct pl_spool;

/*
 * Takes the lowest free slot, and what a process that is gone left in it. A reserve that the disk has no room for is
 * logged. CONFIG, STORE, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_spool_open(struct pl_spool **s, const struct pl_spool_place *p,
                                         const struct pl_spool_bounds *b);

/*
 * Takes rows that some process that is gone left, for reading only; an empty file of one is deleted. *s NULL: there are
 * none, or none that can be had, which is an error: CONFIG, STORE, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_spool_adopt(struct pl_spool **s, const struct pl_spool_place *p);

/* Whether one that was just opened has rows of a process that is gone. */
bool pl_spool_has_rows(const struct pl_spool *s);

/* What was not read stays for the next. NULL allowed. */
void pl_spool_close(struct pl_spool *s);

/*
 * Puts the rows of a batch, as many as there is room for; the others are added to *left. STORE: some found none, the
 * reason is in pouch_why(). NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_spool_put(struct pl_spool *s, const struct pl_trace_batch *batch, struct pl_gap *left);
POUCH_MUST_CHECK pouch_err pl_spool_put_gap(struct pl_spool *s, const struct pl_gap *gap); /* a closed one */

struct pl_spool_rows {
    struct pl_trace_batch batch; /* borrowed until the next call that reads */
    struct pl_gap gap;           /* rows: 0: none */
};

/*
 * The oldest rows that are not done, a record of them at least and no further one from that many bytes on, and a gap
 * when one was put or a record is damaged. Neither: the spool is empty. The same begin again until they are done.
 * STORE, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_spool_next(struct pl_spool *s, size_t bytes, struct pl_spool_rows *rows);
void pl_spool_done(struct pl_spool *s);

#endif
