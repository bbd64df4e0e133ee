/* How a snapshot is made and let go. Inside the room; who looks things up uses registry.h. */
#ifndef POUCH_REGISTRY_SNAPSHOT_H
#define POUCH_REGISTRY_SNAPSHOT_H

#include <registry/awaited.h>
#include <registry/registry.h>

/* Takes the rows (an array of n from malloc), also when it fails; the snapshot is held once. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_snapshot_new(struct pl_snapshot **s, struct pl_route_row *rows, size_t n,
                                           int64_t version);

/*
 * The same routes as those of s, which is held by it, where those on the list are not to be relied on; the list is
 * copied. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_snapshot_awaiting(struct pl_snapshot **out, struct pl_snapshot *s,
                                                const struct pl_awaited_list *list);

/* Whoever holds it may hold it once more. */
void pl_snapshot_hold(struct pl_snapshot *s);
void pl_snapshot_drop(const struct pl_snapshot *s); /* the last one frees; NULL allowed */

/* All pl_snapshot_routes() of them, in the order of the rows. */
const struct pl_registry_route *pl_snapshot_all(const struct pl_snapshot *s);

#endif
