/* The room's thread, from its beginning to its end. */
#include <async/state.h>
#include <base/log.h>
#include <base/thread.h>
#include <base/why.h>
#include <cluster/cluster.h>
#include <crypto/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALL_MS = 1000,
    CREATE_MS = 5000,
    PARTITIONS = 6,
    CUT_OFF_MS = 5000,
    RETRY_US = 500000,
    LOOK_US = 10000000,
    TURN_MOST_US = 50000, /* calls that wait are looked after so often */
    IDLE_US = 500000,
    EXPIRE_US = 1000000,
};

void async_set_trouble(struct async *a, const char *why) {
    char text[sizeof a->trouble];
    snprintf(text, sizeof text, "%s", why);
    pthread_mutex_lock(&a->lock);
    bool is_new = *text && !*a->trouble;
    a->is_ready = !*text;
    strcpy(a->trouble, text);
    pthread_mutex_unlock(&a->lock);
    if (is_new) PL_LOG(PL_LOG_WARN, "replies of asynchronous requests are not read", "topic", a->topic, "why", text);
}

void async_errand_begin(struct async *a) {
    pthread_mutex_lock(&a->lock);
    a->errands++;
    pthread_mutex_unlock(&a->lock);
}

pouch_err async_errand_enter(struct async *a) {
    pthread_mutex_lock(&a->lock);
    pouch_err e = a->ended ? pl_fail(POUCH_E_CLOSED, "the gateway is closing") : POUCH_OK;
    if (!e) a->errands++;
    pthread_mutex_unlock(&a->lock);
    return e;
}

bool async_has_ended(struct async *a) {
    pthread_mutex_lock(&a->lock);
    bool ended = a->ended;
    pthread_mutex_unlock(&a->lock);
    return ended;
}

void async_errand_end(struct async *a) {
    pthread_mutex_lock(&a->lock);
    a->errands--;
    pl_wake_signal(&a->wake); /* under the lock: whoever waits for the last one frees the wake */
    pthread_mutex_unlock(&a->lock);
}

/* ---- the topic ---- */

/* Records are of use for twice the retention; the topic has them a little longer, as brokers delete whole segments. */
static pouch_err create_topic(struct async *a, rd_kafka_t *rk) {
    char retention[24], segment[24];
    int64_t ms = 2 * a->index.retention_ms;
    snprintf(retention, sizeof retention, "%lld", (long long)(ms + ms / 4));
    snprintf(segment, sizeof segment, "%lld", (long long)(ms / 4 > 60000 ? ms / 4 : 60000));
    const char *configs[] = {"retention.ms", retention, "segment.ms", segment, NULL};
    const struct pl_topic_spec spec = {
        .name = a->topic, .partitions = PARTITIONS, .replication = -1, .configs = configs};
    return pl_topic_create(rk, &spec, NULL, CREATE_MS);
}

static pouch_err find_topic(struct async *a, rd_kafka_t *rk, int *partitions) {
    pouch_err e = a->connected ? POUCH_OK : pl_cluster_mock(rk, &a->mock, CALL_MS);
    if (e) return e;
    a->connected = true;
    e = pl_topic_partitions(rk, a->topic, partitions, CALL_MS);
    if (e != POUCH_E_TARGET_REFUSED) return e;
    e = create_topic(a, rk);
    return e ? e : pl_topic_partitions(rk, a->topic, partitions, CALL_MS);
}

/* Others may have Redis when we do not: they are to read what we cannot keep. */
static bool is_cut_off(struct async *a) {
    struct share_state s;
    share_look(a->index.share, &s);
    return !s.up && pl_wall_ms(a->clock) - s.since_ms > CUT_OFF_MS;
}

static pouch_err look_at_group(struct async *a) {
    if (is_cut_off(a)) return pl_fail(POUCH_E_STORE, "Redis is away, so they are left to other gateways");
    return a->group ? pl_group_failed(a->group) : async_read_join(a);
}

/* Sees to it that the topic is read. */
static pouch_err look(struct async *a) {
    int n;
    rd_kafka_t *rk = pl_producer_take(a->producer);
    pouch_err e = find_topic(a, rk, &n);
    pl_producer_give(rk);
    if (e) return e;
    if (a->index.share) return look_at_group(a);
    if (a->scan.reader && !a->scan.failed && a->scan.n == n) return POUCH_OK;
    async_scan_stop(a);
    return async_scan_start(a);
}

/*
 * A broker that does not answer is no reason to leave the group: the others would have to share out its partitions
 * twice.
 */
static void tend(struct async *a, int64_t now_us) {
    bool failed = a->group && pl_group_failed(a->group);
    if (now_us < a->tend_us && !failed) return;
    pouch_err e = look(a);
    async_set_trouble(a, e ? pouch_why() : "");
    if (failed || e == POUCH_E_STORE) async_read_leave(a);
    a->tend_us = pl_mono_us(a->clock) + (e ? RETRY_US : LOOK_US);
}

/* ---- the thread ---- */

static int64_t until_next(struct async *a) {
    pthread_mutex_lock(&a->lock);
    bool busy = a->n_waits || a->in_flight || a->scan.in_flight || a->level.is_wanted;
    pthread_mutex_unlock(&a->lock);
    int64_t now = pl_mono_us(a->clock), next = now + (busy || a->retry ? TURN_MOST_US : IDLE_US);
    int64_t send = pl_producer_due(a->producer);
    if (a->tend_us < next) next = a->tend_us;
    if (send < next) next = send;
    return next > now ? next - now : 0;
}

static void turn(struct async *a) {
    pl_producer_poll(a->producer);
    async_read_settle(a);
    int64_t now_us = pl_mono_us(a->clock);
    tend(a, now_us);
    async_read_turn(a, now_us);
    async_scan_turn(a, now_us);
    async_level_turn(a, now_us);
    async_wait_turn(a, now_us);
    if (!a->index.share && now_us >= a->expire_us) {
        a->expire_us = now_us + EXPIRE_US;
        async_memory_expire(&a->index.memory, pl_wall_ms(a->clock));
    }
}

static bool is_idle(struct async *a) {
    pthread_mutex_lock(&a->lock);
    bool idle = !a->open && !a->errands;
    pthread_mutex_unlock(&a->lock);
    return idle;
}

static bool has_errands(struct async *a) {
    pthread_mutex_lock(&a->lock);
    bool has = a->errands > 0;
    pthread_mutex_unlock(&a->lock);
    return has;
}

/* Nothing new comes in, and what is on its way into the index has come there. */
static void end_errands(struct async *a) {
    pthread_mutex_lock(&a->lock);
    a->ended = true;
    pthread_mutex_unlock(&a->lock);
    do {
        pl_wake_wait(&a->wake, TURN_MOST_US);
        async_read_settle(a);
    } while (has_errands(a));
}

/*
 * What is being stored may still be, and what has become of requests noted; the rest is told that it will not. What the
 * index was given it answers in any case.
 */
static void finish(struct async *a) {
    struct pl_taken none[1];
    while ((!is_idle(a) || pl_producer_waiting(a->producer)) && pl_mono_us(a->clock) < a->stop_us) {
        pl_wake_wait(&a->wake, TURN_MOST_US);
        pl_producer_poll(a->producer);
        async_read_settle(a);
        if (a->group) pl_group_take(a->group, none, 0); /* stay a member meanwhile */
        async_wait_turn(a, pl_mono_us(a->clock));
    }
    async_wait_end(a);
    end_errands(a);
    async_level_stop(a);
    async_scan_stop(a);
    async_read_leave(a);
    pl_producer_free(a->producer, 0); /* tells those that are left, which may be noted meanwhile */
    a->producer = NULL;
    end_errands(a);
}

static void *run(void *arg) {
    struct async *a = arg;
    while (!atomic_load(&a->stopping)) {
        pl_wake_wait(&a->wake, until_next(a));
        turn(a);
    }
    finish(a);
    return NULL;
}

/* ---- beginning and end ---- */

static pouch_err name(struct async *a) {
    struct pl_uuid nonce;
    snprintf(a->client_id, sizeof a->client_id, "%s", a->settings.client_id ? a->settings.client_id : "pouch-gateway");
    int n = snprintf(a->topic, sizeof a->topic, "%s.async-replies", a->client_id);
    if (!pl_name_valid(a->topic, (size_t)n) || (size_t)n >= sizeof a->topic)
        return pl_fail(POUCH_E_CONFIG, "%s cannot name a topic: set a shorter client.id", a->topic);
    pouch_err e = pl_random_uuid(&nonce);
    pl_uuid_format(a->nonce, &nonce);
    return e;
}

/* For the group and for a scan. */
static pouch_err make_items(struct async *a) {
    enum { ITEMS = 2 * ASYNC_IN_FLIGHT_MOST };
    a->items = calloc(ITEMS, sizeof *a->items);
    if (!a->items) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for asynchronous requests");
    for (; a->n_idle < ITEMS; a->n_idle++) {
        a->items[a->n_idle].next = a->idle;
        a->idle = &a->items[a->n_idle];
    }
    return POUCH_OK;
}

static pouch_err start(struct async *a, struct share *share) {
    const struct pl_settings *s = &a->settings;
    pouch_err e = async_index_init(&a->index, share, a->client_id, s->async_retention_ms, s->async_memory);
    if (e) return e;
    if ((e = pl_wake_init(&a->wake))) goto fail_wake;
    e = POUCH_E_NO_MEMORY;
    if (pthread_mutex_init(&a->lock, NULL)) goto fail_lock;
    if (!(a->health = pl_kafka_health_new())) goto fail_health;
    e = pl_producer_new(&a->producer, s, a->client_id, a->health, &a->wake, async_delivered, a);
    if (e) goto fail_producer;
    if ((e = pl_thread_start(&a->thread, "pouch-async", run, a))) goto fail_thread;
    return POUCH_OK;

fail_thread:
    pl_producer_free(a->producer, 0);
fail_producer:
    pl_kafka_health_free(a->health);
fail_health:
    pthread_mutex_destroy(&a->lock);
fail_lock:
    pl_wake_free(&a->wake);
fail_wake:
    async_index_free(&a->index);
    return e;
}

pouch_err async_open(struct async **out, const pouch_options *options, pouch_keyring *ring, struct share *share) {
    char send_ms[24];
    struct async *a = calloc(1, sizeof *a);
    if (!a) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for asynchronous requests");
    a->clock = &pl_clock_system;
    a->dialect = &pl_dialect_splp;
    a->ring = ring;
    strcpy(a->trouble, "the topic has not been looked at yet");
    pl_buf_init(&a->plain, SIZE_MAX / 2);
    pouch_err e = pl_settings_read(&a->settings, options);
    if (e) goto free_async;
    a->settings.start = PL_START_EARLIEST; /* what is old is skipped by its time */
    snprintf(send_ms, sizeof send_ms, "%d", ASYNC_SEND_MS);
    e = pl_settings_suggest(&a->settings, "message.timeout.ms", send_ms);
    if (!e) e = name(a);
    if (!e) e = make_items(a);
    if (!e) e = start(a, share);
    if (e) goto free_settings;
    *out = a;
    return POUCH_OK;

free_settings:
    free(a->items);
    pl_settings_free(&a->settings);
free_async:
    free(a);
    return e;
}

void async_stop(struct async *a, int ms) {
    if (!a) return;
    pthread_mutex_lock(&a->lock);
    a->closed = true;
    a->stop_us = pl_mono_us(a->clock) + (int64_t)ms * 1000;
    pthread_mutex_unlock(&a->lock);
    atomic_store(&a->stopping, true);
    pl_wake_signal(&a->wake);
    pthread_join(a->thread, NULL);
}

void async_free(struct async *a) {
    if (!a) return;
    pl_kafka_health_free(a->health);
    pthread_mutex_destroy(&a->lock);
    pl_wake_free(&a->wake);
    async_index_free(&a->index);
    pl_buf_wipe(&a->plain);
    free(a->items);
    pl_settings_free(&a->settings);
    free(a);
}

void async_status(struct async *a, json_t *into) {
    struct share_state share = {.up = false};
    bool complete;
    if (a->index.share) share_look(a->index.share, &share);
    pthread_mutex_lock(&a->lock);
    complete = a->is_whole;
    json_object_set_new(into, "topic", json_string(a->topic));
    json_object_set_new(into, "ready", json_boolean(a->is_ready));
    json_object_set_new(into, "complete", json_boolean(complete && (!a->index.share || share.up)));
    json_object_set_new(into, "index", json_string(a->index.share ? "redis" : "memory"));
    if (*a->trouble) json_object_set_new(into, "trouble", json_string(a->trouble));
    pthread_mutex_unlock(&a->lock);
}
