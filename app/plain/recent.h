/* The tasks that ended last, so that what comes for them afterwards is told from what was never ours. One owner. */
#ifndef POUCH_PLAIN_RECENT_H
#define POUCH_PLAIN_RECENT_H

#include <base/idmap.h>
#include <pouch/error.h>

enum { PLAIN_RECENT = 8192 };
enum plain_end { PLAIN_UNKNOWN, PLAIN_ANSWERED, PLAIN_TIMED_OUT };

struct plain_past {
    struct pl_uuid id;
    enum plain_end end; /* UNKNOWN: the place is empty */
};

struct plain_recent {
    struct pl_idmap by_id;
    struct plain_past *ring; /* PLAIN_RECENT */
    size_t next;
};

POUCH_MUST_CHECK pouch_err plain_recent_init(struct plain_recent *r); /* NO_MEMORY */
void plain_recent_free(struct plain_recent *r);
void plain_recent_note(struct plain_recent *r, const struct pl_uuid *id, enum plain_end end);
enum plain_end plain_recent_find(const struct plain_recent *r, const struct pl_uuid *id);

#endif
