/*
 * Where snapshots come from: the store, or what was kept of it. Belongs to one thread at a time, as a store does.
 */
#ifndef POUCH_REGISTRY_SOURCE_H
#define POUCH_REGISTRY_SOURCE_H

#include <registry/snapshot.h>

struct pl_source {
    char *url;              /* of the store */
    char *kept;             /* path of the kept file */
    struct pl_store *store; /* NULL: opened at the next reading */
    int64_t read_ms;        /* when the store was last read, wall clock; 0: never */
    int64_t kept_version;   /* what the file holds, -1: nothing that we know of, and the time that it tells */
    int64_t kept_ms;
    int64_t keep_us; /* monotonic clock: it is not written again before */
    int64_t tidy_us; /* and not tidied up beside */
};

/* url NULL: the default. Opens nothing yet. CONFIG: no default can be told. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_source_init(struct pl_source *s, const char *url);
void pl_source_free(struct pl_source *s);

/*
 * *snapshot: what the store holds when that is newer than `than` (NULL: anything is), else NULL. STORE and what
 * pl_store_open() says: it cannot be read, or its registry is older than `than`.
 */
POUCH_MUST_CHECK pouch_err pl_source_read(struct pl_source *s, const struct pl_snapshot *than,
                                          struct pl_snapshot **snapshot);

/* What was kept at most a day ago. The errors of pl_kept_read(). */
POUCH_MUST_CHECK pouch_err pl_source_kept(struct pl_source *s, struct pl_snapshot **snapshot, int64_t *read_ms);

/*
 * Keeps what was read last, unless the file holds it, with a time not much older. With many routes that
 * takes a second, so it takes no more than a tenth of the time, unless `now` says that this is the last call. What
 * fails is logged and tried again. When to call again, on the monotonic clock; INT64_MAX: not before the next reading.
 */
int64_t pl_source_keep(struct pl_source *s, const struct pl_snapshot *snapshot, bool now);

#endif
