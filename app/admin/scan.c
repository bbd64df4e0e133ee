#include <admin/scan.h>
#include <base/clock.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <inttypes.h>
#include <stdlib.h>

enum { CALL_MS = 10000, PATIENCE_US = 15000000, WAIT_US = 100000, BATCH = 500 };

struct scan {
    const struct pl_settings *settings;
    const char *topic, *client_id;
    const struct pl_position *only; /* NULL: everything */
    bool mock;
    struct pl_position *starts; /* of the partitions that are read */
    size_t n;
    int64_t *ends; /* by partition: where it ended when the scan began */
    bool *done;    /* by partition */
    int n_partitions;
    bool stopped; /* fn has seen enough */
    struct pl_kafka_health *health;
    struct pl_reader *reader;
    admin_scan_fn *fn;
    void *arg;
};

/* Where the partition begins and ends, unless nothing in it is wanted. */
static pouch_err look_up_partition(struct scan *s, rd_kafka_t *rk, int32_t id) {
    int64_t low, high;
    s->done[id] = true;
    if (s->only && s->only->partition != id) return POUCH_OK;
    pouch_err e = pl_topic_offsets(rk, s->topic, id, &low, &high, CALL_MS);
    if (e) return e;
    if (s->only && low == high) return pl_fail(POUCH_E_NOT_FOUND, "partition %" PRId32 " of %s is empty", id, s->topic);
    if (s->only && (s->only->offset < low || s->only->offset >= high))
        return pl_fail(POUCH_E_NOT_FOUND,
                       "partition %" PRId32 " of %s has offsets %" PRId64 " to %" PRId64 ", not %" PRId64, id, s->topic,
                       low, high - 1, s->only->offset);
    s->done[id] = low == high;
    s->ends[id] = s->only ? s->only->offset + 1 : high;
    if (low < high) s->starts[s->n++] = (struct pl_position){id, s->only ? s->only->offset : low};
    return POUCH_OK;
}

static pouch_err look_up(struct scan *s, rd_kafka_t *rk) {
    pouch_err e = pl_cluster_mock(rk, &s->mock, CALL_MS);
    if (!e) e = pl_topic_partitions(rk, s->topic, &s->n_partitions, CALL_MS);
    if (e) return e;
    if (s->only && s->only->partition >= s->n_partitions)
        return pl_fail(POUCH_E_NOT_FOUND, "%s has no partition %" PRId32, s->topic, s->only->partition);
    size_t n = (size_t)s->n_partitions;
    s->starts = calloc(n + 1, sizeof *s->starts);
    s->ends = calloc(n + 1, sizeof *s->ends);
    s->done = calloc(n + 1, sizeof *s->done);
    if (!s->starts || !s->ends || !s->done) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu partitions", n);
    for (int32_t i = 0; !e && i < s->n_partitions; i++) e = look_up_partition(s, rk, i);
    return e;
}

static bool finished(const struct scan *s) {
    for (int i = 0; i < s->n_partitions; i++)
        if (!s->done[i]) return s->stopped;
    return true;
}

static void on_end(int32_t partition, void *arg) {
    struct scan *s = arg;
    if (partition < s->n_partitions) s->done[partition] = true;
}

static void see(struct scan *s, const rd_kafka_message_t *m) {
    if (m->partition >= s->n_partitions || m->offset >= s->ends[m->partition]) return;
    if (m->offset + 1 == s->ends[m->partition]) s->done[m->partition] = true;
    if (!s->stopped && (!s->only || m->offset == s->only->offset)) s->stopped = !s->fn(m, s->arg);
}

static pouch_err give_up(const struct scan *s) {
    char text[512];
    if (pl_kafka_all_down(s->health)) {
        pl_kafka_health_text(s->health, s->settings->brokers, text, sizeof text);
        return pl_fail(POUCH_E_NO_BROKER, "%s", text);
    }
    int32_t first = 0;
    while (s->done[first]) first++;
    return pl_fail(POUCH_E_TIMEOUT,
                   "nothing more comes from partition %" PRId32 " of %s, which is not at its end; see `pouch topic "
                   "describe %s`",
                   first, s->topic, s->topic);
}

static pouch_err troubled(const struct scan *s, enum pl_reader_trouble trouble) {
    switch (trouble) {
    case PL_READER_NONE: return POUCH_OK;
    case PL_READER_TOPIC_GONE:
        return pl_fail(POUCH_E_TARGET_REFUSED, "the topic %s went away while it was read", s->topic);
    case PL_READER_REFUSED:
        return pl_fail(POUCH_E_NOT_ALLOWED, "the broker does not let us read %s; allow READ on it", s->topic);
    }
    return POUCH_OK;
}

static pouch_err read_on(struct scan *s, struct pl_wake *wake) {
    rd_kafka_message_t *batch[BATCH];
    enum pl_reader_trouble trouble;
    int64_t last_us = pl_mono_us(&pl_clock_system);
    while (!finished(s)) {
        size_t n = pl_reader_take(s->reader, batch, BATCH, &trouble);
        for (size_t i = 0; i < n; i++) {
            see(s, batch[i]);
            rd_kafka_message_destroy(batch[i]);
        }
        pouch_err e = troubled(s, trouble);
        if (e) return e;
        int64_t now_us = pl_mono_us(&pl_clock_system);
        if (n)
            last_us = now_us;
        else if (now_us - last_us > PATIENCE_US && !finished(s))
            return give_up(s);
        else if (!finished(s))
            pl_wake_wait(wake, WAIT_US);
    }
    return POUCH_OK;
}

static pouch_err read_from(struct scan *s, struct pl_wake *wake) {
    s->health = pl_kafka_health_new();
    if (!s->health) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    pouch_err e = pl_reader_new_to_end(&s->reader, s->settings, s->client_id, s->mock, s->health, wake, on_end, s);
    if (!e) e = pl_reader_assign(s->reader, s->topic, s->starts, s->n, true);
    if (!e) e = read_on(s, wake);
    pl_reader_free(s->reader);
    pl_kafka_health_free(s->health);
    return e;
}

pouch_err admin_scan(const struct pl_settings *settings, const char *topic, const struct pl_position *only,
                     admin_scan_fn *fn, void *arg) {
    struct scan s = {.settings = settings, .topic = topic, .only = only, .fn = fn, .arg = arg};
    struct pl_cluster *c = NULL;
    struct pl_wake wake;
    s.client_id = settings->client_id ? settings->client_id : "pouch-cli";
    pouch_err e = pl_cluster_open(&c, settings, s.client_id);
    if (!e) e = look_up(&s, pl_cluster_handle(c));
    pl_cluster_close(c);
    if (!e && s.n) e = pl_wake_init(&wake);
    if (!e && s.n) {
        e = read_from(&s, &wake);
        pl_wake_free(&wake);
    }
    free(s.starts);
    free(s.ends);
    free(s.done);
    return e;
}
