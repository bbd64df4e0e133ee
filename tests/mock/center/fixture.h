/*
 * A center on the mock cluster with a store in a folder of its own, and the other side on plain librdkafka: who
 * sends to the inbox and reads what comes out. Include after support.h.
 */
#ifndef POUCH_TESTS_CENTER_FIXTURE_H
#define POUCH_TESTS_CENTER_FIXTURE_H

#include <mock.h>
#include <plain.h>

#include <base/uuid.h>
#include <center/center.h>
#include <ftw.h>
#include <letter/letter.h>
#include <metrics/metrics.h>
#include <pouch/pouch.h>
#include <pthread.h>
#include <stdio.h>
#include <store/store.h>
#include <sys/random.h>
#include <unistd.h>
#include <wire/envelope.h>
#include <wire/headers.h>

#define INBOX   "inbox"
#define REPLIES "me.replies"
#define OTHERS  "others.replies"
#define LETTERS "internal.dlq"
#define LATER   "internal.retry.1min"
#define GROUP   "pouch-center." INBOX

enum { SEEN_MAX = 65536, HEADERS_MAX = 8, ID_TEXT = 37, PATIENCE_US = 120000000 };

/* The topics that are read; a target is any of the first four. */
static const char *const tapped[] = {"one", "two", "three", "four", REPLIES, OTHERS, LETTERS, LATER};
enum { N_TAPPED = sizeof tapped / sizeof tapped[0] };

struct fixture {
    struct test_mock mock;
    char folder[64], store[96];
    rd_kafka_t *producer;
    struct plain_tap tap;
    struct center *center;
    pthread_t thread;
    pouch_err ran;
    char ran_why[1024];
};

/* So many brokers; each topic has one partition, those of the targets on the broker that comes next. */
static inline void fixture_start(struct fixture *f, int brokers) {
    memset(f, 0, sizeof *f);
    strcpy(f->folder, "/tmp/pouch-center-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->store, sizeof f->store, "sqlite://%s", f->folder);
    test_mock_start(&f->mock, brokers);
    test_mock_topic(&f->mock, INBOX, 1);
    test_mock_topic(&f->mock, "pouch.routes", 1);
    for (size_t i = 0; i < N_TAPPED; i++) test_mock_topic(&f->mock, tapped[i], 1);
    f->producer = plain_handle(f->mock.brokers, RD_KAFKA_PRODUCER, NULL);
    plain_tap_open(&f->tap, f->mock.brokers, tapped, N_TAPPED, SEEN_MAX);
}

static inline int fixture_unlink(const char *path, const struct stat *s, int type, struct FTW *at) {
    (void)s, (void)type, (void)at;
    return remove(path);
}

static inline void fixture_stop(struct fixture *f) {
    plain_tap_close(&f->tap);
    plain_producer_close(f->producer);
    test_mock_stop(&f->mock);
    nftw(f->folder, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

/* A route from publisher to the targets, ended by NULL. Before the center starts. */
static inline void add_route(struct fixture *f, const char *publisher, bool enabled, const char *const targets[]) {
    struct pl_store *s;
    size_t n = 0;
    while (targets[n]) n++;
    if (pl_store_open(&s, f->store)) fail_msg("%s", pouch_why());
    struct pl_route_row row = {
        .publisher = strdup(publisher), .targets = calloc(n, sizeof *row.targets), .n_targets = n, .enabled = enabled};
    for (size_t i = 0; i < n; i++) row.targets[i] = strdup(targets[i]);
    if (pl_store_route_put(s, &row, 0)) fail_msg("%s", pouch_why());
    for (size_t i = 0; i < n; i++) free(row.targets[i]);
    free(row.targets);
    free(row.publisher);
    free(row.id);
    pl_store_close(s);
}

static inline void *center_thread(void *arg) {
    struct fixture *f = arg;
    f->ran = center_run(f->center);
    snprintf(f->ran_why, sizeof f->ran_why, "%s", pouch_why());
    return NULL;
}

/* settings: name, value, …, NULL; may be NULL. */
static inline void start_center(struct fixture *f, const char *const settings[]) {
    pouch_options *o = pouch_options_new();
    const char *const usual[] = {"brokers",      f->mock.brokers, "store",       f->store, "start", "earliest",
                                 "center.inbox", INBOX,           "retry.tiers", "off",    NULL};
    assert_non_null(o);
    for (size_t i = 0; usual[i]; i += 2) assert_int_equal(pouch_options_set(o, usual[i], usual[i + 1]), POUCH_OK);
    for (size_t i = 0; settings && settings[i]; i += 2)
        if (pouch_options_set(o, settings[i], settings[i + 1])) fail_msg("%s", pouch_why());
    if (center_new(&f->center, o)) fail_msg("%s", pouch_why());
    pouch_options_free(o);
    assert_int_equal(pthread_create(&f->thread, NULL, center_thread, f), 0);
}

static inline void stop_center(struct fixture *f) {
    center_stop(f->center);
    pthread_join(f->thread, NULL);
    if (f->ran) fail_msg("the center ended with %s: %s", pouch_err_code(f->ran), f->ran_why);
    center_free(f->center);
    f->center = NULL;
}

/* With drain a minute: a stop that ends long before has not waited for it. */
#define LONG_DRAIN "drain", "60s"

static inline void stop_center_soon(struct fixture *f) {
    int64_t begin = pl_mono_us(&pl_clock_system);
    stop_center(f);
    assert_true(pl_mono_us(&pl_clock_system) - begin < 30000000);
}

/* What is sent to the inbox; by default a request of publisher p with a reply topic. */
struct request {
    const char *publisher, *reply_topic, *text; /* text: further members, each with a comma in front */
    const char *headers[2 * HEADERS_MAX];       /* name, value, … */
    const void *raw;                            /* in place of an envelope */
    size_t raw_n;
};

static inline void new_id(char id[ID_TEXT]) {
    struct pl_uuid u;
    assert_int_equal(getrandom(u.b, sizeof u.b, 0), sizeof u.b);
    pl_uuid_v4(&u);
    pl_uuid_format(id, &u);
}

static inline void ask(struct fixture *f, struct request r, char id[ID_TEXT]) {
    char value[4096];
    new_id(id);
    if (r.raw) {
        plain_produce(f->producer, INBOX, id, r.raw, r.raw_n, r.headers, HEADERS_MAX);
        return;
    }
    int n = snprintf(value, sizeof value,
                     "{\"request_id\":\"%s\",\"worker_name\":\"%s\",\"data\":\"00\",\"iv\":\"%032d\",\"tag\":\"%032d\","
                     "\"replyTopic\":\"%s\"%s}",
                     id, r.publisher ? r.publisher : "p", 1, 2, r.reply_topic ? r.reply_topic : REPLIES,
                     r.text ? r.text : "");
    plain_produce(f->producer, INBOX, id, value, (size_t)n, r.headers, HEADERS_MAX);
}

/* Reads what is there; true when there was something. */
static inline bool tap(struct fixture *f) {
    rd_kafka_poll(f->producer, 0);
    return plain_tap_read(&f->tap);
}

static inline bool is_about(const rd_kafka_message_t *m, const char *topic, const char *id) {
    return on_topic(m, topic) && m->key_len == strlen(id) && !memcmp(m->key, id, m->key_len);
}

/* The nth (from 0) record on topic with that id as its key; NULL: not there. */
static inline const rd_kafka_message_t *seen_on(const struct fixture *f, const char *topic, const char *id,
                                                size_t nth) {
    for (size_t i = 0; i < f->tap.n; i++)
        if (is_about(f->tap.seen[i], topic, id) && nth-- == 0) return f->tap.seen[i];
    return NULL;
}

static inline size_t count_on(const struct fixture *f, const char *topic) {
    return plain_tap_count(&f->tap, topic);
}

/* The same, waited for; fails the test after two minutes. */
static inline const rd_kafka_message_t *find_nth(struct fixture *f, const char *topic, const char *id, size_t nth) {
    int64_t give_up = pl_mono_us(&pl_clock_system) + PATIENCE_US;
    const rd_kafka_message_t *m;
    while (!(m = seen_on(f, topic, id, nth))) {
        tap(f);
        if (pl_mono_us(&pl_clock_system) > give_up) fail_msg("nothing about %s on %s", id, topic);
    }
    return m;
}

static inline const rd_kafka_message_t *find(struct fixture *f, const char *topic, const char *id) {
    return find_nth(f, topic, id, 0);
}

/* That the request was answered with an error in clear of this code. */
static inline const rd_kafka_message_t *assert_told(struct fixture *f, const char *id, const char *code) {
    struct pl_envelope e;
    const rd_kafka_message_t *m = find(f, REPLIES, id);
    if (pl_envelope_scan(&e, m->payload, m->len)) fail_msg("%s", pouch_why());
    assert_int_equal(e.error_code.n, strlen(code));
    assert_memory_equal(e.error_code.at, code, e.error_code.n);
    assert_true(e.error_message.n > 0);
    return m;
}

static inline const rd_kafka_message_t *assert_letter(struct fixture *f, const char *id, const char *code) {
    const rd_kafka_message_t *m = find(f, LETTERS, id);
    assert_string_equal(header_of(m, PL_H_DLQ_CODE), code);
    assert_string_not_equal(header_of(m, PL_H_DLQ_REASON), "");
    assert_string_equal(header_of(m, PL_H_DLQ_GROUP), GROUP);
    return m;
}

/* What the center's group has committed of the inbox; negative: nothing. */
static inline int64_t committed(const struct fixture *f) {
    return plain_committed(f->mock.brokers, GROUP, INBOX);
}

/* How many records the inbox has been given. */
static inline int64_t given(const struct fixture *f) {
    return plain_next_offset(f->producer, INBOX);
}

struct counted {
    enum pl_metric metric;
    int64_t value;
};

static inline bool has_value(void *arg) {
    const struct counted *c = arg;
    return pl_metric_get(c->metric) == c->value;
}

static inline void wait_metric(enum pl_metric metric, int64_t value) {
    struct counted c = {metric, value};
    test_until(has_value, &c);
}

#define TARGETS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
