/* A worker, a topic for asynchronous replies and what the tests are told. Include after support.h. */
#ifndef POUCH_TESTS_MOCK_ASYNC_STAGE_H
#define POUCH_TESTS_MOCK_ASYNC_STAGE_H

#include <async/async.h>
#include <mock.h>
#include <peer.h>

enum { TEXT_MAX = 256, PARTITIONS = 3 };

struct stage {
    struct test_mock mock;
    pouch_keyring *ring;
    struct peer bank;
    pouch_dest *to;
    pouch_options *options;
};

/* Asked for "fail" it fails, for "silence" it does not answer. */
static void behave(struct peer *p, const struct peer_request *r) {
    if (peer_is(r, "\"silence\"")) return;
    if (peer_is(r, "\"fail\""))
        peer_fail(p, r, "no such account", NULL);
    else
        peer_echo(p, r);
}

static inline struct stage *stage_new(void) {
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    test_mock_start(&s->mock, 1);
    test_mock_topic(&s->mock, "gate.async-replies", PARTITIONS);
    test_mock_topic(&s->mock, "bank", 1);
    s->ring = test_ring();
    peer_start(&s->bank, &s->mock, s->ring, "bank", 1, behave);
    s->to = pouch_dest_topic("bank");
    s->options = pouch_options_new();
    assert_non_null(s->options);
    assert_int_equal(pouch_options_set(s->options, "brokers", s->mock.brokers), POUCH_OK);
    assert_int_equal(pouch_options_set(s->options, "client.id", "gate"), POUCH_OK);
    return s;
}

static inline void stage_free(struct stage *s) {
    peer_stop(&s->bank);
    pouch_dest_free(s->to);
    pouch_options_free(s->options);
    pouch_keyring_free(s->ring);
    test_mock_stop(&s->mock);
    free(s);
}

static inline struct async *stage_open(struct stage *s, struct share *share) {
    struct async *a;
    if (async_open(&a, s->options, s->ring, share)) fail_msg("%s", pouch_why());
    return a;
}

static inline bool is_complete(void *a) {
    json_t *status = json_object();
    async_status(a, status);
    bool complete = json_is_true(json_object_get(status, "complete")) && json_is_true(json_object_get(status, "ready"));
    json_decref(status);
    return complete;
}

/* What callbacks said. */
struct told {
    atomic_int times;
    pouch_err e;
    bool before;
    char id[37], text[TEXT_MAX], why[TEXT_MAX];
    enum async_state state;
    pouch_err code;
    int64_t deadline_ms;
};

static inline bool is_told(void *t) {
    return atomic_load(&((struct told *)t)->times) > 0;
}

static inline void on_asked(pouch_err e, const char *id, bool before, void *arg) {
    struct told *t = arg;
    t->e = e;
    t->before = before;
    snprintf(t->id, sizeof t->id, "%s", e ? "" : id);
    snprintf(t->why, sizeof t->why, "%s", e ? pouch_why() : "");
    atomic_fetch_add(&t->times, 1);
}

static inline void on_found(pouch_err e, const struct async_answer *answer, void *arg) {
    struct told *t = arg;
    t->e = e;
    if (!e) {
        t->state = answer->state;
        t->code = answer->code;
        t->deadline_ms = answer->deadline_ms;
        snprintf(t->text, sizeof t->text, "%.*s%s", (int)answer->payload_n, answer->payload, answer->error);
    }
    snprintf(t->why, sizeof t->why, "%s", e ? pouch_why() : "");
    atomic_fetch_add(&t->times, 1);
}

static inline struct told ask_later_with(struct stage *s, struct async *a, const char *json, const char *key,
                                         int timeout) {
    struct told t = {0};
    const struct async_ask ask = {
        .to = s->to, .json = json, .n = strlen(json), .owner = "key:ada", .key = key, .timeout_ms = timeout};
    pouch_err e = async_request(a, &ask, on_asked, &t);
    if (e)
        t.e = e;
    else
        test_until(is_told, &t);
    return t;
}

static inline struct told ask_later(struct stage *s, struct async *a, const char *json) {
    struct told t = ask_later_with(s, a, json, NULL, 20000);
    if (t.e) fail_msg("%s: %s", pouch_err_code(t.e), t.why);
    return t;
}

static inline struct told find_as(struct async *a, const char *id, const char *owner) {
    struct told t = {0};
    pouch_err e = async_find(a, id, owner, on_found, &t);
    if (e)
        t.e = e;
    else
        test_until(is_told, &t);
    return t;
}

static inline struct told await_answer(struct async *a, const char *id, int ms) {
    struct told t = {0};
    pouch_err e = async_await(a, id, "key:ada", ms, on_found, &t);
    if (e)
        t.e = e;
    else
        test_until(is_told, &t);
    return t;
}

#endif
