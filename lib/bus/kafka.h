/* librdkafka as we set it up: one place for properties, error classes and its log. */
#ifndef POUCH_BUS_KAFKA_H
#define POUCH_BUS_KAFKA_H

#include <base/wake.h>
#include <conf/settings.h>
#include <librdkafka/rdkafka.h>
#include <pouch/error.h>
#include <stdbool.h>

/*
 * What a broker's error means for the record or call it came for:
 *   TRANSIENT  the same attempt may work later (broker down, leader moving, timed out)
 *   PERMANENT  it never will (too large, unknown topic, not authorized)
 *   FATAL      the producer itself is finished and must be rebuilt
 */
enum pl_kafka_class { PL_KAFKA_OK, PL_KAFKA_TRANSIENT, PL_KAFKA_PERMANENT, PL_KAFKA_FATAL };
enum pl_kafka_class pl_kafka_class(rd_kafka_resp_err_t e);

/* The error a user of ours sees: TOO_LARGE, TARGET_REFUSED, NOT_ALLOWED, NO_BROKER, OVERLOADED, TIMEOUT. */
pouch_err pl_kafka_err(rd_kafka_resp_err_t e);

/* pl_fail() with what was tried, on which topic (may be NULL), the broker's reason, and the next step. */
POUCH_MUST_CHECK pouch_err pl_kafka_fail(rd_kafka_resp_err_t e, const char *what, const char *topic);

/*
 * A configuration with brokers, client.id, the log, the error callback, our defaults and then the user's
 * kafka.* properties. pairs: name, value, …, NULL: what this use needs; set before the user's,
 * except those that delivery depends on, named in bus/kafka.c, which a user cannot override
 * (CONFIG says which and why). consumer: consumer-only properties are left out of producers and
 * the other way round. `why_down`, when not NULL, receives the last broker error's text (a
 * struct pl_kafka_health), for messages that name the cause.
 */
struct pl_kafka_health;
POUCH_MUST_CHECK pouch_err pl_kafka_conf(rd_kafka_conf_t **conf, const struct pl_settings *s, const char *client_id, bool consumer,
                                         struct pl_kafka_health *health, const char *const pairs[]);

/* Shared by the handles of one client or worker: is any broker up, and what was the last error. Any thread. */
struct pl_kafka_health *pl_kafka_health_new(void); /* NULL: no memory */
void pl_kafka_health_free(struct pl_kafka_health *h);
bool pl_kafka_all_down(const struct pl_kafka_health *h);
/* Into out: "no broker answers at B (connection refused): …next step". For NO_BROKER messages. */
void pl_kafka_health_text(struct pl_kafka_health *h, const char *brokers, char *out, size_t n);

/* The mock of `pouch dev` and of tests: a produce does not wake a waiting fetch there, so fetches must not wait. */
bool pl_kafka_is_mock(const char *cluster_id);

/* Makes q signal w whenever it goes from empty to not empty. */
void pl_kafka_wake_on(rd_kafka_queue_t *q, struct pl_wake *w);

#endif
