#include <base/why.h>
#include <plain/recent.h>
#include <stdlib.h>

pouch_err plain_recent_init(struct plain_recent *r) {
    *r = (struct plain_recent){.ring = calloc(PLAIN_RECENT, sizeof *r->ring)};
    if (!r->ring) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the tasks of plain workers");
    pouch_err e = pl_idmap_init(&r->by_id, PLAIN_RECENT);
    if (e) free(r->ring);
    return e;
}

void plain_recent_free(struct plain_recent *r) {
    pl_idmap_free(&r->by_id);
    free(r->ring);
}

/* For want of memory it is forgotten at once: what comes for it counts as not ours. */
void plain_recent_note(struct plain_recent *r, const struct pl_uuid *id, enum plain_end end) {
    struct plain_past *known = pl_idmap_get(&r->by_id, id);
    if (known) {
        known->end = end;
        return;
    }
    struct plain_past *place = &r->ring[r->next];
    if (place->end) pl_idmap_remove(&r->by_id, &place->id);
    *place = (struct plain_past){*id, end};
    if (pl_idmap_put(&r->by_id, id, place))
        place->end = PLAIN_UNKNOWN;
    else
        r->next = (r->next + 1) % PLAIN_RECENT;
}

enum plain_end plain_recent_find(const struct plain_recent *r, const struct pl_uuid *id) {
    const struct plain_past *known = pl_idmap_get(&r->by_id, id);
    return known ? known->end : PLAIN_UNKNOWN;
}
