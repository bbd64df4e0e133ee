#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <bus/reader.h>
#include <cluster/cluster.h>
#include <registry/control.h>
#include <stdlib.h>

enum { CALL_MS = 1500, BATCH = 256, BATCHES = 64 };

struct pl_control {
    const struct pl_settings *settings;
    const char *client_id;
    struct pl_wake *wake;
    struct pl_kafka_health *health;
    struct pl_cluster *cluster; /* while it is not connected: kept from one attempt to the next */
    struct pl_reader *reader;   /* NULL: not connected */
    bool *ended;                /* of each partition: all is heard that was there at first */
    size_t partitions;
};

pouch_err pl_control_new(struct pl_control **out, const struct pl_settings *s, const char *client_id,
                         struct pl_wake *wake) {
    struct pl_control *c = malloc(sizeof *c);
    struct pl_kafka_health *health = pl_kafka_health_new();
    if (!c || !health) {
        free(c);
        pl_kafka_health_free(health);
        return pl_fail(POUCH_E_NO_MEMORY, "no memory to follow the routes");
    }
    *c = (struct pl_control){.settings = s, .client_id = client_id, .wake = wake, .health = health};
    *out = c;
    return POUCH_OK;
}

static void disconnect(struct pl_control *c) {
    pl_reader_free(c->reader);
    c->reader = NULL;
    free(c->ended);
    c->ended = NULL;
    c->partitions = 0;
}

void pl_control_free(struct pl_control *c) {
    if (!c) return;
    disconnect(c);
    pl_cluster_close(c->cluster);
    pl_kafka_health_free(c->health);
    free(c);
}

bool pl_control_connected(const struct pl_control *c) {
    return c->reader != NULL;
}

bool pl_control_caught_up(const struct pl_control *c) {
    for (size_t i = 0; i < c->partitions; i++)
        if (!c->ended[i]) return false;
    return c->reader != NULL;
}

static void note_end(int32_t partition, void *control) {
    struct pl_control *c = control;
    if ((size_t)partition < c->partitions) c->ended[partition] = true;
}

/* Of every partition: the topic should have one, but somebody else may have made it. */
static pouch_err assign(struct pl_control *c, rd_kafka_t *rk, bool from_start) {
    const char *topic = c->settings->routes_topic;
    struct pl_position *p = calloc(c->partitions, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "no memory to follow the routes");
    pouch_err e = POUCH_OK;
    int64_t low, end;
    for (size_t i = 0; !e && i < c->partitions; i++) {
        e = pl_topic_offsets(rk, topic, (int32_t)i, &low, &end, CALL_MS);
        p[i] = (struct pl_position){.partition = (int32_t)i, .offset = from_start ? RD_KAFKA_OFFSET_BEGINNING : end};
    }
    if (!e) e = pl_reader_assign(c->reader, topic, p, c->partitions, true);
    free(p);
    return e;
}

static pouch_err make_room(struct pl_control *c, int partitions) {
    if (partitions < 1)
        return pl_fail(POUCH_E_NO_BROKER, "the topic %s has no partitions yet", c->settings->routes_topic);
    c->ended = calloc((size_t)partitions, sizeof *c->ended);
    if (!c->ended) return pl_fail(POUCH_E_NO_MEMORY, "no memory to follow the routes");
    c->partitions = (size_t)partitions;
    return POUCH_OK;
}

static pouch_err connect_by(struct pl_control *c, rd_kafka_t *rk, bool from_start) {
    bool mock;
    int partitions;
    pouch_err e = pl_cluster_mock(rk, &mock, CALL_MS);
    if (!e)
        e = pl_announcement_topic(rk, c->settings->routes_topic, &partitions,
                                  pl_mono_us(&pl_clock_system) + CALL_MS * 1000);
    if (!e) e = make_room(c, partitions);
    if (!e) e = pl_reader_new_to_end(&c->reader, c->settings, c->client_id, mock, c->health, c->wake, note_end, c);
    if (!e) e = assign(c, rk, from_start);
    if (e) disconnect(c);
    return e;
}

pouch_err pl_control_connect(struct pl_control *c, bool from_start) {
    pouch_err e = c->cluster ? POUCH_OK : pl_cluster_open(&c->cluster, c->settings, c->client_id);
    if (!e) e = connect_by(c, pl_cluster_handle(c->cluster), from_start);
    if (e) return e;
    pl_cluster_close(c->cluster);
    c->cluster = NULL;
    return POUCH_OK;
}

static void hand_over(struct pl_control *c, const rd_kafka_message_t *m, pl_control_heard *heard, void *arg) {
    struct pl_announced a;
    if (!pl_announcement_read(m->payload, m->len, &a))
        heard(&a, arg);
    else
        PL_LOG(PL_LOG_WARN, "a record on the topic of routes was passed over", "topic", c->settings->routes_topic,
               "why", pouch_why());
}

void pl_control_take(struct pl_control *c, pl_control_heard *heard, void *arg) {
    rd_kafka_message_t *m[BATCH];
    enum pl_reader_trouble trouble = PL_READER_NONE;
    size_t n = BATCH;
    for (int round = 0; c->reader && n == BATCH && round < BATCHES; round++) {
        n = pl_reader_take(c->reader, m, BATCH, &trouble);
        for (size_t i = 0; i < n; i++) {
            hand_over(c, m[i], heard, arg);
            rd_kafka_message_destroy(m[i]);
        }
        if (trouble == PL_READER_TOPIC_GONE) disconnect(c);
    }
}
