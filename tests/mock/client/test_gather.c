/* One question to several. */
#include <support.h>

#include <base/clock.h>
#include <mock.h>
#include <peer.h>

enum { PEERS = 4 };

struct stage {
    struct test_mock mock;
    pouch_keyring *ring;
    struct peer peers[PEERS];
    pouch_dest *to[PEERS];
    pouch_client *client;
};

static const char *const topics[PEERS] = {"bank", "tax", "land", "court"};

/* court never answers; land fails when asked to. */
static void behave(struct peer *p, const struct peer_request *r) {
    if (!strcmp(p->topic, "court")) return;
    if (!strcmp(p->topic, "land") && peer_is(r, "\"land fails\""))
        peer_fail(p, r, "no such parcel", NULL);
    else
        peer_echo(p, r);
}

static int set_up(void **state) {
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    test_mock_start(&s->mock, 1);
    test_mock_topic(&s->mock, "app.replies", 1);
    s->ring = test_ring();
    for (int i = 0; i < PEERS; i++) {
        test_mock_topic(&s->mock, topics[i], 1);
        peer_start(&s->peers[i], &s->mock, s->ring, topics[i], 1, behave);
        s->to[i] = pouch_dest_topic(topics[i]);
    }
    s->client = client_of(s->mock.brokers, s->ring, (const char *const[]){"client.id", "app", NULL});
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    struct stage *s = *state;
    pouch_client_close(s->client, 0);
    for (int i = 0; i < PEERS; i++) {
        peer_stop(&s->peers[i]);
        pouch_dest_free(s->to[i]);
    }
    pouch_keyring_free(s->ring);
    test_mock_stop(&s->mock);
    free(s);
    return 0;
}

struct gathered {
    atomic_int times;
    size_t n;
    bool from[PEERS];
};

static void note(const pouch_reply *const replies[], size_t n, void *arg) {
    struct gathered *g = arg;
    g->n = n;
    for (size_t i = 0; i < n; i++)
        for (int p = 0; p < PEERS; p++)
            if (!strcmp(pouch_reply_target(replies[i]), topics[p])) g->from[p] = true;
    atomic_fetch_add(&g->times, 1);
}

static bool is_gathered(void *g) {
    return atomic_load(&((struct gathered *)g)->times) > 0;
}

static void gather(struct stage *s, size_t n_to, size_t enough, const char *json, int timeout, struct gathered *g) {
    if (pouch_client_gather(s->client, s->to, n_to, enough, json, strlen(json), timeout, note, g))
        fail_msg("%s", pouch_why());
    test_until(is_gathered, g);
}

static void all_answers_are_gathered(void **state) {
    struct gathered g = {0};
    gather(*state, 3, 0, "1", 20000, &g);
    assert_int_equal(g.n, 3);
    assert_true(g.from[0] && g.from[1] && g.from[2]);
}

/* The parts that are not waited for any more count no longer as open: closing has nothing to drain. */
static void enough_answers_end_it(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    gather(s, 4, 2, "1", 600000, &g);
    assert_int_equal(g.n, 2);
    assert_false(g.from[3]);
    int64_t before = pl_mono_us(&pl_clock_system);
    pouch_client_close(s->client, 600000);
    s->client = NULL;
    assert_true(pl_mono_us(&pl_clock_system) - before < 300 * 1000000LL);
    assert_int_equal(atomic_load(&g.times), 1);
}

static void at_the_timeout_it_ends_with_what_has_come(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    test_until(client_is_ready, s->client);
    gather(s, 4, 0, "1", 3000, &g);
    assert_int_equal(g.n, 3);
    assert_false(g.from[3]);
}

static void an_error_is_no_answer(void **state) {
    struct gathered g = {0};
    gather(*state, 3, 0, "\"land fails\"", 20000, &g);
    assert_int_equal(g.n, 2);
    assert_false(g.from[2]);
}

static void it_ends_as_soon_as_enough_cannot_come(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    pouch_dest *nowhere = pouch_dest_topic("nowhere"), *to[2] = {s->to[0], nowhere};
    test_mock_no_topic(&s->mock, "nowhere");
    assert_int_equal(pouch_client_gather(s->client, to, 2, 0, "1", 1, 600000, note, &g), POUCH_OK);
    test_until(is_gathered, &g);
    assert_int_equal(g.n, 1);
    pouch_dest_free(nowhere);
}

static void it_is_all_or_nothing(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    pouch_dest *many[1001];
    for (int i = 0; i < 1001; i++) many[i] = s->to[0];
    assert_int_equal(pouch_client_gather(s->client, many, 1001, 0, "1", 1, 0, note, &g), POUCH_E_CONFIG);
    assert_int_equal(pouch_client_gather(s->client, many, 0, 0, "1", 1, 0, note, &g), POUCH_E_CONFIG);
    assert_int_equal(pouch_client_gather(s->client, many, 2, 3, "1", 1, 0, note, &g), POUCH_E_CONFIG);
    assert_int_equal(pouch_client_gather(s->client, many, 2, 0, "{", 1, 0, note, &g), POUCH_E_INVALID_PAYLOAD);
    pouch_client *small =
        client_of(s->mock.brokers, s->ring, (const char *const[]){"client.id", "app", "client.max_pending", "3", NULL});
    assert_int_equal(pouch_client_gather(small, many, 4, 0, "1", 1, 0, note, &g), POUCH_E_OVERLOADED);
    assert_int_equal(pouch_client_gather(small, many, 3, 0, "1", 1, 20000, note, &g), POUCH_OK);
    test_until(is_gathered, &g);
    assert_int_equal(g.n, 3);
    assert_int_equal(atomic_load(&s->peers[0].seen), 3);
    pouch_client_close(small, 0);
    assert_int_equal(atomic_load(&g.times), 1);
}

static void close_ends_it_with_what_has_come(void **state) {
    struct stage *s = *state;
    struct gathered g = {0};
    assert_int_equal(pouch_client_gather(s->client, s->to, PEERS, 0, "1", 1, 600000, note, &g), POUCH_OK);
    pouch_client_close(s->client, 0);
    s->client = NULL;
    assert_int_equal(atomic_load(&g.times), 1);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(all_answers_are_gathered),
        ON_STAGE(enough_answers_end_it),
        ON_STAGE(at_the_timeout_it_ends_with_what_has_come),
        ON_STAGE(an_error_is_no_answer),
        ON_STAGE(it_ends_as_soon_as_enough_cannot_come),
        ON_STAGE(it_is_all_or_nothing),
        ON_STAGE(close_ends_it_with_what_has_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
