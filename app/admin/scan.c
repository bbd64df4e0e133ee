#include <admin/registry.h>
#include <admin/scan.h>
#include <base/clock.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <inttypes.h>
#include <stdlib.h>

enum { CALL_MS = 10000, PATIENCE_US = 15000000, WAIT_US = 100000, BATCH = 500 };

struct admin_walk {
    const struct pl_settings *settings;
    const char *topic, *client_id;
    const struct pl_position *only; /* NULL: everything */
    const struct admin_until *until;
    bool mock;
    int n_partitions;
    struct admin_walk_part {
        int64_t low, at; /* what is there, and where what was read begins */
        int64_t from;    /* where what is being read begins; it ends at `at` */
        bool done;
    } * parts;
    bool stopped; /* fn has seen enough */
    struct pl_kafka_health *health;
    struct pl_reader *reader;
    admin_scan_fn *fn;
    void *arg;
};

/* ---- where partitions begin and end ---- */

static pouch_err look_up_only(const struct admin_walk *s, struct admin_walk_part *p) {
    int32_t id = s->only->partition;
    if (p->low == p->at) return pl_fail(POUCH_E_NOT_FOUND, "partition %" PRId32 " of %s is empty", id, s->topic);
    if (s->only->offset < p->low || s->only->offset >= p->at)
        return pl_fail(POUCH_E_NOT_FOUND,
                       "partition %" PRId32 " of %s has offsets %" PRId64 " to %" PRId64 ", not %" PRId64, id, s->topic,
                       p->low, p->at - 1, s->only->offset);
    p->low = s->only->offset;
    p->at = p->low + 1;
    return POUCH_OK;
}

static pouch_err look_up_partition(struct admin_walk *s, rd_kafka_t *rk, int32_t id) {
    struct admin_walk_part *p = &s->parts[id];
    if (s->only && s->only->partition != id) return POUCH_OK;
    pouch_err e = pl_topic_offsets(rk, s->topic, id, &p->low, &p->at, CALL_MS);
    return e || !s->only ? e : look_up_only(s, p);
}

static pouch_err look_up(struct admin_walk *s, rd_kafka_t *rk) {
    pouch_err e = pl_cluster_mock(rk, &s->mock, CALL_MS);
    if (!e) e = pl_topic_partitions(rk, s->topic, &s->n_partitions, CALL_MS);
    if (e) return e;
    if (s->only && s->only->partition >= s->n_partitions)
        return pl_fail(POUCH_E_NOT_FOUND, "%s has no partition %" PRId32, s->topic, s->only->partition);
    s->parts = calloc((size_t)s->n_partitions + 1, sizeof *s->parts);
    if (!s->parts) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %d partitions", s->n_partitions);
    for (int32_t i = 0; !e && i < s->n_partitions; i++) e = look_up_partition(s, rk, i);
    return e;
}

static pouch_err begin(struct admin_walk *s) {
    struct pl_cluster *c = NULL;
    s->client_id = admin_client_id(s->settings);
    pouch_err e = pl_cluster_open(&c, s->settings, s->client_id);
    if (!e) e = look_up(s, pl_cluster_handle(c));
    pl_cluster_close(c);
    return e;
}

/* ---- reading ---- */

static bool finished(const struct admin_walk *s) {
    for (int i = 0; i < s->n_partitions; i++)
        if (!s->parts[i].done) return s->stopped;
    return true;
}

static void on_end(int32_t partition, void *arg) {
    struct admin_walk *s = arg;
    if (partition < s->n_partitions) s->parts[partition].done = true;
}

static void see(struct admin_walk *s, const rd_kafka_message_t *m) {
    struct admin_walk_part *p = m->partition < s->n_partitions ? &s->parts[m->partition] : NULL;
    if (!p || m->offset >= p->at) {
        if (p) p->done = true; /* offsets may be missing where what is read ends */
        return;
    }
    if (m->offset + 1 == p->at) p->done = true;
    if (!s->stopped && m->offset >= p->from) s->stopped = !s->fn(m, s->arg);
}

static pouch_err give_up(const struct admin_walk *s) {
    char text[512];
    if (pl_kafka_all_down(s->health)) {
        pl_kafka_health_text(s->health, s->settings->brokers, text, sizeof text);
        return pl_fail(POUCH_E_NO_BROKER, "%s", text);
    }
    int32_t first = 0;
    while (s->parts[first].done) first++;
    return pl_fail(POUCH_E_TIMEOUT,
                   "nothing more comes from partition %" PRId32 " of %s, which is not at its end; see `pouch topic "
                   "describe %s`",
                   first, s->topic, s->topic);
}

static pouch_err troubled(const struct admin_walk *s, enum pl_reader_trouble trouble) {
    switch (trouble) {
    case PL_READER_NONE: return POUCH_OK;
    case PL_READER_TOPIC_GONE:
        return pl_fail(POUCH_E_TARGET_REFUSED, "the topic %s went away while it was read", s->topic);
    case PL_READER_REFUSED:
        return pl_fail(POUCH_E_NOT_ALLOWED, "the broker does not let us read %s; allow READ on it", s->topic);
    }
    return POUCH_OK;
}

static pouch_err may_go_on(const struct admin_walk *s, int64_t now_us) {
    const struct admin_until *u = s->until;
    if (u && u->stop && atomic_load(u->stop))
        return pl_fail(POUCH_E_CLOSED, "%s was not read to its end, since this process is to stop", s->topic);
    if (u && u->by_us && now_us > u->by_us)
        return pl_fail(POUCH_E_EXPIRED, "%s could not be read to its end in time", s->topic);
    return POUCH_OK;
}

static pouch_err read_on(struct admin_walk *s, struct pl_wake *wake) {
    rd_kafka_message_t *batch[BATCH];
    enum pl_reader_trouble trouble;
    int64_t last_us = pl_mono_us(&pl_clock_system);
    while (!finished(s)) {
        size_t n = pl_reader_take(s->reader, batch, BATCH, &trouble);
        for (size_t i = 0; i < n; i++) {
            see(s, batch[i]);
            rd_kafka_message_destroy(batch[i]);
        }
        int64_t now_us = pl_mono_us(&pl_clock_system);
        pouch_err e = troubled(s, trouble);
        if (!e && !finished(s)) e = may_go_on(s, now_us);
        if (e) return e;
        if (n)
            last_us = now_us;
        else if (now_us - last_us > PATIENCE_US && !finished(s))
            return give_up(s);
        else if (!finished(s))
            pl_wake_wait(wake, WAIT_US);
    }
    return POUCH_OK;
}

/* With a reader of its own: a partition of one that reads cannot be put back again at once, see bus/reader.h. */
static pouch_err read_from(struct admin_walk *s, const struct pl_position *starts, size_t n) {
    struct pl_wake wake;
    pouch_err e = pl_wake_init(&wake);
    if (e) return e;
    s->health = pl_kafka_health_new();
    if (!s->health) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection");
    if (!e) e = pl_reader_new_to_end(&s->reader, s->settings, s->client_id, s->mock, s->health, &wake, on_end, s);
    if (!e) e = pl_reader_assign(s->reader, s->topic, starts, n, true);
    if (!e) e = read_on(s, &wake);
    pl_reader_free(s->reader);
    pl_kafka_health_free(s->health);
    s->reader = NULL;
    s->health = NULL;
    pl_wake_free(&wake);
    return e;
}

static int64_t share_of(const struct admin_walk *s, int64_t records) {
    int64_t n = 0;
    for (int i = 0; i < s->n_partitions; i++) n += s->parts[i].low < s->parts[i].at;
    return n && records / n ? records / n : 1;
}

/* Reads so many records before `at` of each partition that has some. */
static pouch_err step(struct admin_walk *s, int64_t records) {
    struct pl_position *starts = calloc((size_t)s->n_partitions + 1, sizeof *starts);
    int64_t each = share_of(s, records);
    size_t n = 0;
    if (!starts) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %d partitions", s->n_partitions);
    for (int32_t i = 0; i < s->n_partitions; i++) {
        struct admin_walk_part *p = &s->parts[i];
        p->from = p->at - p->low > each ? p->at - each : p->low;
        p->done = p->from == p->at;
        if (!p->done) starts[n++] = (struct pl_position){i, p->from};
    }
    pouch_err e = n ? read_from(s, starts, n) : POUCH_OK;
    for (int i = 0; !e && i < s->n_partitions; i++) s->parts[i].at = s->parts[i].from;
    free(starts);
    return e;
}

pouch_err admin_scan(const struct pl_settings *settings, const char *topic, const struct pl_position *only,
                     const struct admin_until *until, admin_scan_fn *fn, void *arg) {
    struct admin_walk s = {.settings = settings, .topic = topic, .only = only, .until = until, .fn = fn, .arg = arg};
    pouch_err e = begin(&s);
    if (!e) e = step(&s, INT64_MAX);
    free(s.parts);
    return e;
}

/* ---- backwards ---- */

pouch_err admin_walk_open(struct admin_walk **out, const struct pl_settings *settings, const char *topic,
                          const struct admin_until *until) {
    struct admin_walk *w = *out = calloc(1, sizeof *w);
    if (!w) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for reading %s", topic);
    *w = (struct admin_walk){.settings = settings, .topic = topic, .until = until};
    pouch_err e = begin(w);
    if (!e && w->n_partitions > ADMIN_WALK_PARTITIONS)
        e = pl_fail(POUCH_E_CONFIG, "%s has %d partitions, and is read backwards with at most %d", topic,
                    w->n_partitions, ADMIN_WALK_PARTITIONS);
    return e;
}

void admin_walk_close(struct admin_walk *w) {
    if (!w) return;
    free(w->parts);
    free(w);
}

pouch_err admin_walk_step(struct admin_walk *w, int64_t records, admin_scan_fn *fn, void *arg) {
    w->fn = fn;
    w->arg = arg;
    return step(w, records);
}

int32_t admin_walk_partitions(const struct admin_walk *w) {
    return w->n_partitions;
}

int64_t admin_walk_at(const struct admin_walk *w, int32_t partition) {
    return w->parts[partition].at;
}

void admin_walk_back_to(struct admin_walk *w, int32_t partition, int64_t offset) {
    struct admin_walk_part *p = &w->parts[partition];
    if (offset < p->at) p->at = offset > p->low ? offset : p->low;
}

bool admin_walk_has_more(const struct admin_walk *w, int32_t partition) {
    for (int32_t i = 0; i < w->n_partitions; i++)
        if ((partition < 0 || i == partition) && w->parts[i].low < w->parts[i].at) return true;
    return false;
}
