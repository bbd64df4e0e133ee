/* The adapter for libevent: a client that is one of several things in a loop. */
#include <support.h>

#include <client_stage.h>
#include <pouch/adapters/libevent.h>

static struct event_base *base;

static void behave(struct peer *p, const struct peer_request *r) {
    if (!peer_is(r, "\"silence\"")) peer_echo(p, r);
}

static int set_up(void **state) {
    stage_set_up(state, 1, behave);
    base = event_base_new();
    assert_non_null(base);
    return 0;
}

static int tear_down(void **state) {
    event_base_free(base);
    return stage_tear_down(state);
}

struct round {
    struct event_base *base;
    struct ending end;
    pthread_t thread;
};

static void note_and_leave(pouch_err e, const pouch_reply *reply, void *arg) {
    struct round *r = arg;
    note_ending(e, reply, &r->end);
    r->thread = pthread_self();
    event_base_loopbreak(r->base);
}

/* Asks and runs the loop until the answer is there; a loop that has nothing to wake it ends the test by its timeout. */
static void go_round(pouch_client *c, const char *json, int timeout, struct round *r) {
    pouch_dest *to = pouch_dest_topic("orders");
    const struct timeval too_long = {PEER_MS / 1000, 0};
    *r = (struct round){.base = base};
    assert_int_equal(pouch_client_request(c, to, json, strlen(json), timeout, NULL, note_and_leave, r), POUCH_OK);
    assert_int_equal(event_base_loopexit(base, &too_long), 0);
    assert_int_equal(event_base_dispatch(base), 0);
    assert_true(has_ended(&r->end));
    assert_true(pthread_equal(r->thread, pthread_self()));
    pouch_dest_free(to);
}

static void answers_and_timeouts_come_in_the_loop(void **state) {
    struct stage *s = *state;
    struct round r;
    pouch_client *c = stage_client(s, (const char *const[]){"client.thread", "off", NULL});
    struct event *turns = pouch_libevent_attach(c, base);
    assert_non_null(turns);
    for (int i = 0; i < 3; i++) {
        go_round(c, "[1, 2]", PEER_MS, &r);
        assert_int_equal(r.end.error, POUCH_OK);
        assert_string_equal(r.end.payload, "[1, 2]");
    }
    go_round(c, "\"silence\"", 100, &r);
    assert_int_equal(r.end.error, POUCH_E_TIMEOUT);
    event_free(turns);
    pouch_client_close(c, 0);
}

static void a_client_with_a_thread_is_not_attached(void **state) {
    struct stage *s = *state;
    pouch_client *c = stage_client(s, NULL);
    assert_null(pouch_libevent_attach(c, base));
    pouch_client_close(c, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_and_timeouts_come_in_the_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_with_a_thread_is_not_attached, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
