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

/* Why a broker did not take a record: its reason, with the right that is missing when it is one. */
const char *pl_kafka_refusal(rd_kafka_resp_err_t e);

/*
 * Every handle's opaque, which librdkafka passes to all callbacks: what is known about its
 * brokers, and whoever the rebalance or delivery callback belongs to. Lives as long as the handle.
 */
struct pl_kafka_health;
struct pl_kafka_opaque {
    struct pl_kafka_health *health; /* may be NULL */
    void *owner;
    /*
     * What the error callback has to say of a topic and not of the brokers: PERMANENT errors such as a topic that
     * was deleted under a consumer. On the thread that polls, from inside its call. May be NULL.
     */
    void (*refused)(rd_kafka_resp_err_t e, const char *reason, void *owner);
    /* as given to pl_kafka_conf(), and longer there than the handle; unless alone */
    const struct pl_settings *settings;
    bool alone; /* nothing but calls that wait uses the handle, so that they may poll it to hear of errors */
};

/*
 * A configuration with brokers, client.id, the log, the error callback, our defaults, then pairs
 * (name, value, …, NULL; may be NULL): what this use needs, and last the user's kafka.* properties.
 * Those that delivery depends on, listed in bus/kafka.c, a user cannot set (CONFIG says which and
 * why). A user's property that only the other kind of handle reads has no effect and no warning.
 * opaque may be NULL. On success the configuration is the caller's, until rd_kafka_new() takes it.
 */
POUCH_MUST_CHECK pouch_err pl_kafka_conf(rd_kafka_conf_t **conf, const struct pl_settings *s, const char *client_id,
                                         bool consumer, struct pl_kafka_opaque *opaque, const char *const pairs[]);

/*
 * Lets the threads of the handle that conf is for gather what they send. CONFLICT: done before. pl_kafka_new() does it.
 */
rd_kafka_resp_err_t pl_kafka_threads(rd_kafka_conf_t *conf);

/* rd_kafka_new(): takes conf in any case. CONFIG: properties that do not fit together; NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_kafka_new(rd_kafka_t **rk, rd_kafka_type_t type, rd_kafka_conf_t *conf);

/*
 * rd_kafka_destroy() with a bound. librdkafka 2.0.2 never finishes with a consumer that had a partition
 * assigned when its topic was deleted (docs/decisions); after 3 s such a handle is left to its own threads. Its queues
 * must no longer signal a wake (pl_kafka_wake_off), and all of its messages, topics and queues be
 * given back. A group's member leaves with rd_kafka_consumer_close() before.
 */
void pl_kafka_close(rd_kafka_t *rk);

/*
 * The same; ended(arg) is called once nothing of rk is left, which may be later, on a thread of its own: for what
 * librdkafka's threads may use as long as they run.
 */
void pl_kafka_close_with(rd_kafka_t *rk, void (*ended)(void *arg), void *arg);

/* Shared by the handles of one client or worker: is any broker up, and what was the last error. Any thread. */
struct pl_kafka_health *pl_kafka_health_new(void); /* NULL: no memory */
void pl_kafka_health_free(struct pl_kafka_health *h);

/* True from the moment librdkafka found all brokers down until pl_kafka_up(). */
bool pl_kafka_all_down(const struct pl_kafka_health *h);

/* A broker has answered: a delivery, a record, a call. Cheap; h may be NULL. */
void pl_kafka_up(struct pl_kafka_health *h);

/* While all brokers are down: asks whether one is back, for at most `ms`. Without traffic nothing else would tell. */
void pl_kafka_look(struct pl_kafka_health *h, rd_kafka_t *rk, int ms);

/* Keeps the error that the error callback told, or a fatal one. h may be NULL. */
void pl_kafka_trouble(struct pl_kafka_health *h, rd_kafka_resp_err_t e, const char *reason);

/*
 * Into out: "no broker answers at B (connection refused): …next step". For NO_BROKER messages.
 * Brokers that refuse our credentials or certificate are told as such.
 */
void pl_kafka_health_text(struct pl_kafka_health *h, const char *brokers, char *out, size_t n);

/* What that text is: NOT_ALLOWED when the brokers refuse us, else NO_BROKER. */
pouch_err pl_kafka_health_error(struct pl_kafka_health *h);

/* The mock of `pouch dev` and of tests: a produce does not wake a waiting fetch there, so fetches must not wait. */
bool pl_kafka_is_mock(const char *cluster_id);

/* Makes q signal w whenever it goes from empty to not empty. */
void pl_kafka_wake_on(rd_kafka_queue_t *q, struct pl_wake *w);
void pl_kafka_wake_off(rd_kafka_queue_t *q);

#endif
