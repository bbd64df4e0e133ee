/* Joining, taking, ending, leaving. */
#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <bus/group_state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, EVENTS_MAX = 100, LEAVE_US = 3000000 };

void pl_group_fail(struct pl_group *g, pouch_err e) {
    if (g->failed) return;
    g->failed = e;
    snprintf(g->why, sizeof g->why, "%s", pouch_why());
    pl_wake_signal(g->wake);
}

pouch_err pl_group_failed(struct pl_group *g) {
    return g->failed ? pl_fail(g->failed, "%s", g->why) : POUCH_OK;
}

bool pl_group_joined(const struct pl_group *g) {
    return g->joined;
}

size_t pl_group_partitions(const struct pl_group *g, struct pl_partition **out, size_t max) {
    for (size_t i = 0; i < g->n_parts && i < max; i++) out[i] = g->parts[i];
    return g->n_parts;
}

struct pl_partition *pl_group_partition(const struct pl_group *g, size_t i) {
    return g->parts[i];
}

/*
 * 2.0.2 may drop a cooperative assignment when a commit is under way, so only eager assignors are
 * let through.
 */
static pouch_err check_assignor(const rd_kafka_conf_t *conf) {
    char names[256];
    size_t n = sizeof names;
    if (rd_kafka_conf_get(conf, "partition.assignment.strategy", names, &n) != RD_KAFKA_CONF_OK ||
        strstr(names, "cooperative"))
        return pl_fail(POUCH_E_CONFIG, "kafka.partition.assignment.strategy cannot be cooperative-sticky with this "
                                       "librdkafka; remove it, or set range or roundrobin");
    return POUCH_OK;
}

/* The bounds on what is queued count for each partition here, as each has its own queue. */
static pouch_err connect_group(struct pl_group *g, bool mock) {
    const char *pairs[] = {"group.id",
                           g->id,
                           "partition.assignment.strategy",
                           "range",
                           "session.timeout.ms",
                           "10000",
                           "heartbeat.interval.ms",
                           "1000",
                           "enable.auto.commit",
                           "false",
                           "auto.commit.interval.ms",
                           "1000",
                           "auto.offset.reset",
                           "error",
                           "queued.min.messages",
                           "10000",
                           "queued.max.messages.kbytes",
                           "4096",
                           "fetch.wait.max.ms",
                           mock ? "1" : "100",
                           g->settings->instance_id ? "group.instance.id" : NULL,
                           g->settings->instance_id,
                           NULL};
    rd_kafka_conf_t *conf;
    pouch_err err = pl_kafka_conf(&conf, g->settings, g->client_id, true, &g->opaque, pairs);
    if (err) return err;
    err = check_assignor(conf);
    if (err) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    g->ear = pl_ear_new(conf);
    if (!g->ear) {
        rd_kafka_conf_destroy(conf);
        return pl_fail(POUCH_E_NO_MEMORY, "no memory to join the group");
    }
    rd_kafka_conf_set_rebalance_cb(conf, pl_group_on_rebalance);
    return pl_kafka_new(&g->rk, RD_KAFKA_CONSUMER, conf);
}

static pouch_err subscribe(struct pl_group *g, const char *const topics[], size_t n) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++) rd_kafka_topic_partition_list_add(list, topics[i], RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t e = rd_kafka_subscribe(g->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return e ? pl_kafka_fail(e, "subscribing to", n == 1 ? topics[0] : NULL) : POUCH_OK;
}

static pouch_err start(struct pl_group *g, bool mock, const char *const topics[], size_t n) {
    if (!g->client_id || !g->id) return pl_fail(POUCH_E_NO_MEMORY, "no memory to join the group");
    pouch_err err = connect_group(g, mock);
    if (err) return err;
    pl_group_read_bounds(g);
    rd_kafka_poll_set_consumer(g->rk);
    g->events = rd_kafka_queue_get_consumer(g->rk);
    g->commits = rd_kafka_queue_new(g->rk);
    pl_kafka_wake_on(g->commits, g->wake);
    pl_kafka_wake_on(g->events, g->wake);
    return subscribe(g, topics, n);
}

pouch_err pl_group_join(struct pl_group **out, const struct pl_settings *s, const char *client_id, const char *group_id,
                        const char *const topics[], size_t n_topics, bool mock, size_t max_open,
                        struct pl_kafka_health *health, struct pl_wake *wake, const struct pl_group_hooks *hooks) {
    struct pl_group *g = calloc(1, sizeof *g);
    if (!g) return pl_fail(POUCH_E_NO_MEMORY, "no memory to join the group %s", group_id);
    g->opaque = (struct pl_kafka_opaque){.health = health, .owner = g};
    g->settings = s;
    g->client_id = strdup(client_id);
    g->id = strdup(group_id);
    g->wake = wake;
    g->hooks = *hooks;
    g->max_open = max_open;
    pouch_err err = start(g, mock, topics, n_topics);
    if (err) {
        pl_group_leave(g);
        return err;
    }
    *out = g;
    return POUCH_OK;
}

static bool topic_missing(rd_kafka_resp_err_t e) {
    return e == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || e == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

/* Of the errors only those end the group that waiting does not mend. */
static void serve_error(struct pl_group *g, const rd_kafka_message_t *m) {
    const char *topic = m->rkt ? rd_kafka_topic_name(m->rkt) : NULL;
    char fatal[512];
    if (m->err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t e = rd_kafka_fatal_error(g->rk, fatal, sizeof fatal);
        pl_group_fail(g,
                      pl_fail(POUCH_E_CONFIG, "group %s: %s (%s); is another member running with the same instance.id?",
                              g->id, fatal, rd_kafka_err2name(e)));
    } else if (topic_missing(m->err) && !g->joined)
        pl_group_fail(g, pl_fail(POUCH_E_TARGET_REFUSED, "there is no topic %s; make it with `pouch topic create %s`",
                                 topic ? topic : "", topic ? topic : "TOPIC"));
    else if (pl_kafka_class(m->err) == PL_KAFKA_PERMANENT && !topic_missing(m->err))
        pl_group_fail(g, pl_kafka_fail(m->err, topic ? "reading from" : "working as a member of the group",
                                       topic ? topic : g->id));
    else
        PL_LOG(PL_LOG_WARN, "reading fails", "group", g->id, "topic", topic, "error", rd_kafka_err2name(m->err),
               "reason", rd_kafka_message_errstr(m));
}

/* Rebalance and error callbacks run in here. A record would be one that no partition's queue took: it is read again. */
static void serve_events(struct pl_group *g) {
    for (int i = 0; i < EVENTS_MAX; i++) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(g->rk, 0);
        if (!m) return;
        if (m->err)
            serve_error(g, m);
        else
            g->start_anew = true;
        rd_kafka_message_destroy(m);
    }
    pl_wake_signal(g->wake);
}

static void serve_partition_error(struct pl_group *g, struct pl_partition *p, const rd_kafka_message_t *m) {
    if (m->err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        serve_error(g, m);
        return;
    }
    p->out_of_range = true;
    g->start_anew = true;
}

/* False when there is no memory to follow it: it and what comes after it is read again. */
static bool note(struct pl_group *g, struct pl_partition *p, rd_kafka_message_t *m, struct pl_taken *out) {
    *out = (struct pl_taken){.message = m, .partition = p};
    if (pl_watermark_take(&p->watermark, m->offset, &out->ticket)) {
        PL_LOG(PL_LOG_ERROR, "a record waits for memory", "why", pouch_why());
        g->start_anew = true;
        return false;
    }
    out->bytes = pl_partition_weigh(p, m);
    p->position = m->offset + 1;
    p->refs++;
    return true;
}

/* As many as there are is never more than what is asked for, since librdkafka 2.0.2 waits when it comes up short. */
static size_t take_from(struct pl_group *g, struct pl_partition *p, struct pl_taken out[], size_t max) {
    rd_kafka_message_t *batch[BATCH];
    if (p->held || p->paused || p->out_of_range || pl_watermark_full(&p->watermark)) return 0;
    size_t want = p->watermark.max - pl_watermark_open(&p->watermark), there = rd_kafka_queue_length(p->queue);
    pl_partition_watch(g, p, there);
    if (want > there) want = there;
    if (want > max) want = max;
    if (want > BATCH) want = BATCH;
    if (want == 0) return 0;
    ssize_t got = rd_kafka_consume_batch_queue(p->queue, 0, batch, want);
    size_t n = 0;
    bool following = true;
    for (ssize_t i = 0; i < got; i++) {
        if (batch[i]->err)
            serve_partition_error(g, p, batch[i]);
        else if (following && (following = note(g, p, batch[i], &out[n]))) {
            n++;
            continue;
        }
        rd_kafka_message_destroy(batch[i]);
    }
    return n;
}

/* Rounds over the partitions, a batch from each, until out is full or nobody has anything. */
static size_t take_all(struct pl_group *g, struct pl_taken out[], size_t max) {
    size_t n = 0, idle = 0;
    while (n < max && idle < g->n_parts && !g->start_anew) {
        g->turn = (g->turn + 1) % g->n_parts;
        size_t got = take_from(g, g->parts[g->turn], out + n, max - n);
        n += got;
        idle = got ? 0 : idle + 1;
    }
    return n;
}

size_t pl_group_take(struct pl_group *g, struct pl_taken out[], size_t max) {
    serve_events(g);
    pl_group_commit_due(g);
    pl_group_mind_silence(g);
    pl_group_settle(g);
    bool was_to_start_anew = g->start_anew;
    size_t n = g->failed ? 0 : take_all(g, out, max);
    if (n) pl_kafka_up(g->opaque.health);
    /* librdkafka signals only what comes to an empty queue. An owner that has no room calls by itself when it has. */
    if ((n > 0 && n == max) || (g->start_anew && !was_to_start_anew)) pl_wake_signal(g->wake);
    g->looked_us = pl_mono_us(&pl_clock_system);
    return n;
}

void pl_group_done(struct pl_group *g, struct pl_partition *p, uint64_t ticket) {
    bool was_full = pl_watermark_full(&p->watermark);
    if (pl_watermark_done(&p->watermark, ticket, &p->commit)) p->dirty = true;
    if (!p->revoked && was_full && !pl_watermark_full(&p->watermark)) pl_wake_signal(g->wake);
    pl_partition_unref(p);
}

/* rd_kafka_consumer_close() tries its last commit again for as long as a broker is frozen; this waits LEAVE_US. */
static void close_consumer(struct pl_group *g) {
    rd_kafka_queue_t *queue = rd_kafka_queue_new(g->rk);
    rd_kafka_error_t *e = rd_kafka_consumer_close_queue(g->rk, queue);
    int64_t until_us = pl_mono_us(&pl_clock_system) + LEAVE_US;
    while (!e && !rd_kafka_consumer_closed(g->rk)) {
        if (pl_mono_us(&pl_clock_system) > until_us) {
            PL_LOG(PL_LOG_WARN, "no answer on leaving the group; its partitions move when the session ends", "group",
                   g->id);
            break;
        }
        rd_kafka_queue_poll_callback(queue, 100);
    }
    if (e) PL_LOG(PL_LOG_WARN, "leaving the group fails", "group", g->id, "error", rd_kafka_error_string(e));
    rd_kafka_error_destroy(e);
    rd_kafka_queue_destroy(queue);
}

/*
 * What is done is committed before closing: when a rebalance is under way, 2.0.2 gives up membership
 * and assignment as the first thing of a close and calls the rebalance callback after that.
 */
static void leave(struct pl_group *g) {
    if (g->events) serve_events(g);
    g->leaving = true;
    pl_group_revoke(g, false);
    pl_group_give_back(g);
    close_consumer(g);
    pl_group_unhook(g);
}

void pl_group_leave(struct pl_group *g) {
    if (!g) return;
    if (g->rk) leave(g);
    if (g->events) {
        pl_kafka_wake_off(g->events);
        rd_kafka_queue_destroy(g->events);
    }
    if (g->commits) {
        pl_kafka_wake_off(g->commits);
        rd_kafka_queue_destroy(g->commits);
    }
    if (g->rk)
        pl_kafka_close_with(g->rk, pl_ear_free, g->ear);
    else
        pl_ear_free(g->ear);
    free(g->client_id);
    free(g->id);
    free(g);
}
