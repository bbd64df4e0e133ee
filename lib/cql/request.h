/* Requests that the public calls are made of; inside the room. */
#ifndef POUCH_CQL_REQUEST_H
#define POUCH_CQL_REQUEST_H

#include <cql/frame.h>

/* As pl_cql_execute(), of one page. */
POUCH_MUST_CHECK pouch_err pl_cql_execute_page(struct pl_cql *s, const struct pl_cql_bound *b,
                                               const struct pl_cql_how *how, const struct pl_cql_parameters *p,
                                               pl_cql_done *done, void *arg);
POUCH_MUST_CHECK pouch_err pl_cql_query_page(struct pl_cql *s, const char *text, const struct pl_cql_how *how,
                                             const struct pl_cql_parameters *p, pl_cql_done *done, void *arg);

/*
 * A request that waits: starts with `how`, again and again while there is no room for it, within its time. _again:
 * *started is how starting it ended; true: once more, with `how` as it is now.
 */
struct pl_cql_attempt {
    struct pl_cql_how how; /* timeout_us: what is left */
    int64_t end_us;
};
/* how: NULL allowed */
struct pl_cql_attempt pl_cql_attempt_begin(const struct pl_cql *s, const struct pl_cql_how *how);
bool pl_cql_attempt_again(struct pl_cql *s, struct pl_cql_attempt *a, pouch_err *started);

/* A PREPARE; during the callback the session's answer is the PREPARED one. */
POUCH_MUST_CHECK pouch_err pl_cql_prepare_start(struct pl_cql *s, const char *text, const struct pl_cql_how *how,
                                                pl_cql_done *done, void *arg);

#endif
