/*
 * Where snapshots come from: the store, or what was kept of it. Belongs to one thread at a time, as a store does.
 */
#ifndef POUCH_REGISTRY_SOURCE_H
#define POUCH_REGISTRY_SOURCE_H

#include <registry/snapshot.h>

struct pl_source {
    char *url;              /* of the store */
    char *kept;             /* path of the kept file */
    int64_t kept_ms;        /* the time that is written there; 0: nothing was written by this process */
    struct pl_store *store; /* NULL: opened at the next reading */
};

/* url NULL: the default. Opens nothing yet. CONFIG: no default can be told. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_source_init(struct pl_source *s, const char *url);
void pl_source_free(struct pl_source *s);

/*
 * *snapshot: what the store holds when that is newer than `than` (NULL: anything is), and then it is kept as well; else
 * NULL. STORE and what pl_store_open() says: it cannot be read, or its registry is older than `than`.
 */
POUCH_MUST_CHECK pouch_err pl_source_read(struct pl_source *s, const struct pl_snapshot *than,
                                          struct pl_snapshot **snapshot);

/* What was kept at most a day ago. The errors of pl_kept_read(). */
POUCH_MUST_CHECK pouch_err pl_source_kept(struct pl_source *s, struct pl_snapshot **snapshot, int64_t *read_ms);

#endif
