/*
 * Request and answer over a chain: publisher, center, first worker, which forwards to the second's
 * publisher, center, second worker, which answers. Center, workers and client run in this process, on
 * threads of their own; every hop goes over the broker.
 */
#include <base/why.h>
#include <bench/bench.h>
#include <bench/part.h>
#include <bench/scene.h>

struct chain {
    struct bench_scene scene;
    pouch_dest *first, *second; /* by publisher, so each through the center */
    struct bench_part center, first_worker, second_worker;
    pouch_client *client;
};

/* A pouch_handler_fn; next is where the payload goes, as it is. */
static void forward(pouch_job *job, void *next) {
    size_t n;
    const char *json = pouch_job_payload(job, &n);
    pouch_err e = pouch_job_forward(job, next, json, n);
    if (e && e != POUCH_E_HANDLER_TIMEOUT) e = pouch_job_fail(job, pouch_why());
    (void)e; /* a job that cannot even be failed is failed by its timeout */
}

static pouch_err run_worker(void *worker) {
    return pouch_worker_run(worker);
}

static void stop_worker(void *worker) {
    pouch_worker_stop(worker);
}

static void free_worker(void *worker) {
    pouch_worker_free(worker);
}

/* Each worker is a group of its own, named for its topic. */
static pouch_err start_worker(struct bench_part *part, pouch_options *o, pouch_keyring *ring, const char *topic,
                              pouch_handler_fn *handler, void *arg) {
    static const struct bench_kind kind = {"worker", run_worker, stop_worker, free_worker};
    pouch_worker *w;
    pouch_err e = pouch_options_set(o, "group", topic);
    if (!e) e = pouch_options_set(o, "start", "earliest");
    if (!e) e = pouch_worker_new(&w, o, ring);
    if (e) return e;
    e = pouch_worker_handle(w, topic, handler, arg);
    if (!e) return bench_part_start(part, &kind, w);
    pouch_worker_free(w);
    return e;
}

/* Each keeps a copy of o as it is when it starts; the client is last because only it is given a client id. */
static pouch_err start_all(struct chain *c, pouch_options *o, pouch_keyring *ring) {
    const char *first = c->scene.publishers[0], *second = c->scene.publishers[1];
    if (!(c->first = pouch_dest_publisher(first)) || !(c->second = pouch_dest_publisher(second)))
        return POUCH_E_NO_MEMORY; /* the names are ours, and good */
    pouch_err e = bench_scene_center(&c->scene, o, &c->center);
    if (!e) e = start_worker(&c->second_worker, o, ring, second, bench_echo, NULL);
    if (!e) e = start_worker(&c->first_worker, o, ring, first, forward, c->second);
    if (!e && !pouch_options_get(o, "client.id")) e = pouch_options_set(o, "client.id", "pouch-bench");
    if (!e) e = pouch_client_new(&c->client, o, ring);
    return e;
}

/* An error that a part has ended with is the cause of the load's. */
static pouch_err stop_all(struct chain *c, pouch_err e) {
    pouch_client_close(c->client, 0);
    struct bench_part *const parts[] = {&c->first_worker, &c->center, &c->second_worker};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        pouch_err cause = bench_part_stop(parts[i]);
        if (cause) e = cause;
    }
    pouch_dest_free(c->first);
    pouch_dest_free(c->second);
    return e;
}

pouch_err bench_chain(pouch_options *o, pouch_keyring *ring, struct bench_load load, struct bench_result *result) {
    struct chain c = {0};
    pouch_err e = bench_scene_open(&c.scene, o, 2);
    if (!e) e = start_all(&c, o, ring);
    load.to = c.first;
    if (!e) e = bench_run_load(c.client, &load, result);
    e = stop_all(&c, e);
    bench_scene_close(&c.scene);
    return e;
}
