#include <base/why.h>
#include <cluster/cluster.h>
#include <cluster/metadata.h>
#include <stdlib.h>

enum { REACH_MS = 10000 };

struct pl_cluster {
    rd_kafka_t *rk;
    struct pl_kafka_opaque opaque;
};

/* A consumer handle: it asks for no producer id, so it needs no right to write. */
static pouch_err open_handle(struct pl_cluster *c, const struct pl_settings *s, const char *client_id) {
    rd_kafka_conf_t *conf;
    c->opaque = (struct pl_kafka_opaque){.health = pl_kafka_health_new(), .alone = true};
    if (!c->opaque.health) return pl_fail(POUCH_E_NO_MEMORY, "no memory for a connection to the cluster");
    pouch_err err = pl_kafka_conf(&conf, s, client_id, true, &c->opaque, NULL);
    return err ? err : pl_kafka_new(&c->rk, RD_KAFKA_CONSUMER, conf);
}

pouch_err pl_cluster_open(struct pl_cluster **out, const struct pl_settings *s, const char *client_id) {
    struct pl_cluster *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c) return pl_fail(POUCH_E_NO_MEMORY, "no memory for a connection to the cluster");
    pouch_err err = open_handle(c, s, client_id);
    if (err) {
        pl_cluster_close(c);
        return err;
    }
    *out = c;
    return POUCH_OK;
}

rd_kafka_t *pl_cluster_handle(struct pl_cluster *c) {
    return c->rk;
}

void pl_cluster_close(struct pl_cluster *c) {
    if (!c) return;
    if (c->rk) pl_kafka_close(c->rk);
    pl_kafka_health_free(c->opaque.health);
    free(c);
}

/* librdkafka keeps what it was told once. Freed with rd_kafka_mem_free(). */
static pouch_err ask_id(rd_kafka_t *rk, char **id, const char *what, int timeout) {
    *id = rd_kafka_clusterid(rk, timeout);
    return *id ? POUCH_OK : pl_metadata_fail(rk, RD_KAFKA_RESP_ERR__TIMED_OUT, what, NULL, timeout);
}

pouch_err pl_cluster_reach(rd_kafka_t *rk) {
    char *id;
    pouch_err e = ask_id(rk, &id, "cannot reach the cluster", REACH_MS);
    if (!e) rd_kafka_mem_free(rk, id);
    return e;
}

pouch_err pl_cluster_mock(rd_kafka_t *rk, bool *mock, int timeout) {
    char *id;
    pouch_err e = ask_id(rk, &id, "cannot ask for the cluster's id", timeout);
    if (e) return e;
    *mock = pl_kafka_is_mock(id);
    rd_kafka_mem_free(rk, id);
    return POUCH_OK;
}
