/*
 * What a member of a group is at, for health checks and status pages. Its poll thread publishes it about once a
 * second; any thread reads the latest.
 */
#ifndef POUCH_BUS_STATUS_H
#define POUCH_BUS_STATUS_H

#include <bus/group.h>
#include <bus/target.h>
#include <pthread.h>
#include <wire/headers.h>

enum { PL_STATUS_PARTITIONS = 128, PL_STATUS_BREAKERS = 64, PL_STATUS_PERIOD_US = 1000000 };

enum pl_phase { PL_PHASE_STARTING, PL_PHASE_WORKING, PL_PHASE_STOPPING };

struct pl_status_partition {
    char topic[PL_NAME_MAX + 1];
    int32_t id;
    size_t in_flight;
    int64_t position; /* the offset that is taken next; negative: none taken yet */
    int64_t lag;      /* records in the topic that are not done; negative: not known yet */
    bool held;        /* waits because a dead letter cannot be stored, or a payload cannot be checked */
};

/* What the owner says of itself. */
struct pl_status_work {
    enum pl_phase phase;
    size_t in_flight, in_flight_most;
    size_t bytes, bytes_most;   /* of records in flight */
    size_t resending;           /* records that the broker did not take yet */
    int64_t oldest_us;          /* when the oldest in flight was taken; 0: none is */
    char oldest[PL_SOURCE_MAX]; /* which that is */
};

/* Of a handler, by its topic, or of a target: a topic that records are sent to. */
struct pl_status_breaker {
    char name[PL_NAME_MAX + 1];
    bool of_target;
    enum pl_breaker_state state;
    int64_t since_us; /* in this state, on the monotonic clock */
    size_t failures;  /* since the last success */
    size_t held;      /* records that wait for it to close, or for their reports from the target */
};

struct pl_status_facts {
    struct pl_status_work work;
    int64_t at_us; /* monotonic, when this was published; 0: never */
    char group[PL_NAME_MAX + 1];
    bool settled;      /* it has its partitions, perhaps none; not while they are handed out anew */
    char trouble[512]; /* "": brokers answer */
    size_t n_partitions, n_held;
    struct pl_status_partition partitions[PL_STATUS_PARTITIONS]; /* the first of them */
    size_t n_breakers;
    struct pl_status_breaker breakers[PL_STATUS_BREAKERS];
};

struct pl_status {
    pthread_mutex_t lock;
    struct pl_status_facts facts;
    struct pl_status *next_shown; /* lag.h */
};

/* Also shows it among the metrics. It does not move until it is freed. OVERLOADED, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_status_init(struct pl_status *s);
void pl_status_free(struct pl_status *s);

/* The poll thread's, when a period has passed or the phase has changed. group may be NULL. */
bool pl_status_due(const struct pl_status *s, enum pl_phase phase, int64_t now_us);
void pl_status_publish(struct pl_status *s, const struct pl_status_work *work, int64_t now_us,
                       const struct pl_group *group, struct pl_kafka_health *health, const char *brokers);

/* The poll thread's: forgets the breakers that were told; tells one more. What there is no room for is left out. */
void pl_status_no_breakers(struct pl_status *s);
void pl_status_breaker(struct pl_status *s, const struct pl_status_breaker *b);
void pl_status_target(const struct pl_target *target, void *status); /* for pl_targets_each() */

void pl_status_read(struct pl_status *s, struct pl_status_facts *out); /* any thread */

#endif
