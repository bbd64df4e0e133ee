/*
 * How a Kafka cluster stands, and how far groups are behind: measured when it is asked for, never kept.
 *
 * OWNERSHIP  What a call makes is the caller's; texts that are got from it live as long as it does.
 * THREADS    A pouch_cluster may be used by several threads; a pouch_health or pouch_lag never changes.
 * TIMES      Each call takes no longer than its timeout, in milliseconds.
 *
 * Errors of all calls: NO_BROKER (none answers), TIMEOUT, NOT_ALLOWED, NO_MEMORY. Nothing is made then, and what was
 * asked for is NULL.
 */
#ifndef POUCH_HEALTH_H
#define POUCH_HEALTH_H

#include <pouch/error.h>
#include <pouch/options.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pouch_cluster pouch_cluster; /* a connection */
typedef struct pouch_health pouch_health;   /* how it stood at one moment */
typedef struct pouch_lag pouch_lag;         /* how far groups were behind */

/* A connection as the options say; whether there is a broker is found out by the first question. CONFIG. */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_cluster_open(pouch_cluster **c, const pouch_options *o);

/* NULL is allowed. */
POUCH_API void pouch_cluster_close(pouch_cluster *c);

/* How long a request and its answer take, in microseconds. */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_cluster_ping(pouch_cluster *c, int timeout_ms, int64_t *took_us);

/* ---- the cluster ---- */

/*
 * Asks every broker, one by one, and looks at all partitions. A broker that does not answer is told in *h and is no
 * error.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_cluster_health(pouch_cluster *c, int timeout_ms, pouch_health **h);
POUCH_API void pouch_health_free(pouch_health *h);

/* 1: every broker answers, and no partition is offline or under-replicated. */
POUCH_API int pouch_health_is_healthy(const pouch_health *h);

/*
 * "healthy"; "degraded": replicas or brokers are missing, but all partitions can be used; "unhealthy": some cannot, or
 * not be written with acks=all.
 */
POUCH_API const char *pouch_health_status(const pouch_health *h);

POUCH_API int64_t pouch_health_time_ms(const pouch_health *h);    /* when, since 1970 */
POUCH_API int64_t pouch_health_latency_us(const pouch_health *h); /* of a ping */
POUCH_API const char *pouch_health_cluster_id(const pouch_health *h);

/* The broker that takes requests for the controller; with KRaft that is any one. -1: none. */
POUCH_API int pouch_health_controller(const pouch_health *h);

/* Kafka's own topics (__…) count in all but pouch_health_topics(). */
POUCH_API size_t pouch_health_topics(const pouch_health *h);
POUCH_API size_t pouch_health_partitions(const pouch_health *h);
POUCH_API size_t pouch_health_under_replicated(const pouch_health *h); /* fewer replicas in sync than there are */
POUCH_API size_t pouch_health_offline(const pouch_health *h);          /* no leader */

/* Fewer replicas in sync than min.insync.replicas. -1: it may not be read. */
POUCH_API int64_t pouch_health_under_min_insync(const pouch_health *h);

/* Brokers by id, those too that have replicas and are not in the cluster. */
POUCH_API size_t pouch_health_brokers(const pouch_health *h);
POUCH_API int pouch_health_broker_id(const pouch_health *h, size_t i);
POUCH_API int pouch_health_broker_answers(const pouch_health *h, size_t i);
POUCH_API int64_t pouch_health_broker_latency_us(const pouch_health *h, size_t i); /* -1: no answer */
POUCH_API const char *pouch_health_broker_why(const pouch_health *h, size_t i);    /* "" when it answers */

/* ---- lag ---- */

/*
 * Of n groups, each told once, or with n 0 of all that may be seen, at most 10,000. A group that could not be looked at
 * has an error of its own. One row is a partition that the group has an offset of committed, or a member assigned; rows
 * stand in the order of groups, topics and partitions. CONFIG: one has a name that no group can have (UTF-8, not
 * empty), or there are too many.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_cluster_lag(pouch_cluster *c, const char *const *groups, size_t n,
                                                       int timeout_ms, pouch_lag **lag);
POUCH_API void pouch_lag_free(pouch_lag *lag);

/* 0: a broker did not list its groups in time, or there are more than are told, so that some are missing. */
POUCH_API int pouch_lag_is_complete(const pouch_lag *lag);

POUCH_API size_t pouch_lag_groups(const pouch_lag *lag);
POUCH_API const char *pouch_lag_group(const pouch_lag *lag, size_t group);
POUCH_API const char *pouch_lag_state(const pouch_lag *lag, size_t group); /* "Stable", "Empty", …: as Kafka calls it */
POUCH_API size_t pouch_lag_members(const pouch_lag *lag, size_t group);
POUCH_API pouch_err pouch_lag_error(const pouch_lag *lag, size_t group); /* NOT_FOUND, NOT_ALLOWED, TIMEOUT; OK: none */
POUCH_API int64_t pouch_lag_total(const pouch_lag *lag, size_t group);   /* of the rows whose lag is known */

POUCH_API size_t pouch_lag_rows(const pouch_lag *lag, size_t group);
POUCH_API const char *pouch_lag_topic(const pouch_lag *lag, size_t group, size_t row);
POUCH_API int pouch_lag_partition(const pouch_lag *lag, size_t group, size_t row);

/* -1: the group has committed nothing; the partition has no leader. */
POUCH_API int64_t pouch_lag_committed(const pouch_lag *lag, size_t group, size_t row);
POUCH_API int64_t pouch_lag_end(const pouch_lag *lag, size_t group, size_t row);

/* end - committed, 0 where that is past the end; -1: one of them is not known. */
POUCH_API int64_t pouch_lag_behind(const pouch_lag *lag, size_t group, size_t row);

#ifdef __cplusplus
}
#endif
#endif
