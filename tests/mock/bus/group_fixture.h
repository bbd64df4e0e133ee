/* A mock cluster, records in it, and members that remember what they took. Include after support.h. */
#ifndef POUCH_TESTS_GROUP_FIXTURE_H
#define POUCH_TESTS_GROUP_FIXTURE_H

#include <mock.h>

#include <base/log.h>
#include <bus/group.h>
#include <stdio.h>

enum { SEEN_MAX = 4096, PARTS_MAX = 8, OPEN_MAX = 100 };

struct fixture {
    struct test_mock mock;
    struct pl_settings settings;
    rd_kafka_t *producer;
};

static inline int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    assert_non_null(f);
    pl_log_set_level(getenv("POUCH_TEST_LOG") ? PL_LOG_DEBUG : PL_LOG_ERROR);
    test_mock_start(&f->mock, 1);
    test_mock_settings(&f->mock, &f->settings);
    f->settings.start = PL_START_EARLIEST;
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", f->mock.brokers, why, sizeof why), RD_KAFKA_CONF_OK);
    f->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(f->producer);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state) {
    struct fixture *f = *state;
    rd_kafka_destroy(f->producer);
    pl_settings_free(&f->settings);
    test_mock_stop(&f->mock);
    free(f);
    return 0;
}

/* A record made age_ms ago; deadline_ms 0: without one. Its value tells where it is in the partition. */
static inline void fixture_write_aged(struct fixture *f, const char *topic, int partition, int value, int64_t age_ms,
                                      int64_t deadline_ms) {
    char deadline[24];
    int64_t now = pl_wall_ms(&pl_clock_system);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    snprintf(deadline, sizeof deadline, "%lld", (long long)deadline_ms);
    if (deadline_ms) assert_int_equal(rd_kafka_header_add(headers, "pouch-deadline", -1, deadline, -1), 0);
    rd_kafka_resp_err_t e =
        rd_kafka_producev(f->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_VALUE(&value, sizeof value), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_TIMESTAMP(now - age_ms), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    assert_int_equal(e, RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* Values first, first + 1, … into each of the topic's partitions. */
static inline void fixture_write(struct fixture *f, const char *topic, int partitions, int first, int count) {
    for (int p = 0; p < partitions; p++)
        for (int i = 0; i < count; i++) fixture_write_aged(f, topic, p, first + i, 0, 0);
    assert_int_equal(rd_kafka_flush(f->producer, TEST_UNTIL_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

/* A member that keeps what it takes, and ends it at once unless told to keep it open. */
struct member {
    struct pl_group *group;
    struct pl_wake wake;
    struct pl_kafka_health *health;
    struct fixture *fixture;
    bool keep, may_repeat, paused;
    struct pl_taken open[SEEN_MAX];
    size_t n_open;
    int seen[PARTS_MAX]; /* records of each partition */
    int next[PARTS_MAX]; /* the value that comes next, when order is checked */
    int revoked, lost;
    size_t want; /* member_has_taken() */
};

static inline void member_end(struct member *m, struct pl_taken *t) {
    rd_kafka_message_destroy(t->message);
    pl_group_done(m->group, t->partition, t->ticket);
}

static inline void member_end_all(struct member *m) {
    for (size_t i = 0; i < m->n_open; i++) member_end(m, &m->open[i]);
    m->n_open = 0;
}

static inline void member_on_revoke(struct pl_partition *const parts[], size_t n, bool lost, void *owner) {
    struct member *m = owner;
    (void)parts;
    m->revoked += (int)n;
    m->lost += lost;
    if (!lost) member_end_all(m);
}

static inline bool member_is_paused(const char *topic, void *owner) {
    (void)topic;
    return ((const struct member *)owner)->paused;
}

static inline void member_join(struct member *m, struct fixture *f, const char *group, const char *topic) {
    memset(m, 0, sizeof *m);
    m->fixture = f;
    m->health = pl_kafka_health_new();
    assert_non_null(m->health);
    assert_int_equal(pl_wake_init(&m->wake), POUCH_OK);
    struct pl_group_hooks hooks = {member_on_revoke, m, member_is_paused};
    assert_int_equal(
        pl_group_join(&m->group, &f->settings, "tester", group, &topic, 1, true, OPEN_MAX, m->health, &m->wake, &hooks),
        POUCH_OK);
}

static inline void member_leave(struct member *m) {
    pl_group_leave(m->group);
    member_end_all(m);
    pl_kafka_health_free(m->health);
    pl_wake_free(&m->wake);
}

/* Never a gap; a repeat only where the mock refuses a commit. */
static inline void member_note(struct member *m, int32_t p, int value) {
    if (value < m->next[p] && m->may_repeat) return;
    assert_int_equal(value, m->next[p]);
    m->next[p]++;
    m->seen[p]++;
}

static inline size_t member_take(struct member *m) {
    struct pl_taken taken[64];
    size_t n = pl_group_take(m->group, taken, 64);
    for (size_t i = 0; i < n; i++) {
        int32_t p = taken[i].partition->id;
        int value;
        memcpy(&value, taken[i].message->payload, sizeof value);
        member_note(m, p, value);
        if (m->keep)
            m->open[m->n_open++] = taken[i];
        else
            member_end(m, &taken[i]);
    }
    return n;
}

static inline size_t member_total(const struct member *m) {
    size_t n = 0;
    for (int p = 0; p < PARTS_MAX; p++) n += (size_t)m->seen[p];
    return n;
}

static inline bool member_has_joined(void *arg) {
    struct member *m = arg;
    member_take(m);
    return pl_group_joined(m->group);
}

static inline bool member_has_taken(void *arg) {
    struct member *m = arg;
    member_take(m);
    return member_total(m) >= m->want;
}

static inline bool member_has_failed(void *arg) {
    struct member *m = arg;
    member_take(m);
    return pl_group_failed(m->group) != POUCH_OK;
}

/* A handle of a group that joins nothing. */
static inline rd_kafka_t *fixture_outsider(struct fixture *f, const char *group) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", f->mock.brokers, why, sizeof why), RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "group.id", group, why, sizeof why), RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    assert_non_null(rk);
    return rk;
}

/* The group's committed offset, or -1. */
static inline int64_t fixture_committed(struct fixture *f, const char *group, const char *topic, int partition) {
    rd_kafka_t *rk = fixture_outsider(f, group);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    assert_int_equal(rd_kafka_committed(rk, list, TEST_UNTIL_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset < 0 ? -1 : offset;
}

/* As a member of the group would have, while it has none. */
static inline void fixture_commit(struct fixture *f, const char *group, const char *topic, int partition,
                                  int64_t offset) {
    rd_kafka_t *rk = fixture_outsider(f, group);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    assert_int_equal(rd_kafka_commit(rk, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
}

#endif
