#include <base/why.h>
#include <cluster/metadata.h>
#include <cluster/shape_parts.h>
#include <cluster/until.h>
#include <stdlib.h>
#include <string.h>

enum { CONTACT_MS = 4000 };

pouch_err pl_cluster_ping(rd_kafka_t *rk, int64_t *took_us, int timeout) {
    const rd_kafka_metadata_t *md;
    int64_t began_us = pl_mono_us(&pl_clock_system);
    rd_kafka_resp_err_t e = pl_metadata_ask(rk, false, &md, pl_until_us(timeout));
    if (e) return pl_metadata_fail(rk, e, "cannot ping the cluster", NULL, timeout);
    *took_us = pl_mono_us(&pl_clock_system) - began_us;
    rd_kafka_metadata_destroy(md);
    return POUCH_OK;
}

/* This also makes the first connection, so that what is timed later is a request alone. */
static pouch_err read_id(rd_kafka_t *rk, char **id, int timeout) {
    char *theirs = rd_kafka_clusterid(rk, timeout);
    if (!theirs)
        return pl_metadata_fail(rk, RD_KAFKA_RESP_ERR__TIMED_OUT, "cannot ask for the cluster's id", NULL, timeout);
    *id = strdup(theirs);
    rd_kafka_mem_free(rk, theirs);
    return *id ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a cluster's id");
}

/* Brokers are asked first: what they have in sync depends on whether they answer. */
static pouch_err fill(rd_kafka_t *rk, struct pl_shape **shape, const rd_kafka_metadata_t *md, int64_t until_us) {
    pouch_err e = pl_shape_take_brokers(shape, md);
    if (!e) e = pl_shape_contact(rk, *shape, pl_at_most(pl_left_ms(until_us), CONTACT_MS));
    if (!e) e = pl_shape_take_topics(*shape, md);
    if (!e) e = pl_shape_ask_min_insync(rk, *shape, pl_left_ms(until_us));
    if (e) {
        pl_shape_free(*shape);
        *shape = NULL;
        return e;
    }
    pl_shape_sort_troubles(*shape);
    (*shape)->controller = rd_kafka_controllerid(rk, pl_left_ms(until_us));
    return POUCH_OK;
}

static pouch_err read_metadata(rd_kafka_t *rk, struct pl_shape **shape, int64_t until_us) {
    const rd_kafka_metadata_t *md;
    pouch_err e = pl_metadata_all(rk, &md, pl_left_ms(until_us));
    if (e) return e;
    e = fill(rk, shape, md, until_us);
    rd_kafka_metadata_destroy(md);
    return e;
}

pouch_err pl_shape_read(rd_kafka_t *rk, struct pl_shape **out, int timeout) {
    int64_t until_us = pl_until_us(timeout), ping_us = -1;
    char *id = NULL;
    *out = NULL;
    pouch_err e = read_id(rk, &id, timeout);
    if (!e) e = pl_cluster_ping(rk, &ping_us, pl_left_ms(until_us));
    if (!e) e = read_metadata(rk, out, until_us);
    if (e) {
        free(id);
        return e;
    }
    (*out)->cluster_id = id;
    (*out)->ping_us = ping_us;
    return POUCH_OK;
}
