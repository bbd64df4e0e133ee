/* The reply lane: before there is a broker, and when the topic is not what it was. */
#include <support.h>

#include <client/client.h>
#include <client_stage.h>
#include <metrics/metrics.h>
#include <refusing_port.h>

static int set_up(void **state) {
    return stage_set_up(state, 1, peer_echo);
}

static void the_reply_topic_is_made_when_it_is_missing(void **state) {
    struct stage *s = *state;
    pouch_client *c = stage_client(s, (const char *const[]){"client.id", "newcomer", NULL});
    struct ending end = {0};
    ask(c, "orders", "1", PEER_MS, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_OK);
    pouch_client_close(c, 0);
}

static void the_reply_topic_has_a_default_and_can_be_chosen(void **state) {
    struct stage *s = *state;
    pouch_client *c =
        client_of(s->mock.brokers, s->ring, (const char *const[]){"reply.topic", "elsewhere-reply", NULL});
    struct ending end = {0};
    ask(c, "orders", "1", PEER_MS, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_OK);
    pouch_client_close(c, 0);
    c = client_of(s->mock.brokers, s->ring, NULL);
    test_until(client_is_ready, c);
    pouch_client_close(c, 0);
}

/* acceptance: A16 */
static void instances_of_one_client_id_each_get_their_own_answers(void **state) {
    struct stage *s = *state;
    enum { EACH = 200 };
    static struct ending ends[2][EACH];
    pouch_client *c[2];
    memset(ends, 0, sizeof ends);
    for (int i = 0; i < 2; i++) c[i] = stage_client(s, (const char *const[]){"client.id", "twin", NULL});
    test_until(client_is_ready, c[0]);
    test_until(client_is_ready, c[1]);
    int64_t others = pl_metric_get(PL_M_REPLY_OTHER);
    for (int k = 0; k < EACH; k++)
        for (int i = 0; i < 2; i++) {
            char json[32];
            snprintf(json, sizeof json, "\"%d of %d\"", k, i);
            ask(c[i], "orders", json, PEER_MS, &ends[i][k]);
        }
    for (int k = 0; k < EACH; k++)
        for (int i = 0; i < 2; i++) {
            char json[32];
            snprintf(json, sizeof json, "\"%d of %d\"", k, i);
            test_until(has_ended, &ends[i][k]);
            assert_int_equal(ends[i][k].error, POUCH_OK);
            assert_string_equal(ends[i][k].payload, json);
        }
    pouch_client_close(c[0], 0);
    pouch_client_close(c[1], 0);
    /* Both read all the answers, but for what the other had not read when it was closed. */
    assert_in_range(pl_metric_get(PL_M_REPLY_OTHER) - others, EACH, 2 * EACH);
    for (int k = 0; k < EACH; k++) assert_int_equal(atomic_load(&ends[0][k].times), 1);
}

/* acceptance: A11 */
static void a_request_made_before_the_broker_is_up_is_held(void **state) {
    struct stage *s = *state;
    struct ending asked = {0}, sent = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    rd_kafka_mock_broker_set_down(s->mock.cluster, 1);
    pouch_client *c = stage_client(s, (const char *const[]){"client.id", "early", NULL});
    ask(c, "orders", "\"early\"", PEER_MS, &asked);
    assert_int_equal(pouch_client_send(c, to, "1", 1, NULL, note_stored, &sent), POUCH_OK);
    assert_int_equal(pouch_client_send(c, to, "1", 1, NULL, NULL, NULL), POUCH_OK);
    assert_false(pouch_client_ready(c));
    rd_kafka_mock_broker_set_up(s->mock.cluster, 1);
    test_until(has_ended, &asked);
    test_until(has_ended, &sent);
    if (asked.error) fail_msg("%s", asked.why);
    assert_string_equal(asked.payload, "\"early\"");
    assert_int_equal(sent.error, POUCH_OK);
    pouch_client_close(c, 0);
    pouch_dest_free(to);
}

static void without_a_broker_calls_end_with_the_reason(void **state) {
    struct stage *s = *state;
    char brokers[32];
    struct ending asked = {0}, sent = {0}, later = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    int fd = test_refusing_port(brokers);
    pouch_client *c = client_of(brokers, s->ring, (const char *const[]){"client.connect_timeout", "5s", NULL});
    ask(c, "orders", "1", 60000, &asked);
    assert_int_equal(pouch_client_send(c, to, "1", 1, NULL, note_stored, &sent), POUCH_OK);
    test_until(has_ended, &asked);
    test_until(has_ended, &sent);
    assert_int_equal(asked.error, POUCH_E_NO_BROKER);
    assert_int_equal(sent.error, POUCH_E_NO_BROKER);
    assert_non_null(strstr(asked.why, brokers));
    assert_non_null(strstr(asked.why, "Connection refused"));
    ask(c, "orders", "1", 60000, &later);
    test_until(has_ended, &later);
    assert_int_equal(later.error, POUCH_E_NO_BROKER);
    pouch_client_close(c, 0);
    pouch_dest_free(to);
    close(fd);
}

static void a_short_deadline_ends_a_held_request_first(void **state) {
    struct stage *s = *state;
    char brokers[32];
    struct ending end = {0};
    int fd = test_refusing_port(brokers);
    pouch_client *c = client_of(brokers, s->ring, (const char *const[]){"client.connect_timeout", "60s", NULL});
    ask(c, "orders", "1", 50, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_E_TIMEOUT);
    assert_non_null(strstr(end.why, "the reply lane was not ready"));
    pouch_client_close(c, 0);
    close(fd);
}

/* Brokers are there, so the time for the first of them has nothing to say any more. */
static void a_request_waits_for_the_leader_of_its_reply_topic_as_long_as_its_own_deadline(void **state) {
    struct stage *s = *state;
    struct ending sent = {.error = POUCH_E_NO_BROKER}, asked = {0}, brief = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    test_mock_topic(&s->mock, "orphan.replies", 1);
    rd_kafka_mock_partition_set_leader(s->mock.cluster, "orphan.replies", 0, -1);
    pouch_client *c =
        stage_client(s, (const char *const[]){"client.id", "orphan", "client.connect_timeout", "1ms", NULL});
    while (sent.error == POUCH_E_NO_BROKER) {
        sent = (struct ending){0};
        assert_int_equal(pouch_client_send(c, to, "1", 1, NULL, note_stored, &sent), POUCH_OK);
        test_until(has_ended, &sent);
    }
    assert_int_equal(sent.error, POUCH_OK);
    ask(c, "orders", "\"patient\"", PEER_MS, &asked);
    ask(c, "orders", "1", 100, &brief);
    test_until(has_ended, &brief);
    assert_int_equal(brief.error, POUCH_E_TIMEOUT);
    assert_non_null(strstr(brief.why, "the reply lane was not ready"));
    assert_int_equal(atomic_load(&asked.times), 0);
    rd_kafka_mock_partition_set_leader(s->mock.cluster, "orphan.replies", 0, 1);
    test_until(has_ended, &asked);
    if (asked.error) fail_msg("%s", asked.why);
    assert_string_equal(asked.payload, "\"patient\"");
    pouch_client_close(c, 0);
    pouch_dest_free(to);
}

/* The drain is far longer than a test may take. */
static void a_client_whose_requests_have_ended_closes_without_its_reply_lane(void **state) {
    struct stage *s = *state;
    struct ending brief[3] = {0};
    test_mock_topic(&s->mock, "forlorn.replies", 1);
    rd_kafka_mock_partition_set_leader(s->mock.cluster, "forlorn.replies", 0, -1);
    pouch_client *c = stage_client(s, (const char *const[]){"client.id", "forlorn", NULL});
    for (int i = 0; i < 3; i++) ask(c, "orders", "1", 200 - 50 * i, &brief[i]);
    for (int i = 0; i < 3; i++) {
        test_until(has_ended, &brief[i]);
        assert_int_equal(brief[i].error, POUCH_E_TIMEOUT);
    }
    pouch_client_close(c, 3600000);
}

/* acceptance: A21 */
static void close_without_a_broker_ends_all_with_closed(void **state) {
    struct stage *s = *state;
    char brokers[32];
    struct ending ends[10] = {0}, sent = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    int fd = test_refusing_port(brokers);
    pouch_client *c = client_of(brokers, s->ring, NULL);
    for (int i = 0; i < 10; i++) ask(c, "orders", "1", 60000, &ends[i]);
    assert_int_equal(pouch_client_send(c, to, "1", 1, NULL, note_stored, &sent), POUCH_OK);
    pouch_client_close(c, 50);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(atomic_load(&ends[i].times), 1);
        assert_int_equal(ends[i].error, POUCH_E_CLOSED);
    }
    assert_int_equal(atomic_load(&sent.times), 1);
    assert_int_equal(sent.error, POUCH_E_CLOSED);
    pouch_dest_free(to);
    close(fd);
}

static void what_may_not_be_read_is_told_at_once(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    test_mock_topic(&s->mock, "barred.replies", 1);
    rd_kafka_mock_topic_set_error(s->mock.cluster, "barred.replies", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    pouch_client *c =
        stage_client(s, (const char *const[]){"client.id", "barred", "client.connect_timeout", "10m", NULL});
    ask(c, "orders", "1", 600000, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_E_NOT_ALLOWED);
    assert_non_null(strstr(end.why, "barred.replies"));
    pouch_client_close(c, 0);
}

/* ---- a topic that was unknown to a broker for a moment ---- */

struct count {
    int64_t from, wanted;
};

static bool others_have_come(void *arg) {
    const struct count *c = arg;
    return pl_metric_get(PL_M_REPLY_OTHER) - c->from >= c->wanted;
}

/*
 * Has the client read n answers that are for nobody; one by one, as the mock keeps no more than the newest 5 MiB of a
 * partition.
 */
static void others_come(struct stage *s, int n, size_t bytes) {
    char *plain = calloc(1, bytes);
    struct count c = {pl_metric_get(PL_M_REPLY_OTHER), 0};
    struct pl_uuid id;
    assert_non_null(plain);
    while (c.wanted++ < n) {
        assert_int_equal(pl_random_uuid(&id), POUCH_OK);
        peer_seal(&s->peer, "app.replies", &id, &id, plain, bytes);
        test_until(others_have_come, &c);
    }
    free(plain);
}

static bool has_heard(void *lane) {
    struct pl_lane *l = lane;
    pthread_mutex_lock(&l->lock);
    bool gone = l->gone;
    pthread_mutex_unlock(&l->lock);
    return !gone;
}

/* What the reader would tell. The keeper hears the second when it has looked into the first. */
static void topic_is_unknown_for_a_moment(pouch_client *c) {
    for (int i = 0; i < 2; i++) {
        pl_lane_gone(&c->lane);
        test_until(has_heard, &c->lane);
    }
}

/* By having lost its first records. */
static void a_topic_that_is_seen_to_be_the_same_is_not_read_again(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    s->client = stage_client(s, NULL);
    test_until(client_is_ready, s->client);
    others_come(s, 8, 1 << 19);
    int64_t others = pl_metric_get(PL_M_REPLY_OTHER), moves = pl_metric_get(PL_M_LANE_MOVES);
    topic_is_unknown_for_a_moment(s->client);
    ask(s->client, "orders", "1", PEER_MS, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_OK);
    assert_int_equal(pl_metric_get(PL_M_LANE_MOVES), moves);
    assert_int_equal(pl_metric_get(PL_M_REPLY_OTHER), others);
}

static void a_topic_that_may_be_another_is_read_from_its_beginning(void **state) {
    struct stage *s = *state;
    s->client = stage_client(s, NULL);
    test_until(client_is_ready, s->client);
    others_come(s, 3, 100);
    struct count again = {pl_metric_get(PL_M_REPLY_OTHER), 3};
    topic_is_unknown_for_a_moment(s->client);
    test_until(others_have_come, &again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(the_reply_topic_is_made_when_it_is_missing),
        ON_STAGE(the_reply_topic_has_a_default_and_can_be_chosen),
        ON_STAGE(instances_of_one_client_id_each_get_their_own_answers),
        ON_STAGE(a_request_made_before_the_broker_is_up_is_held),
        ON_STAGE(without_a_broker_calls_end_with_the_reason),
        ON_STAGE(a_short_deadline_ends_a_held_request_first),
        ON_STAGE(a_request_waits_for_the_leader_of_its_reply_topic_as_long_as_its_own_deadline),
        ON_STAGE(a_client_whose_requests_have_ended_closes_without_its_reply_lane),
        ON_STAGE(close_without_a_broker_ends_all_with_closed),
        ON_STAGE(what_may_not_be_read_is_told_at_once),
        ON_STAGE(a_topic_that_is_seen_to_be_the_same_is_not_read_again),
        ON_STAGE(a_topic_that_may_be_another_is_read_from_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
