/*
 * Service 1 of the order chain: looks at an order and hands it on, or tells the publisher what
 * is wrong with it.
 *
 *   POUCH_BROKERS=… POUCH_KEY_FILE=… ./service_1
 *
 * It hands on under a publisher name of its own. Where that leads is a route's business; the request
 * id, the deadline and the place of the answer travel with the order.
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

/* What is wrong with an order; NULL: nothing. */
static const char *objection(const json_t *order) {
    const json_t *amount = json_object_get(order, "amount");
    if (!json_is_number(amount)) return "an order is an object with an amount, which is a number";
    double value = json_number_value(amount);
    return value > 0 && value < 10000 ? NULL : "the amount must be more than 0 and less than 10000";
}

static pouch_err hand_on(pouch_job *job, const pouch_dest *next, json_t *order) {
    char *text = NULL;
    if (!json_object_set_new(order, "processedBy", json_string("service-1")) &&
        !json_object_set_new(order, "validationStatus", json_string("valid")))
        text = json_dumps(order, JSON_COMPACT);
    pouch_err e = text ? pouch_job_forward(job, next, text, strlen(text)) : pouch_job_retry(job, "out of memory");
    free(text);
    return e;
}

/* Ends the job in any case. A log line has the request id and nothing of the order: that is sealed for a reason. */
static void validate(pouch_job *job, void *next) {
    size_t n;
    const char *payload = pouch_job_payload(job, &n);
    json_t *order = json_loadb(payload, n, JSON_REJECT_DUPLICATES, NULL);
    const char *wrong = objection(order);
    fprintf(stderr, "service-1: %s is %s\n", pouch_job_request_id(job), wrong ? "refused" : "valid");
    pouch_err e = wrong ? pouch_job_fail(job, wrong) : hand_on(job, next, order);
    /* What cannot be forwarded (too large, say) becomes the error that the publisher gets. */
    if (e && pouch_job_fail(job, pouch_why()))
        fprintf(stderr, "service-1: a job is left to its timeout: %s\n", pouch_why());
    json_decref(order);
}

static pouch_err run(const pouch_options *options, pouch_keyring *ring) {
    pouch_dest *next = pouch_dest_publisher("service-1-publisher");
    pouch_err e = next ? pouch_worker_new(&worker, options, ring) : POUCH_E_NO_MEMORY;
    if (!e) {
        signal(SIGINT, stop);
        signal(SIGTERM, stop);
        e = pouch_worker_handle(worker, "service-1-topic", validate, next);
    }
    if (!e) e = pouch_worker_run(worker);
    pouch_worker_free(worker);
    pouch_dest_free(next);
    return e;
}

int main(void) {
    pouch_options *options = pouch_options_new();
    pouch_keyring *ring = NULL;
    pouch_err e = options ? pouch_keyring_load(&ring, pouch_options_get(options, "key.file")) : POUCH_E_NO_MEMORY;
    if (!e) e = run(options, ring);
    if (e) fprintf(stderr, "service-1: %s\n", pouch_why());
    pouch_keyring_free(ring);
    pouch_options_free(options);
    return pouch_err_exit_code(e);
}
