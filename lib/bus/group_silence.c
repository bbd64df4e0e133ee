/*
 * A coordinator that does not answer for nearly a session.
 *
 * When a session is over librdkafka 2.0.2 forgets its member id and joins as another member. A broker that stood still
 * counts the time anew for the old one, from the heartbeat that lay in its socket all the while, and the group waits as
 * long as a session for a member that does not exist. So we do not let it come to that: shortly before, the topics are
 * subscribed to anew, which makes librdkafka call for the partitions back. Until that call is answered it looks after
 * no session (rd_kafka_cgrp_session_timeout_check() is for members in steady state), keeps the id and goes on with
 * heartbeats; metadata that comes meanwhile makes it join by itself, with its id. The partitions are let go at once, as
 * lost, for somebody else may get them when the session is over; the call is answered when the coordinator answers, and
 * the member joins as whoever it was, or as another one if the coordinator says so.
 */
#include <base/clock.h>
#include <base/log.h>
#include <bus/group_state.h>
#include <stdlib.h>

/* Of the Kafka protocol's keys those whose answers begin or prolong a session. */
enum { HEARTBEAT = 12, SYNC_GROUP = 14 };

enum { STOOD_STILL_US = 2000000 };

/* On a thread of librdkafka, which may still run when the group is gone: pl_ear has a life of its own. */
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int fd, const char *broker, int32_t broker_id, int16_t key,
                                       int16_t version, int32_t correlation, size_t size, int64_t rtt,
                                       rd_kafka_resp_err_t e, void *opaque) {
    struct pl_ear *ear = opaque;
    (void)rk, (void)fd, (void)broker, (void)broker_id, (void)version, (void)correlation, (void)size, (void)rtt;
    if (e || (key != HEARTBEAT && key != SYNC_GROUP)) return RD_KAFKA_RESP_ERR_NO_ERROR;
    pthread_mutex_lock(&ear->lock);
    ear->heard_us = pl_mono_us(&pl_clock_system);
    if (ear->wake) pl_wake_signal(ear->wake);
    pthread_mutex_unlock(&ear->lock);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *why, size_t size) {
    (void)conf, (void)why, (void)size;
    return rd_kafka_interceptor_add_on_response_received(rk, "pouch", on_response, opaque);
}

struct pl_ear *pl_ear_new(rd_kafka_conf_t *conf) {
    struct pl_ear *ear = calloc(1, sizeof *ear);
    if (!ear) return NULL;
    pthread_mutex_init(&ear->lock, NULL);
    if (!rd_kafka_conf_interceptor_add_on_new(conf, "pouch", on_new, ear)) return ear;
    pl_ear_free(ear);
    return NULL;
}

void pl_ear_free(void *ear) {
    if (!ear) return;
    pthread_mutex_destroy(&((struct pl_ear *)ear)->lock);
    free(ear);
}

/* wake: signalled with the next answer; NULL: nothing is. */
static int64_t heard_us(struct pl_ear *ear, struct pl_wake *wake) {
    pthread_mutex_lock(&ear->lock);
    int64_t us = ear->heard_us;
    ear->wake = wake;
    pthread_mutex_unlock(&ear->lock);
    return us;
}

void pl_group_unhook(struct pl_group *g) {
    heard_us(g->ear, NULL);
}

static bool subscribe_anew(struct pl_group *g) {
    rd_kafka_topic_partition_list_t *topics;
    rd_kafka_resp_err_t e = rd_kafka_subscription(g->rk, &topics);
    if (!e) {
        e = rd_kafka_subscribe(g->rk, topics);
        rd_kafka_topic_partition_list_destroy(topics);
    }
    if (e) PL_LOG(PL_LOG_WARN, "the place in a group is not held", "group", g->id, "error", rd_kafka_err2name(e));
    return !e;
}

/* Nothing is said of the coordinator by a process that stood still itself, until a heartbeat could be sent again. */
static bool stood_still(struct pl_group *g, int64_t now) {
    if (now - g->looked_us > STOOD_STILL_US) g->stood_us = now;
    return now - g->stood_us < STOOD_STILL_US;
}

static void look(struct pl_group *g) {
    int64_t now = pl_mono_us(&pl_clock_system);
    if (stood_still(g, now) || now - heard_us(g->ear, NULL) < g->patience_us) return;
    PL_LOG(PL_LOG_WARN, "the group's coordinator does not answer; partitions are let go until it does", "group", g->id);
    if (subscribe_anew(g)) g->silent_us = now;
}

/*
 * librdkafka takes a late refusal of a commit for one of the membership that it has by then, so the commit's answer is
 * waited for, too.
 */
void pl_group_mind_silence(struct pl_group *g) {
    if (g->withheld && heard_us(g->ear, g->wake) > g->silent_us && !g->committing) pl_group_give_back(g);
    if (g->steady && !g->silent_us) look(g);
}

void pl_group_give_back(struct pl_group *g) {
    if (!g->withheld) return;
    g->withheld = false;
    rd_kafka_resp_err_t e = rd_kafka_assign(g->rk, NULL);
    if (e) PL_LOG(PL_LOG_WARN, "partitions are not given back", "group", g->id, "error", rd_kafka_err2name(e));
}
