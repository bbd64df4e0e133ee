/* What was noted of one request. */
#ifndef POUCH_ADMIN_TRACE_H
#define POUCH_ADMIN_TRACE_H

#include <admin/hops.h>
#include <admin/incomplete.h>
#include <admin/rows.h>

enum { ADMIN_TRACE_ROWS = 10000 };

struct admin_trace {
    char request_id[37];
    struct admin_rows rows;
    struct admin_incomplete incomplete; /* from the request's time on, or of all times when there is no row */
};

/* Of a store, whose URL that is; spool: the setting trace.spool. Freed even after an error: the store's, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err admin_trace_read(struct admin_trace *t, const struct pl_uuid *id, struct pl_store *store,
                                            const char *url, const char *spool);
void admin_trace_free(struct admin_trace *t);

/* Its hops in their order, as an array. NULL: no memory. */
json_t *admin_trace_hops_json(const struct admin_trace *t);

/* {"request_id","rows":[…],"hops":[…],"complete","missing","waiting"}, without payloads. NULL: no memory. */
json_t *admin_trace_json(const struct admin_trace *t);

#endif
