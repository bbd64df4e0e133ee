/* How routes do: those that have rows in a span of time, and those that are registered and have none. */
#ifndef POUCH_ADMIN_ROUTE_STATS_H
#define POUCH_ADMIN_ROUTE_STATS_H

#include <admin/incomplete.h>
#include <json/json.h>

struct admin_route_stat {
    char *publisher, *id;
    struct pl_route_stats stats; /* its texts are not used */
};

/* query is the caller's; all else zero at first. */
struct admin_route_stats {
    struct pl_stats_query query;
    struct admin_route_stat *at; /* by publisher and id */
    size_t n, cap;
    struct admin_incomplete incomplete;
    pouch_err error; /* inside */
};

/* Of a store, whose URL that is; spool: the setting trace.spool. Freed even after an error: the store's, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err admin_route_stats_read(struct admin_route_stats *r, struct pl_store *store, const char *url,
                                                  const char *spool);
void admin_route_stats_free(struct admin_route_stats *r);

/* One, and all of them with what the query was. NULL: no memory. */
json_t *admin_route_stat_json(const struct admin_route_stat *route);
json_t *admin_route_stats_json(const struct admin_route_stats *r);

#endif
