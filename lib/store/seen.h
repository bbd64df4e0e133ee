/*
 * What the workers of a group on this host have answered lately, kept over restarts: one SQLite file, which any number
 * of processes share. Rows have numbers in the order in which they were added, by whomever. One owner, no locking; it
 * waits for the disk and for other processes.
 */
#ifndef POUCH_STORE_SEEN_H
#define POUCH_STORE_SEEN_H

#include <base/uuid.h>
#include <pouch/error.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_SEEN_TAG = 16, PL_SEEN_REPLY_MAX = 1 << 28 };

/* A request and its answer; the pointers are borrowed. */
struct pl_seen_row {
    const char *topic;
    struct pl_uuid id;
    uint8_t tag[PL_SEEN_TAG]; /* of the request's envelope */
    int64_t at_ms;            /* when it had ended, ms since the epoch */
    const void *reply;        /* the sealed answer */
    size_t reply_n;           /* 0: there was none */
    int64_t number;           /* in the file; from 1 */
};

struct pl_seen;

/*
 * Opens the file, and makes it and its folder when missing (mode 0600). CONFIG: not one of ours, of a newer version, or
 * that of another group. STORE: locked or unreadable. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_seen_open(struct pl_seen **s, const char *path, const char *group);
void pl_seen_close(struct pl_seen *s); /* NULL allowed */

/*
 * In one transaction: gives `take` the rows that others have added since the last time (the first time: all), then adds
 * n rows and gives them their numbers, then removes all up to the number `forget`. Whatever can be read is read, a row
 * that makes no sense is passed over. STORE, NO_MEMORY: nothing was added, and `take` may get rows again.
 */
POUCH_MUST_CHECK pouch_err pl_seen_sync(struct pl_seen *s, struct pl_seen_row rows[], size_t n, int64_t forget,
                                        void (*take)(const struct pl_seen_row *row, void *arg), void *arg);

#endif
