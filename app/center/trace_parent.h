/* The traceparent header (W3C Trace Context): the trace goes on, each hop is a span of its own. */
#ifndef POUCH_CENTER_TRACE_PARENT_H
#define POUCH_CENTER_TRACE_PARENT_H

#include <stddef.h>
#include <stdint.h>

enum { CENTER_PARENT_MAX = 56 };

/* Where new ids come from: unique, and nothing that must not be guessed. */
struct center_spans {
    uint64_t state;
};
void center_spans_init(struct center_spans *s);

/*
 * The header for the next hop: the same trace and flags with a new span, or a new trace where came is none that can be
 * read.
 */
void center_trace_parent(char out[CENTER_PARENT_MAX], const void *came, size_t n, struct center_spans *s);

#endif
