/*
 * The files of spools in a folder. Each process has a slot (slot.h) for the store that its rows are for; a slot's
 * segments are files of its own with a number that is never used again. Inside the room.
 */
#ifndef POUCH_STORE_SPOOL_FILE_H
#define POUCH_STORE_SPOOL_FILE_H

#include <limits.h>
#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A segment begins with how far it has been read; its first record follows. */
enum { PL_SEGMENT_HEAD = 64 };

struct pl_spool_place {
    const char *folder;
    uint64_t store; /* a hash of its name: spools of several stores may share a folder */
};

/* Takes the lowest free slot, the folder made where it is missing. CONFIG, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_spool_slot_take(int *slot, int *lock, const struct pl_spool_place *p);

/* Takes that slot, the folder made where it is missing. STORE: another process has it. CONFIG, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_spool_slot_retake(int slot, int *lock, const struct pl_spool_place *p);

/*
 * Takes the lowest slot from `from` on that has segments and that nobody holds any more; *lock negative: there is none.
 * One that cannot be had keeps no other back. CONFIG, STORE, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_spool_slot_adopt(int *slot, int *lock, const struct pl_spool_place *p, int from);

struct pl_segment_name {
    int slot;
    uint64_t number;
    bool other; /* written by another version of this program, in a layout that is not known here: left alone */
};

/* Ordered by slot and number; *names from malloc. A folder that is not there has none. STORE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_segment_list(struct pl_segment_name **names, size_t *n, const struct pl_spool_place *p);

void pl_segment_path(char out[PATH_MAX], const struct pl_spool_place *p, const struct pl_segment_name *name);

/* Makes a file whose bytes the disk has room for already, mode 0600. STORE. */
POUCH_MUST_CHECK pouch_err pl_segment_make(int *fd, const char *path, size_t bytes);

/* All n bytes. STORE; a read beyond the end is one. */
POUCH_MUST_CHECK pouch_err pl_segment_write(int fd, const void *from, size_t n, size_t at);
POUCH_MUST_CHECK pouch_err pl_segment_read(int fd, void *to, size_t n, size_t at);

/* How far a segment has been read, kept in its head. */
struct pl_mark {
    size_t at;
    uint64_t row; /* rows of the segment before that */
};
struct pl_mark pl_segment_mark(int fd); /* the first record, when it cannot be told */
POUCH_MUST_CHECK pouch_err pl_segment_set_mark(int fd, const struct pl_mark *mark); /* STORE */

#endif
