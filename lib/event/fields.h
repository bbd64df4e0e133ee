/* The members of an event, in the order in which they are written, and what each may be. Inside the room. */
#ifndef POUCH_EVENT_FIELDS_H
#define POUCH_EVENT_FIELDS_H

#include <base/buf.h>
#include <pouch/event.h>
#include <stdbool.h>

enum { PL_EVENT_FIELDS = POUCH_EVENT_METADATA + 1, PL_EVENT_TEXT_MAX = 100, PL_EVENT_JSON_MAX = 16 * 1024 * 1024 };

enum pl_event_kind { PL_EVENT_STRING, PL_EVENT_NUMBER, PL_EVENT_OBJECT };

struct pl_event_row {
    const char *name;
    size_t name_n, most; /* bytes */
    enum pl_event_kind kind;
    bool optional;
    bool (*check)(const char *text, size_t n);
    const char *rule; /* what check wants: "is to be …" */
};

extern const struct pl_event_row pl_event_rows[PL_EVENT_FIELDS];

/* An absent field is empty: no value is. */
struct pouch_event {
    struct pl_buf fields[PL_EVENT_FIELDS];
};

/* Gives a field a value that was checked. NO_MEMORY: the field is as it was. */
POUCH_MUST_CHECK pouch_err pl_event_put(pouch_event *e, size_t field, const void *value, size_t n);

void pl_event_clear(pouch_event *e);

#endif
