/*
 * Load and measurement: one load generator for both loops, the echo worker that it talks to, a
 * chain of workers through a center, a backlog for a center, and the cost of sealing alone.
 */
#ifndef POUCH_BENCH_BENCH_H
#define POUCH_BENCH_BENCH_H

#include <pouch/pouch.h>
#include <stdint.h>

struct bench_load {
    const pouch_dest *to;
    int64_t count;     /* requests measured */
    int64_t warm_up;   /* requests before those, not measured */
    int64_t in_flight; /* closed loop: open requests at any time; 0 = open loop */
    int64_t rate;      /* open loop: requests a second, sent when they are due whatever has come back */
    size_t size;       /* bytes of the payload; at least BENCH_SIZE_LEAST */
    int timeout_ms;
};

enum { BENCH_SIZE_LEAST = 64 };

struct bench_spread { /* microseconds */
    int64_t p50, p90, p99, p999, max;
};

struct bench_result {
    int64_t answered, failed;
    pouch_err first_error; /* of the failed ones */
    char why[256];
    double seconds;
    struct bench_spread total; /* closed loop: from the call; open loop: from when the request was due */
    struct bench_spread there; /* call to handler: seal, produce, broker, fetch, open */
    struct bench_spread back;  /* handler to callback: seal, produce, broker, fetch, open */
};

/* Runs the load over a client; blocks until all have ended. The errors of starting; those of requests are counted. */
POUCH_MUST_CHECK pouch_err bench_run_load(pouch_client *client, const struct bench_load *load,
                                          struct bench_result *result);

/* Answers a request of bench_run_load() with its payload, stamped with when the handler saw it. A pouch_handler_fn. */
void bench_echo(pouch_job *job, void *unused);

/*
 * Runs the load through publisher -> center -> worker -> center -> worker -> back, all but the broker in this process.
 * o tells the rest: inbox, group and start are set there, and load.to by itself. As bench_run_load().
 */
POUCH_MUST_CHECK pouch_err bench_chain(pouch_options *o, pouch_keyring *ring, struct bench_load load,
                                       struct bench_result *result);

struct bench_route {
    int64_t count;
    size_t size; /* bytes of the payload */
};

struct bench_route_result {
    int64_t routed, failed;
    double seconds; /* from the first record that the center held to the last that it routed */
};

/* Routes a backlog with a center of its own, which is told the rest by o: inbox, group and start are set there. */
POUCH_MUST_CHECK pouch_err bench_route(pouch_options *o, pouch_keyring *ring, const struct bench_route *bench,
                                       struct bench_route_result *result);

struct bench_seal_result { /* nanoseconds for one message, medians of many short rounds */
    double seal, open;
    /* the same cipher with the context kept, hex, and a fixed JSON template; nothing checked */
    double openssl_seal, openssl_open;
};

POUCH_MUST_CHECK pouch_err bench_seal(pouch_keyring *ring, size_t size, int64_t count,
                                      struct bench_seal_result *result);

#endif
