/*
 * The worker: takes requests from topics as a member of a consumer group and ends each one
 * exactly once: reply, fail, retry or forward.
 *
 * DELIVERY   A request's offset is committed only after its outcome is stored by the broker,
 *            so a handler may run twice for one request, never not at all. Effects should be
 *            idempotent by request id. With dedupe.window set, what was handled on this host in
 *            that time is answered again and not handled again.
 * FAILURES   A handler that retries or takes too long many times in a row (breaker.failures) is not called for a while:
 *            its requests wait, or are answered overloaded. Handlers that never return keep their threads; what waits
 *            for one then ends as expired or overloaded.
 * THREADS    Handlers run on a pool of worker.concurrency threads. _run belongs to one thread.
 */
#ifndef POUCH_WORKER_H
#define POUCH_WORKER_H

#include <pouch/dest.h>
#include <pouch/key.h>
#include <pouch/options.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pouch_worker pouch_worker;
typedef struct pouch_job pouch_job;

/*
 * A handler owns its job until one of reply, fail, retry or forward returns POUCH_OK, once,
 * here or later from any thread; an error leaves the job open. A job that is not ended within
 * handler.timeout is failed by the worker: the requester gets handler_timeout, and the
 * handler's own ending then returns HANDLER_TIMEOUT, after which the job is gone as after POUCH_OK.
 * The same happens to jobs still open when the worker has stopped; those requests come again.
 * So each job must be ended in the end: one that never is counts as in flight for good, and
 * keeps its memory, even past pouch_worker_free().
 */
typedef void pouch_handler_fn(pouch_job *job, void *arg);

/* CONFIG: a bad setting. NO_MEMORY. Needs no broker yet. */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_worker_new(pouch_worker **w, const pouch_options *o, pouch_keyring *ring);

/* Before _run, once a topic. CONFIG: not a topic name, given twice, or already running. */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_worker_handle(pouch_worker *w, const char *topic, pouch_handler_fn *fn,
                                                         void *arg);

/*
 * Works until pouch_worker_stop(), then takes no more, finishes what is in flight (up to the
 * setting drain), commits and leaves the group. POUCH_OK after a stop. A worker runs once.
 * CONFIG: no topic handled; it has run before; a group without offsets finds old requests and start = auto.
 * NO_BROKER: none answered within client.connect_timeout. TARGET_REFUSED: a topic does not exist.
 * NOT_ALLOWED: the broker refuses us. NO_MEMORY.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_worker_run(pouch_worker *w);

/*
 * Takes no more requests of a topic until it is resumed: they wait in Kafka, their deadlines running. Those that were
 * taken are handled, and the topic's partitions stay this worker's. Any thread, before or during _run. CONFIG: the
 * topic is not handled.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_worker_pause(pouch_worker *w, const char *topic);
POUCH_API POUCH_MUST_CHECK pouch_err pouch_worker_resume(pouch_worker *w, const char *topic);

/* Async-signal-safe, from any thread, before or during _run. */
POUCH_API void pouch_worker_stop(pouch_worker *w);

/*
 * Not during _run. Waits for handlers that still run, but not for jobs that other threads keep (see above). NULL is
 * allowed.
 */
POUCH_API void pouch_worker_free(pouch_worker *w);

/* What the job is about; all borrowed until the job has ended. */
POUCH_API const void *pouch_job_payload(const pouch_job *j,
                                        size_t *n);             /* JSON text, NUL-terminated beyond *n; n may be NULL */
POUCH_API const char *pouch_job_request_id(const pouch_job *j); /* 36 characters */
POUCH_API const char *pouch_job_topic(const pouch_job *j);
POUCH_API const char *pouch_job_publisher(const pouch_job *j); /* "" when the request named none */
POUCH_API const char *
pouch_job_source(const pouch_job *j);                     /* "topic/partition/offset": one record, for deduplication */
POUCH_API int64_t pouch_job_deadline(const pouch_job *j); /* ms since the epoch; 0 = none */
POUCH_API int pouch_job_attempt(const pouch_job *j);      /* 1 the first time */
POUCH_API int pouch_job_wants_reply(const pouch_job *j);  /* 0: sent without asking for one */

/*
 * The value of the first header of that name, or NULL; with i the (i+1)th header's name, for listing; NULL past the
 * end.
 */
POUCH_API const void *pouch_job_header(const pouch_job *j, const char *name, size_t *n);
POUCH_API const char *pouch_job_header_at(const pouch_job *j, size_t i, const void **value, size_t *n);

/*
 * The four ways to end a job. POUCH_OK: ended, the job is gone; what becomes of the record is
 * the worker's business now. Common errors, which leave the job open: INVALID_PAYLOAD (not one
 * JSON text; or a reply that the validator refuses, see pouch/validate.h), TOO_LARGE (over the record limit),
 * NO_MEMORY. HANDLER_TIMEOUT: see above.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_job_reply(pouch_job *j, const void *json, size_t n);

/*
 * For good: the requester gets handler_error with this text (sealed; at most 8 KiB are kept). Without
 * a requester, and after the last retry, the record becomes a dead letter with the text's
 * first 1 KiB in a header, sealed as well.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_job_fail(pouch_job *j, const char *text);

/*
 * Again, after a wait that grows each time, as often as retry.profile and retry.attempts say and while the deadline
 * allows; then by way of the retry topics that retry.tiers names and the deadline allows, once for each. After that it
 * fails for good with this text (see above), told to the requester and in a dead letter.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_job_retry(pouch_job *j, const char *reason);

/*
 * To the next service: same request id, reply topic and deadline, hop + 1; its last service answers the requester.
 * HOP_LIMIT after 16.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_job_forward(pouch_job *j, const pouch_dest *next, const void *json,
                                                       size_t n);

#ifdef __cplusplus
}
#endif
#endif
