/* Events as text/event-stream has them (HTML, "server-sent events"). No I/O. */
#ifndef POUCH_EVENTS_SSE_H
#define POUCH_EVENTS_SSE_H

#include <base/buf.h>
#include <httpd/head.h>

struct sse_event {
    const char *id;   /* NULL: none, and the client keeps the one before */
    const char *name; /* NULL: "message", as clients take it */
    int retry_ms;     /* 0: none */
    struct httpd_span data;
};

/*
 * Appends it: whatever line ends the data has, it comes out as as many lines of the same event. INVALID_PAYLOAD: id or
 * name has a line end or NUL in it, which could begin another event. TOO_LARGE, NO_MEMORY. After an error nothing was
 * appended.
 */
POUCH_MUST_CHECK pouch_err events_write(struct pl_buf *out, const struct sse_event *event);

/* What clients pass over; text without line ends. */
POUCH_MUST_CHECK pouch_err events_comment(struct pl_buf *out, const char *text);

#endif
