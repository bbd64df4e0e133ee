/* Keys (trace_hash.h) of rows that a trace file's index does not hold yet. Inside the room. */
#ifndef POUCH_STORE_TRACE_KEYS_H
#define POUCH_STORE_TRACE_KEYS_H

#include <endian.h>
#include <pouch/error.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct pl_key {
    int64_t key, row;
};

struct pl_keys { /* all zero: none */
    struct pl_key *at;
    size_t n, max;
};

void pl_keys_free(struct pl_keys *k);
POUCH_MUST_CHECK pouch_err pl_keys_add(struct pl_keys *k, int64_t key, int64_t row); /* NO_MEMORY */

/* What a file has of a key until that is indexed: enough to pass over nearly all rows of other requests unread. */
static inline uint32_t pl_key_mark(int64_t key) {
    return htole32((uint32_t)(uint64_t)key);
}

/* By key, then by row. */
void pl_keys_sort(struct pl_keys *k);

/*
 * Adds those of the rows that the file's index does not hold; *indexed: the last row that it holds. STORE, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_keys_load(struct pl_keys *k, int64_t *indexed, sqlite3 *db);

#endif
