/* What the handles of one client or worker know about their brokers. */
#include <bus/kafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

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

void pl_kafka_trouble(struct pl_kafka_health *h, rd_kafka_resp_err_t e, const char *reason) {
    if (!h) return;
    if (e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        atomic_store_explicit(&h->all_down, true, memory_order_relaxed);
        return; /* the error that led to it says more */
    }
    pthread_mutex_lock(&h->lock);
    h->error = e;
    snprintf(h->reason, sizeof h->reason, "%s", reason ? reason : rd_kafka_err2str(e));
    pthread_mutex_unlock(&h->lock);
}

void pl_kafka_health_text(struct pl_kafka_health *h, const char *brokers, char *out, size_t n) {
    pthread_mutex_lock(&h->lock);
    rd_kafka_resp_err_t e = h->error;
    const char *why = e ? h->reason : "no connection has been tried yet";
    if (e == RD_KAFKA_RESP_ERR__SSL)
        snprintf(out, n,
                 "no TLS connection to %s (%s): check kafka.security.protocol, kafka.ssl.ca.location and the name in "
                 "the broker's certificate",
                 brokers, why);
    else if (pl_kafka_err(e) == POUCH_E_NOT_ALLOWED)
        snprintf(out, n,
                 "the brokers at %s refuse us (%s): check kafka.security.protocol, kafka.sasl.mechanisms, "
                 "kafka.sasl.username and its password, and this user's ACLs",
                 brokers, why);
    else if (e == RD_KAFKA_RESP_ERR__RESOLVE)
        snprintf(out, n, "no broker answers at %s (%s): check the host name in `brokers`", brokers, why);
    else
        snprintf(out, n, "no broker answers at %s (%s): check `brokers` and that Kafka runs there", brokers, why);
    pthread_mutex_unlock(&h->lock);
}
