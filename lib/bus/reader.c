#include <base/log.h>
#include <base/why.h>
#include <bus/reader.h>
#include <stdlib.h>

struct pl_reader {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;                   /* records, errors and callbacks of rk */
    rd_kafka_topic_partition_list_t *assigned; /* NULL: nothing yet */
    struct pl_wake *wake;
    struct pl_kafka_opaque opaque;
    enum pl_reader_trouble trouble; /* of this take */
    pl_reader_ended_fn *ended;      /* NULL: nobody asks */
    void *ended_arg;
};

static enum pl_reader_trouble trouble_of(rd_kafka_resp_err_t e) {
    switch (e) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return PL_READER_TOPIC_GONE;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED: return PL_READER_REFUSED;
    default: return PL_READER_NONE;
    }
}

/* Errors of a topic come as records and, when metadata tells them, through the error callback. */
static void on_refused(rd_kafka_resp_err_t e, const char *reason, void *owner) {
    struct pl_reader *r = owner;
    enum pl_reader_trouble trouble = trouble_of(e);
    PL_LOG(PL_LOG_WARN, "reading fails", "client", rd_kafka_name(r->rk), "error", rd_kafka_err2name(e), "reason",
           reason);
    if (trouble) r->trouble = trouble;
}

/* librdkafka wants a group even where nothing is committed: the client id. */
pouch_err pl_reader_new_to_end(struct pl_reader **out, const struct pl_settings *s, const char *client_id, bool mock,
                               struct pl_kafka_health *health, struct pl_wake *wake, pl_reader_ended_fn *ended,
                               void *arg) {
    const char *const pairs[] = {"group.id",
                                 client_id,
                                 "enable.auto.commit",
                                 "false",
                                 "auto.offset.reset",
                                 "earliest",
                                 "fetch.wait.max.ms",
                                 mock ? "1" : "100",
                                 "enable.partition.eof",
                                 ended ? "true" : "false",
                                 NULL};
    struct pl_reader *r = calloc(1, sizeof *r);
    if (!r) return pl_fail(POUCH_E_NO_MEMORY, "no memory for a reader");
    r->wake = wake;
    r->ended = ended;
    r->ended_arg = arg;
    r->opaque = (struct pl_kafka_opaque){.health = health, .owner = r, .refused = on_refused};
    rd_kafka_conf_t *conf;
    pouch_err e = pl_kafka_conf(&conf, s, client_id, true, &r->opaque, pairs);
    if (!e) e = pl_kafka_new(&r->rk, RD_KAFKA_CONSUMER, conf);
    if (e) {
        free(r);
        return e;
    }
    rd_kafka_poll_set_consumer(r->rk);
    r->queue = rd_kafka_queue_get_consumer(r->rk);
    pl_kafka_wake_on(r->queue, wake);
    *out = r;
    return POUCH_OK;
}

pouch_err pl_reader_new(struct pl_reader **r, const struct pl_settings *s, const char *client_id, bool mock,
                        struct pl_kafka_health *health, struct pl_wake *wake) {
    return pl_reader_new_to_end(r, s, client_id, mock, health, wake, NULL, NULL);
}

/*
 * librdkafka looks up where a partition begins half a second later when it does not know the leader yet, which is so
 * for a topic that was just made. 0 needs no lookup, and a partition that begins later is read from where it does
 * (auto.offset.reset).
 */
static int64_t start_of(const struct pl_position *p) {
    return p->offset == RD_KAFKA_OFFSET_BEGINNING ? 0 : p->offset;
}

/* Those of p that are not assigned yet, or all of them. */
static rd_kafka_topic_partition_list_t *list_of(const struct pl_reader *r, const char *topic,
                                                const struct pl_position *p, size_t n, bool all) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        if (all || !rd_kafka_topic_partition_list_find(r->assigned, topic, p[i].partition))
            rd_kafka_topic_partition_list_add(list, topic, p[i].partition)->offset = start_of(&p[i]);
    return list;
}

/* What is assigned in place of all before, or besides it. */
static rd_kafka_resp_err_t assign(struct pl_reader *r, const rd_kafka_topic_partition_list_t *list, bool in_place) {
    if (in_place) return rd_kafka_assign(r->rk, list);
    rd_kafka_error_t *error = rd_kafka_incremental_assign(r->rk, list);
    rd_kafka_resp_err_t e = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error) rd_kafka_error_destroy(error);
    return e;
}

static void note_assigned(struct pl_reader *r, const rd_kafka_topic_partition_list_t *list, bool in_place) {
    if (in_place && r->assigned) {
        rd_kafka_topic_partition_list_destroy(r->assigned);
        r->assigned = NULL;
    }
    if (!r->assigned) r->assigned = rd_kafka_topic_partition_list_new(list->cnt);
    for (int i = 0; i < list->cnt; i++)
        rd_kafka_topic_partition_list_add(r->assigned, list->elems[i].topic, list->elems[i].partition);
}

pouch_err pl_reader_assign(struct pl_reader *r, const char *topic, const struct pl_position *p, size_t n,
                           bool from_start) {
    bool in_place = from_start || !r->assigned;
    rd_kafka_topic_partition_list_t *list = list_of(r, topic, p, n, in_place);
    rd_kafka_topic_t *t = rd_kafka_topic_new(r->rk, topic, NULL); /* finds the leaders now, not within a second */
    rd_kafka_resp_err_t e = list->cnt ? assign(r, list, in_place) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!e) note_assigned(r, list, in_place);
    if (t) rd_kafka_topic_destroy(t);
    rd_kafka_topic_partition_list_destroy(list);
    return e ? pl_kafka_fail(e, "reading from", topic) : POUCH_OK;
}

/* What is no record; takes m. */
static void take_event(struct pl_reader *r, rd_kafka_message_t *m) {
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        r->ended(m->partition, r->ended_arg);
    else
        on_refused(m->err, rd_kafka_message_errstr(m), r);
    rd_kafka_message_destroy(m);
}

size_t pl_reader_take(struct pl_reader *r, rd_kafka_message_t *out[], size_t max, enum pl_reader_trouble *trouble) {
    r->trouble = PL_READER_NONE;
    ssize_t n = rd_kafka_consume_batch_queue(r->queue, 0, out, max);
    size_t records = 0;
    for (ssize_t i = 0; i < n; i++) {
        if (out[i]->err)
            take_event(r, out[i]);
        else
            out[records++] = out[i];
    }
    if (records) pl_kafka_up(r->opaque.health);
    if (n == (ssize_t)max) pl_wake_signal(r->wake); /* librdkafka signals only what comes to an empty queue */
    if (trouble) *trouble = r->trouble;
    return records;
}

/* There is no group to leave, so the consumer is not closed before. */
void pl_reader_free(struct pl_reader *r) {
    if (!r) return;
    if (r->assigned) rd_kafka_topic_partition_list_destroy(r->assigned);
    pl_kafka_wake_off(r->queue);
    rd_kafka_queue_destroy(r->queue);
    pl_kafka_close(r->rk);
    free(r);
}
