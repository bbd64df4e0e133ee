/*
 * Events: one JSON object around a payload that says what happened, when, where and to whom:
 *
 *   {"id","type","version","timestamp","tenant_id","source","correlation_id","trace_id","payload","metadata"}
 *
 * docs/topics.md says what each may be. Types are the application's own: words joined by dots, as "message.sent".
 *
 * OWNERSHIP  A pouch_event holds copies of all that it was given. It is made once and used for event after event; then
 *            nothing is allocated for an event that is no larger than those before.
 * THREADS    It belongs to one thread at a time.
 */
#ifndef POUCH_EVENT_H
#define POUCH_EVENT_H

#include <pouch/dest.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pouch_event pouch_event;

typedef enum pouch_event_field {
    POUCH_EVENT_ID,             /* a UUID of version 7 */
    POUCH_EVENT_TYPE,           /* 1 to 100 of A-Z a-z 0-9 _ - in words joined by dots */
    POUCH_EVENT_VERSION,        /* of the payload's form: "1.0.0" */
    POUCH_EVENT_TIMESTAMP,      /* ms since the epoch, decimal */
    POUCH_EVENT_TENANT_ID,      /* 1 to 64 of a-z 0-9 - */
    POUCH_EVENT_SOURCE,         /* the service it comes from: 1 to 100 bytes of text */
    POUCH_EVENT_CORRELATION_ID, /* may be absent; 1 to 100 bytes of text, as the next */
    POUCH_EVENT_TRACE_ID,       /* may be absent */
    POUCH_EVENT_PAYLOAD,        /* the text of a JSON object, at most 16 MiB, as the next */
    POUCH_EVENT_METADATA
} pouch_event_field;

/* Kafka headers that say of an event, and of other records, what its reader may want to know before reading it. */
#define POUCH_HEADER_TENANT_ID      "tenant_id"
#define POUCH_HEADER_USER_ID        "user_id"
#define POUCH_HEADER_TRACE_ID       "trace_id"
#define POUCH_HEADER_CORRELATION_ID "correlation_id"
#define POUCH_HEADER_TIMESTAMP      "timestamp"

/* An empty one. NULL: out of memory. */
POUCH_API pouch_event *pouch_event_new(void);

/* NULL is allowed. */
POUCH_API void pouch_event_free(pouch_event *e);

/* Begins an event: what it held is gone, and it has a fresh id, the time, version 1.0.0 and metadata {}. NO_MEMORY. */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_event_begin(pouch_event *e);

/*
 * Gives a field its value, n bytes that are not e's own; n 0 takes it away. CONFIG: not what the field may be.
 * TOO_LARGE, NO_MEMORY. After an error the field is as it was.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_event_set(pouch_event *e, pouch_event_field field, const void *value,
                                                     size_t n);

/*
 * Reads an event. BAD_ENVELOPE: it is none, with the member and the byte in pouch_why(): not one JSON object, bad
 * UTF-8, a member twice, unknown, missing or not what it may be. TOO_LARGE: a payload or metadata over its bound.
 * NO_MEMORY. e is empty after an error.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_event_read(pouch_event *e, const void *json, size_t n);

/* A field's value, NUL-terminated beyond *n (which may be NULL); NULL where it is absent. Borrowed until e changes. */
POUCH_API const char *pouch_event_get(const pouch_event *e, pouch_event_field field, size_t *n);

/*
 * Writes it into out, of size bytes, with a NUL that *n does not count. CONFIG: a field is missing, which is named.
 * TOO_LARGE: it does not fit; *n is then what it takes without the NUL, and what is in out is worth nothing. With a
 * size of 0 out may be NULL.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_event_write(const pouch_event *e, char *out, size_t size, size_t *n);

/*
 * Adds the headers above that the event can tell of: tenant, correlation, trace, timestamp. Errors of
 * pouch_dest_add_header().
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_event_add_headers(const pouch_event *e, pouch_dest *d);

#ifdef __cplusplus
}
#endif
#endif
