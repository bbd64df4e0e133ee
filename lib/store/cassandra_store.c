#include <base/why.h>
#include <stdlib.h>
#include <store/cassandra.h>
#include <store/cassandra_splp.h>

static void close_store(struct pl_store *store) {
    struct pl_cassandra_store *s = (struct pl_cassandra_store *)store;
    pl_splp_free(s->splp);
    free(s->dealt.at);
    pl_cassandra_close(&s->c);
    free(s);
}

static pouch_err open_store(struct pl_store **out, const char *where, bool as_it_is) {
    struct pl_cassandra_store *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store");
    s->store.kind = &pl_store_cassandra;
    pouch_err e = pl_cassandra_connect(&s->c, where);
    s->c.as_it_is = as_it_is;
    if (!e) e = pl_cassandra_wait(&s->c);
    if (e)
        close_store(&s->store);
    else
        *out = &s->store;
    return e;
}

/* Every row goes by its own time to live. */
static pouch_err expire(struct pl_store *s, int64_t before_us) {
    (void)s, (void)before_us;
    return POUCH_OK;
}

const struct pl_store_kind pl_store_cassandra = {
    .scheme = "cassandra://",
    /*
     * at a few thousand rows a second most partitions of the lists have several rows in 50 ms, in 5 ms they have
     * one
     */
    .linger_us = 50000,
    .open = open_store,
    .close = close_store,
    .version = pl_cassandra_version,
    .routes = pl_cassandra_routes,
    .route_put = pl_cassandra_route_put,
    .route_remove = pl_cassandra_route_remove,
    .services = pl_cassandra_services,
    .service_put = pl_cassandra_service_put,
    .service_remove = pl_cassandra_service_remove,
    .audit_put = pl_cassandra_audit_put,
    .audit = pl_cassandra_audit,
    .by_request = pl_cassandra_by_request,
    .by_time = pl_cassandra_by_time,
    .missing = pl_cassandra_missing,
    .stats = pl_cassandra_stats,
    .expire = expire,
    .sink_open = pl_cassandra_sink_open,
    .sink_close = pl_cassandra_sink_close,
    .sink_write = pl_cassandra_sink_write,
    .sink_tidy = pl_cassandra_sink_tidy,
};
