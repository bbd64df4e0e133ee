/*
 * How many trace rows a second reach the store, what they cost, and how long it takes to look things up among them:
 *
 *   store_bench ROWS [URL]
 *
 * One thread puts rows as a center does, all of different requests, and waits when the queue is nearly full, so that
 * none is missing. Then, when all of them are in the store and counted, and while the writer is still there, another
 * looks up requests and adds up routes. Prints one line of JSON. The store is a new folder unless named, and is left
 * there; one that is named must have no rows yet:
 *
 *   store_bench 1000000
 *   store_bench 1000000 cassandra://127.0.0.1:9042/store_bench_1
 */
#include <base/clock.h>
#include <base/why.h>
#include <inttypes.h>
#include <metrics/metrics.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/store.h>
#include <store/tracer.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    QUEUE_BYTES = 16 << 20,
    AHEAD = 40000,
    TTL_MS = 7 * 24 * 3600 * 1000,
    PATIENCE_MS = 60000,
    SPOOL_BYTES = 1 << 30,
    SETTLE_S = 300,
    ROUTES = 8,
    LOOKUPS = 500,
    SUMS = 101,
};

#define SEED UINT64_C(88172645463325252)

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t random_bits(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Some 100 to 2,000 microseconds, the short ones the most. */
static int64_t random_took_us(uint64_t bits) {
    return 100 + (int64_t)(bits % 1900 * (bits >> 32 & 1023) / 1024);
}

static void fill(struct pl_trace *row, int64_t i, uint64_t *state) {
    static const char *const publishers[ROUTES] = {"publisher-a", "publisher-b", "publisher-c", "publisher-d",
                                                   "publisher-e", "publisher-f", "publisher-g", "publisher-h"};
    static const char *const routes[ROUTES] = {"route-publisher-a", "route-publisher-b", "route-publisher-c",
                                               "route-publisher-d", "route-publisher-e", "route-publisher-f",
                                               "route-publisher-g", "route-publisher-h"};
    const uint64_t id[2] = {random_bits(state), random_bits(state)};
    memcpy(row->request_id.b, id, sizeof id);
    row->publisher = publishers[id[0] % ROUTES];
    row->route = routes[id[0] % ROUTES];
    row->took_us = random_took_us(id[1]);
    row->offset = i;
    row->partition = (int32_t)(i % 12);
    row->id = pl_trace_id(row->topic, row->partition, row->offset, row->target, row->by, row->response);
    row->at_us = pl_wall_ms(&pl_clock_system) * 1000;
}

/* The seconds of CPU that putting has taken. */
static double put_all(struct pl_tracer *t, struct pl_wake *wake, int64_t rows) {
    struct pl_trace row = {
        .by = PL_TRACE_CENTER, .success = true, .topic = "command-center-inbox", .target = "service-1-topic"};
    uint64_t state = SEED, ticket = 0;
    double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (int64_t i = 0; i < rows; i++) {
        fill(&row, i, &state);
        ticket = pl_tracer_put(t, &row);
        while (ticket - pl_tracer_written(t) > AHEAD) pl_wake_wait(wake, -1);
    }
    cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    while (pl_tracer_written(t) < ticket) pl_wake_wait(wake, -1);
    return cpu;
}

/* ---- looking things up ---- */

struct times {
    double p50_ms, p99_ms, max_ms;
};

static int by_time(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct times times_of(double *ms, size_t n) {
    qsort(ms, n, sizeof *ms, by_time);
    return (struct times){ms[n / 2], ms[n * 99 / 100], ms[n - 1]};
}

static bool count_row(const struct pl_trace *row, void *arg) {
    (void)row;
    ++*(uint64_t *)arg;
    return true;
}

static bool count_route(const struct pl_route_stats *stats, void *arg) {
    *(uint64_t *)arg += stats->count;
    return true;
}

/* Requests from all over the rows, each of which has one. */
static pouch_err look_up(struct pl_store *store, int64_t rows, struct times *t, uint64_t *found) {
    double ms[LOOKUPS];
    struct pl_trace row = {0};
    uint64_t state = SEED;
    size_t n = 0;
    pouch_err e = POUCH_OK;
    for (int64_t i = 0; i < rows && n < LOOKUPS && !e; i++) {
        fill(&row, i, &state);
        if (i % (rows / LOOKUPS + 1)) continue;
        double began = seconds(CLOCK_MONOTONIC);
        e = pl_store_by_request(store, &row.request_id, count_row, found);
        ms[n++] = 1e3 * (seconds(CLOCK_MONOTONIC) - began);
    }
    *t = times_of(ms, n);
    return *found == n ? e : pl_fail(POUCH_E_STORE, "%zu requests were looked up and %" PRIu64 " found", n, *found);
}

static pouch_err count_all(struct pl_store *store, uint64_t *counted) {
    struct pl_stats_query all = {.until_us = INT64_MAX};
    *counted = 0;
    return pl_store_stats(store, &all, count_route, counted);
}

static pouch_err add_up(struct pl_store *store, int64_t rows, struct times *t) {
    double ms[SUMS];
    pouch_err e = POUCH_OK;
    for (size_t i = 0; i < SUMS && !e; i++) {
        uint64_t counted;
        double began = seconds(CLOCK_MONOTONIC);
        e = count_all(store, &counted);
        ms[i] = 1e3 * (seconds(CLOCK_MONOTONIC) - began);
        if (!e && counted != (uint64_t)rows)
            e = pl_fail(POUCH_E_STORE, "routes have %" PRIu64 " rows of %" PRId64, counted, rows);
    }
    *t = times_of(ms, SUMS);
    return e;
}

/* What went through the spool comes to the store later, and Cassandra has the sums some seconds after the rows. */
static pouch_err settle(struct pl_store *store, int64_t rows) {
    double until = seconds(CLOCK_MONOTONIC) + SETTLE_S;
    uint64_t counted = 0;
    pouch_err e = POUCH_OK;
    while (!e && seconds(CLOCK_MONOTONIC) < until) {
        e = count_all(store, &counted);
        if (!e && counted == (uint64_t)rows && !pl_metric_get(PL_M_TRACE_SPOOL_BYTES)) return POUCH_OK;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    return e ? e : pl_fail(POUCH_E_STORE, "routes have %" PRIu64 " rows of %" PRId64, counted, rows);
}

static pouch_err measure_queries(const char *url, int64_t rows) {
    struct pl_store *store;
    struct times request, stats;
    uint64_t found = 0;
    pouch_err e = pl_store_open(&store, url);
    if (e) return e;
    double began = seconds(CLOCK_MONOTONIC);
    e = settle(store, rows);
    began = seconds(CLOCK_MONOTONIC) - began;
    if (!e) e = look_up(store, rows, &request, &found);
    if (!e) e = add_up(store, rows, &stats);
    if (!e)
        printf(",\"settled_s\":%.1f,\"by_request_p50_ms\":%.2f,\"by_request_p99_ms\":%.2f,\"by_request_max_ms\":%.2f,"
               "\"stats_p50_ms\":%.2f,\"stats_p99_ms\":%.2f,\"stats_max_ms\":%.2f}\n",
               began, request.p50_ms, request.p99_ms, request.max_ms, stats.p50_ms, stats.p99_ms, stats.max_ms);
    pl_store_close(store);
    return e;
}

static int fail(void) {
    fprintf(stderr, "store_bench: %s\n", pouch_why());
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 0;
    char folder[] = "/tmp/pouch-store-bench-XXXXXX", *url;
    if (rows < 1) {
        fprintf(stderr, "usage: store_bench ROWS [URL]\n");
        return 64;
    }
    if (!mkdtemp(folder)) return EXIT_FAILURE;
    if (asprintf(&url, "%s%s", argc > 2 ? "" : "sqlite://", argc > 2 ? argv[2] : folder) < 0) return EXIT_FAILURE;

    struct pl_wake wake;
    struct pl_tracer *t;
    if (pl_wake_init(&wake)) return fail();
    const struct pl_tracer_settings settings = {.url = url,
                                                .max_bytes = QUEUE_BYTES,
                                                .ttl_ms = TTL_MS,
                                                .wake = &wake,
                                                .spool = folder,
                                                .spool_bytes = SPOOL_BYTES};
    if (pl_tracer_new(&t, &settings)) return fail();
    double wall = seconds(CLOCK_MONOTONIC), all = seconds(CLOCK_PROCESS_CPUTIME_ID);
    double putting = put_all(t, &wake, rows);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    all = seconds(CLOCK_PROCESS_CPUTIME_ID) - all;
    printf("{\"rows\":%" PRId64 ",\"missing\":%" PRIu64 ",\"rows_per_s\":%.0f,\"cpu_s_per_million\":%.2f,"
           "\"put_cpu_s_per_million\":%.2f",
           rows, pl_tracer_missing(t), (double)rows / wall, all * 1e6 / (double)rows, putting * 1e6 / (double)rows);
    if (measure_queries(url, rows)) return fail();
    pl_tracer_free(t, PATIENCE_MS);
    pl_wake_free(&wake);
    free(url);
    return EXIT_SUCCESS;
}
