/*
 * A record's headers on their way through the center: what they say, what goes on, and what the
 * center replaces because it tells of one hop. No I/O.
 */
#ifndef POUCH_CENTER_HEADERS_H
#define POUCH_CENTER_HEADERS_H

#include <center/trace_parent.h>
#include <librdkafka/rdkafka.h>
#include <pouch/error.h>
#include <wire/envelope.h>
#include <wire/headers.h>

/* What the center reads in them. */
struct center_facts {
    int64_t deadline_ms; /* 0: none */
    int hop;             /* at most PL_HOPS_MAX */
    bool wants_reply;
};
void center_facts_read(struct center_facts *f, const rd_kafka_headers_t *came);

/* NULL: the record has none; all functions here take that. Borrowed from m. */
const rd_kafka_headers_t *center_headers_of(const rd_kafka_message_t *m);

/* A record's headers as they are to be sent; made anew for each, in memory that is used again. */
struct center_headers {
    struct pl_header *at;
    size_t n, cap;
    char hop[12], fanout[24], parent[CENTER_PARENT_MAX];
};
void center_headers_free(struct center_headers *h);

/* Of several targets, the one that this is for. */
struct center_branch {
    const char *target;
    size_t index, n; /* from 0; of n */
};

/*
 * All that came, in order, but for those of one hop, which are made anew and come last: pouch-source,
 * pouch-hop, traceparent, and with several targets pouch-fanout and pouch-target. With a single one those two
 * stay as they came: the record is still the branch that an earlier center made of it. source is
 * borrowed. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err center_headers_forward(struct center_headers *h, const rd_kafka_headers_t *came,
                                                  const char *source, int hop, const struct center_branch *branch,
                                                  struct center_spans *spans);

/* What an error echoes to the requester, as a worker's answer does: the branch and the trace. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err center_headers_answer(struct center_headers *h, const rd_kafka_headers_t *came,
                                                 const struct center_branch *branch);

#endif
