/*
 * A worker on the mock cluster, and the other side: a requester on plain librdkafka and the wire
 * format, which also reads the dead letters. Include after support.h.
 */
#ifndef POUCH_TESTS_WORKER_FIXTURE_H
#define POUCH_TESTS_WORKER_FIXTURE_H

#include <mock.h>
#include <plain.h>

#include <crypto/random.h>
#include <letter/letter.h>
#include <metrics/metrics.h>
#include <pouch/worker.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <wire/sealed.h>

#define TEST_KEY  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define OTHER_KEY "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

#define WORK    "calculate" /* the worker's topic */
#define REPLIES "me.replies"
#define LETTERS "internal.dlq"

enum { SEEN_MAX = 4096, TOPICS_MAX = 8, HEADERS_MAX = 8, ID_TEXT = 37, PATIENCE_US = 120000000 };

struct fixture {
    struct test_mock mock;
    pouch_keyring *ring;
    struct pl_sealer *sealer;
    rd_kafka_t *producer;
    struct plain_tap tap;
    const char *topics[TOPICS_MAX]; /* that the tap reads */
    size_t n_topics;

    pouch_worker *worker;
    pthread_t thread;
    pouch_err ran; /* what pouch_worker_run() gave, once joined */
    char ran_why[1024];
};

static inline pouch_keyring *fixture_ring(const char *hex) {
    pouch_keyring *ring;
    setenv("ENCRYPTION_KEY", hex, 1);
    assert_int_equal(pouch_keyring_load(&ring, NULL), POUCH_OK);
    return ring;
}

/* The topics that the tap reads: the usual ones and the test's own. */
static inline void fixture_topics(struct fixture *f, const char *const more_topics[]) {
    static const char *const usual[] = {REPLIES, LETTERS, WORK ".replies", NULL};
    for (const char *const *t = usual; *t; t++) f->topics[f->n_topics++] = *t;
    for (const char *const *t = more_topics; t && *t; t++) f->topics[f->n_topics++] = *t;
}

/* A cluster with the topics, each of one partition; nobody has connected yet. */
static inline void fixture_cluster(struct fixture *f, int brokers, const char *const more_topics[]) {
    memset(f, 0, sizeof *f);
    fixture_topics(f, more_topics);
    test_mock_start(&f->mock, brokers);
    test_mock_topic(&f->mock, WORK, 1);
    for (size_t i = 0; i < f->n_topics; i++) test_mock_topic(&f->mock, f->topics[i], 1);
}

/* The requester: reads all topics but the worker's from their beginning. */
static inline void fixture_connect(struct fixture *f) {
    f->ring = fixture_ring(TEST_KEY);
    assert_int_equal(pl_sealer_new(&f->sealer, f->ring, PL_OVER_LIMIT_WARN), POUCH_OK);
    f->producer = plain_handle(f->mock.brokers, RD_KAFKA_PRODUCER, NULL);
    plain_tap_open(&f->tap, f->mock.brokers, f->topics, f->n_topics, SEEN_MAX);
}

static inline void fixture_start(struct fixture *f, const char *const more_topics[]) {
    fixture_cluster(f, 1, more_topics);
    fixture_connect(f);
}

/* What a test's handler thinks of how a job ended; asserts belong to the test's thread. */
static atomic_int surprises;

static inline void expect(pouch_err is, pouch_err wanted) {
    if (is == wanted) return;
    print_error("the job's ending gave %s, not %s: %s\n", pouch_err_code(is), pouch_err_code(wanted), pouch_why());
    atomic_fetch_add(&surprises, 1);
}

/* Fails the test when a job's end was another than its handler expected. */
static inline void fixture_stop(struct fixture *f) {
    plain_tap_close(&f->tap);
    plain_producer_close(f->producer);
    pl_sealer_free(f->sealer);
    pouch_keyring_free(f->ring);
    test_mock_stop(&f->mock);
    assert_int_equal(atomic_load(&surprises), 0);
}

/* settings: name, value, …, NULL; may be NULL. Without retry topics unless they name some. */
static inline void worker_new(struct fixture *f, const char *const settings[]) {
    pouch_options *o = pouch_options_new();
    assert_non_null(o);
    assert_int_equal(pouch_options_set(o, "brokers", f->mock.brokers), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "start", "earliest"), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "retry.tiers", "off"), POUCH_OK);
    for (size_t i = 0; settings && settings[i]; i += 2)
        if (pouch_options_set(o, settings[i], settings[i + 1])) fail_msg("%s", pouch_why());
    if (pouch_worker_new(&f->worker, o, f->ring)) fail_msg("%s", pouch_why());
    pouch_options_free(o);
}

static inline void *worker_thread(void *arg) {
    struct fixture *f = arg;
    f->ran = pouch_worker_run(f->worker);
    snprintf(f->ran_why, sizeof f->ran_why, "%s", pouch_why());
    return NULL;
}

static inline void worker_start(struct fixture *f, const char *const settings[], pouch_handler_fn *fn, void *arg) {
    worker_new(f, settings);
    assert_int_equal(pouch_worker_handle(f->worker, WORK, fn, arg), POUCH_OK);
    assert_int_equal(pthread_create(&f->thread, NULL, worker_thread, f), 0);
}

static inline void worker_join(struct fixture *f) {
    pthread_join(f->thread, NULL);
    if (f->ran) fail_msg("the worker ended with %s: %s", pouch_err_code(f->ran), f->ran_why);
}

static inline void worker_stop(struct fixture *f) {
    pouch_worker_stop(f->worker);
    worker_join(f);
}

static inline void worker_end(struct fixture *f) {
    worker_stop(f);
    pouch_worker_free(f->worker);
}

/* The worker and all else. */
static inline void fixture_end(struct fixture *f) {
    worker_end(f);
    fixture_stop(f);
}

/* A request about to be sent. id is filled in by seal(). */
struct request {
    const char *payload;
    const char *reply_topic;              /* NULL: none named */
    size_t iv_bytes;                      /* 0: 16 */
    const char *headers[2 * HEADERS_MAX]; /* name, value, … */
    const char *id;                       /* NULL: a new one */
    const char *publisher;
};

static inline void produce(struct fixture *f, const char *topic, const void *value, size_t n,
                           const char *const headers[]) {
    plain_produce(f->producer, topic, NULL, value, n, headers, HEADERS_MAX);
}

static inline void ask(struct fixture *f, const char *topic, struct request r, char id[ID_TEXT]) {
    struct pl_seal_to to = {
        .reply_topic = r.reply_topic, .publisher = r.publisher, .iv_bytes = r.iv_bytes ? r.iv_bytes : 16};
    struct pl_buf value;
    pl_buf_init(&value, 1 << 25);
    if (r.id)
        assert_true(pl_uuid_parse(&to.id, r.id, 36));
    else
        assert_int_equal(pl_random_uuid(&to.id), POUCH_OK);
    assert_int_equal(pl_sealed_write(&value, f->sealer, &to, r.payload, strlen(r.payload)), POUCH_OK);
    pl_uuid_format(id, &to.id);
    produce(f, topic, value.at, value.len, r.headers);
    pl_buf_free(&value);
}

/* Sends the payload to the worker, the reply wanted on REPLIES. */
static inline void request(struct fixture *f, const char *payload, char id[ID_TEXT]) {
    ask(f, WORK, (struct request){.payload = payload, .reply_topic = REPLIES}, id);
}

/* Reads what is there; true when there was something. */
static inline bool tap(struct fixture *f) {
    rd_kafka_poll(f->producer, 0);
    return plain_tap_read(&f->tap);
}

static inline size_t count_on(const struct fixture *f, const char *topic) {
    return plain_tap_count(&f->tap, topic);
}

/* Reads until there are n records on topic; fails the test after two minutes. */
static inline void wait_for(struct fixture *f, const char *topic, size_t n) {
    int64_t give_up = pl_mono_us(&pl_clock_system) + PATIENCE_US;
    while (count_on(f, topic) < n) {
        tap(f);
        if (pl_mono_us(&pl_clock_system) > give_up)
            fail_msg("%zu records on %s, not %zu", count_on(f, topic), topic, n);
    }
}

/* All values of the headers of that name, in order, as text with a space after each. */
static inline const char *headers_of(const rd_kafka_message_t *m, const char *name) {
    static char text[1024];
    rd_kafka_headers_t *h;
    const void *value;
    size_t n, used = 0;
    text[0] = 0;
    if (rd_kafka_message_headers(m, &h)) return text;
    for (size_t i = 0; !rd_kafka_header_get(h, i, name, &value, &n) && used + n + 2 < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%.*s ", (int)n, (const char *)value);
    return text;
}

static inline bool has_key(const rd_kafka_message_t *m, const char *id) {
    return m->key_len == 36 && !memcmp(m->key, id, 36);
}

static inline bool is_letter_of(const rd_kafka_message_t *m, const char *id) {
    return !strcmp(header_of(m, PL_H_DLQ_REQUEST), id);
}

/* One envelope, to be sent as often as a test likes. */
struct envelope {
    struct pl_buf value;
    char id[ID_TEXT];
};

static inline struct envelope seal(struct fixture *f, const char *payload) {
    struct envelope e;
    struct pl_seal_to to = {.reply_topic = REPLIES, .iv_bytes = 16};
    pl_buf_init(&e.value, 1 << 20);
    assert_int_equal(pl_random_uuid(&to.id), POUCH_OK);
    assert_int_equal(pl_sealed_write(&e.value, f->sealer, &to, payload, strlen(payload)), POUCH_OK);
    pl_uuid_format(e.id, &to.id);
    return e;
}

static inline void send_copies(struct fixture *f, const struct envelope *e, int n, const char *const headers[]) {
    for (int i = 0; i < n; i++)
        plain_produce(f->producer, WORK, NULL, e->value.at, e->value.len, headers, headers ? HEADERS_MAX : 0);
}

/* Records about an id on a topic; fails the test when they are not of one text. */
static inline size_t count_same(const struct fixture *f, const char *topic, const char *id,
                                bool (*is_about)(const rd_kafka_message_t *, const char *)) {
    const rd_kafka_message_t *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < f->tap.n; i++) {
        const rd_kafka_message_t *m = f->tap.seen[i];
        if (!on_topic(m, topic) || !is_about(m, id)) continue;
        if (!first) first = m;
        assert_int_equal(m->len, first->len);
        assert_memory_equal(m->payload, first->payload, first->len);
        n++;
    }
    return n;
}

/* The first record on topic that matches; waits for it, fails the test after two minutes. */
static inline const rd_kafka_message_t *find(struct fixture *f, const char *topic, const char *id,
                                             bool (*matches)(const rd_kafka_message_t *, const char *)) {
    int64_t give_up = pl_mono_us(&pl_clock_system) + PATIENCE_US;
    for (size_t i = 0;; tap(f)) {
        for (; i < f->tap.n; i++)
            if (on_topic(f->tap.seen[i], topic) && matches(f->tap.seen[i], id)) return f->tap.seen[i];
        if (pl_mono_us(&pl_clock_system) > give_up) {
            fail_msg("nothing about %s on %s within two minutes", id, topic);
            return NULL;
        }
    }
}

static inline const rd_kafka_message_t *letter_of(struct fixture *f, const char *id) {
    return find(f, LETTERS, id, is_letter_of);
}

/* An answer, opened. */
struct answer {
    const rd_kafka_message_t *record;
    bool sealed, success;
    size_t iv_bytes;
    char payload[256], error[1024], code[64];
};

static inline void put_span(char *out, size_t max, struct pl_span s) {
    snprintf(out, max, "%.*s", (int)s.n, s.at ? s.at : "");
}

static inline struct answer open_answer(struct fixture *f, const rd_kafka_message_t *m) {
    struct answer a = {.record = m};
    struct pl_envelope env;
    struct pl_reply_text text;
    struct pl_buf plain;
    if (pl_envelope_scan(&env, m->payload, m->len)) fail_msg("%s", pouch_why());
    a.sealed = env.data.at != NULL;
    a.iv_bytes = env.iv.n / 2;
    put_span(a.code, sizeof a.code, env.error_code);
    put_span(a.error, sizeof a.error, env.error_message);
    if (!a.sealed) return a;
    pl_buf_init(&plain, 1 << 25);
    if (pl_sealed_open(&plain, f->sealer, &env)) fail_msg("%s", pouch_why());
    if (pl_dialect_splp.read_reply(&text, plain.at, plain.len)) fail_msg("%s", pouch_why());
    assert_memory_equal(text.id.b, env.id.b, sizeof env.id.b);
    a.success = text.success;
    put_span(a.payload, sizeof a.payload, text.payload);
    put_span(a.error, sizeof a.error, text.error);
    put_span(a.code, sizeof a.code, text.code);
    pl_buf_free(&plain);
    return a;
}

static inline struct answer answer_on(struct fixture *f, const char *topic, const char *id) {
    return open_answer(f, find(f, topic, id, has_key));
}

static inline struct answer answer_to(struct fixture *f, const char *id) {
    return answer_on(f, REPLIES, id);
}

static inline bool payload_is(const pouch_job *job, const char *text) {
    size_t n;
    const char *payload = pouch_job_payload(job, &n);
    return n == strlen(text) && !strcmp(payload, text);
}

static inline void reply_text(pouch_job *job, const char *json) {
    expect(pouch_job_reply(job, json, strlen(json)), POUCH_OK);
}

/* What the group has committed of the worker's topic. */
static inline int64_t committed_by(const struct fixture *f, const char *group) {
    return plain_committed(f->mock.brokers, group, WORK);
}

/* The offset that the next record of the worker's topic will have. */
static inline int64_t next_offset(const struct fixture *f) {
    return plain_next_offset(f->producer, WORK);
}

static inline bool is_committed(void *fixture) {
    struct fixture *f = fixture;
    return committed_by(f, WORK ".workers") == next_offset(f);
}

/*
 * Until the worker is done with all that was sent to it: an answer is seen before the worker knows that it is stored.
 */
static inline void wait_committed(struct fixture *f) {
    test_until(is_committed, f);
}

struct counted {
    enum pl_metric metric;
    int64_t value;
};

static inline bool is_counted(void *arg) {
    const struct counted *c = arg;
    return pl_metric_get(c->metric) >= c->value;
}

static inline void wait_counted(enum pl_metric metric, int64_t value) {
    struct counted c = {metric, value};
    test_until(is_counted, &c);
}

/* A gate that handlers wait at until the test opens it. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int inside, most_inside; /* handlers that wait; the most there were */
    bool open;
};

#define GATE_CLOSED \
    { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }

static inline void gate_pass(struct gate *g) {
    pthread_mutex_lock(&g->lock);
    if (++g->inside > g->most_inside) g->most_inside = g->inside;
    while (!g->open) pthread_cond_wait(&g->changed, &g->lock);
    g->inside--;
    pthread_mutex_unlock(&g->lock);
}

static inline void gate_set(struct gate *g, bool open) {
    pthread_mutex_lock(&g->lock);
    g->open = open;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static inline int gate_inside(struct gate *g) {
    pthread_mutex_lock(&g->lock);
    int n = g->inside;
    pthread_mutex_unlock(&g->lock);
    return n;
}

static inline bool someone_is_inside(void *gate) {
    return gate_inside(gate) > 0;
}

static inline void echo(pouch_job *job) {
    size_t n;
    const void *payload = pouch_job_payload(job, &n);
    expect(pouch_job_reply(job, payload, n), POUCH_OK);
}

#endif
