#include <base/log.h>
#include <base/why.h>
#include <bus/reader.h>
#include <cluster/cluster.h>
#include <registry/announcement.h>
#include <registry/control.h>
#include <stdlib.h>

enum { CALL_MS = 2000, BATCH = 64 };

struct pl_control {
    const struct pl_settings *settings;
    const char *client_id;
    struct pl_wake *wake;
    struct pl_kafka_health *health;
    struct pl_reader *reader; /* NULL: not connected */
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
}

void pl_control_free(struct pl_control *c) {
    if (!c) return;
    disconnect(c);
    pl_kafka_health_free(c->health);
    free(c);
}

bool pl_control_connected(const struct pl_control *c) {
    return c->reader != NULL;
}

/* From the end of every partition: the topic should have one, but somebody else may have made it. */
static pouch_err assign_ends(struct pl_control *c, rd_kafka_t *rk, int partitions) {
    if (partitions < 1)
        return pl_fail(POUCH_E_NO_BROKER, "the topic %s has no partitions yet", c->settings->routes_topic);
    struct pl_position *p = calloc((size_t)partitions, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "no memory to follow the routes");
    pouch_err e = POUCH_OK;
    int64_t low;
    for (int i = 0; !e && i < partitions; i++) {
        p[i].partition = i;
        e = pl_topic_offsets(rk, c->settings->routes_topic, i, &low, &p[i].offset, CALL_MS);
    }
    if (!e) e = pl_reader_assign(c->reader, c->settings->routes_topic, p, (size_t)partitions, true);
    free(p);
    return e;
}

static pouch_err connect_by(struct pl_control *c, rd_kafka_t *rk) {
    bool mock;
    int partitions;
    pouch_err e = pl_cluster_mock(rk, &mock, CALL_MS);
    if (!e) e = pl_announcement_topic(rk, c->settings->routes_topic, &partitions, CALL_MS);
    if (!e) e = pl_reader_new(&c->reader, c->settings, c->client_id, mock, c->health, c->wake);
    if (e) return e;
    e = assign_ends(c, rk, partitions);
    if (e) disconnect(c);
    return e;
}

pouch_err pl_control_connect(struct pl_control *c) {
    struct pl_cluster *cluster;
    pouch_err e = pl_cluster_open(&cluster, c->settings, c->client_id);
    if (e) return e;
    e = connect_by(c, pl_cluster_handle(cluster));
    pl_cluster_close(cluster);
    return e;
}

int64_t pl_control_take(struct pl_control *c) {
    rd_kafka_message_t *m[BATCH];
    enum pl_reader_trouble trouble = PL_READER_NONE;
    int64_t highest = 0, version;
    size_t n = c->reader ? pl_reader_take(c->reader, m, BATCH, &trouble) : 0;
    for (size_t i = 0; i < n; i++) {
        if (pl_announcement_version(m[i]->payload, m[i]->len, &version))
            PL_LOG(PL_LOG_WARN, "a record on the topic of routes was passed over", "topic", c->settings->routes_topic,
                   "why", pouch_why());
        else if (version > highest)
            highest = version;
        rd_kafka_message_destroy(m[i]);
    }
    if (trouble == PL_READER_TOPIC_GONE) disconnect(c);
    return highest;
}
