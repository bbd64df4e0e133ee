/*
 * What the files of this room share: findings, and each thing that is looked at. Those that ask nobody are given facts.
 */
#ifndef POUCH_DOCTOR_LOOK_H
#define POUCH_DOCTOR_LOOK_H

#include <doctor/doctor.h>
#include <librdkafka/rdkafka.h>
#include <store/store.h>

/* All is well with where. */
void doctor_good(struct doctor *d, const char *check, const char *where, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* It is not: what, and what to do, which no such finding is without. */
void doctor_bad(struct doctor *d, enum doctor_level level, const char *check, const char *where, const char *advice,
                const char *format, ...) __attribute__((format(printf, 6, 7)));

/* A property of librdkafka as the settings have it. */
double doctor_property(const struct pl_settings *s, const char *name, double fallback);

void doctor_settings(struct doctor *d);
void doctor_keys(struct doctor *d);
void doctor_host(struct doctor *d, const char *store_url);
void doctor_peers(struct doctor *d);

/* Reads the routes for doctor_topics(); none where they cannot be read. */
void doctor_store(struct doctor *d, const char *url, struct pl_route_row **routes, size_t *n);

/* False: there is no broker to ask. */
bool doctor_brokers(struct doctor *d, rd_kafka_t *rk);
void doctor_topics(struct doctor *d, rd_kafka_t *rk, const struct pl_route_row *routes, size_t n);

/* What a topic is for, and how it stands. */
enum doctor_use { DOCTOR_REQUESTS, DOCTOR_REPLIES, DOCTOR_LETTERS, DOCTOR_CHANGES };
struct doctor_topic {
    const char *name;
    enum doctor_use use;
    int partitions, replication, least_in_sync, offline, lagging; /* lagging: partitions with replicas out of sync */
    bool configs_known;
    int min_insync;
    bool compacted;
    int64_t retention_ms; /* negative: for ever */
    int64_t delay_ms;     /* of a retry topic: how long a record waits in it; else 0 */
    int64_t max_bytes;    /* of a record */
};
void doctor_judge_topic(struct doctor *d, const struct doctor_topic *t);

/* A peer's /statusz, read at now_ms by our clock, give or take half of took_ms. */
void doctor_judge_peer(struct doctor *d, const char *name, const json_t *status, int64_t now_ms, int64_t took_ms);

#endif
