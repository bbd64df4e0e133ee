/* The way of one request: who had it when, and for how long. No I/O. */
#ifndef POUCH_ADMIN_HOPS_H
#define POUCH_ADMIN_HOPS_H

#include <json/json.h>
#include <store/trace.h>

enum admin_hop_end { ADMIN_HOP_OK, ADMIN_HOP_FAILED, ADMIN_HOP_OPEN };

/* Who had the request for a while. Texts are borrowed from the rows. */
struct admin_hop {
    enum pl_trace_by by;
    const char *from, *to;     /* topics; NULL: none */
    int64_t start_us, took_us; /* took -1: has not ended, as far as the rows tell */
    enum admin_hop_end end;
    const char *code, *error;        /* of a failure; may be NULL */
    const struct pl_trace *ended_by; /* the row that tells of the end, where it is not the one of the beginning */
};

/*
 * Makes hops of the rows of one request: what a client or worker says at the beginning and at the end is one
 * hop. In the order of their beginnings, at equal times in the order of the way: client, center, worker.
 * hops has room for n. How many there are.
 */
size_t admin_hops_of(struct admin_hop *hops, const struct pl_trace *rows, size_t n);

/* When it has ended, or when it began if it has not. */
int64_t admin_hop_end_us(const struct admin_hop *hop);

/* From the first beginning to the last end. */
int64_t admin_hops_span_us(const struct admin_hop *hops, size_t n);

/* "client", "center", "worker" */
const char *admin_by_text(enum pl_trace_by by);

/* {"by","from","to","start_us","took_us","end":"ok"|"failed"|"open","code","error"}. NULL: no memory. */
json_t *admin_hop_json(const struct admin_hop *hop);

#endif
