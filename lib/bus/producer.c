#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <bus/producer.h>
#include <bus/topics.h>
#include <metrics/metrics.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/*
 * One life of a producer, from its making to its fatal error. Counted: those who took it for admin calls keep it alive.
 */
struct handle {
    struct pl_kafka_opaque opaque; /* its owner is this handle */
    struct pl_producer *producer;
    rd_kafka_t *rk;
    struct pl_topics topics;
    bool ended; /* takes no more; set by the polling thread */
    struct {    /* the polling thread's: reports of one batch, until they are counted together */
        struct pl_batch *of;
        size_t n;
        int32_t broker;
    } run;
    atomic_uint refs;
};

struct pl_producer {
    const struct pl_settings *settings;
    rd_kafka_conf_t *conf; /* each handle is made from a copy */
    struct pl_kafka_health *health;
    struct pl_wake *wake;
    pl_delivered_fn *fn;
    void *owner;
    size_t limit;          /* bytes of one record */
    size_t most;           /* records that may wait: queue.buffering.max.messages */
    size_t most_bytes;     /* of keys and values of records that wait: queue.buffering.max.kbytes */
    pthread_rwlock_t lock; /* senders share it for one enqueue, which does no I/O; a swap or a new topic has it alone */
    struct handle *current; /* changed by the polling thread only */
    struct handle *ended;   /* the one before, until all of its records are reported */
    bool closing;
    atomic_size_t waiting, bytes; /* records, here or with librdkafka; of their keys and values */
    size_t most_batches;          /* under way at a broker: max.in.flight.requests.per.connection */
    struct pl_buf leaving;        /* the polling thread's: records on their way from a batch to librdkafka */
    int reported;                 /* in this poll */
    int64_t anew_at;              /* microseconds: when the handle was last made anew, or that was tried; 0: never */
};

enum {
    REBUILD_EVERY_US = 1000000,
    RENEW_EVERY_US = 60000000,
    REFUSED_US = 5000000,
    DRAIN_MS = 5000,
    BY_KEYS_EVERY_US = 1000000
};

/* What a record takes of message.max.bytes beside its value, key and headers, in librdkafka's reckoning. */
enum { RECORD_BYTES = 36 };

/* The largest dead letter of the smallest record: reason, headers and all. */
enum { LEAST_LIMIT = 8192 };

static pouch_err handle_new(struct pl_producer *p, struct handle **out) {
    struct handle *h = calloc(1, sizeof *h);
    if (!h) return pl_fail(POUCH_E_NO_MEMORY, "no memory for a producer");
    h->opaque = (struct pl_kafka_opaque){.health = p->health, .owner = h, .settings = p->settings};
    h->producer = p;
    atomic_init(&h->refs, 1);
    pouch_err e = pl_topics_init(&h->topics, p->most_batches);
    if (e) {
        free(h);
        return e;
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(p->conf);
    rd_kafka_conf_set_opaque(conf, &h->opaque);
    pl_topics_listen(&h->topics, conf);
    e = pl_kafka_new(&h->rk, RD_KAFKA_PRODUCER, conf);
    if (e) {
        pl_topics_close(&h->topics);
        free(h);
        return e;
    }
    rd_kafka_queue_t *q = rd_kafka_queue_get_main(h->rk);
    pl_kafka_wake_on(q, p->wake);
    rd_kafka_queue_destroy(q);
    *out = h;
    return POUCH_OK;
}

static void handle_free(void *handle) {
    struct handle *h = handle;
    pl_topics_free(&h->topics);
    free(h);
}

/* The partitioner reads the table of topics as long as librdkafka runs. */
static void handle_release(struct handle *h) {
    if (atomic_fetch_sub(&h->refs, 1) > 1) return;
    pl_topics_close(&h->topics);
    pl_kafka_close_with(h->rk, handle_free, h);
}

static void serve(struct pl_producer *p, struct handle *h, int wait_ms);

/* It takes no more, and what it holds is reported: as purged, which is TRANSIENT, or with the fatal error. */
static void handle_end(struct handle *h) {
    h->ended = true;
    rd_kafka_purge(h->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    serve(h->producer, h, 0);
}

/* Its records are reported, and it need not signal any more. */
static void handle_leave(struct handle *h) {
    rd_kafka_queue_t *q = rd_kafka_queue_get_main(h->rk);
    pl_kafka_wake_off(q);
    rd_kafka_queue_destroy(q);
    handle_release(h);
}

/* An error that comes back at once must not turn into a loop of connections and log lines. */
static void hold_back(struct pl_producer *p) {
    int64_t now = pl_mono_us(&pl_clock_system);
    int64_t wait = p->anew_at ? p->anew_at + REBUILD_EVERY_US - now : 0;
    if (wait > 0) poll(NULL, 0, (int)(wait / 1000) + 1);
    p->anew_at = pl_mono_us(&pl_clock_system);
}

/*
 * The new handle comes before the old one's records are reported, so that they can be sent again from the report. A
 * second fatal error waits until those of the first have all been reported.
 */
static void replace_if_fatal(struct pl_producer *p) {
    char reason[256];
    struct handle *old = p->current, *fresh;
    rd_kafka_resp_err_t error = rd_kafka_fatal_error(old->rk, reason, sizeof reason);
    if (!error || p->closing || p->ended) return;
    hold_back(p);
    PL_LOG(PL_LOG_WARN, "the producer ended with a fatal error and is made anew", "client", rd_kafka_name(old->rk),
           "error", rd_kafka_err2name(error), "reason", reason);
    if (handle_new(p, &fresh)) {
        PL_LOG(PL_LOG_ERROR, "the producer could not be made anew; trying again", "reason", pouch_why());
        pl_wake_signal(p->wake);
        return;
    }
    pthread_rwlock_wrlock(&p->lock);
    p->current = fresh;
    pthread_rwlock_unlock(&p->lock);
    p->ended = old;
    pl_metric_add(PL_M_PRODUCER_REBUILDS, 1);
}

/* The handle that was current; NULL: a record has come meanwhile, or there is no memory. */
static struct handle *renew(struct pl_producer *p) {
    struct handle *old = NULL, *fresh;
    p->anew_at = pl_mono_us(&pl_clock_system);
    pthread_rwlock_wrlock(&p->lock);
    if (!pl_producer_waiting(p) && !handle_new(p, &fresh)) {
        old = p->current;
        p->current = fresh;
    }
    pthread_rwlock_unlock(&p->lock);
    return old;
}

/*
 * librdkafka forgets no topic as long as a producer lives: it keeps some kilobytes for each, and asks the brokers about
 * all of them every few seconds. So a producer whose table of topics is full is made anew in a moment when nothing
 * waits.
 */
static void replace_if_full(struct pl_producer *p) {
    if (p->ended || !pl_topics_full(&p->current->topics) || pl_producer_waiting(p)) return;
    if (p->anew_at && pl_mono_us(&pl_clock_system) - p->anew_at < RENEW_EVERY_US) return;
    struct handle *old = renew(p);
    if (!old) return;
    PL_LOG(PL_LOG_INFO, "the producer knows so many topics that it is made anew", "client", rd_kafka_name(old->rk));
    handle_leave(old);
}

/*
 * librdkafka keeps one pointer of ours with a record. Its lowest bit tells, when the record is reported, that it was of
 * its topic's batch for any partition.
 */
static void *mark(void *arg, bool any) {
    return (void *)((uintptr_t)arg | (any ? 1 : 0));
}

static bool is_marked(const void *mark) {
    return (uintptr_t)mark & 1;
}

static void *arg_of(void *mark) {
    return (void *)((uintptr_t)mark & ~(uintptr_t)1);
}

/* A record whose arg is marked. partition: RD_KAFKA_PARTITION_UA: by its key */
static rd_kafka_resp_err_t enqueue(struct handle *h, const struct pl_record *r, rd_kafka_topic_t *topic,
                                   int32_t partition, rd_kafka_headers_t *headers) {
    const rd_kafka_vu_t v[7] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = r->arg},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)r->key, r->key_n}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)r->value, r->value_n}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(h->rk, v, headers ? 7 : 6);
    if (!error) return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t e = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return rd_kafka_fatal_error(h->rk, NULL, 0) ? RD_KAFKA_RESP_ERR__FATAL : e;
}

/* A topic that is not in the table. Opened, librdkafka asks about it now; only named, within a second. */
static rd_kafka_resp_err_t enqueue_by_name(struct handle *h, const struct pl_record *r, rd_kafka_headers_t *headers) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(h->rk, r->topic, NULL);
    if (!topic) return rd_kafka_last_error();
    rd_kafka_resp_err_t e = enqueue(h, r, topic, RD_KAFKA_PARTITION_UA, headers);
    rd_kafka_topic_destroy(topic);
    return e;
}

/* No longer among those that wait: a record with so many bytes of key and value. */
static void count_out(struct pl_producer *p, size_t bytes) {
    atomic_fetch_sub_explicit(&p->waiting, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&p->bytes, bytes, memory_order_relaxed);
}

/* What is purged is purged for what ended its producer, which says more: a right that is missing, perhaps. */
static rd_kafka_resp_err_t reason_of(const struct handle *h, rd_kafka_resp_err_t e) {
    bool ended =
        e == RD_KAFKA_RESP_ERR__PURGE_QUEUE || e == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT || e == RD_KAFKA_RESP_ERR__FATAL;
    rd_kafka_resp_err_t fatal = ended ? rd_kafka_fatal_error(h->rk, NULL, 0) : RD_KAFKA_RESP_ERR_NO_ERROR;
    return fatal ? fatal : e;
}

/* A partition that we chose may be gone when librdkafka comes to send: the record goes to another, sent again. */
static rd_kafka_resp_err_t tell_as(rd_kafka_resp_err_t e, bool any) {
    return any && e == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ? RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE : e;
}

static void report(struct handle *h, void *arg, const char *topic, size_t bytes, rd_kafka_resp_err_t why,
                   int64_t at_ms) {
    struct pl_producer *p = h->producer;
    rd_kafka_resp_err_t error = reason_of(h, why);
    enum pl_kafka_class class = pl_kafka_class(error);
    struct pl_delivery d = {
        .arg = arg,
        .topic = topic,
        .class = class == PL_KAFKA_FATAL ? PL_KAFKA_TRANSIENT : class,
        .error = error,
        .at_ms = at_ms,
    };
    if (class != PL_KAFKA_OK) pl_metric_add(PL_M_DELIVERY_ERRORS, 1);
    count_out(p, bytes);
    p->reported++;
    p->fn(&d, p->owner);
}

/*
 * The partition of the next run of records for any partition. Now and then each goes by its key: only so librdkafka
 * tells how many partitions there are by now.
 */
static int32_t next_partition(struct pl_topic *topic) {
    int64_t now = pl_mono_us(&pl_clock_system);
    int partitions = atomic_load_explicit(&topic->partitions, memory_order_relaxed);
    if (now - topic->last_by_keys < BY_KEYS_EVERY_US) return topic->turn = (topic->turn + 1) % partitions;
    topic->last_by_keys = now;
    return RD_KAFKA_PARTITION_UA;
}

/* What goes to one partition together, of records for any. */
struct run {
    int32_t partition;
    size_t left;
};

/* Gives librdkafka a record of the batch. */
static rd_kafka_resp_err_t give(struct handle *h, const struct pl_batch *batch, const struct pl_record *r,
                                struct run *run, rd_kafka_headers_t *headers) {
    struct pl_topic *topic = batch->topic;
    bool any = batch == &topic->any;
    if (h->ended) return RD_KAFKA_RESP_ERR__PURGE_QUEUE;
    if (any && !run->left) *run = (struct run){next_partition(topic), batch->run};
    run->left -= any;
    rd_kafka_resp_err_t e = enqueue(h, r, topic->rkt, run->partition, headers);
    if (!any || e != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) return e;
    run->partition = RD_KAFKA_PARTITION_UA; /* there are fewer of them now */
    return enqueue(h, r, topic->rkt, run->partition, headers);
}

/* Gives librdkafka what left the batch; how many records it did not take, each of them reported. */
static size_t give_all(struct pl_producer *p, struct handle *h, struct pl_batch *batch) {
    struct pl_topic *topic = batch->topic;
    struct run run = {RD_KAFKA_PARTITION_UA, 0};
    size_t at = 0, refused = 0;
    const void *key, *value;
    for (struct pl_held_record *held; (held = pl_held_record_next(&p->leaving, &at, &key, &value));) {
        struct pl_record r = {.topic = topic->name,
                              .key = key,
                              .key_n = held->key_n,
                              .value = value,
                              .value_n = held->value_n,
                              .arg = mark(held->arg, batch == &topic->any)};
        rd_kafka_resp_err_t error = give(h, batch, &r, &run, held->headers);
        if (!error) continue;
        if (held->headers) rd_kafka_headers_destroy(held->headers);
        if (h == p->current) replace_if_fatal(p); /* before the report: the owner may send again */
        refused++;
        report(h, held->arg, topic->name, held->key_n + held->value_n, error, 0);
    }
    pl_batches_give_back(&h->topics.batches, &p->leaving);
    return refused;
}

/* Counts the reports of a run. */
static void end_run(struct handle *h) {
    if (h->run.n) (void)pl_batches_leave(&h->topics.batches, h->run.of, h->run.n, h->run.broker);
    h->run.n = 0;
}

/*
 * For each record that a broker refuses, librdkafka waits until all that is under way to all topics has come back, and
 * takes a new epoch. So a topic that we may not write to is not tried with every record.
 */
static void note_refusal(struct pl_topic *topic) {
    int64_t until = pl_mono_us(&pl_clock_system) + REFUSED_US;
    atomic_store_explicit(&topic->refused_until_us, until, memory_order_relaxed);
}

static bool is_refused(struct pl_topic *topic) {
    int64_t until = atomic_load_explicit(&topic->refused_until_us, memory_order_relaxed);
    return until && pl_mono_us(&pl_clock_system) < until;
}

static bool is_by_size(rd_kafka_resp_err_t e) {
    return e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || e == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

/* What was refused because of others goes again with fewer of them. Without memory for that it is told as refused. */
static bool goes_again(struct handle *h, struct pl_batch *batch, const rd_kafka_message_t *m) {
    rd_kafka_headers_t *headers = NULL, *copy;
    bool told = true;
    const struct pl_record r = {.topic = batch->topic->name,
                                .key = m->key,
                                .key_n = m->key_len,
                                .value = m->payload,
                                .value_n = m->len,
                                .arg = arg_of(m->_private)};
    (void)rd_kafka_message_headers(m, &headers);
    copy = headers ? rd_kafka_headers_copy(headers) : NULL;
    bool held = (copy || !headers) && !pl_batches_again(&h->topics.batches, batch, &r, copy, &told);
    if (!held && copy) rd_kafka_headers_destroy(copy);
    if (!told)
        PL_LOG(PL_LOG_WARN,
               "a topic takes smaller batches than were sent, which go in parts now: raise its max.message.bytes",
               "topic", batch->topic->name);
    return held;
}

static struct pl_batch *batch_of(struct handle *h, struct pl_topic *topic, const rd_kafka_message_t *m) {
    return is_marked(m->_private) ? &topic->any : pl_batch_by_key(&h->topics.batches, topic, m->key, m->key_len);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    (void)rk;
    struct handle *h = ((struct pl_kafka_opaque *)opaque)->owner;
    struct pl_producer *p = h->producer;
    struct pl_topic *topic = pl_topics_find(&h->topics, rd_kafka_topic_name(m->rkt));
    if (!m->err) pl_kafka_up(p->health);
    if (m->err && h == p->current) replace_if_fatal(p);
    if (topic && m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) note_refusal(topic);
    struct pl_batch *batch = topic ? batch_of(h, topic, m) : NULL;
    bool by_size = batch && is_by_size(m->err);
    if (!by_size || h->ended || !goes_again(h, batch, m))
        report(h, arg_of(m->_private), rd_kafka_topic_name(m->rkt), m->key_len + m->len,
               by_size && h->ended ? RD_KAFKA_RESP_ERR__PURGE_QUEUE : tell_as(m->err, is_marked(m->_private)),
               rd_kafka_message_timestamp(m, NULL));
    if (!batch) return;
    if (batch != h->run.of) end_run(h);
    h->run.of = batch;
    h->run.broker = m->err ? -1 : rd_kafka_message_broker_id(m);
    h->run.n++;
}

/*
 * Reports what has come, then lets those go whose turn it is. The polling thread's. What the owner sends again
 * from a report of a record that librdkafka did not take waits for the next time, or this might never end.
 */
static void serve(struct pl_producer *p, struct handle *h, int wait_ms) {
    rd_kafka_poll(h->rk, wait_ms);
    end_run(h);
    struct pl_batch *batch;
    bool refused = false;
    while (!refused && (batch = pl_batches_next(&h->topics.batches, &p->leaving))) {
        size_t n = give_all(p, h, batch);
        if (n && pl_batches_leave(&h->topics.batches, batch, n, -1)) refused = !h->ended;
    }
    if (refused) pl_wake_signal(p->wake);
}

static size_t number(const rd_kafka_conf_t *conf, const char *property) {
    char text[32];
    size_t n = sizeof text;
    return rd_kafka_conf_get(conf, property, text, &n) == RD_KAFKA_CONF_OK ? strtoul(text, NULL, 10) : 0;
}

static pouch_err make_conf(struct pl_producer *p, const struct pl_settings *s, const char *client_id) {
    struct pl_kafka_opaque opaque = {.health = p->health}; /* each handle sets its own */
    pouch_err e = pl_kafka_conf(&p->conf, s, client_id, false, &opaque, NULL);
    if (e) return e;
    p->settings = s;
    rd_kafka_conf_set_dr_msg_cb(p->conf, on_delivery);
    p->limit = number(p->conf, "message.max.bytes") - RECORD_BYTES;
    p->most = number(p->conf, "queue.buffering.max.messages");
    p->most_bytes = number(p->conf, "queue.buffering.max.kbytes") * 1024;
    if (p->limit > p->most_bytes) p->limit = p->most_bytes; /* a larger one would wait for room that never comes */
    if (p->limit < LEAST_LIMIT - RECORD_BYTES) {
        rd_kafka_conf_destroy(p->conf);
        return pl_fail(POUCH_E_CONFIG,
                       "kafka.message.max.bytes and kafka.queue.buffering.max.kbytes must be at least %d bytes and %d "
                       "KiB: a dead letter needs as much",
                       LEAST_LIMIT, LEAST_LIMIT / 1024);
    }
    p->most_batches = number(p->conf, "max.in.flight.requests.per.connection");
    return POUCH_OK;
}

/* A writer must not starve while senders run into the fatal error in a loop. */
static int lock_init(pthread_rwlock_t *lock) {
    pthread_rwlockattr_t attr;
    if (pthread_rwlockattr_init(&attr)) return -1;
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    int failed = pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    return failed;
}

pouch_err pl_producer_new(struct pl_producer **out, const struct pl_settings *s, const char *client_id,
                          struct pl_kafka_health *health, struct pl_wake *wake, pl_delivered_fn *fn, void *owner) {
    struct pl_producer *p = calloc(1, sizeof *p);
    if (!p) return pl_fail(POUCH_E_NO_MEMORY, "no memory for a producer");
    p->health = health;
    p->wake = wake;
    p->fn = fn;
    p->owner = owner;
    pouch_err e = make_conf(p, s, client_id);
    if (e) goto fail_conf;
    if (lock_init(&p->lock)) {
        e = pl_fail(POUCH_E_NO_MEMORY, "no memory for a producer's lock");
        goto fail_lock;
    }
    e = handle_new(p, &p->current);
    if (e) goto fail_handle;
    *out = p;
    return POUCH_OK;

fail_handle:
    pthread_rwlock_destroy(&p->lock);
fail_lock:
    rd_kafka_conf_destroy(p->conf);
fail_conf:
    free(p);
    return e;
}

/* NULL, no headers: none are needed. The caller's until librdkafka has taken the record. */
static pouch_err copy_headers(const struct pl_record *r, rd_kafka_headers_t **out) {
    *out = NULL;
    if (!r->n_headers) return POUCH_OK;
    rd_kafka_headers_t *copy = rd_kafka_headers_new(r->n_headers);
    if (!copy) return pl_fail(POUCH_E_NO_MEMORY, "no memory for a record's headers");
    for (size_t i = 0; i < r->n_headers; i++) {
        const struct pl_header *h = &r->headers[i];
        if (rd_kafka_header_add(copy, h->name, -1, h->value, (ssize_t)h->n)) {
            rd_kafka_headers_destroy(copy);
            return pl_fail(POUCH_E_NO_MEMORY, "no memory for a record's headers");
        }
    }
    *out = copy;
    return POUCH_OK;
}

static pouch_err add_topic(struct pl_producer *p, const char *name) {
    pthread_rwlock_unlock(&p->lock);
    pthread_rwlock_wrlock(&p->lock);
    pouch_err e = pl_topics_add(&p->current->topics, p->current->rk, name, p->most_bytes);
    pthread_rwlock_unlock(&p->lock);
    pthread_rwlock_rdlock(&p->lock);
    return e;
}

/*
 * Runs with the lock shared, and alone once for each new topic. Returns with the lock shared. NULL, the table is full,
 * holds for the life of the handle: a record that entered no batch must not find one when it is reported. Hence the
 * loop: the handle may have been replaced before the lock was shared again.
 */
static pouch_err topic_of(struct pl_producer *p, const char *name, struct pl_topic **topic) {
    pouch_err e = POUCH_OK;
    while (!e && !(*topic = pl_topics_find(&p->current->topics, name)) && !pl_topics_full(&p->current->topics))
        e = add_topic(p, name);
    return e;
}

static pouch_err refused(struct pl_producer *p, const struct pl_record *r, rd_kafka_resp_err_t e) {
    if (e != RD_KAFKA_RESP_ERR__FATAL) return pl_kafka_fail(e, "sending to", r->topic);
    pl_wake_signal(p->wake);
    return pl_fail(POUCH_E_OVERLOADED, "sending to %s: the producer is being made anew; try again", r->topic);
}

/* A record of the topic that librdkafka did not take: what waits behind it is moved on by the polling thread. */
static void withdraw(struct pl_producer *p, struct pl_batch *batch) {
    if (pl_batches_leave(&p->current->topics.batches, batch, 1, -1)) pl_wake_signal(p->wake);
}

/* Runs with the lock shared. The headers are given away unless it fails. */
static pouch_err send_locked(struct pl_producer *p, const struct pl_record *r, rd_kafka_headers_t *headers) {
    if (p->current->ended) return pl_fail(POUCH_E_CLOSED, "sending to %s: the producer has been closed", r->topic);
    struct pl_topic *topic;
    struct pl_entered entered = {.batch = NULL};
    pouch_err e = topic_of(p, r->topic, &topic);
    if (!e && topic && is_refused(topic))
        e = pl_kafka_fail(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "sending to", r->topic);
    if (!e && topic) e = pl_batches_enter(&p->current->topics.batches, topic, r, headers, &entered);
    if (entered.sooner) pl_wake_signal(p->wake); /* the owner asks pl_producer_due() anew */
    if (e || entered.held) return e;
    struct pl_record own = *r;
    own.arg = mark(r->arg, topic && entered.batch == &topic->any);
    rd_kafka_resp_err_t error = topic ? enqueue(p->current, &own, topic->rkt, RD_KAFKA_PARTITION_UA, headers)
                                      : enqueue_by_name(p->current, &own, headers);
    if (!error) return POUCH_OK;
    if (topic) withdraw(p, entered.batch);
    return refused(p, r, error);
}

/* False: there is no room for it. */
static bool count_in(struct pl_producer *p, size_t bytes) {
    size_t records = atomic_fetch_add_explicit(&p->waiting, 1, memory_order_relaxed) + 1;
    size_t all = atomic_fetch_add_explicit(&p->bytes, bytes, memory_order_relaxed) + bytes;
    if (records <= p->most && all <= p->most_bytes) return true;
    count_out(p, bytes);
    return false;
}

/* A record that has been counted. */
static pouch_err send_counted(struct pl_producer *p, const struct pl_record *r) {
    rd_kafka_headers_t *headers;
    pouch_err e = copy_headers(r, &headers);
    if (e) return e;
    pthread_rwlock_rdlock(&p->lock);
    e = send_locked(p, r, headers);
    pthread_rwlock_unlock(&p->lock);
    if (e && headers) rd_kafka_headers_destroy(headers);
    return e;
}

pouch_err pl_producer_send(struct pl_producer *p, const struct pl_record *r) {
    size_t bytes = r->key_n + r->value_n;
    if (bytes > p->limit) return pl_kafka_fail(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "sending to", r->topic);
    if (!count_in(p, bytes)) return pl_kafka_fail(RD_KAFKA_RESP_ERR__QUEUE_FULL, "sending to", r->topic);
    pouch_err e = send_counted(p, r);
    if (e) count_out(p, bytes);
    return e;
}

/* Whether nothing of a handle that has ended is still to be reported. */
static bool is_reported(struct handle *h) {
    return !rd_kafka_outq_len(h->rk) && !pl_batches_wait(&h->topics.batches);
}

/* What the handle before still holds: it may take a while to be reported, which nobody waits for here. */
static void serve_ended(struct pl_producer *p) {
    if (!p->ended->ended)
        handle_end(p->ended);
    else
        serve(p, p->ended, 0);
    if (!is_reported(p->ended)) return;
    handle_leave(p->ended);
    p->ended = NULL;
}

int pl_producer_poll(struct pl_producer *p) {
    p->reported = 0;
    serve(p, p->current, 0);
    replace_if_fatal(p);
    if (p->ended) serve_ended(p);
    replace_if_full(p);
    return p->reported;
}

int64_t pl_producer_due(struct pl_producer *p) {
    int64_t due = pl_batches_due(&p->current->topics.batches);
    int64_t of_ended = p->ended ? pl_batches_due(&p->ended->topics.batches) : INT64_MAX;
    return of_ended < due ? of_ended : due;
}

size_t pl_producer_waiting(const struct pl_producer *p) {
    return atomic_load_explicit(&p->waiting, memory_order_relaxed);
}

size_t pl_producer_limit(const struct pl_producer *p) {
    return p->limit;
}

rd_kafka_t *pl_producer_handle(struct pl_producer *p) {
    return p->current->rk;
}

rd_kafka_t *pl_producer_take(struct pl_producer *p) {
    pthread_rwlock_rdlock(&p->lock);
    struct handle *h = p->current;
    atomic_fetch_add(&h->refs, 1);
    pthread_rwlock_unlock(&p->lock);
    return h->rk;
}

void pl_producer_give(rd_kafka_t *rk) {
    handle_release(((struct pl_kafka_opaque *)rd_kafka_opaque(rk))->owner);
}

static void flush(struct pl_producer *p, int ms) {
    char reason[256];
    int64_t until = pl_mono_us(&pl_clock_system) + (int64_t)ms * 1000, left;
    while (pl_producer_waiting(p) && (left = until - pl_mono_us(&pl_clock_system)) > 0 &&
           !rd_kafka_fatal_error(p->current->rk, reason, sizeof reason)) {
        serve(p, p->current, left < 100000 ? (int)(left / 1000) + 1 : 100);
        if (p->ended) serve_ended(p);
    }
}

/* What is not reported by then never is: a thread of librdkafka hangs. */
static void finish(struct handle *h) {
    int64_t until = pl_mono_us(&pl_clock_system) + DRAIN_MS * 1000;
    if (!h->ended) handle_end(h);
    while (!is_reported(h) && pl_mono_us(&pl_clock_system) < until) serve(h->producer, h, 100);
    if (!is_reported(h))
        PL_LOG(PL_LOG_ERROR, "a finished producer did not report all its records", "client", rd_kafka_name(h->rk));
    handle_leave(h);
}

void pl_producer_free(struct pl_producer *p, int ms) {
    if (!p) return;
    p->closing = true;
    flush(p, ms);
    if (p->ended) finish(p->ended);
    finish(p->current);
    rd_kafka_conf_destroy(p->conf);
    pthread_rwlock_destroy(&p->lock);
    free(p);
}
