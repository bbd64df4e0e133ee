/*
 * The ids of the last rows that were written: a record that is handled again after a failure comes soon after, and is
 * not to be counted again. Inside the room.
 */
#ifndef POUCH_STORE_RECENT_H
#define POUCH_STORE_RECENT_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stdint.h>

/* So many of the last ids are known for sure, and up to twice as many. */
enum { PL_RECENT_LEAST = 65536 };

struct pl_recent;

POUCH_MUST_CHECK pouch_err pl_recent_new(struct pl_recent **r); /* NO_MEMORY; about 2 MiB */
void pl_recent_free(struct pl_recent *r);                       /* NULL allowed */
void pl_recent_clear(struct pl_recent *r);

/* Notes an id; whether it was there. */
bool pl_recent_again(struct pl_recent *r, uint64_t id);

#endif
