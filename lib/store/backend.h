/*
 * What a kind of store is: the calls of store.h with their arguments checked, and the writing side of a
 * tracer, a sink. Inside the room.
 */
#ifndef POUCH_STORE_BACKEND_H
#define POUCH_STORE_BACKEND_H

#include <store/store.h>
#include <store/tally.h>

struct pl_trace_batch {
    const char *at; /* packed rows (trace_pack.h) */
    size_t rows;
    bool again; /* they come from the spool: some may have been written before */
};

struct pl_gap { /* rows that were lost: how many, and between which times they began */
    int64_t from_us, to_us;
    uint64_t rows; /* 0: no gap */
    uint64_t id;   /* random; a gap that is written again is the same in all its members */
};

struct pl_sink; /* used by one thread at a time */

struct pl_store_kind {
    const char *scheme; /* what its URLs begin with: "sqlite://" */
    bool is_folder;     /* the URL's rest is a folder of this host */
    int linger_us;      /* how long a batch of rows is worth gathering */
    /* where: the URL behind the scheme. As it is: as pl_store_look() says. */
    pouch_err (*open)(struct pl_store **s, const char *where, bool as_it_is);
    void (*close)(struct pl_store *s);
    pouch_err (*version)(struct pl_store *s, int64_t *version);
    pouch_err (*routes)(struct pl_store *s, struct pl_route_row **routes, size_t *n, int64_t *version);
    pouch_err (*route_put)(struct pl_store *s, struct pl_route_row *r, int64_t expected);
    pouch_err (*route_remove)(struct pl_store *s, const char *publisher, int64_t expected, int64_t *version);
    pouch_err (*services)(struct pl_store *s, struct pl_service_row **services, size_t *n);
    pouch_err (*service_put)(struct pl_store *s, struct pl_service_row *r, int64_t expected);
    pouch_err (*service_remove)(struct pl_store *s, const char *name, int64_t expected, int64_t *revision);
    pouch_err (*audit_put)(struct pl_store *s, const struct pl_audit *change); /* sets version and time itself */
    pouch_err (*audit)(struct pl_store *s, const struct pl_audit_query *q, pl_audit_visit *fn, void *arg);
    pouch_err (*by_request)(struct pl_store *s, const struct pl_uuid *id, pl_trace_visit *fn, void *arg);
    pouch_err (*by_time)(struct pl_store *s, const struct pl_trace_query *q, pl_trace_visit *fn, void *arg);
    pouch_err (*missing)(struct pl_store *s, int64_t since_us, int64_t until_us, uint64_t *rows);
    /* Adds what the query is about to sums, which tells no minutes apart. */
    pouch_err (*stats)(struct pl_store *s, const struct pl_stats_query *q, struct pl_tally *sums);
    pouch_err (*expire)(struct pl_store *s, int64_t before_us);

    /* Does not wait for a store that is away: CONFIG is what no waiting would mend. */
    pouch_err (*sink_open)(struct pl_sink **s, const char *where, int64_t ttl_ms);
    /* Has sink_tidy() keep the store's trace files to about so many bytes. NULL: it has no files. */
    void (*sink_bound)(struct pl_sink *s, size_t most_bytes);
    void (*sink_close)(struct pl_sink *s);
    /*
     * Writes the batch and the gap, either of which may be empty. POUCH_OK: the store has all of it. After an error it
     * may have some of it; the same rows come again later, in other batches, so they are known by their ids, and what
     * is summed up over rows is summed up on POUCH_OK alone. A store that is elsewhere is waited for no longer than
     * timeout_ms.
     */
    pouch_err (*sink_write)(struct pl_sink *s, const struct pl_trace_batch *batch, const struct pl_gap *gap,
                            int timeout_ms);
    /* Drops what is older than its time, or too much; called now and then. */
    void (*sink_tidy)(struct pl_sink *s);
};

struct pl_store {
    const struct pl_store_kind *kind;
    char author[PL_AUTHOR_MAX + 1]; /* who is noted for changes */
};

/* The kind that a URL names, and the URL's rest. CONFIG. */
POUCH_MUST_CHECK pouch_err pl_store_kind_of(const struct pl_store_kind **kind, const char **where, const char *url);

extern const struct pl_store_kind pl_store_sqlite, pl_store_cassandra;

#endif
