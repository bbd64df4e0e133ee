/* A spool's state, for the files that make it up. Inside the room. */
#ifndef POUCH_STORE_SPOOL_STATE_H
#define POUCH_STORE_SPOOL_STATE_H

#include <base/buf.h>
#include <pthread.h>
#include <store/gap.h>
#include <store/spool.h>

struct pl_segment {
    struct pl_segment *next;
    uint64_t number;
    size_t size;       /* of the file */
    size_t end;        /* of its records; found: its size */
    struct pl_gap all; /* the rows of its records: what is lost with it; found: not known */
    bool found;        /* left by another process: its records end where none is whole any more */
};

struct pl_spool {
    struct pl_spool_place place;
    struct pl_spool_bounds bounds;
    int slot, slot_lock;

    pthread_mutex_t lock; /* holds what follows; never held while a file is read or written */
    struct pl_segment *oldest, **tail;
    struct pl_segment *spare; /* empty files */
    size_t spares, allocated;
    uint64_t numbers; /* given so far */
    size_t waiting;   /* bytes of records that are not done */

    struct pl_segment *newest; /* the writer's: the one it appends to; NULL: it begins one */
    int out;                   /* its file */

    bool entered;         /* the reader's: whether it is in the oldest segment */
    int in;               /* its file; negative: it is gone */
    int64_t entered_us;   /* when, on the wall clock */
    struct pl_mark at;    /* what is before it is done */
    struct pl_mark ahead; /* what is before it was read */
    int64_t last_us;      /* when the last row that was read began */
    uint64_t damaged;     /* rows that are missing from what was read */
    struct pl_buf read;
};

void pl_spool_path(char out[PATH_MAX], const struct pl_spool *s, uint64_t number);

/* An empty file that is larger than `room`, a spare one or new, as the newest of all. STORE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_spool_begin(struct pl_spool *s, size_t room);

/* The oldest segment was read to its end. */
void pl_spool_leave(struct pl_spool *s);

/* More or less waits. */
void pl_spool_count(struct pl_spool *s, int64_t bytes);

#endif
