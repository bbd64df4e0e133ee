/* What can be told of the embedded broker, which has no admin requests; the rest is shown in tests/e2e. */
#include <support.h>

#include "fixture.h"

#include <cluster/admin.h>
#include <cluster/configs.h>
#include <cluster/lag.h>
#include <cluster/orphans.h>
#include <cluster/shape.h>

static const struct pl_shape_broker *broker(const struct pl_shape *s, int32_t id) {
    for (size_t i = 0; i < s->n_brokers; i++)
        if (s->brokers[i].id == id) return &s->brokers[i];
    fail_msg("there is no broker %d", (int)id);
    return NULL;
}

/* acceptance: D12 */
static void each_broker_is_asked_and_one_that_is_down_is_told(void **state) {
    struct fixture *f = *state;
    struct pl_shape *s;
    int64_t took_us = 0;
    test_mock_topic(&f->mock, "told", 3);
    assert_int_equal(pl_cluster_ping(f->rk, &took_us, TIMEOUT_MS), POUCH_OK);
    assert_true(took_us > 0);
    assert_int_equal(pl_shape_read(f->rk, &s, TIMEOUT_MS), POUCH_OK);
    assert_int_equal(s->n_registered, BROKERS);
    assert_int_equal(s->partitions, 3);
    for (int32_t id = 1; id <= BROKERS; id++) assert_true(broker(s, id)->answers);
    assert_int_equal(pl_shape_status(s), PL_SHAPE_HEALTHY);
    pl_shape_free(s);
    assert_int_equal(rd_kafka_mock_broker_set_down(f->mock.cluster, 2), RD_KAFKA_RESP_ERR_NO_ERROR);
    if (pl_shape_read(f->rk, &s, TIMEOUT_MS)) fail_msg("%s", pouch_why());
    assert_false(broker(s, 2)->answers);
    assert_true(broker(s, 2)->why[0]);
    assert_int_equal(broker(s, 2)->took_us, -1);
    assert_true(s->under_replicated > 0);
    assert_int_not_equal(pl_shape_status(s), PL_SHAPE_HEALTHY);
    pl_shape_free(s);
}

static void topics_are_made_and_what_cannot_be_done_is_told_of_each(void **state) {
    struct fixture *f = *state;
    const struct pl_topic_spec specs[] = {{"first", -1, -1, NULL}, {"no name", 1, 1, NULL}, {"second", -1, -1, NULL}};
    const char *const names[] = {"first", "second"};
    const struct pl_topic_growth growth = {"first", 9};
    struct pl_outcome outcomes[3];
    assert_int_equal(pl_topics_create(f->rk, specs, 3, outcomes, NULL, TIMEOUT_MS), POUCH_OK);
    assert_int_equal(outcomes[0].error, POUCH_OK);
    assert_int_equal(outcomes[1].error, POUCH_E_CONFIG);
    assert_non_null(strstr(outcomes[1].why, "no name"));
    assert_int_equal(outcomes[2].error, POUCH_OK);
    assert_int_equal(pl_topics_delete(f->rk, names, 2, outcomes, NULL, TIMEOUT_MS), POUCH_E_NOT_ALLOWED);
    assert_int_equal(outcomes[0].error, POUCH_E_NOT_ALLOWED);
    assert_int_equal(outcomes[1].error, POUCH_E_NOT_ALLOWED);
    assert_int_equal(pl_topics_grow(f->rk, &growth, 1, outcomes, NULL, TIMEOUT_MS), POUCH_E_NOT_ALLOWED);
}

static void what_it_does_not_tell_is_an_error_and_not_empty(void **state) {
    struct fixture *f = *state;
    const struct pl_config_change change = {"retention.ms", "1"};
    const char *const topic = "told";
    struct pl_lag_report *lag;
    struct pl_configs configs;
    struct pl_reply_topic *replies;
    size_t n;
    bool sees_all;
    test_mock_topic(&f->mock, topic, 1);
    test_mock_topic(&f->mock, "a.replies", 1);
    assert_int_equal(pl_lag_read(f->rk, NULL, 0, &lag, TIMEOUT_MS), POUCH_E_NOT_ALLOWED);
    assert_null(lag);
    assert_int_equal(pl_topics_configs(f->rk, &topic, 1, &configs, NULL, TIMEOUT_MS), POUCH_OK);
    assert_int_equal(configs.n, 0);
    assert_int_equal(pl_topic_configs_change(f->rk, topic, &change, 1, NULL, TIMEOUT_MS), POUCH_E_NOT_ALLOWED);
    assert_int_equal(pl_reply_topics(f->rk, 1000, &replies, &n, &sees_all, TIMEOUT_MS), POUCH_E_NOT_ALLOWED);
    assert_null(replies);
}

/* For the coordinator of a group, whom to find takes long. */
static void ask_a_coordinator(struct pl_admin *a, rd_kafka_t *rk) {
    rd_kafka_ListConsumerGroupOffsets_t *question = rd_kafka_ListConsumerGroupOffsets_new("late", NULL);
    assert_int_equal(pl_admin_begin(a, rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, 1), POUCH_OK);
    rd_kafka_ListConsumerGroupOffsets(a->rk, &question, 1, a->options, a->queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(question);
}

static void a_coordinator_that_is_found_after_its_time_ends_nothing(void **state) {
    enum { LATE_MS = 200 };
    struct fixture *f = *state;
    struct pl_admin a;
    int64_t took_us;
    assert_int_equal(pl_cluster_ping(f->rk, &took_us, TIMEOUT_MS), POUCH_OK);
    for (int32_t id = 1; id <= BROKERS; id++) rd_kafka_mock_broker_set_rtt(f->mock.cluster, id, LATE_MS);
    ask_a_coordinator(&a, f->rk);
    if (pl_admin_wait(&a, "cannot read the offsets", NULL)) a.event = rd_kafka_queue_poll(a.queue, TIMEOUT_MS);
    assert_non_null(a.event);
    assert_int_equal(rd_kafka_event_error(a.event), RD_KAFKA_RESP_ERR_NO_ERROR);
    pl_admin_end(&a);
    ask_a_coordinator(&a, f->rk);
    pl_admin_end(&a); /* while it is being looked for */
    assert_int_equal(pl_cluster_ping(f->rk, &took_us, TIMEOUT_MS), POUCH_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(each_broker_is_asked_and_one_that_is_down_is_told),
        WITH_FIXTURE(topics_are_made_and_what_cannot_be_done_is_told_of_each),
        WITH_FIXTURE(what_it_does_not_tell_is_an_error_and_not_empty),
        WITH_FIXTURE(a_coordinator_that_is_found_after_its_time_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
