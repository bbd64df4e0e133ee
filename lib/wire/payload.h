/* What stands behind pouch_payload, and the one way in which the application's check is called. */
#ifndef POUCH_WIRE_PAYLOAD_H
#define POUCH_WIRE_PAYLOAD_H

#include <pouch/validate.h>
#include <stdbool.h>
#include <wire/envelope.h>

struct pouch_payload {
    struct pl_span text;
    const char *topic, *publisher; /* never NULL */
    bool is_reply;
};

/*
 * POUCH_OK; INVALID_PAYLOAD or, for anything else that fn says, UNCHECKED, with its reason in pouch_why(). *alone:
 * others can be checked; it may be NULL. Any thread.
 */
POUCH_MUST_CHECK pouch_err pl_payload_validate(const struct pouch_payload *p, pouch_validate_fn *fn, void *arg,
                                               bool *alone);

#endif
