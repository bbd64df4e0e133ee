/* One request and its one answer, whatever that is. */
#include <support.h>

#include <client/client.h>
#include <client_stage.h>
#include <metrics/metrics.h>

/* A success whose payload is left out. */
static void answer_nothing(struct peer *p, const struct peer_request *r) {
    char id[37], plain[128];
    pl_uuid_format(id, &r->id);
    int n = snprintf(plain, sizeof plain, "{\"request_id\":\"%s\",\"timestamp\":1,\"success\":true}", id);
    peer_seal(p, r->reply_topic, &r->id, &r->id, plain, (size_t)n);
}

static void behave(struct peer *p, const struct peer_request *r) {
    if (peer_is(r, "\"silence\"")) return;
    if (peer_is(r, "\"nothing\""))
        answer_nothing(p, r);
    else if (peer_is(r, "\"error\""))
        peer_fail(p, r, "division by \"zero\"", NULL);
    else if (peer_is(r, "\"coded\""))
        peer_fail(p, r, "late", "handler_timeout");
    else if (peer_is(r, "\"plain\""))
        peer_plain_error(p, r, POUCH_E_NO_ROUTE, "no \"route\" here");
    else
        peer_echo(p, r);
}

static int set_up(void **state) {
    stage_set_up(state, 2, behave);
    struct stage *s = *state;
    s->client = stage_client(s, NULL);
    return 0;
}

/* acceptance: A11 A14 A16 */
static void a_request_gets_its_reply(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    ask(s->client, "orders", "{\"n\": [1, 2]}", PEER_MS, &end);
    test_until(has_ended, &end);
    assert_string_equal(end.why, "");
    assert_int_equal(end.error, POUCH_OK);
    assert_string_equal(end.payload, "{\"n\": [1, 2]}");
    assert_string_equal(end.target, "orders");
    assert_true(end.sealed);
    assert_true(pouch_client_ready(s->client));
}

static void a_waiting_call_gets_its_reply_and_its_id(void **state) {
    struct stage *s = *state;
    pouch_dest *to = pouch_dest_topic("orders");
    pouch_reply *reply;
    char id[37];
    size_t n;
    assert_int_equal(pouch_client_call(s->client, to, "7", 1, PEER_MS, id, &reply), POUCH_OK);
    assert_string_equal(pouch_reply_payload(reply, &n), "7");
    assert_int_equal(n, 1);
    assert_string_equal(pouch_reply_request_id(reply), id);
    assert_string_equal(pouch_reply_target(reply), "orders");
    assert_string_equal(pouch_reply_error(reply), "");
    pouch_reply_free(reply);
    pouch_dest_free(to);
}

/* Kept past the message, too: a waiting call's reply is a copy. */
static void a_success_without_a_payload_is_null(void **state) {
    struct stage *s = *state;
    pouch_dest *to = pouch_dest_topic("orders");
    pouch_reply *reply;
    size_t n;
    assert_int_equal(pouch_client_call(s->client, to, "\"nothing\"", 9, PEER_MS, NULL, &reply), POUCH_OK);
    assert_string_equal(pouch_reply_payload(reply, &n), "null");
    assert_int_equal(n, 4);
    pouch_reply_free(reply);
    pouch_dest_free(to);
}

/* acceptance: A13 A14 */
static void an_error_of_the_handler_reaches_the_caller(void **state) {
    struct stage *s = *state;
    pouch_dest *to = pouch_dest_topic("orders");
    pouch_reply *reply;
    size_t n;
    assert_int_equal(pouch_client_call(s->client, to, "\"error\"", 7, PEER_MS, NULL, &reply), POUCH_E_HANDLER_ERROR);
    assert_string_equal(pouch_reply_error(reply), "division by \"zero\"");
    assert_string_equal(pouch_reply_payload(reply, &n), "");
    assert_int_equal(n, 0);
    assert_true(pouch_reply_sealed(reply));
    pouch_reply_free(reply);
    assert_int_equal(pouch_client_call(s->client, to, "\"coded\"", 7, PEER_MS, NULL, &reply), POUCH_E_HANDLER_TIMEOUT);
    assert_string_equal(pouch_reply_error(reply), "late");
    pouch_reply_free(reply);
    pouch_dest_free(to);
}

static void a_plain_error_says_that_it_is_not_sealed(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    ask(s->client, "orders", "\"plain\"", PEER_MS, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_E_NO_ROUTE);
    assert_false(end.sealed);
    assert_string_equal(end.text, "no \"route\" here");
    assert_non_null(strstr(end.why, "no \"route\" here"));
}

/* acceptance: A12 */
static void a_request_without_an_answer_times_out(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    int64_t before = pl_metric_get(PL_M_TIMEOUTS);
    test_until(client_is_ready, s->client);
    ask(s->client, "orders", "\"silence\"", 50, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_E_TIMEOUT);
    assert_false(end.had_reply);
    assert_non_null(strstr(end.why, "no answer from topic orders within 50 ms"));
    assert_non_null(strstr(end.why, "crypto.iv_bytes = 12"));
    assert_int_equal(pl_metric_get(PL_M_TIMEOUTS), before + 1);
}

/* Who reads cannot be told here; what is unknown waits, and is answered. */
static void on_the_mock_no_responders_changes_nothing(void **state) {
    struct stage *s = *state;
    struct ending end = {0}, silence = {0};
    stage_close(s, 0);
    s->client = stage_client(s, (const char *const[]){"client.no_responders", "on", NULL});
    ask(s->client, "orders", "7", 60000, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_OK);
    ask(s->client, "nobody", "\"silence\"", 2000, &silence);
    test_until(has_ended, &silence);
    assert_int_equal(silence.error, POUCH_E_TIMEOUT);
}

static void a_short_iv_is_not_blamed_for_a_timeout(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    assert_int_equal(pouch_dest_set_iv_bytes(to, 12), POUCH_OK);
    test_until(client_is_ready, s->client);
    assert_int_equal(pouch_client_request(s->client, to, "\"silence\"", 9, 50, NULL, note_ending, &end), POUCH_OK);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_E_TIMEOUT);
    assert_null(strstr(end.why, "iv_bytes"));
    pouch_dest_free(to);
}

static void an_unknown_topic_is_named(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    test_mock_no_topic(&s->mock, "nobody");
    ask(s->client, "nobody", "1", PEER_MS, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_E_TARGET_REFUSED);
    assert_string_equal(end.why, "topic nobody does not exist: pouch topic create nobody");
}

static void what_cannot_be_sent_is_refused_before_it_is_sealed(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    const size_t n = 600 * 1000;
    char *big = malloc(n);
    assert_non_null(big);
    memset(big, '1', n);
    int64_t sealed = pl_metric_get(PL_M_REQUESTS);
    assert_int_equal(pouch_client_request(s->client, to, "{\"a\":}", 6, 0, NULL, note_ending, &end),
                     POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(pouch_client_request(s->client, to, "", 0, 0, NULL, note_ending, &end), POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(pouch_client_request(s->client, to, big, n, 0, NULL, note_ending, &end), POUCH_E_TOO_LARGE);
    assert_non_null(strstr(pouch_why(), "600000 bytes"));
    assert_non_null(strstr(pouch_why(), "995868 are allowed"));
    assert_int_equal(pouch_client_request(s->client, to, "1", 1, -1, NULL, note_ending, &end), POUCH_E_CONFIG);
    assert_int_equal(pouch_client_request(s->client, to, "1", 1, 86400001, NULL, note_ending, &end), POUCH_E_CONFIG);
    assert_int_equal(pl_metric_get(PL_M_REQUESTS), sealed);
    assert_int_equal(atomic_load(&end.times), 0);
    pouch_dest_free(to);
    free(big);
}

/* The largest payload that is taken also arrives, and one byte more is refused. */
static void the_size_limit_is_exact(void **state) {
    struct stage *s = *state;
    pouch_dest *to = pouch_dest_topic("orders");
    pouch_reply *reply;
    const size_t most = 600 * 1000;
    char *json = malloc(most);
    assert_non_null(json);
    memset(json, '1', most);
    size_t low = 1, high = most;
    test_until(client_is_ready, s->client);
    while (high - low > 1) {
        struct ending end = {0};
        size_t n = (low + high) / 2;
        pouch_err e = pouch_client_request(s->client, to, json, n, PEER_MS, NULL, note_ending, &end);
        if (e) {
            assert_int_equal(e, POUCH_E_TOO_LARGE);
            high = n;
        } else {
            test_until(has_ended, &end);
            assert_int_equal(end.error, POUCH_OK);
            low = n;
        }
    }
    assert_true(low > 490 * 1000);
    assert_int_equal(pouch_client_call(s->client, to, json, low, PEER_MS, NULL, &reply), POUCH_OK);
    pouch_reply_free(reply);
    pouch_dest_free(to);
    free(json);
}

struct seen_record {
    struct pl_uuid id;
    char key[64], reply_topic[PL_NAME_MAX + 1], deadline[32], mine[16];
    bool has_reply_none;
    atomic_bool done;
};

static void header_of(const rd_kafka_message_t *m, const char *name, char *out, size_t n) {
    rd_kafka_headers_t *headers;
    const void *value;
    size_t value_n;
    *out = '\0';
    if (rd_kafka_message_headers(m, &headers) || rd_kafka_header_get_last(headers, name, &value, &value_n)) return;
    snprintf(out, n, "%.*s", (int)value_n, (const char *)value);
}

static void note_record(struct peer *p, const struct peer_request *r) {
    struct seen_record *seen = (struct seen_record *)p->arg + atomic_load(&p->seen);
    char reply[16];
    seen->id = r->id;
    snprintf(seen->key, sizeof seen->key, "%.*s", (int)r->message->key_len, (const char *)r->message->key);
    snprintf(seen->reply_topic, sizeof seen->reply_topic, "%s", r->reply_topic);
    header_of(r->message, "pouch-deadline", seen->deadline, sizeof seen->deadline);
    header_of(r->message, "mine", seen->mine, sizeof seen->mine);
    header_of(r->message, "pouch-reply", reply, sizeof reply);
    seen->has_reply_none = !strcmp(reply, "none");
    atomic_store(&seen->done, true);
}

static bool record_seen(void *seen) {
    return atomic_load(&((struct seen_record *)seen)->done);
}

/* acceptance: A8 A16 */
static void a_request_carries_key_headers_deadline_and_reply_topic(void **state) {
    struct stage *s = *state;
    struct seen_record seen[2] = {0};
    struct peer watcher = {.arg = seen};
    struct ending end = {0};
    char id[37], key[37];
    test_mock_topic(&s->mock, "watched", 1);
    peer_start(&watcher, &s->mock, s->ring, "watched", 1, note_record);
    pouch_dest *to = pouch_dest_topic("watched");
    assert_int_equal(pouch_dest_add_header(to, "mine", "yes", 3), POUCH_OK);
    int64_t now = pl_wall_ms(&pl_clock_system);
    assert_int_equal(pouch_client_request(s->client, to, "1", 1, PEER_OPEN_MS, id, note_ending, &end), POUCH_OK);
    test_until(record_seen, &seen[0]);
    pl_uuid_format(key, &seen[0].id);
    assert_string_equal(key, id);
    assert_string_equal(seen[0].key, id);
    assert_string_equal(seen[0].reply_topic, "app.replies");
    assert_string_equal(seen[0].mine, "yes");
    assert_false(seen[0].has_reply_none);
    assert_true(strtoll(seen[0].deadline, NULL, 10) >= now + PEER_OPEN_MS);
    assert_true(strtoll(seen[0].deadline, NULL, 10) < now + PEER_OPEN_MS + PEER_MS);

    assert_int_equal(pouch_dest_set_key(to, "customer 7"), POUCH_OK);
    struct ending stored = {0};
    assert_int_equal(pouch_client_send(s->client, to, "1", 1, id, note_stored, &stored), POUCH_OK);
    test_until(record_seen, &seen[1]);
    pl_uuid_format(key, &seen[1].id);
    assert_string_equal(key, id);
    assert_string_equal(seen[1].key, "customer 7");
    assert_string_equal(seen[1].reply_topic, "");
    assert_true(seen[1].has_reply_none);
    test_until(has_ended, &stored);
    assert_int_equal(stored.error, POUCH_OK);
    pouch_dest_free(to);
    peer_stop(&watcher);
    /* The request is still open and ends with the client, before `end` goes. */
    stage_close(s, 0);
    assert_int_equal(end.error, POUCH_E_CLOSED);
}

static void a_send_to_an_unknown_topic_is_never_stored(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    pouch_dest *to = pouch_dest_topic("nobody");
    test_mock_no_topic(&s->mock, "nobody");
    assert_int_equal(pouch_client_send(s->client, to, "1", 1, NULL, note_stored, &end), POUCH_OK);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_E_TARGET_REFUSED);
    pouch_dest_free(to);
}

/* A producer that ended for good is made anew: what it had under way ends, what comes after goes on. */
static void a_producer_that_ends_takes_only_its_own_calls_along(void **state) {
    struct stage *s = *state;
    struct ending under_way[5] = {0}, later = {0};
    test_until(client_is_ready, s->client);
    /* The first record is confirmed far too late, and so are those behind it on the same connection. */
    rd_kafka_mock_broker_push_request_error_rtts(s->mock.cluster, 1, TEST_API_PRODUCE, 1, RD_KAFKA_RESP_ERR_NO_ERROR,
                                                 PEER_OPEN_MS);
    for (int i = 0; i < 5; i++) ask(s->client, "orders", "\"silence\"", PEER_OPEN_MS, &under_way[i]);
    rd_kafka_t *rk = pl_producer_take(s->client->producer);
    rd_kafka_test_fatal_error(rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "a test");
    pl_producer_give(rk);
    for (int i = 0; i < 5; i++) {
        test_until(has_ended, &under_way[i]);
        assert_int_equal(under_way[i].error, POUCH_E_NO_BROKER);
    }
    ask(s->client, "orders", "1", PEER_MS, &later);
    test_until(has_ended, &later);
    assert_int_equal(later.error, POUCH_OK);
    for (int i = 0; i < 5; i++) assert_int_equal(atomic_load(&under_way[i].times), 1);
}

struct loop {
    pouch_client *client;
    pouch_dest *to;
    atomic_int left, ended, failed;
};

static void again(pouch_err e, const pouch_reply *reply, void *arg) {
    struct loop *l = arg;
    (void)reply;
    if (e) atomic_fetch_add(&l->failed, 1);
    if (atomic_fetch_sub(&l->left, 1) > 0) {
        if (pouch_client_request(l->client, l->to, "1", 1, PEER_MS, NULL, again, l)) atomic_fetch_add(&l->failed, 1);
    }
    atomic_fetch_add(&l->ended, 1);
}

static bool loop_done(void *arg) {
    struct loop *l = arg;
    return atomic_load(&l->ended) == 264;
}

/* A callback may ask again, even when all places are taken but the one that has just become free. */
static void a_callback_may_ask_again(void **state) {
    struct stage *s = *state;
    pouch_client *c = stage_client(s, (const char *const[]){"client.max_pending", "64", NULL});
    struct loop l = {.client = c, .to = pouch_dest_topic("orders"), .left = 200};
    for (int i = 0; i < 64; i++)
        assert_int_equal(pouch_client_request(c, l.to, "1", 1, PEER_MS, NULL, again, &l), POUCH_OK);
    test_until(loop_done, &l);
    assert_int_equal(atomic_load(&l.failed), 0);
    pouch_client_close(c, 0);
    pouch_dest_free(l.to);
}

static void past_max_pending_calls_are_refused(void **state) {
    struct stage *s = *state;
    pouch_client *c = stage_client(s, (const char *const[]){"client.max_pending", "2", NULL});
    struct ending first = {0}, second = {0}, third = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    int64_t shed = pl_metric_get(PL_M_SHED);
    ask(c, "orders", "\"silence\"", PEER_OPEN_MS, &first);
    ask(c, "orders", "\"silence\"", PEER_OPEN_MS, &second);
    assert_int_equal(pouch_client_request(c, to, "1", 1, 0, NULL, note_ending, &third), POUCH_E_OVERLOADED);
    assert_non_null(strstr(pouch_why(), "client.max_pending is 2"));
    assert_int_equal(pl_metric_get(PL_M_SHED), shed + 1);
    pouch_client_close(c, 0);
    assert_int_equal(first.error, POUCH_E_CLOSED);
    assert_int_equal(second.error, POUCH_E_CLOSED);
    assert_int_equal(atomic_load(&first.times), 1);
    assert_int_equal(atomic_load(&third.times), 0);
    pouch_dest_free(to);
}

/* acceptance: A21 */
static void close_waits_for_answers_on_their_way(void **state) {
    struct stage *s = *state;
    struct ending ends[20] = {0};
    for (int i = 0; i < 20; i++) ask(s->client, "orders", "1", PEER_MS, &ends[i]);
    stage_close(s, PEER_MS);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(atomic_load(&ends[i].times), 1);
        assert_int_equal(ends[i].error, POUCH_OK);
    }
}

static void only_what_the_client_may_do_without_a_thread(void **state) {
    struct stage *s = *state;
    assert_int_equal(pouch_client_fd(s->client), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_request_gets_its_reply),
        ON_STAGE(a_waiting_call_gets_its_reply_and_its_id),
        ON_STAGE(a_success_without_a_payload_is_null),
        ON_STAGE(an_error_of_the_handler_reaches_the_caller),
        ON_STAGE(a_plain_error_says_that_it_is_not_sealed),
        ON_STAGE(a_request_without_an_answer_times_out),
        ON_STAGE(on_the_mock_no_responders_changes_nothing),
        ON_STAGE(a_short_iv_is_not_blamed_for_a_timeout),
        ON_STAGE(an_unknown_topic_is_named),
        ON_STAGE(what_cannot_be_sent_is_refused_before_it_is_sealed),
        ON_STAGE(the_size_limit_is_exact),
        ON_STAGE(a_request_carries_key_headers_deadline_and_reply_topic),
        ON_STAGE(a_send_to_an_unknown_topic_is_never_stored),
        ON_STAGE(a_producer_that_ends_takes_only_its_own_calls_along),
        ON_STAGE(a_callback_may_ask_again),
        ON_STAGE(past_max_pending_calls_are_refused),
        ON_STAGE(close_waits_for_answers_on_their_way),
        ON_STAGE(only_what_the_client_may_do_without_a_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
