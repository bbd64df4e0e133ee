/*
 * A job without a worker: what a handler may read, and a note of how it was ended. The runners
 * know pouch_job only by its public functions, which are defined here instead of in lib/worker.
 */
#ifndef POUCH_TESTS_FAKE_JOB_H
#define POUCH_TESTS_FAKE_JOB_H

#include <support.h>

#include <base/why.h>
#include <pouch/worker.h>
#include <pthread.h>
#include <runner/runner.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wire/dest.h>
#include <wire/envelope.h>

enum { FAKE_WAIT_S = 60 };
enum fake_end { FAKE_OPEN, FAKE_REPLY, FAKE_FAIL, FAKE_RETRY, FAKE_FORWARD };

struct fake_header {
    const char *name, *value;
    size_t n;
};

struct pouch_job {
    const char *id, *topic, *publisher, *payload;
    int64_t deadline;
    bool sent; /* nobody wants a reply */
    const struct fake_header *headers;
    size_t n_headers;
    pouch_err refuse;      /* what replying and forwarding give, once */
    pouch_err refuse_fail; /* what failing gives */
    int refuse_retries;    /* so many times there is no memory to try it again */

    enum fake_end end;
    int ended;     /* how often */
    char *said;    /* payload or text */
    char next[64]; /* "topic:NAME" or "publisher:NAME" */
};

static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fake_ended = PTHREAD_COND_INITIALIZER;

static inline struct pouch_job fake_job(const char *id, const char *payload) {
    return (struct pouch_job){.id = id, .topic = "calculate", .publisher = "", .payload = payload};
}

static inline void fake_free(struct pouch_job *j) {
    free(j->said);
    j->said = NULL;
}

/* Waits until the job has ended, and checks that it did so once. */
static inline enum fake_end fake_wait(struct pouch_job *j) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FAKE_WAIT_S;
    pthread_mutex_lock(&fake_lock);
    int timed_out = 0;
    while (!j->ended && !timed_out) timed_out = pthread_cond_timedwait(&fake_ended, &fake_lock, &until);
    enum fake_end end = j->end;
    int times = j->ended;
    pthread_mutex_unlock(&fake_lock);
    if (times != 1) fail_msg("request %s was ended %d times within %d s", j->id, times, FAKE_WAIT_S);
    return end;
}

/* A thread that hands a job to a runner, as a worker's would; to be joined. */
struct fake_caller {
    pthread_t thread;
    struct runner *runner;
    struct pouch_job *job;
};

static inline void *fake_handle(void *arg) {
    struct fake_caller *c = arg;
    c->runner->handle(c->job, c->runner);
    return NULL;
}

static inline void fake_hand_over(struct fake_caller *c, struct runner *r, struct pouch_job *j) {
    c->runner = r;
    c->job = j;
    assert_int_equal(pthread_create(&c->thread, NULL, fake_handle, c), 0);
}

static inline pouch_err fake_note(struct pouch_job *j, enum fake_end end, const void *said, size_t n) {
    pthread_mutex_lock(&fake_lock);
    j->end = end;
    j->ended++;
    free(j->said);
    j->said = strndup(said, n);
    pthread_cond_broadcast(&fake_ended);
    pthread_mutex_unlock(&fake_lock);
    return POUCH_OK;
}

static inline pouch_err fake_check(struct pouch_job *j, const void *json, size_t n) {
    pouch_err e = j->refuse;
    j->refuse = POUCH_OK;
    if (e) return pl_fail(e, "refused by the test");
    return pl_json_valid(json, n) ? POUCH_OK : pl_fail(POUCH_E_INVALID_PAYLOAD, "not one JSON text");
}

const void *pouch_job_payload(const pouch_job *j, size_t *n) {
    *n = strlen(j->payload);
    return j->payload;
}

const char *pouch_job_request_id(const pouch_job *j) {
    return j->id;
}

const char *pouch_job_topic(const pouch_job *j) {
    return j->topic;
}

const char *pouch_job_publisher(const pouch_job *j) {
    return j->publisher;
}

int64_t pouch_job_deadline(const pouch_job *j) {
    return j->deadline;
}

int pouch_job_wants_reply(const pouch_job *j) {
    return !j->sent;
}

const char *pouch_job_header_at(const pouch_job *j, size_t i, const void **value, size_t *n) {
    if (i >= j->n_headers) return NULL;
    *value = j->headers[i].value;
    *n = j->headers[i].n;
    return j->headers[i].name;
}

const void *pouch_job_header(const pouch_job *j, const char *name, size_t *n) {
    *n = 0;
    for (size_t i = 0; i < j->n_headers; i++)
        if (!strcmp(j->headers[i].name, name)) {
            *n = j->headers[i].n;
            return j->headers[i].value;
        }
    return NULL;
}

pouch_err pouch_job_reply(pouch_job *j, const void *json, size_t n) {
    pouch_err e = fake_check(j, json, n);
    return e ? e : fake_note(j, FAKE_REPLY, json, n);
}

pouch_err pouch_job_fail(pouch_job *j, const char *text) {
    if (j->refuse_fail) return pl_fail(j->refuse_fail, "nothing can be sealed");
    return fake_note(j, FAKE_FAIL, text, strlen(text));
}

pouch_err pouch_job_retry(pouch_job *j, const char *reason) {
    if (j->refuse_retries-- > 0) return pl_fail(POUCH_E_NO_MEMORY, "no memory");
    return fake_note(j, FAKE_RETRY, reason ? reason : "", reason ? strlen(reason) : 0);
}

pouch_err pouch_job_forward(pouch_job *j, const pouch_dest *next, const void *json, size_t n) {
    pouch_err e = fake_check(j, json, n);
    if (e) return e;
    snprintf(j->next, sizeof j->next, "%s:%s", next->topic ? "topic" : "publisher",
             next->topic ? next->topic : next->publisher);
    return fake_note(j, FAKE_FORWARD, json, n);
}

#endif
