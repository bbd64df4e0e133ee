/*
 * A worker in C: answers on two topics.
 *
 *   calculate  {"operation":"add|subtract|multiply|divide","a":1,"b":2} -> {"result":3}
 *   get-user   {"userId":"7"} -> {"userId":"7","name":…}
 *
 *   POUCH_BROKERS=… POUCH_KEY_FILE=… ./worker
 */
#include <jansson.h>
#include <pouch/pouch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pouch_worker *worker;

static void stop(int number) {
    (void)number;
    pouch_worker_stop(worker); /* may be called from a signal handler */
}

/* Ends the job with a reply; what cannot be sent (too large, say) becomes the error the requester gets. */
static void reply(pouch_job *job, json_t *answer) {
    char *text = json_dumps(answer, JSON_COMPACT);
    pouch_err e = text ? pouch_job_reply(job, text, strlen(text)) : pouch_job_retry(job, "out of memory");
    if (e && pouch_job_fail(job, pouch_why())) fprintf(stderr, "a job is left to its timeout: %s\n", pouch_why());
    free(text);
    json_decref(answer);
}

static void fail(pouch_job *job, const char *text) {
    if (pouch_job_fail(job, text)) fprintf(stderr, "a job is left to its timeout: %s\n", pouch_why());
}

static json_t *payload(pouch_job *job) {
    size_t n;
    const char *text = pouch_job_payload(job, &n);
    return json_loadb(text, n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
}

static void calculate(pouch_job *job, void *unused) {
    (void)unused;
    json_t *request = payload(job);
    const char *operation;
    double a, b;
    if (json_unpack(request, "{s:s,s:F,s:F}", "operation", &operation, "a", &a, "b", &b)) {
        fail(job, "calculate wants operation, a and b");
    } else if (!strcmp(operation, "add")) {
        reply(job, json_pack("{s:f}", "result", a + b));
    } else if (!strcmp(operation, "subtract")) {
        reply(job, json_pack("{s:f}", "result", a - b));
    } else if (!strcmp(operation, "multiply")) {
        reply(job, json_pack("{s:f}", "result", a * b));
    } else if (!strcmp(operation, "divide") && b != 0) {
        reply(job, json_pack("{s:f}", "result", a / b));
    } else {
        fail(job, strcmp(operation, "divide") ? "operation is add, subtract, multiply or divide" : "division by zero");
    }
    json_decref(request);
}

static void get_user(pouch_job *job, void *unused) {
    (void)unused;
    json_t *request = payload(job);
    const char *id;
    if (json_unpack(request, "{s:s}", "userId", &id))
        fail(job, "get-user wants userId");
    else
        reply(job, json_pack("{s:s,s:s}", "userId", id, "name", "Ada"));
    json_decref(request);
}

static pouch_err run(const pouch_options *options, pouch_keyring *ring) {
    pouch_err e = pouch_worker_new(&worker, options, ring);
    if (e) return e;
    e = pouch_worker_handle(worker, "calculate", calculate, NULL);
    if (!e) e = pouch_worker_handle(worker, "get-user", get_user, NULL);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    if (!e) e = pouch_worker_run(worker);
    pouch_worker_free(worker);
    return e;
}

int main(void) {
    pouch_options *options = pouch_options_new();
    pouch_keyring *ring = NULL;
    pouch_err e = options ? pouch_keyring_load(&ring, pouch_options_get(options, "key.file")) : POUCH_E_NO_MEMORY;
    if (!e) e = run(options, ring);
    if (e) fprintf(stderr, "worker: %s\n", pouch_why());
    pouch_keyring_free(ring);
    pouch_options_free(options);
    return pouch_err_exit_code(e);
}
