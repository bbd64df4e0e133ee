/* What can be told of the embedded broker, which has no admin requests; the rest is shown in tests/e2e. */
#include <support.h>

#include "fixture.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(each_broker_is_asked_and_one_that_is_down_is_told),
        WITH_FIXTURE(topics_are_made_and_what_cannot_be_done_is_told_of_each),
        WITH_FIXTURE(what_it_does_not_tell_is_an_error_and_not_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
