/*
 * How a cluster stands: its brokers, each one asked, and its partitions by the metadata.
 */
#ifndef POUCH_CLUSTER_SHAPE_H
#define POUCH_CLUSTER_SHAPE_H

#include <bus/kafka.h>
#include <cluster/outcome.h>
#include <stdint.h>

struct pl_shape_broker {
    int32_t id;
    char *host; /* NULL: it is not in the cluster, but partitions have replicas on it */
    int port;
    bool answers;                 /* a request that goes to it alone was answered, be it with a refusal */
    int64_t took_us;              /* how long that took on an open connection; -1: no answer */
    size_t leads;                 /* partitions that it leads */
    size_t replicas;              /* partitions that it has a replica of */
    size_t lagging;               /* those of them that are not in sync */
    char why[PL_OUTCOME_WHY_MAX]; /* it does not answer; else "" */
};

enum pl_shape_trouble_kind {
    PL_TROUBLE_OFFLINE, /* it has no leader: it takes and gives nothing */
    /* fewer replicas in sync than min.insync.replicas, so it takes nothing with acks=all */
    PL_TROUBLE_UNDER_MIN_INSYNC,
    PL_TROUBLE_UNDER_REPLICATED, /* fewer in sync than replicas; those of a broker that does not answer are not */
};

struct pl_shape_trouble {
    const char *topic;                  /* within the shape */
    int32_t partition, leader;          /* leader -1: none */
    enum pl_shape_trouble_kind kind;    /* the worst of them */
    int replicas, in_sync, min_in_sync; /* min_in_sync 0: not known */
};

struct pl_shape_topic {
    char *name;
    bool internal; /* Kafka's own, __… */
    int partitions, replication;
    int offline, under_replicated, under_min_insync;
};

struct pl_shape {
    char *cluster_id;
    int32_t
        controller;  /* whom requests for the controller go to: with KRaft any broker, which passes them on. -1: none */
    int64_t ping_us; /* of a request for no topic's metadata, on an open connection */
    struct pl_shape_broker *brokers; /* by id; those that are not in the cluster too */
    size_t n_brokers, n_registered;  /* registered: those that are in it */
    struct pl_shape_topic *topics;   /* by name, internal ones too */
    size_t n_topics, n_internal;
    size_t partitions, offline, under_replicated, under_min_insync; /* an offline partition counts as each that it is */
    struct pl_shape_trouble *troubles;                              /* the worst first, at most PL_SHAPE_TROUBLES_MAX */
    size_t n_troubles;
    bool min_insync_known; /* else NOT_ALLOWED, or the mock: under_min_insync counts nothing */
};
enum { PL_SHAPE_TROUBLES_MAX = 1000 };

/*
 * Takes no longer than timeout in all. NO_BROKER: none answers; NO_MEMORY. A broker that does not answer, or that may
 * not be asked, is no error but told in the shape.
 */
POUCH_MUST_CHECK pouch_err pl_shape_read(rd_kafka_t *rk, struct pl_shape **shape, int timeout);
void pl_shape_free(struct pl_shape *s);

enum pl_shape_status {
    PL_SHAPE_HEALTHY,   /* every broker answers, and no partition is offline or under-replicated */
    PL_SHAPE_DEGRADED,  /* brokers or replicas are missing, but every partition can be used */
    PL_SHAPE_UNHEALTHY, /* partitions are offline or below min.insync.replicas */
};
enum pl_shape_status pl_shape_status(const struct pl_shape *s);
const char *pl_shape_status_name(enum pl_shape_status status); /* "healthy" */
const char *
pl_shape_trouble_name(enum pl_shape_trouble_kind kind); /* "offline", "under_min_insync", "under_replicated" */

/* How long a request and its answer take, on an open connection. NO_BROKER. */
POUCH_MUST_CHECK pouch_err pl_cluster_ping(rd_kafka_t *rk, int64_t *took_us, int timeout);

#endif
