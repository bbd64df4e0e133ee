/*
 * Service 2 of the order chain: fulfils an order, and being the last it answers the publisher.
 *
 *   POUCH_BROKERS=… POUCH_KEY_FILE=… ./service_2 [FOLDER]
 *
 * FOLDER (default order-chain-data) gets orders.db and outbox/; see shop.h. A request may be
 * delivered twice, and then changes nothing and gets the same answer.
 */
#include "shop.h"
#include <jansson.h>
#include <pouch/pouch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE = 64, CANNOT_CREATE = 73 };

static pouch_worker *worker;

static void stop(int number) {
    (void)number;
    pouch_worker_stop(worker); /* may be called from a signal handler */
}

/* Goes into the head of a mail, where a line break would begin another header. */
static bool is_name(const json_t *value) {
    const char *text = json_string_value(value);
    return text && *text && strlen(text) <= 64 &&
           !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")];
}

/* What is missing from a validated order; NULL: nothing. */
static const char *objection(const json_t *order) {
    const char *status = json_string_value(json_object_get(order, "validationStatus"));
    const json_t *items = json_object_get(order, "items"), *item;
    size_t i;
    if (!status || strcmp(status, "valid")) return "an order must have been validated";
    if (!is_name(json_object_get(order, "orderId")) || !is_name(json_object_get(order, "userId")))
        return "orderId and userId are 1 to 64 characters of letters, digits, '.', '_' and '-'";
    if (!json_is_number(json_object_get(order, "amount"))) return "the amount is a number";
    if (!json_array_size(items)) return "items is an array of names, and not empty";
    json_array_foreach(items, i, item) if (!json_is_string(item)) return "items is an array of names, and not empty";
    return NULL;
}

/* Ends the job in any case; the error of the last resort is the timeout. */
static void end(pouch_job *job, bool done, const struct outcome *outcome) {
    pouch_err e = !done                ? pouch_job_retry(job, "the order cannot be stored at the moment")
                  : outcome->fulfilled ? pouch_job_reply(job, outcome->text, strlen(outcome->text))
                                       : pouch_job_fail(job, outcome->text);
    if (e && pouch_job_fail(job, pouch_why()))
        fprintf(stderr, "service-2: a job is left to its timeout: %s\n", pouch_why());
}

static void fulfil(pouch_job *job, void *shop) {
    size_t n;
    const char *payload = pouch_job_payload(job, &n), *id = pouch_job_request_id(job);
    json_t *order = json_loadb(payload, n, JSON_REJECT_DUPLICATES, NULL);
    const char *wrong = objection(order);
    struct outcome outcome = {0};
    bool done = wrong ? (outcome.text = strdup(wrong)) != NULL : shop_fulfil(shop, id, order, &outcome);
    fprintf(stderr, "service-2: %s is %s\n", id, !done ? "put off" : outcome.fulfilled ? "fulfilled" : "refused");
    end(job, done, &outcome);
    free(outcome.text);
    json_decref(order);
}

static pouch_err run(const pouch_options *options, pouch_keyring *ring, struct shop *shop) {
    pouch_err e = pouch_worker_new(&worker, options, ring);
    if (e) return e;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    e = pouch_worker_handle(worker, "service-2-topic", fulfil, shop);
    if (!e) e = pouch_worker_run(worker);
    pouch_worker_free(worker);
    return e;
}

int main(int argc, char **argv) {
    if (argc > 2) {
        fprintf(stderr, "usage: service_2 [FOLDER]\n");
        return USAGE;
    }
    pouch_options *options = pouch_options_new();
    pouch_keyring *ring = NULL;
    pouch_err e = options ? pouch_keyring_load(&ring, pouch_options_get(options, "key.file")) : POUCH_E_NO_MEMORY;
    struct shop *shop = e ? NULL : shop_open(argc == 2 ? argv[1] : "order-chain-data");
    if (shop) e = run(options, ring, shop);
    if (e) fprintf(stderr, "service-2: %s\n", pouch_why());
    int exit_code = !e && !shop ? CANNOT_CREATE : pouch_err_exit_code(e);
    shop_close(shop);
    pouch_keyring_free(ring);
    pouch_options_free(options);
    return exit_code;
}
