/* Events as they lie on the log: one JSON object a record (docs/gateway.md). No I/O. */
#ifndef POUCH_EVENTS_RECORD_H
#define POUCH_EVENTS_RECORD_H

#include <base/buf.h>
#include <events/events.h>
#include <wire/envelope.h>

/* Where a copied record came from. */
struct events_source {
    char topic[PL_NAME_MAX + 1]; /* "": it was not copied */
    int32_t partition;
    int64_t offset, at_ms;
};

struct events_record {
    json_t *root; /* what the rest points into; json_decref() */
    struct events_event event;
    struct events_source source;
};

/* The value of the record, to be freed with free(). source NULL: none. NULL: no memory. */
char *events_record_text(const struct events_event *event, const struct events_source *source, size_t *n);

/*
 * INVALID_PAYLOAD: it is none of ours, which an application may have written there. NO_MEMORY. After an error there is
 * nothing to free.
 */
POUCH_MUST_CHECK pouch_err events_record_read(struct events_record *r, const void *value, size_t n);

/*
 * Appends the event as it is sent; offset -1: without an id. A text is sent as it is, other data as JSON on one
 * line. INVALID_PAYLOAD: a name that cannot be. TOO_LARGE: over out's bound. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err events_event_write(struct pl_buf *out, const struct events_event *event, int64_t offset);

#endif
