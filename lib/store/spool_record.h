/*
 * A record of a spool: packed rows, or word of a gap, behind a head that tells whether both are whole. No I/O. Numbers
 * are in the host's order, as a spool never leaves its host. Inside the room.
 */
#ifndef POUCH_STORE_SPOOL_RECORD_H
#define POUCH_STORE_SPOOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_RECORD_HEAD = 64, PL_RECORD_ALIGN = 8 };

struct pl_record {
    uint64_t segment;       /* number of the file; what an earlier use of the same file left behind has another */
    uint64_t before;        /* rows in the file's records before it, so that those of a damaged one can be counted */
    uint64_t rows;          /* of a gap: how many are missing */
    uint64_t gap;           /* its id; 0: this is no gap, rows follow */
    int64_t from_us, to_us; /* between which times they began */
    uint32_t bytes;         /* of the rows behind the head */
};

/* What head and rows take in the file. */
size_t pl_record_room(const struct pl_record *r);

void pl_record_write(char head[PL_RECORD_HEAD], const struct pl_record *r, const char *rows);

/* Whether a head is whole and of that segment. */
bool pl_record_read(struct pl_record *r, const char head[PL_RECORD_HEAD], uint64_t segment);

/* Whether the rows are those that the head was written for, and can be unpacked. */
bool pl_record_holds(const char head[PL_RECORD_HEAD], const char *rows);

#endif
