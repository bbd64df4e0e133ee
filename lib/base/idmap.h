/*
 * A map from uuid to pointer: open addressing, linear probing, tombstone-free removal. Keys
 * are ids that this process drew at random, so they hash themselves. One owner, no locking.
 */
#ifndef POUCH_BASE_IDMAP_H
#define POUCH_BASE_IDMAP_H

#include <base/uuid.h>
#include <pouch/error.h>
#include <stddef.h>

struct pl_idmap {
    struct pl_idmap_slot *slots; /* NULL value = empty */
    size_t mask;                 /* slots - 1; a power of two less one */
    size_t count;
    size_t max;          /* count never passes this */
    size_t last_removed; /* a slot */
};

/* NO_MEMORY; starts small, grows by doubling */
POUCH_MUST_CHECK pouch_err pl_idmap_init(struct pl_idmap *m, size_t max);
void pl_idmap_free(struct pl_idmap *m); /* not the values */
/* OVERLOADED at max, NO_MEMORY; an id already there: CONFIG */
POUCH_MUST_CHECK pouch_err pl_idmap_put(struct pl_idmap *m, const struct pl_uuid *id, void *value);
void *pl_idmap_get(const struct pl_idmap *m, const struct pl_uuid *id); /* NULL: not there */
void *pl_idmap_remove(struct pl_idmap *m, const struct pl_uuid *id);    /* the value, NULL: not there */
void *pl_idmap_any(const struct pl_idmap *m);                           /* some value, NULL when empty: for draining */

#endif
