/* How a cluster stands: measured once, and as a document. */
#ifndef POUCH_ADMIN_HEALTH_H
#define POUCH_ADMIN_HEALTH_H

#include <cluster/lag.h>
#include <cluster/shape.h>
#include <json/json.h>

/* What to measure. */
struct admin_health_ask {
    rd_kafka_t *rk;
    const char *const *groups; /* n_groups 0: all */
    size_t n_groups;
    int64_t lag_alert; /* records behind in a partition; 0: no alarm */
    int timeout_ms;
};

/* One measurement. It belongs to whoever made it, and does not change. */
struct admin_health {
    int64_t time_ms; /* when it began */
    int64_t lag_alert;
    struct pl_outcome cluster; /* of an error there is neither a shape nor a lag */
    struct pl_shape *shape;
    struct pl_outcome lagging; /* of an error there is no lag; NOT_ALLOWED is no fault of the cluster's */
    struct pl_lag_report *lag;
};

/* The cluster, into an empty one; then the lag of groups. */
void admin_health_measure(struct admin_health *h, const struct admin_health_ask *ask);
void admin_health_measure_lag(struct admin_health *h, const struct admin_health_ask *ask);
void admin_health_free(struct admin_health *h);

/* HEALTHY only when no group is further behind than it may be, and UNHEALTHY when no broker answers. */
enum pl_shape_status admin_health_status(const struct admin_health *h);

/*
 * Texts for all that is not well; those of a status that is not at least as bad as `from` are left out. NULL: no
 * memory.
 */
json_t *admin_health_reasons(const struct admin_health *h, enum pl_shape_status from);

/* The whole of it. NULL: no memory. */
json_t *admin_health_json(const struct admin_health *h);

/* What it says of groups alone: {"alert","error","complete","groups":[…]}. NULL: no memory. */
json_t *admin_health_lag_json(const struct admin_health *h);

#endif
