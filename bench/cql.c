/*
 * How many trace-like rows a second go into Cassandra through lib/cql, and what they cost this process:
 *
 *   cql_bench URL ROWS ROWS_A_BATCH IN_FLIGHT
 *
 * ROWS_A_BATCH 1: single rows, each of a partition of its own; more: unlogged batches, each of one partition. A tenth
 * of the rows goes first, unmeasured. Prints one line of JSON. bench/cassandra runs it beside the Java driver.
 */
#include <base/clock.h>
#include <cql/cql.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COLUMNS = 13, BATCH_MAX = 100, SHARDS = 64 };

struct load {
    struct pl_cql *session;
    const struct pl_cql_statement *insert;
    int64_t rows, next, failed, in_flight, open;
    int batch;
    uint64_t random;
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

static int fail(void) {
    fprintf(stderr, "cql_bench: %s\n", pouch_why());
    return EXIT_FAILURE;
}

static const char *const schema[] = {
    "CREATE KEYSPACE IF NOT EXISTS pouch_bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE IF NOT EXISTS pouch_bench.by_request (publisher text, minute int, shard int, request_id uuid, at_us "
    "bigint, "
    "id bigint, partition int, offset bigint, topic text, target text, route text, took_us bigint, success boolean, "
    "PRIMARY KEY (request_id, at_us, id))",
    "CREATE TABLE IF NOT EXISTS pouch_bench.by_publisher (publisher text, minute int, shard int, request_id uuid, "
    "at_us bigint, "
    "id bigint, partition int, offset bigint, topic text, target text, route text, took_us bigint, success boolean, "
    "PRIMARY KEY ((publisher, minute, shard), at_us, id))",
};

static const char insert_into[] =
    "INSERT INTO pouch_bench.%s (publisher, minute, shard, request_id, at_us, id, partition, "
    "offset, topic, target, route, took_us, success) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static void fill(struct pl_cql_value v[COLUMNS], struct load *l, int64_t row, int64_t shard) {
    struct pl_uuid id;
    const uint64_t bits[2] = {random_bits(&l->random), random_bits(&l->random)};
    memcpy(id.b, bits, sizeof id.b);
    v[0] = pl_cql_text("publisher-a");
    v[1] = pl_cql_number(28333333);
    v[2] = pl_cql_number(shard);
    v[3] = pl_cql_uuid(&id);
    v[4] = pl_cql_number(1700000000000000 + row);
    v[5] = pl_cql_number((int64_t)random_bits(&l->random));
    v[6] = pl_cql_number(row % 12);
    v[7] = pl_cql_number(row);
    v[8] = pl_cql_text("command-center-inbox");
    v[9] = pl_cql_text("service-1-topic");
    v[10] = pl_cql_text("route-publisher-a");
    v[11] = pl_cql_number(120);
    v[12] = pl_cql_boolean(true);
}

static void done(const struct pl_cql_result *r, void *arg) {
    struct load *l = arg;
    l->open--;
    if (!r->error) return;
    if (!l->failed++) fprintf(stderr, "cql_bench: %s\n", pouch_why());
}

static pouch_err send_next(struct load *l) {
    struct pl_cql_value values[BATCH_MAX][COLUMNS];
    struct pl_cql_bound bound[BATCH_MAX];
    const struct pl_cql_how how = {
        .idempotent = true,
        .timestamp_us = 1700000000000000 + l->next,
    };
    int64_t shard = l->next / l->batch % SHARDS;
    for (int i = 0; i < l->batch; i++) {
        fill(values[i], l, l->next + i, shard);
        bound[i] = (struct pl_cql_bound){l->insert, values[i], COLUMNS};
    }
    pouch_err e = l->batch == 1 ? pl_cql_execute(l->session, &bound[0], &how, done, l)
                                : pl_cql_batch(l->session, bound, (size_t)l->batch, &how, done, l);
    if (e) return e;
    l->next += l->batch;
    l->open++;
    return POUCH_OK;
}

static pouch_err send_all(struct load *l, int64_t rows) {
    int64_t end = l->next + rows;
    while (l->next < end || l->open) {
        while (l->next < end && l->open < l->in_flight) {
            pouch_err e = send_next(l);
            if (e) return e;
        }
        pl_cql_run(l->session, -1);
    }
    return POUCH_OK;
}

static pouch_err prepare(struct load *l) {
    char text[sizeof insert_into + 32];
    pouch_err e = pl_cql_ready(l->session, 60000000);
    for (size_t i = 0; !e && i < sizeof schema / sizeof schema[0]; i++) e = pl_cql_do(l->session, schema[i], NULL);
    snprintf(text, sizeof text, insert_into, l->batch == 1 ? "by_request" : "by_publisher");
    return e ? e : pl_cql_prepare(l->session, &l->insert, text, 0);
}

static pouch_err measure(struct load *l) {
    pouch_err e = prepare(l);
    if (!e) e = send_all(l, l->rows / 10);
    if (e) return e;
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    e = send_all(l, l->rows);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    if (!e)
        printf("{\"rows\":%" PRId64 ",\"failed\":%" PRId64 ",\"rows_per_s\":%.0f,\"cpu_s_per_million\":%.2f}\n",
               l->rows, l->failed, (double)l->rows / wall, cpu * 1e6 / (double)l->rows);
    return e;
}

int main(int argc, char **argv) {
    struct load l = {.random = 88172645463325252 ^ (uint64_t)pl_wall_us(&pl_clock_system)};
    if (argc == 5) {
        l.batch = atoi(argv[3]);
        l.in_flight = strtoll(argv[4], NULL, 10);
        l.rows = strtoll(argv[2], NULL, 10);
    }
    if (l.batch < 1 || l.batch > BATCH_MAX || l.in_flight < 1 || l.rows < 10 * l.batch) {
        fprintf(stderr, "usage: cql_bench URL ROWS ROWS_A_BATCH(1-%d) IN_FLIGHT\n", BATCH_MAX);
        return 64;
    }
    l.rows -= l.rows % (10 * l.batch);
    struct pl_cql_config config;
    if (pl_cql_config_parse(&config, argv[1])) return fail();
    config.connect_us = config.request_us = 60000000; /* a server that shares the machine with whoever measures it */
    if ((size_t)l.in_flight > config.in_flight) config.in_flight = (size_t)l.in_flight;
    pouch_err e = pl_cql_open(&l.session, &config, NULL);
    pl_cql_config_free(&config);
    if (e) return fail();
    e = measure(&l);
    int code = e ? fail() : l.failed ? EXIT_FAILURE : EXIT_SUCCESS;
    pl_cql_close(l.session);
    return code;
}
