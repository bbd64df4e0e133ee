/* What a list of traces does not show of its time. */
#ifndef POUCH_ADMIN_INCOMPLETE_H
#define POUCH_ADMIN_INCOMPLETE_H

#include <json/json.h>
#include <store/store.h>
#include <store/waiting.h>

struct admin_incomplete {
    uint64_t missing; /* rows that are lost */
    struct pl_waiting waiting;
};

/*
 * Looks for spools on this host; before the store is read, see waiting.h. spool: the setting trace.spool, NULL when
 * unset. Never fails: what cannot be known is not said.
 */
void admin_incomplete_look(struct admin_incomplete *i, const char *url, const char *spool, int64_t since_us,
                           int64_t until_us);

/* Adds what the store knows of a span; what waits from before it does not count. STORE, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err admin_incomplete_ask(struct admin_incomplete *i, struct pl_store *store, int64_t since_us,
                                                int64_t until_us);
void admin_incomplete_free(struct admin_incomplete *i);

bool admin_is_complete(const struct admin_incomplete *i);

/* The object, which is taken, with the members complete, missing and waiting. NULL, of that too: no memory. */
json_t *admin_incomplete_json(json_t *object, const struct admin_incomplete *i);

#endif
