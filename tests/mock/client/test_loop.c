/* A client without a thread: the caller's loop polls one descriptor and gives it its turns. */
#include <support.h>

#include <client_stage.h>
#include <metrics/metrics.h>

static atomic_bool has_answered_often;

static void behave(struct peer *p, const struct peer_request *r) {
    bool often = peer_is(r, "\"often\"");
    for (int i = 0; often && i < 2000; i++) peer_echo(p, r);
    if (often) rd_kafka_flush(p->producer, PEER_MS);
    if (often) atomic_store(&has_answered_often, true);
    if (!often && !peer_is(r, "\"silence\"")) peer_echo(p, r);
}

static int set_up(void **state) {
    stage_set_up(state, 1, behave);
    struct stage *s = *state;
    s->client = stage_client(s, (const char *const[]){"client.thread", "off", NULL});
    return 0;
}

/* Sleeps until the descriptor is readable, so that a wake-up or a timer that is missing shows as a hang. */
static void turn_until(struct stage *s, struct ending *end) {
    struct pollfd p = {.fd = pouch_client_fd(s->client), .events = POLLIN};
    while (!has_ended(end)) {
        assert_int_equal(poll(&p, 1, PEER_MS), 1);
        pouch_client_process(s->client);
    }
}

static void answers_come_in_the_callers_loop(void **state) {
    struct stage *s = *state;
    for (int i = 0; i < 50; i++) {
        struct ending end = {0};
        ask(s->client, "orders", "{\"a\":1}", PEER_MS, &end);
        turn_until(s, &end);
        assert_int_equal(end.error, POUCH_OK);
        assert_string_equal(end.payload, "{\"a\":1}");
    }
    assert_true(pouch_client_ready(s->client));
}

static void the_descriptor_becomes_readable_for_a_deadline(void **state) {
    struct stage *s = *state;
    struct ending first = {0}, late = {0}, soon = {0};
    ask(s->client, "orders", "1", PEER_MS, &first);
    turn_until(s, &first);
    ask(s->client, "orders", "\"silence\"", PEER_OPEN_MS, &late);
    ask(s->client, "orders", "\"silence\"", 100, &soon);
    turn_until(s, &soon);
    assert_int_equal(soon.error, POUCH_E_TIMEOUT);
    assert_int_equal(atomic_load(&late.times), 0);
    stage_close(s, 0);
    assert_int_equal(late.error, POUCH_E_CLOSED);
}

static void a_call_that_waits_is_refused(void **state) {
    struct stage *s = *state;
    pouch_dest *to = pouch_dest_topic("orders");
    pouch_reply *reply;
    assert_int_equal(pouch_client_call(s->client, to, "1", 1, 0, NULL, &reply), POUCH_E_CONFIG);
    assert_null(reply);
    pouch_dest_free(to);
}

static void close_drains_on_the_callers_thread(void **state) {
    struct stage *s = *state;
    struct ending ends[10] = {0};
    for (int i = 0; i < 10; i++) ask(s->client, "orders", "1", PEER_MS, &ends[i]);
    stage_close(s, PEER_MS);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(atomic_load(&ends[i].times), 1);
        assert_int_equal(ends[i].error, POUCH_OK);
    }
}

struct nested {
    pouch_client *client;
    struct ending end;
};

static void process_again(pouch_err e, const pouch_reply *reply, void *arg) {
    struct nested *n = arg;
    pouch_client_process(n->client);
    note_ending(e, reply, &n->end);
}

static bool is_set(void *flag) {
    return atomic_load((atomic_bool *)flag);
}

static void processing_from_a_callback_does_nothing(void **state) {
    struct stage *s = *state;
    struct nested often = {.client = s->client}, silent = {.client = s->client};
    struct ending warm = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    ask(s->client, "orders", "1", PEER_MS, &warm);
    turn_until(s, &warm);
    assert_int_equal(pouch_client_request(s->client, to, "\"often\"", 7, PEER_MS, NULL, process_again, &often),
                     POUCH_OK);
    test_until(is_set, &has_answered_often); /* more than are taken at once */
    turn_until(s, &often.end);
    assert_int_equal(often.end.error, POUCH_OK);
    assert_int_equal(pouch_client_request(s->client, to, "\"silence\"", 9, PEER_OPEN_MS, NULL, process_again, &silent),
                     POUCH_OK);
    stage_close(s, 0);
    assert_int_equal(atomic_load(&often.end.times), 1);
    assert_int_equal(atomic_load(&silent.end.times), 1);
    assert_int_equal(silent.end.error, POUCH_E_CLOSED);
    pouch_dest_free(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(answers_come_in_the_callers_loop),
        ON_STAGE(the_descriptor_becomes_readable_for_a_deadline),
        ON_STAGE(a_call_that_waits_is_refused),
        ON_STAGE(close_drains_on_the_callers_thread),
        ON_STAGE(processing_from_a_callback_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
