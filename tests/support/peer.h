/*
 * A worker for the client's tests, on plain librdkafka and the wire format: what it answers is
 * up to the test. Include after mock.h.
 */
#ifndef POUCH_TESTS_CLIENT_PEER_H
#define POUCH_TESTS_CLIENT_PEER_H

#include <crypto/random.h>
#include <pouch/client.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <wire/sealed.h>

#define TEST_KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* The time of a request that is to end before it, as long as test_until() waits; and of one that is to stay open. */
enum { PEER_MS = TEST_UNTIL_MS, PEER_OPEN_MS = 600000 };

struct peer;

struct peer_request {
    struct pl_uuid id;
    char reply_topic[PL_NAME_MAX + 1]; /* "" = none */
    const char *payload;
    size_t n;
    const rd_kafka_message_t *message;
};

typedef void peer_fn(struct peer *p, const struct peer_request *r);

struct peer {
    const char *topic;
    peer_fn *fn;
    rd_kafka_t *consumer, *producer;
    pouch_keyring *ring;
    struct pl_sealer *sealer;
    pthread_t thread;
    atomic_bool stop;
    atomic_long seen;
    void *arg;           /* the test's */
    const char *branch;  /* the header pouch-fanout of what it answers from here on; NULL: none */
    const char *group;   /* it names this group instead of its topic; "": neither */
    struct pl_uuid held; /* an id kept for later */
};

static inline pouch_keyring *test_ring(void) {
    pouch_keyring *ring;
    setenv("ENCRYPTION_KEY", TEST_KEY, 1);
    assert_int_equal(pouch_keyring_load(&ring, NULL), POUCH_OK);
    return ring;
}

static inline rd_kafka_t *peer_handle(const struct test_mock *m, rd_kafka_type_t type) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", m->brokers, NULL, 0);
    rd_kafka_conf_set(conf, "message.max.bytes", "4000000", NULL, 0);
    if (type == RD_KAFKA_CONSUMER) {
        rd_kafka_conf_set(conf, "group.id", "peer", NULL, 0);
        rd_kafka_conf_set(conf, "fetch.wait.max.ms", "1", NULL, 0);
        rd_kafka_conf_set(conf, "auto.offset.reset", "earliest", NULL, 0);
    } else {
        rd_kafka_conf_set(conf, "linger.ms", "0", NULL, 0);
    }
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    assert_non_null(rk);
    return rk;
}

static inline void peer_produce(struct peer *p, const char *topic, const void *key, size_t key_n, const void *value,
                                size_t n) {
    rd_kafka_resp_err_t e = rd_kafka_producev(
        p->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_n),
        RD_KAFKA_V_VALUE((void *)value, n),
        RD_KAFKA_V_HEADER(p->group ? "pouch-responder" : "pouch-target", p->group ? p->group : p->topic, -1),
        RD_KAFKA_V_HEADER(p->branch ? "pouch-fanout" : "unused", p->branch ? p->branch : "", -1), RD_KAFKA_V_END);
    assert_int_equal(e, 0);
    rd_kafka_poll(p->producer, 0);
}

/* Any plaintext, sealed for outer, under a record key that may be somebody else's. */
static inline void peer_seal(struct peer *p, const char *topic, const struct pl_uuid *key, const struct pl_uuid *outer,
                             const char *plain, size_t n) {
    struct pl_buf envelope;
    const struct pl_seal_to to = {.id = *outer, .iv_bytes = 12};
    char key_text[37];
    pl_buf_init(&envelope, 1 << 25);
    assert_int_equal(pl_sealed_write(&envelope, p->sealer, &to, plain, n), POUCH_OK);
    pl_uuid_format(key_text, key);
    peer_produce(p, topic, key_text, 36, envelope.at, envelope.len);
    pl_buf_free(&envelope);
}

/* A reply whose record key, outer and inner id may each be somebody else's. */
static inline void peer_answer(struct peer *p, const char *topic, const struct pl_uuid *key,
                               const struct pl_uuid *outer, const struct pl_reply_text *text) {
    struct pl_buf plain;
    pl_buf_init(&plain, 1 << 24);
    assert_int_equal(pl_dialect_splp.write_reply(&plain, text), POUCH_OK);
    peer_seal(p, topic, key, outer, plain.at, plain.len);
    pl_buf_free(&plain);
}

static inline void peer_echo(struct peer *p, const struct peer_request *r) {
    const struct pl_reply_text text = {.id = r->id, .payload = {r->payload, r->n}, .timestamp = 1, .success = true};
    peer_answer(p, r->reply_topic, &r->id, &r->id, &text);
}

static inline void peer_fail(struct peer *p, const struct peer_request *r, const char *error, const char *code) {
    const struct pl_reply_text text = {
        .id = r->id, .timestamp = 1, .error = {error, strlen(error)}, .code = {code, code ? strlen(code) : 0}};
    peer_answer(p, r->reply_topic, &r->id, &r->id, &text);
}

static inline void peer_plain_error(struct peer *p, const struct peer_request *r, pouch_err code, const char *message) {
    struct pl_buf out;
    char key[37];
    pl_buf_init(&out, 4096);
    pl_uuid_format(key, &r->id);
    assert_int_equal(pl_envelope_write_error(&out, &r->id, code, message), POUCH_OK);
    peer_produce(p, r->reply_topic, key, 36, out.at, out.len);
    pl_buf_free(&out);
}

static inline bool peer_is(const struct peer_request *r, const char *json) {
    return r->n == strlen(json) && !memcmp(r->payload, json, r->n);
}

static inline void peer_handle_record(struct peer *p, const rd_kafka_message_t *m, struct pl_buf *plain) {
    struct pl_envelope env;
    assert_int_equal(pl_envelope_scan(&env, m->payload, m->len), POUCH_OK);
    assert_int_equal(pl_sealed_open(plain, p->sealer, &env), POUCH_OK);
    struct peer_request r = {.id = env.id, .payload = plain->at, .n = plain->len, .message = m};
    if (env.reply_topic.at) memcpy(r.reply_topic, env.reply_topic.at, env.reply_topic.n);
    p->fn(p, &r);
    atomic_fetch_add(&p->seen, 1);
}

static inline void *peer_run(void *arg) {
    struct peer *p = arg;
    struct pl_buf plain;
    pl_buf_init(&plain, 1 << 24);
    while (!atomic_load(&p->stop)) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(p->consumer, 50);
        rd_kafka_poll(p->producer, 0);
        if (!m) continue;
        if (!m->err) peer_handle_record(p, m, &plain);
        rd_kafka_message_destroy(m);
    }
    pl_buf_free(&plain);
    return NULL;
}

/* Reads the topic, of `partitions`, from its beginning. */
static inline void peer_start(struct peer *p, const struct test_mock *m, pouch_keyring *ring, const char *topic,
                              int partitions, peer_fn *fn) {
    *p = (struct peer){.topic = topic, .fn = fn, .ring = ring, .arg = p->arg};
    p->consumer = peer_handle(m, RD_KAFKA_CONSUMER);
    p->producer = peer_handle(m, RD_KAFKA_PRODUCER);
    assert_int_equal(pl_sealer_new(&p->sealer, ring, PL_OVER_LIMIT_WARN), POUCH_OK);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(p->consumer, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
    assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

static inline void peer_stop(struct peer *p) {
    atomic_store(&p->stop, true);
    pthread_join(p->thread, NULL);
    rd_kafka_flush(p->producer, 5000);
    rd_kafka_destroy(p->producer);
    rd_kafka_consumer_close(p->consumer);
    rd_kafka_destroy(p->consumer);
    pl_sealer_free(p->sealer);
}

/* The mock makes any topic that is asked for, but for those it is told not to have. */
static inline void test_mock_no_topic(struct test_mock *m, const char *name) {
    rd_kafka_mock_topic_set_error(m->cluster, name, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
}

/* A client of the mock, which waits long for it; more settings as name, value, …, NULL. */
static inline pouch_client *client_of(const char *brokers, pouch_keyring *ring, const char *const settings[]) {
    pouch_client *c;
    pouch_options *o = pouch_options_new();
    assert_non_null(o);
    assert_int_equal(pouch_options_set(o, "brokers", brokers), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "client.connect_timeout", "10m"), POUCH_OK);
    for (size_t i = 0; settings && settings[i]; i += 2)
        if (pouch_options_set(o, settings[i], settings[i + 1])) fail_msg("%s", pouch_why());
    pouch_err e = pouch_client_new(&c, o, ring);
    if (e) fail_msg("%s", pouch_why());
    pouch_options_free(o);
    return c;
}

static inline bool client_is_ready(void *c) {
    return pouch_client_ready(c);
}

/* What a callback saw, for the thread of the test. */
struct ending {
    atomic_int times;
    pouch_err error;
    bool had_reply, sealed;
    char payload[256], text[256], why[1024], target[64], request_id[37];
};

static inline void note_ending(pouch_err e, const pouch_reply *reply, void *arg) {
    struct ending *end = arg;
    size_t n;
    end->error = e;
    end->had_reply = reply != NULL;
    snprintf(end->why, sizeof end->why, "%s", pouch_why());
    if (reply) {
        end->sealed = pouch_reply_sealed(reply);
        const char *payload = pouch_reply_payload(reply, &n);
        assert_int_equal(strlen(payload), n);
        snprintf(end->payload, sizeof end->payload, "%s", payload);
        snprintf(end->text, sizeof end->text, "%s", pouch_reply_error(reply));
        snprintf(end->target, sizeof end->target, "%s", pouch_reply_target(reply));
        snprintf(end->request_id, sizeof end->request_id, "%s", pouch_reply_request_id(reply));
    }
    atomic_fetch_add(&end->times, 1);
}

static inline void note_stored(pouch_err e, void *arg) {
    note_ending(e, NULL, arg);
}

static inline bool has_ended(void *end) {
    return atomic_load(&((struct ending *)end)->times) > 0;
}

/* Asks a topic with one JSON text. */
static inline void ask(pouch_client *c, const char *topic, const char *json, int timeout, struct ending *end) {
    pouch_dest *to = pouch_dest_topic(topic);
    assert_non_null(to);
    pouch_err e = pouch_client_request(c, to, json, strlen(json), timeout, NULL, note_ending, end);
    if (e) fail_msg("%s", pouch_why());
    pouch_dest_free(to);
}

#endif
