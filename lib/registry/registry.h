/*
 * Routes as a center looks them up: an immutable snapshot that is swapped whole. Taking and giving back cost a
 * count under a lock that is held for nothing else; looking up takes none. A thread of its own follows the store: at
 * an announcement on the control topic at once, and by itself every 10 s. It never goes back to a lower
 * version. The latest snapshot is kept beside the store (routes.jsonl in its folder), so that a center can
 * start and route while the store cannot be read, with what is a day old at most. Once started, the last
 * snapshot stays in force for as long as the store is away, but for the routes that are announced meanwhile, or were
 * since it was read: those it says are awaited.
 *
 * A route's targets and enabled flag are all that routing needs: a route whose service is not there routes like any
 * other.
 */
#ifndef POUCH_REGISTRY_REGISTRY_H
#define POUCH_REGISTRY_REGISTRY_H

#include <base/uuid.h>
#include <bus/kafka.h>
#include <store/store.h>

struct pl_registry;

/* One route of a snapshot; borrowed from it. */
struct pl_registry_route {
    const char *id, *publisher;
    const char *const *targets;
    size_t n_targets;
    const uint32_t *weights; /* NULL: each request goes to all targets; else to the one that pl_registry_pick() says */
    uint32_t weight;         /* the sum of them */
    bool enabled;
    int64_t version;
};

struct pl_snapshot;

/*
 * Opens the store that s->store names, or the default one, and loads; where that fails, what was kept, with an alarm in
 * the log. Then follows, from the broker's first answer on also the announcements on s->routes_topic
 * (made when missing, compacted, 1 partition). s outlives the registry. What pl_store_open() and pl_store_routes()
 * say when nothing usable is kept; CONFIG; NO_MEMORY. A broker that does not answer is no error here.
 */
POUCH_MUST_CHECK pouch_err pl_registry_open(struct pl_registry **r, const struct pl_settings *s, const char *client_id);
/* All snapshots have been given back. Takes seconds at most. NULL allowed. */
void pl_registry_close(struct pl_registry *r);

/* The snapshot in force, held until given back; cheap enough for once a batch. Any thread. */
const struct pl_snapshot *pl_registry_take(struct pl_registry *r);
void pl_registry_give(struct pl_registry *r, const struct pl_snapshot *s);

/*
 * Whether a newer route of that publisher, or its removal, was announced, and the store could not be read since: what
 * this snapshot says of it is out of date, and its requests are to wait for a later one.
 */
bool pl_snapshot_awaits(const struct pl_snapshot *s, const char *publisher, size_t n);

/* NULL: no route of that publisher. */
const struct pl_registry_route *pl_snapshot_find(const struct pl_snapshot *s, const char *publisher, size_t n);
/*
 * Which of its targets a route with weights sends that request to. The same one each time, on every center, as long as
 * the weights are the same; with two targets, changing them moves only requests that have to be moved. Routes choose
 * independently of each other.
 */
size_t pl_registry_pick(const struct pl_registry_route *r, const struct pl_uuid *request_id);

size_t pl_snapshot_routes(const struct pl_snapshot *s);
int64_t pl_snapshot_version(const struct pl_snapshot *s);

/*
 * For /readyz and /statusz: ms since the store was last read; negative: never in this process, so these are kept
 * routes. Any thread.
 */
int64_t pl_registry_age_ms(struct pl_registry *r);

/*
 * Tells every center of changes that are in the store: of each, one record on the control topic, key publisher, value
 * {"publisher","version","enabled","removed"}; of a service, key service:NAME, value {"service","version","removed"}.
 * Waits for the broker's word, timeout_ms at most, and 3 s for brokers that are down; then lets the connection go,
 * which takes a second at most. NO_BROKER, TIMEOUT, NOT_ALLOWED, NO_MEMORY: centers learn of the changes at their next
 * refresh.
 */
struct pl_announcement {
    const char *publisher, *service; /* one of them */
    int64_t version;
    bool enabled, removed;
};
POUCH_MUST_CHECK pouch_err pl_registry_announce(const struct pl_settings *s, const char *client_id,
                                                const struct pl_announcement *told, size_t n, int timeout_ms);

#endif
