/* What a list of traces does not show of its time, and says so. */
#ifndef POUCH_OPS_INCOMPLETE_H
#define POUCH_OPS_INCOMPLETE_H

#include <ops/ops.h>
#include <store/store.h>
#include <store/waiting.h>

struct ops_incomplete {
    uint64_t missing; /* rows that are lost */
    struct pl_waiting waiting;
};

/* Looks for spools on this host; before the store is read, see waiting.h. Never fails: what cannot be known is not said. */
void ops_incomplete_look(struct ops_incomplete *i, const struct ops_call *call, const char *url, int64_t since_us,
                         int64_t until_us);

/* Adds what the store knows of a span; what waits from before it does not count. STORE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err ops_incomplete_ask(struct ops_incomplete *i, struct pl_store *store, int64_t since_us,
                                              int64_t until_us);
void ops_incomplete_free(struct ops_incomplete *i);

bool ops_is_complete(const struct ops_incomplete *i);

/* A line on stdout for each reason that there is; more: what else is to be said of missing rows, or "". */
void ops_incomplete_print(const struct ops_incomplete *i, const char *more);
void ops_incomplete_say(const struct ops_incomplete *i); /* on stderr */
void ops_incomplete_end(const struct ops_incomplete *i); /* the end of a JSON document: members and a brace */

#endif
