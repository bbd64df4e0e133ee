/*
 * One of the four services of the citizen check. Each looks at one side of a citizen and answers
 * by itself; none knows of the others.
 *
 *   POUCH_BROKERS=… POUCH_KEY_FILE=… ./citizen_service service_1|service_1_a|service_1_b|service_1_c
 *
 * It reads citizen-topic in a group of its own name, as the others do in theirs, so each request that
 * comes there is answered by all of them. Its own topic is for routes that have one target a service.
 */
#include <jansson.h>
#include <pouch/pouch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { USAGE = 64, ADULT_YEARS = 18, ID_DIGITS = 10 };

/* 1: it is so; 0: it is not; -1: the citizen's papers do not say. */
typedef int check_fn(const json_t *citizen);

static int has_valid_id(const json_t *citizen) {
    const char *id = json_string_value(json_object_get(citizen, "id"));
    if (!id) return -1;
    return strlen(id) == ID_DIGITS && strspn(id, "0123456789") == ID_DIGITS;
}

static int is_adult(const json_t *citizen) {
    const json_t *year = json_object_get(citizen, "bornIn");
    time_t now = time(NULL);
    struct tm today;
    if (!json_is_integer(year) || !gmtime_r(&now, &today)) return -1;
    return json_integer_value(year) + ADULT_YEARS <= today.tm_year + 1900;
}

static int lives_here(const json_t *citizen) {
    const char *country = json_string_value(json_object_get(json_object_get(citizen, "address"), "country"));
    return country ? !strcmp(country, "ID") : -1;
}

static int owes_nothing(const json_t *citizen) {
    const json_t *debt = json_object_get(citizen, "taxDebt");
    return json_is_number(debt) ? json_number_value(debt) <= 0 : -1;
}

struct service {
    const char *name, *topic, *what;
    check_fn *check;
};

static const struct service services[] = {
    {"service_1", "service-1-topic", "identity", has_valid_id},
    {"service_1_a", "service-1a-topic", "age", is_adult},
    {"service_1_b", "service-1b-topic", "residence", lives_here},
    {"service_1_c", "service-1c-topic", "tax", owes_nothing},
};

static pouch_worker *worker;

static void stop(int number) {
    (void)number;
    pouch_worker_stop(worker); /* may be called from a signal handler */
}

static pouch_err reply(pouch_job *job, const struct service *s, int passed) {
    json_t *answer = json_pack("{s:s,s:s,s:b}", "service", s->name, "check", s->what, "passed", passed);
    char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    pouch_err e = text ? pouch_job_reply(job, text, strlen(text)) : pouch_job_retry(job, "out of memory");
    free(text);
    return e;
}

static void look(pouch_job *job, void *service) {
    const struct service *s = service;
    size_t n;
    const char *payload = pouch_job_payload(job, &n);
    json_t *citizen = json_loadb(payload, n, JSON_REJECT_DUPLICATES, NULL);
    int passed = s->check(citizen);
    json_decref(citizen);
    pouch_err e =
        passed < 0 ? pouch_job_fail(job, "the papers do not say what is to be checked") : reply(job, s, passed);
    if (e) fprintf(stderr, "%s: a job is left to its timeout: %s\n", s->name, pouch_why());
}

static pouch_err run(pouch_options *options, pouch_keyring *ring, const struct service *s) {
    pouch_err e = pouch_options_set(options, "client.id", s->name); /* and the group, where none is set */
    if (!e) e = pouch_worker_new(&worker, options, ring);
    if (e) return e;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    e = pouch_worker_handle(worker, "citizen-topic", look, (void *)s);
    if (!e) e = pouch_worker_handle(worker, s->topic, look, (void *)s);
    if (!e) e = pouch_worker_run(worker);
    signal(SIGINT, SIG_DFL); /* from here on there is no worker to stop */
    signal(SIGTERM, SIG_DFL);
    pouch_worker_free(worker);
    return e;
}

int main(int argc, char **argv) {
    const struct service *s = NULL;
    for (size_t i = 0; argc == 2 && i < sizeof services / sizeof services[0]; i++)
        if (!strcmp(argv[1], services[i].name)) s = &services[i];
    if (!s) {
        fprintf(stderr, "usage: citizen_service service_1|service_1_a|service_1_b|service_1_c\n");
        return USAGE;
    }
    pouch_options *options = pouch_options_new();
    pouch_keyring *ring = NULL;
    pouch_err e = options ? pouch_keyring_load(&ring, pouch_options_get(options, "key.file")) : POUCH_E_NO_MEMORY;
    if (!e) e = run(options, ring, s);
    if (e) fprintf(stderr, "%s: %s\n", s->name, pouch_why());
    pouch_keyring_free(ring);
    pouch_options_free(options);
    return pouch_err_exit_code(e);
}
