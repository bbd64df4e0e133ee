/*
 * How many trace rows a second reach the disk, and what they cost:
 *
 *   store_bench ROWS [FOLDER]
 *
 * One thread puts rows as a center does, all of different requests, and waits when the queue is nearly full, so that
 * none is missing. Prints one line of JSON. The folder is a new one unless named, and is left there.
 */
#include <base/clock.h>
#include <inttypes.h>
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
    SPOOL_BYTES = 64 << 20
};

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

static void fill(struct pl_trace *row, int64_t i, uint64_t *state) {
    const uint64_t id[2] = {random_bits(state), random_bits(state)};
    memcpy(row->request_id.b, id, sizeof id);
    row->offset = i;
    row->partition = (int32_t)(i % 12);
    row->id = pl_trace_id(row->topic, row->partition, row->offset, row->target, row->by, row->response);
    row->at_us = pl_wall_ms(&pl_clock_system) * 1000;
}

/* The seconds of CPU that putting has taken. */
static double put_all(struct pl_tracer *t, struct pl_wake *wake, int64_t rows) {
    struct pl_trace row = {.by = PL_TRACE_CENTER,
                           .success = true,
                           .took_us = 120,
                           .publisher = "publisher-a",
                           .topic = "command-center-inbox",
                           .target = "service-1-topic",
                           .route = "route-publisher-a"};
    uint64_t state = 88172645463325252, ticket = 0;
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

static int fail(void) {
    fprintf(stderr, "store_bench: %s\n", pouch_why());
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 0;
    char folder[] = "/tmp/pouch-store-bench-XXXXXX", *url;
    if (rows < 1 || (argc < 3 && !mkdtemp(folder))) {
        fprintf(stderr, "usage: store_bench ROWS [FOLDER]\n");
        return 64;
    }
    if (asprintf(&url, "sqlite://%s", argc > 2 ? argv[2] : folder) < 0) return EXIT_FAILURE;

    struct pl_wake wake;
    struct pl_tracer *t;
    if (pl_wake_init(&wake)) return fail();
    const struct pl_tracer_settings settings = {
        .url = url, .max_bytes = QUEUE_BYTES, .ttl_ms = TTL_MS, .wake = &wake, .spool_bytes = SPOOL_BYTES};
    if (pl_tracer_new(&t, &settings)) return fail();
    double wall = seconds(CLOCK_MONOTONIC), all = seconds(CLOCK_PROCESS_CPUTIME_ID);
    double putting = put_all(t, &wake, rows);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    all = seconds(CLOCK_PROCESS_CPUTIME_ID) - all;
    printf("{\"rows\":%" PRId64 ",\"missing\":%" PRIu64 ",\"rows_per_s\":%.0f,\"cpu_s_per_million\":%.2f,"
           "\"put_cpu_s_per_million\":%.2f}\n",
           rows, pl_tracer_missing(t), (double)rows / wall, all * 1e6 / (double)rows, putting * 1e6 / (double)rows);
    pl_tracer_free(t, PATIENCE_MS);
    pl_wake_free(&wake);
    free(url);
    return EXIT_SUCCESS;
}
