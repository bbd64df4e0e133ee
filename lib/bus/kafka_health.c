/* What the handles of one client or worker know about their brokers. */
#include <bus/kafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pl_kafka_health {
    atomic_bool all_down;
    pthread_mutex_t lock; /* for the two below */
    rd_kafka_resp_err_t error;
    char reason[256];
};

struct pl_kafka_health *pl_kafka_health_new(void) {
    struct pl_kafka_health *h = calloc(1, sizeof *h);
    if (h && pthread_mutex_init(&h->lock, NULL)) {
        free(h);
        return NULL;
    }
    return h;
}

void pl_kafka_health_free(struct pl_kafka_health *h) {
    if (!h) return;
    pthread_mutex_destroy(&h->lock);
    free(h);
}

bool pl_kafka_all_down(const struct pl_kafka_health *h) {
    return atomic_load_explicit(&h->all_down, memory_order_relaxed);
}

/* Called for each delivery: reads first, so that the cache line stays shared while all is well. */
void pl_kafka_up(struct pl_kafka_health *h) {
    if (h && pl_kafka_all_down(h)) atomic_store_explicit(&h->all_down, false, memory_order_relaxed);
}

void pl_kafka_look(struct pl_kafka_health *h, rd_kafka_t *rk, int ms) {
    const rd_kafka_metadata_t *md;
    if (!pl_kafka_all_down(h) || rd_kafka_metadata(rk, 0, NULL, &md, ms)) return;
    rd_kafka_metadata_destroy(md);
    pl_kafka_up(h);
}

void pl_kafka_trouble(struct pl_kafka_health *h, rd_kafka_resp_err_t e, const char *reason) {
    if (!h) return;
    if (e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        atomic_store_explicit(&h->all_down, true, memory_order_relaxed);
        return; /* the error that led to it says more */
    }
    /* One that fails in the handshake's first call is told of as _TRANSPORT. */
    if (reason && strstr(reason, "certificate verify failed")) e = RD_KAFKA_RESP_ERR__SSL;
    pthread_mutex_lock(&h->lock);
    h->error = e;
    snprintf(h->reason, sizeof h->reason, "%s", reason ? reason : rd_kafka_err2str(e));
    pthread_mutex_unlock(&h->lock);
}

/* A connection that ends as soon as it begins is closed without a reason; librdkafka tells of none. */
static const char *reason_of(const struct pl_kafka_health *h) {
    if (h->error) return h->reason;
    if (pl_kafka_all_down(h)) return "it closes our connections, as brokers do that want TLS or SASL";
    return "no connection has been tried yet";
}

static const char *next_step(rd_kafka_resp_err_t e, const char *reason) {
    if (e == RD_KAFKA_RESP_ERR__SSL || strstr(reason, "SSL routines"))
        return "check kafka.security.protocol, kafka.ssl.ca.location and the name in the broker's certificate, and "
               "whether "
               "it wants one of ours (kafka.ssl.certificate.location)";
    if (pl_kafka_err(e) == POUCH_E_NOT_ALLOWED)
        return "check kafka.security.protocol, kafka.sasl.mechanisms, kafka.sasl.username and its password, and this "
               "user's ACLs";
    if (e == RD_KAFKA_RESP_ERR__RESOLVE) return "check the host name in `brokers`";
    if (!e) return "check `brokers` and kafka.security.protocol";
    return "check `brokers` and that Kafka runs there";
}

void pl_kafka_health_text(struct pl_kafka_health *h, const char *brokers, char *out, size_t n) {
    pthread_mutex_lock(&h->lock);
    const char *reason = reason_of(h);
    bool refused = pl_kafka_err(h->error) == POUCH_E_NOT_ALLOWED;
    snprintf(out, n, "%s %s (%s): %s", refused ? "we are refused by" : "no broker answers at", brokers, reason,
             next_step(h->error, reason));
    pthread_mutex_unlock(&h->lock);
}

pouch_err pl_kafka_health_error(struct pl_kafka_health *h) {
    pthread_mutex_lock(&h->lock);
    bool refused = pl_kafka_err(h->error) == POUCH_E_NOT_ALLOWED;
    pthread_mutex_unlock(&h->lock);
    return refused ? POUCH_E_NOT_ALLOWED : POUCH_E_NO_BROKER;
}
