/*
 * The routes in force, kept in a file for a start without the store: JSON lines, the first tells the registry's
 * version, the time at which the store was read and how many routes follow. Mode 0600, replaced whole.
 */
#ifndef POUCH_REGISTRY_KEPT_H
#define POUCH_REGISTRY_KEPT_H

#include <registry/snapshot.h>

/* STORE: the file cannot be written, with the reason; what was kept before stays. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_kept_write(const char *path, const struct pl_snapshot *s, int64_t read_ms);

/* Removes what writers that were killed have left beside it; to be called now and then. */
void pl_kept_tidy(const char *path);

/*
 * *read_ms: when the store was read, on the wall clock. NOT_FOUND: nothing is kept. STORE: what is kept cannot be
 * used, because it is damaged or was read more than a day from now_ms. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_kept_read(const char *path, int64_t now_ms, struct pl_snapshot **s, int64_t *read_ms);

#endif
