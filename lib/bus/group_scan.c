/* Looks at what is old in a topic, with a consumer of its own that commits nothing. */
#include <base/clock.h>
#include <base/why.h>
#include <bus/group_state.h>
#include <wire/headers.h>

enum { OLD_MS = 10 * 60 * 1000, LOOK_AT_MOST = 100000, GIVE_UP_US = 30000000, POLL_MS = 100 };

static const char what[] = "looking for old requests in";

struct scan {
    rd_kafka_t *rk;
    int64_t now_ms, give_up_us;
    int64_t looked;
    struct pl_old old;
};

static pouch_err open_scan(struct scan *s, struct pl_group *g) {
    const char *const pairs[] = {"group.id",
                                 g->id,
                                 "enable.auto.commit",
                                 "false",
                                 "auto.offset.reset",
                                 "earliest",
                                 "enable.partition.eof",
                                 "true",
                                 "fetch.wait.max.ms",
                                 "1",
                                 NULL};
    rd_kafka_conf_t *conf;
    pouch_err err = pl_kafka_conf(&conf, g->settings, g->client_id, true, NULL, pairs);
    if (!err) err = pl_kafka_new(&s->rk, RD_KAFKA_CONSUMER, conf);
    if (!err) rd_kafka_poll_set_consumer(s->rk);
    return err;
}

static bool deadline_passed(const rd_kafka_message_t *m, int64_t now_ms) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t n;
    int64_t deadline;
    return rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           rd_kafka_header_get_last(headers, PL_H_DEADLINE, &value, &n) == RD_KAFKA_RESP_ERR_NO_ERROR &&
           pl_header_number(&deadline, value, n) && deadline < now_ms;
}

/* False at the first one that is young, where the old part of a partition ends. One without a time counts as old. */
static bool look_at(struct scan *s, const rd_kafka_message_t *m) {
    rd_kafka_timestamp_type_t type;
    int64_t at_ms = rd_kafka_message_timestamp(m, &type);
    if (at_ms >= 0 && at_ms > s->now_ms - OLD_MS) return false;
    s->looked++;
    if (!deadline_passed(m, s->now_ms)) s->old.unanswered++;
    return true;
}

static pouch_err begin_scan(struct scan *s, const char *topic, int32_t id) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, id)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t e = rd_kafka_assign(s->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return e ? pl_kafka_fail(e, what, topic) : POUCH_OK;
}

/* *on: there may be more old ones in this partition. Takes m. */
static pouch_err step(struct scan *s, const char *topic, int32_t id, rd_kafka_message_t *m, bool *on) {
    rd_kafka_resp_err_t e = m->err;
    if (e == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        *on = m->partition != id;
        e = RD_KAFKA_RESP_ERR_NO_ERROR;
    } else if (!e)
        *on = look_at(s, m);
    rd_kafka_message_destroy(m);
    return pl_kafka_class(e) == PL_KAFKA_PERMANENT ? pl_kafka_fail(e, what, topic) : POUCH_OK;
}

/* Reads on until a young one, the end or a bound. */
static pouch_err scan_partition(struct scan *s, const char *topic, int32_t id) {
    bool on = true;
    pouch_err err = begin_scan(s, topic, id);
    while (!err && on && s->looked < LOOK_AT_MOST) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(s->rk, POLL_MS);
        if (m)
            err = step(s, topic, id, m, &on);
        else if (pl_mono_us(&pl_clock_system) > s->give_up_us)
            err = pl_kafka_fail(RD_KAFKA_RESP_ERR__TIMED_OUT, what, topic);
    }
    return err;
}

pouch_err pl_group_count_old(struct pl_group *g, const char *topic, int n, struct pl_old *old) {
    struct scan s = {.now_ms = pl_wall_ms(&pl_clock_system), .give_up_us = pl_mono_us(&pl_clock_system) + GIVE_UP_US};
    pouch_err err = open_scan(&s, g);
    for (int i = 0; i < n && !err; i++) err = scan_partition(&s, topic, i);
    if (s.rk) pl_kafka_close(s.rk);
    s.old.more = s.looked >= LOOK_AT_MOST;
    *old = s.old;
    return err;
}
