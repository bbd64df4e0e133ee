/*
 * What happened: which program had which request, from where, to where, when, how long, with what end. Read from the
 * store that centers, workers and clients with the same setting `store` write to. Never what was in a request, unless
 * trace.payload = sealed kept its envelope.
 *
 * OWNERSHIP  What a callback gets is borrowed until the callback returns.
 * THREADS    A store belongs to one thread at a time.
 * TIMES      Microseconds of the wall clock since 1970; a span is [since, until), 0 and INT64_MAX for all.
 * MEMORY     Rows are shown as they are read, so that a million take no more room than a hundred.
 */
#ifndef POUCH_TRACE_H
#define POUCH_TRACE_H

#include <pouch/error.h>
#include <pouch/options.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pouch_trace_store pouch_trace_store;
typedef struct pouch_trace pouch_trace;             /* a row */
typedef struct pouch_route_stats pouch_route_stats; /* how one route does */

/* Another row; 0 ends the walk, which then returns POUCH_OK. */
typedef int pouch_trace_fn(const pouch_trace *row, void *arg);
typedef int pouch_route_stats_fn(const pouch_route_stats *stats, void *arg);

/*
 * Opens the store that the options name (`store`); where they name none, the one under the state directory that the
 * program's commands use. CONFIG: it cannot be used, with the reason in pouch_why(). STORE, NO_MEMORY.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_trace_store_open(pouch_trace_store **s, const pouch_options *o);

/* NULL is allowed. */
POUCH_API void pouch_trace_store_close(pouch_trace_store *s);

/* ---- rows; errors of all calls: STORE (the store failed: asking again may help), NO_MEMORY ---- */

/*
 * All rows of a request, oldest first: it is read as what happened to that request, from its beginning. The lists below
 * are read for what is new, and so begin with that. CONFIG: request_id is no UUID.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_trace_by_request(pouch_trace_store *s, const char *request_id,
                                                            pouch_trace_fn *fn, void *arg);

/* The newest `limit` rows (0: all) of a publisher's requests in a span, newest first. */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_trace_by_publisher(pouch_trace_store *s, const char *publisher,
                                                              int64_t since_us, int64_t until_us, size_t limit,
                                                              pouch_trace_fn *fn, void *arg);

/* The newest `limit` rows (0: all) of a span, newest first. */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_trace_by_time(pouch_trace_store *s, int64_t since_us, int64_t until_us,
                                                         size_t limit, pouch_trace_fn *fn, void *arg);

/*
 * How many rows are known to be missing from a span: a queue was full, or a disk was. Where that is not 0, what the
 * other calls show of the span is incomplete. Rows that still wait in a spool are not missing, and are shown when they
 * are in the store.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_trace_missing(pouch_trace_store *s, int64_t since_us, int64_t until_us,
                                                         uint64_t *rows);

/* "client", "center" or "worker": who made the row. */
POUCH_API const char *pouch_trace_by(const pouch_trace *row);

/* 0: of a request; 1: of a response, or of a request's end. */
POUCH_API int pouch_trace_is_response(const pouch_trace *row);

/* 0: it failed, with the code and text below. */
POUCH_API int pouch_trace_success(const pouch_trace *row);

/* 36 characters. All zeros where it could not be read. */
POUCH_API const char *pouch_trace_request_id(const pouch_trace *row);

/* When it began; of a response, when it ended. */
POUCH_API int64_t pouch_trace_time_us(const pouch_trace *row);

/* How long it took, -1 where a row has no length. */
POUCH_API int64_t pouch_trace_took_us(const pouch_trace *row);

/*
 * "" where a row has none: the publisher, the topic it came from (of a client's request: went to), the topic it was
 * sent to.
 */
POUCH_API const char *pouch_trace_publisher(const pouch_trace *row);
POUCH_API const char *pouch_trace_topic(const pouch_trace *row);
POUCH_API const char *pouch_trace_target(const pouch_trace *row);

/* "" where a row has none: the route's id, the error's code on the wire, its text. */
POUCH_API const char *pouch_trace_route(const pouch_trace *row);
POUCH_API const char *pouch_trace_code(const pouch_trace *row);
POUCH_API const char *pouch_trace_error(const pouch_trace *row);

/* The envelope as it was on the wire, for pouch_open(). NULL: it was not kept. */
POUCH_API const void *pouch_trace_envelope(const pouch_trace *row, size_t *n);

/* ---- routes ---- */

/*
 * Shows how each route has done that has rows in the span, taken in whole minutes, by publisher and id. publisher,
 * route: only those; NULL: all. Each target that a center sent a request to, or could not, counts.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_trace_routes(pouch_trace_store *s, const char *publisher, const char *route,
                                                        int64_t since_us, int64_t until_us, pouch_route_stats_fn *fn,
                                                        void *arg);

POUCH_API const char *pouch_route_stats_publisher(const pouch_route_stats *r);
POUCH_API const char *pouch_route_stats_route(const pouch_route_stats *r);
POUCH_API uint64_t pouch_route_stats_count(const pouch_route_stats *r);
POUCH_API uint64_t pouch_route_stats_failed(const pouch_route_stats *r);

/* How long a center had them; percentiles to three digits. -1: none has a length. */
POUCH_API int64_t pouch_route_stats_average_us(const pouch_route_stats *r);
POUCH_API int64_t pouch_route_stats_p50_us(const pouch_route_stats *r);
POUCH_API int64_t pouch_route_stats_p99_us(const pouch_route_stats *r);

/* When the newest of them began. */
POUCH_API int64_t pouch_route_stats_last_us(const pouch_route_stats *r);

#ifdef __cplusplus
}
#endif
#endif
