/*
 * group_million BROKERS TOPIC COUNT SEED
 *
 * Fills TOPIC, which must be new, with COUNT small records in 3 partitions and takes them
 * as members of one group under random backpressure: partitions are held and let go, records end
 * late and out of order, members leave, come back and join beside another. Each partition's
 * offsets must come without a gap and without a repeat whoever takes them, and the group's
 * committed offsets must be the ends. BROKERS may be "mock": then in this process, without a
 * second member, since the mock refuses the commit of a revoke. SEED 0: from the clock.
 *
 * Prints one JSON line; exit 1 with a line on stderr when a promise is broken.
 */
#include <base/clock.h>
#include <base/log.h>
#include <bus/group.h>
#include <cluster/cluster.h>
#include <inttypes.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tsan.h>

enum { PARTITIONS = 3, MAX_OPEN = 64, OPEN_MAX = 2 * PARTITIONS * MAX_OPEN, STUCK_US = 60000000, ASK_MS = 30000 };

struct run;

struct member {
    struct run *run;
    struct pl_group *group;
    struct pl_taken open[OPEN_MAX];
    size_t n_open;
};

struct run {
    struct pl_settings settings;
    struct pl_cluster *cluster;
    rd_kafka_t *mock_host;
    rd_kafka_mock_cluster_t *mock;
    struct pl_wake wake;
    struct pl_kafka_health *health;
    const char *topic;
    int64_t count, taken;
    int64_t next[PARTITIONS];
    uint64_t random;
    int64_t seed, moved_us; /* when something last came */
    int joins, revoked, holds;
    struct member members[2];
};

static void die(const char *what) {
    fprintf(stderr, "group_million: %s: %s\n", what, pouch_why());
    exit(1);
}

static void must(pouch_err err, const char *what) {
    if (err) die(what);
}

/* xorshift64*: the same seed gives the same choices; what the broker does in between stays its own. */
static uint64_t dice(struct run *r, uint64_t sides) {
    r->random ^= r->random >> 12;
    r->random ^= r->random << 25;
    r->random ^= r->random >> 27;
    return (r->random * 2685821657736338717u >> 33) % sides;
}

static void start_mock(struct run *r) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_conf_set_log_cb(conf, NULL);
    r->mock_host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!r->mock_host) die("no mock cluster");
    r->mock = rd_kafka_mock_cluster_new(r->mock_host, 1);
    if (!r->mock || rd_kafka_mock_topic_create(r->mock, r->topic, PARTITIONS, 1)) die("no mock cluster");
}

static void connect_cluster(struct run *r, const char *brokers) {
    pouch_options *o = pouch_options_new();
    if (!o) die("no memory");
    if (strcmp(brokers, "mock") == 0) {
        start_mock(r);
        brokers = rd_kafka_mock_cluster_bootstraps(r->mock);
    }
    must(pouch_options_set(o, "brokers", brokers), "brokers");
    must(pl_settings_read(&r->settings, o), "settings");
    pouch_options_free(o);
    r->settings.start = PL_START_EARLIEST;
    must(pl_wake_init(&r->wake), "wake");
    r->health = pl_kafka_health_new();
    if (!r->health) die("no memory");
    must(pl_cluster_open(&r->cluster, &r->settings, "group-million"), "cluster");
    const struct pl_topic_spec spec = {.name = r->topic, .partitions = PARTITIONS, .replication = -1};
    if (!r->mock) must(pl_topic_create(pl_cluster_handle(r->cluster), &spec, NULL, ASK_MS), "topic");
}

static void fill(struct run *r) {
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    must(pl_kafka_conf(&conf, &r->settings, "group-million", false, NULL, NULL), "producer");
    must(pl_kafka_new(&rk, RD_KAFKA_PRODUCER, conf), "producer");
    for (int64_t i = 0; i < r->count;) {
        rd_kafka_resp_err_t e =
            rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(r->topic), RD_KAFKA_V_PARTITION((int32_t)(i % PARTITIONS)),
                              RD_KAFKA_V_VALUE(&i, sizeof i), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (!e)
            i++;
        else if (e != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            must(pl_kafka_fail(e, "filling", r->topic), "producer");
        rd_kafka_poll(rk, e ? 10 : 0);
    }
    if (rd_kafka_flush(rk, 2 * ASK_MS)) die("the topic is not filled");
    rd_kafka_destroy(rk);
}

static void end_record(struct member *m, size_t i) {
    struct pl_taken t = m->open[i];
    m->open[i] = m->open[--m->n_open];
    rd_kafka_message_destroy(t.message);
    pl_group_done(m->group, t.partition, t.ticket);
}

static void on_revoke(struct pl_partition *const parts[], size_t n, bool lost, void *owner) {
    struct member *m = owner;
    (void)parts;
    m->run->revoked += (int)n;
    if (lost) die("partitions were lost");
    while (m->n_open) end_record(m, dice(m->run, m->n_open));
}

static void join(struct run *r, struct member *m) {
    const struct pl_group_hooks hooks = {.revoke = on_revoke, .owner = m};
    m->run = r;
    r->joins++;
    must(pl_group_join(&m->group, &r->settings, "group-million", r->topic, &r->topic, 1, r->mock != NULL, MAX_OPEN,
                       r->health, &r->wake, &hooks),
         "join");
}

static void leave(struct member *m) {
    pl_group_leave(m->group);
    m->group = NULL;
}

static void note(struct run *r, const struct pl_taken *t) {
    int32_t p = t->partition->id;
    if (t->message->offset != r->next[p]) {
        fprintf(stderr, "group_million: seed %" PRId64 ": partition %d: offset %" PRId64 " where %" PRId64 " was due\n",
                r->seed, p, t->message->offset, r->next[p]);
        exit(1);
    }
    r->next[p]++;
    r->taken++;
}

/* Records must be left for the second member, whose joining takes a heartbeat. */
static bool joining(const struct run *r) {
    return r->members[1].group && !pl_group_joined(r->members[1].group);
}

static size_t take(struct run *r, struct member *m) {
    struct pl_taken taken[OPEN_MAX];
    size_t room = OPEN_MAX - m->n_open, want = 1 + dice(r, joining(r) ? 4 : MAX_OPEN);
    size_t n = pl_group_take(m->group, taken, want < room ? want : room);
    must(pl_group_failed(m->group), "group");
    for (size_t i = 0; i < n; i++) {
        note(r, &taken[i]);
        m->open[m->n_open++] = taken[i];
    }
    if (n) r->moved_us = pl_mono_us(&pl_clock_system);
    return n;
}

static void hold_some(struct run *r, struct member *m, bool none) {
    struct pl_partition *parts[PARTITIONS];
    size_t n = pl_group_partitions(m->group, parts, PARTITIONS);
    for (size_t i = 0; i < n; i++) {
        if (!none && dice(r, 50) != 0) continue;
        parts[i]->held = !none && !parts[i]->held;
        r->holds += parts[i]->held;
    }
}

/* Ends some of what is open, any of it. Now and then nothing for a while, now and then all. */
static void end_some(struct run *r, struct member *m) {
    size_t n = dice(r, 20) == 0 ? m->n_open : dice(r, MAX_OPEN + 1);
    while (n-- && m->n_open) end_record(m, dice(r, m->n_open));
}

static bool step(struct run *r, struct member *m) {
    if (!m->group) return false;
    bool last = r->taken == r->count;
    hold_some(r, m, last);
    size_t n = take(r, m);
    end_some(r, m);
    return n > 0;
}

/* The first member leaves and comes back, the second is there for every other eighth. */
static void change_members(struct run *r, int64_t *eighth) {
    int64_t now = r->taken * 8 / r->count;
    if (now == *eighth) return;
    *eighth = now;
    struct member *second = &r->members[1];
    if (!r->mock && now % 2 == 1 && !second->group) join(r, second);
    if (second->group && now % 2 == 0 && !joining(r)) leave(second);
    if (now % 4 == 2) {
        leave(&r->members[0]);
        join(r, &r->members[0]);
    }
}

static void consume(struct run *r) {
    int64_t eighth = 0;
    r->moved_us = pl_mono_us(&pl_clock_system);
    join(r, &r->members[0]);
    while (r->taken < r->count) {
        change_members(r, &eighth);
        bool moved = step(r, &r->members[0]);
        moved |= step(r, &r->members[1]);
        if (!moved || joining(r)) pl_wake_wait(&r->wake, moved ? 1000 : 10000);
        if (pl_mono_us(&pl_clock_system) - r->moved_us > STUCK_US) {
            fprintf(stderr, "group_million: seed %" PRId64 ": nothing came for a minute at %" PRId64 "\n", r->seed,
                    r->taken);
            exit(1);
        }
    }
    leave(&r->members[1]);
    leave(&r->members[0]);
}

/* A record beyond the end, or one that comes again, would be there to be taken now. */
static void check_nothing_comes_again(struct run *r) {
    struct member *m = &r->members[0];
    int64_t until_us = pl_mono_us(&pl_clock_system) + STUCK_US;
    join(r, m);
    while (!pl_group_joined(m->group)) {
        if (pl_mono_us(&pl_clock_system) > until_us) die("the group does not come back");
        step(r, m);
        pl_wake_wait(&r->wake, 10000);
    }
    for (int i = 0; i < 20; i++) {
        step(r, m);
        pl_wake_wait(&r->wake, 10000);
    }
    leave(m);
}

static void check_committed(struct run *r) {
    const char *const pairs[] = {"group.id", r->topic, NULL};
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    must(pl_kafka_conf(&conf, &r->settings, "group-million", true, NULL, pairs), "check");
    must(pl_kafka_new(&rk, RD_KAFKA_CONSUMER, conf), "check");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    rd_kafka_topic_partition_list_add_range(list, r->topic, 0, PARTITIONS - 1);
    rd_kafka_resp_err_t e = rd_kafka_committed(rk, list, ASK_MS);
    if (e) must(pl_kafka_fail(e, "asking for offsets of", r->topic), "check");
    for (int i = 0; i < PARTITIONS; i++) {
        int64_t low, high;
        must(pl_topic_offsets(rk, r->topic, i, &low, &high, ASK_MS), "check");
        if (list->elems[i].offset == high && r->next[i] == high) continue;
        fprintf(stderr,
                "group_million: seed %" PRId64 ": partition %d ends at %" PRId64 ", %" PRId64 " taken, %" PRId64
                " committed\n",
                r->seed, i, high, r->next[i], list->elems[i].offset);
        exit(1);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
}

static void disconnect(struct run *r) {
    pl_cluster_close(r->cluster);
    pl_kafka_health_free(r->health);
    pl_wake_free(&r->wake);
    pl_settings_free(&r->settings);
    if (r->mock) rd_kafka_mock_cluster_destroy(r->mock);
    if (r->mock_host) rd_kafka_destroy(r->mock_host);
}

int main(int argc, char **argv) {
    static struct run r;
    if (argc != 5) {
        fprintf(stderr, "usage: group_million BROKERS TOPIC COUNT SEED\n");
        return 64;
    }
    pl_log_set_level(PL_LOG_ERROR);
    r.topic = argv[2];
    r.count = strtoll(argv[3], NULL, 10);
    r.seed = strtoll(argv[4], NULL, 10);
    if (r.seed == 0) r.seed = pl_wall_ms(&pl_clock_system);
    r.random = (uint64_t)r.seed * 0x9e3779b97f4a7c15u | 1;
    connect_cluster(&r, argv[1]);
    fill(&r);
    int64_t from_us = pl_mono_us(&pl_clock_system);
    consume(&r);
    double seconds = (double)(pl_mono_us(&pl_clock_system) - from_us) / 1e6;
    check_nothing_comes_again(&r);
    check_committed(&r);
    disconnect(&r);
    printf("{\"count\":%" PRId64 ",\"seed\":%" PRId64 ",\"taken\":%" PRId64
           ",\"gaps\":0,\"repeats\":0,\"joins\":%d,\"revoked\":%d,\"holds\":%d,\"seconds\":%.1f}\n",
           r.count, r.seed, r.taken, r.joins, r.revoked, r.holds, seconds);
    return 0;
}
