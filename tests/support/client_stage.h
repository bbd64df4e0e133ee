/* What most of the client's tests stand on: a cluster, a peer that reads the topic "orders", and a client. */
#ifndef POUCH_TESTS_CLIENT_STAGE_H
#define POUCH_TESTS_CLIENT_STAGE_H

#include <mock.h>
#include <peer.h>

struct stage {
    struct test_mock mock;
    pouch_keyring *ring;
    struct peer peer;
    pouch_client *client; /* NULL: closed, or the test makes its own */
};

/* Without a client. */
static inline int stage_set_up(void **state, int partitions, peer_fn *behave) {
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    test_mock_start(&s->mock, 1);
    test_mock_topic(&s->mock, "orders", partitions);
    test_mock_topic(&s->mock, "app.replies", 1);
    s->ring = test_ring();
    peer_start(&s->peer, &s->mock, s->ring, "orders", partitions, behave);
    *state = s;
    return 0;
}

/* A client called app; more settings as name, value, …, NULL. */
static inline pouch_client *stage_client(struct stage *s, const char *const settings[]) {
    const char *all[16] = {"client.id", "app"};
    for (size_t i = 0; settings && settings[i]; i++) {
        assert_true(i + 3 < sizeof all / sizeof all[0]);
        all[i + 2] = settings[i];
    }
    return client_of(s->mock.brokers, s->ring, all);
}

static inline void stage_close(struct stage *s, int drain) {
    pouch_client_close(s->client, drain);
    s->client = NULL;
}

static inline int stage_tear_down(void **state) {
    struct stage *s = *state;
    stage_close(s, 0);
    peer_stop(&s->peer);
    pouch_keyring_free(s->ring);
    test_mock_stop(&s->mock);
    free(s);
    return 0;
}

/* set_up is the test's own. */
#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, stage_tear_down)

#endif
