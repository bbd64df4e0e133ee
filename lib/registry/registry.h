/*
 * Routes as a center looks them up: an immutable snapshot that is swapped whole, so readers never
 * lock. A thread of its own follows the store: at an announcement on the control topic at
 * once, and by itself every 10 s. The latest snapshot is kept on disk, so that a center can start and
 * route while the store is away (24 h at most).
 */
#ifndef POUCH_REGISTRY_REGISTRY_H
#define POUCH_REGISTRY_REGISTRY_H

#include <bus/kafka.h>
#include <store/store.h>

struct pl_registry;

/* One route of a snapshot; borrowed from it. */
struct pl_registry_route {
    const char *id, *publisher;
    const char *const *targets;
    size_t n_targets;
    bool enabled;
    int64_t version;
};

struct pl_snapshot;

/*
 * Opens the store, loads, and follows. s->store_url names the store, control_topic the announcements (made when
 * missing, compacted, 1 partition). CONFIG; NO_BROKER only when there is neither a store nor a kept snapshot.
 */
POUCH_MUST_CHECK pouch_err pl_registry_open(struct pl_registry **r, const struct pl_settings *s, const char *client_id);
void pl_registry_close(struct pl_registry *r); /* NULL allowed */

/* The snapshot in force, held until given back; cheap enough for once a batch. Any thread. */
const struct pl_snapshot *pl_registry_take(struct pl_registry *r);
void pl_registry_give(struct pl_registry *r, const struct pl_snapshot *s);

/* NULL: no route of that publisher. */
const struct pl_registry_route *pl_snapshot_find(const struct pl_snapshot *s, const char *publisher, size_t n);
size_t pl_snapshot_routes(const struct pl_snapshot *s);
int64_t pl_snapshot_version(const struct pl_snapshot *s);

/* For /readyz and /statusz: ms since the store was last read; negative: never in this process. */
int64_t pl_registry_age_ms(struct pl_registry *r);

/*
 * Tells every center that publisher's route is now of this version: one record on the control topic, key publisher, value
 * {"publisher","version","enabled","removed"}. For whoever has changed the store. Waits for the broker's word, at most timeout.
 */
struct pl_announcement {
    const char *publisher;
    int64_t version;
    bool enabled, removed;
};
POUCH_MUST_CHECK pouch_err pl_registry_announce(const struct pl_settings *s, const char *client_id,
                                                const struct pl_announcement *a, int timeout_ms);

#endif
