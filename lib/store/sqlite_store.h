/* The SQLite back end: a folder with registry.db and the trace files. Inside the room. */
#ifndef POUCH_STORE_SQLITE_STORE_H
#define POUCH_STORE_SQLITE_STORE_H

#include <sqlite3.h>
#include <store/backend.h>

struct pl_sqlite_store {
    struct pl_store store; /* first, so that one pointer serves for both */
    char *folder;
    sqlite3 *registry;
};

/* A copy of path without slashes at its end, the folder made where it is missing. CONFIG, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_folder_make(char **folder, const char *path);

/* ---- the registry ---- */

POUCH_MUST_CHECK pouch_err pl_sqlite_registry_open(sqlite3 **registry, const char *folder);
POUCH_MUST_CHECK pouch_err pl_sqlite_registry_look(sqlite3 **registry, const char *folder); /* as pl_store_look() */

POUCH_MUST_CHECK pouch_err pl_sqlite_version(struct pl_store *s, int64_t *version);
POUCH_MUST_CHECK pouch_err pl_sqlite_routes(struct pl_store *s, struct pl_route_row **routes, size_t *n,
                                            int64_t *version);
POUCH_MUST_CHECK pouch_err pl_sqlite_route_put(struct pl_store *s, struct pl_route_row *r, int64_t expected);
POUCH_MUST_CHECK pouch_err pl_sqlite_route_remove(struct pl_store *s, const char *publisher, int64_t expected,
                                                  int64_t *version);
POUCH_MUST_CHECK pouch_err pl_sqlite_services(struct pl_store *s, struct pl_service_row **services, size_t *n);
POUCH_MUST_CHECK pouch_err pl_sqlite_service_put(struct pl_store *s, struct pl_service_row *r, int64_t expected);
POUCH_MUST_CHECK pouch_err pl_sqlite_service_remove(struct pl_store *s, const char *name, int64_t expected,
                                                    int64_t *revision);
POUCH_MUST_CHECK pouch_err pl_sqlite_audit_put(struct pl_store *s, const struct pl_audit *change);
POUCH_MUST_CHECK pouch_err pl_sqlite_audit(struct pl_store *s, const struct pl_audit_query *q, pl_audit_visit *fn,
                                           void *arg);

/* ---- traces: reading and writing ---- */

POUCH_MUST_CHECK pouch_err pl_sqlite_by_request(struct pl_store *s, const struct pl_uuid *id, pl_trace_visit *fn,
                                                void *arg);
POUCH_MUST_CHECK pouch_err pl_sqlite_by_time(struct pl_store *s, const struct pl_trace_query *q, pl_trace_visit *fn,
                                             void *arg);
POUCH_MUST_CHECK pouch_err pl_sqlite_missing(struct pl_store *s, int64_t since_us, int64_t until_us, uint64_t *rows);
POUCH_MUST_CHECK pouch_err pl_sqlite_stats(struct pl_store *s, const struct pl_stats_query *q, struct pl_tally *sums);
POUCH_MUST_CHECK pouch_err pl_sqlite_expire(struct pl_store *s, int64_t before_us);

POUCH_MUST_CHECK pouch_err pl_sqlite_sink_open(struct pl_sink **s, const char *where, int64_t ttl_ms);
void pl_sqlite_sink_bound(struct pl_sink *s, size_t most_bytes);
void pl_sqlite_sink_close(struct pl_sink *s);
POUCH_MUST_CHECK pouch_err pl_sqlite_sink_write(struct pl_sink *s, const struct pl_trace_batch *batch,
                                                const struct pl_gap *gap, int timeout_ms);
void pl_sqlite_sink_tidy(struct pl_sink *s);

#endif
