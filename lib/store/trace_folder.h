/*
 * The trace files of a folder. A writer has a slot (slot.h), whose files are trace-SLOT-CREATED.db; only the newest of
 * a slot is ever written to. Inside the room.
 */
#ifndef POUCH_STORE_TRACE_FOLDER_H
#define POUCH_STORE_TRACE_FOLDER_H

#include <limits.h>
#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PL_TRACE_SLOT "writer" /* the name of its lock files */

struct pl_trace_name {
    int slot;
    int64_t created_us;
};

/* All files, ordered by slot and age; *names from malloc. STORE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_trace_list(struct pl_trace_name **names, size_t *n, const char *folder);

void pl_trace_path(char out[PATH_MAX], const char *folder, const struct pl_trace_name *name);

/*
 * Unlinks the files that were created before one time and whose rows all began before the other. A file that somebody
 * may be writing to stays: the newest of a slot in use, unless the slot is own_slot (-1: none is).
 */
POUCH_MUST_CHECK pouch_err pl_trace_expire(const char *folder, int64_t before_us, int64_t created_before_us,
                                           int own_slot);

/*
 * Unlinks the oldest files until the others have no more than so many bytes, but for those that somebody may be writing
 * to; own_slot as above.
 */
POUCH_MUST_CHECK pouch_err pl_trace_shrink(const char *folder, size_t most_bytes, int own_slot);

/* Bytes of a file on the disk, with what has not been moved into it yet. */
size_t pl_trace_bytes(const char *path);

#endif
