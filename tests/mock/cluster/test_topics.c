/* Topics on the embedded broker; what only Kafka can do is shown in tests/e2e. */
#include <support.h>

#include "fixture.h"

static void the_mock_is_known_by_its_id(void **state) {
    struct fixture *f = *state;
    bool mock = false;
    assert_int_equal(pl_cluster_mock(f->rk, &mock, TIMEOUT_MS), POUCH_OK);
    assert_true(mock);
}

static void a_topic_is_made_once_and_can_be_used_at_once(void **state) {
    struct fixture *f = *state;
    const struct pl_topic_spec spec = {.name = "made", .partitions = -1, .replication = -1};
    bool existed = true;
    int n = 0;
    assert_int_equal(pl_topic_create(f->rk, &spec, &existed, TIMEOUT_MS), POUCH_OK);
    assert_false(existed);
    assert_int_equal(pl_topic_partitions(f->rk, "made", &n, TIMEOUT_MS), POUCH_OK);
    assert_int_equal(n, 4);
    assert_int_equal(pl_topic_create(f->rk, &spec, &existed, TIMEOUT_MS), POUCH_OK);
    assert_true(existed);
}

static void looking_for_a_topic_does_not_make_it(void **state) {
    struct fixture *f = *state;
    struct pl_topic_info *info;
    int n;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pl_topic_partitions(f->rk, "nowhere", &n, TIMEOUT_MS), POUCH_E_TARGET_REFUSED);
        assert_non_null(strstr(pouch_why(), "pouch topic create nowhere"));
        assert_int_equal(pl_topic_describe(f->rk, "nowhere", &info, TIMEOUT_MS), POUCH_E_TARGET_REFUSED);
    }
}

static void a_bad_name_is_refused_before_asking(void **state) {
    struct fixture *f = *state;
    const char *const names[] = {"", ".", "..", "a b", "a/b", "\xc3\xa4"};
    int n;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct pl_topic_spec spec = {.name = names[i], .partitions = 1, .replication = 1};
        assert_int_equal(pl_topic_create(f->rk, &spec, NULL, TIMEOUT_MS), POUCH_E_CONFIG);
        assert_int_equal(pl_topic_partitions(f->rk, names[i], &n, TIMEOUT_MS), POUCH_E_CONFIG);
    }
}

static void the_embedded_broker_keeps_its_topics(void **state) {
    struct fixture *f = *state;
    const char *const names[] = {"stays"};
    struct pl_outcome outcome;
    test_mock_topic(&f->mock, names[0], 1);
    assert_int_equal(pl_topics_delete(f->rk, names, 1, &outcome, NULL, TIMEOUT_MS), POUCH_E_NOT_ALLOWED);
    assert_int_equal(outcome.error, POUCH_E_NOT_ALLOWED);
    assert_non_null(strstr(pouch_why(), "pouch dev"));
}

static void all_topics_are_listed_but_internal_ones(void **state) {
    struct fixture *f = *state;
    struct pl_topic_info *topics;
    size_t n;
    test_mock_topic(&f->mock, "one", 1);
    test_mock_topic(&f->mock, "five", 5);
    test_mock_topic(&f->mock, "__inside", 1);
    assert_int_equal(pl_topic_list(f->rk, &topics, &n, TIMEOUT_MS), POUCH_OK);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(topics[i].n_partitions, strcmp(topics[i].name, "one") == 0 ? 1 : 5);
        for (size_t p = 0; p < topics[i].n_partitions; p++) assert_in_range(topics[i].partitions[p].leader, 1, 3);
    }
    pl_topic_info_free(topics, n);
}

static void produce(struct fixture *f, const char *topic, int partition, int count) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", f->mock.brokers, why, sizeof why), RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(rk);
    for (int i = 0; i < count; i++)
        assert_int_equal(
            rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_END), 0);
    assert_int_equal(rd_kafka_flush(rk, TIMEOUT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
}

static void a_topic_is_described_with_offsets(void **state) {
    struct fixture *f = *state;
    struct pl_topic_info *info;
    int64_t low, high;
    test_mock_topic(&f->mock, "told", 2);
    produce(f, "told", 1, 7);
    assert_int_equal(pl_topic_describe(f->rk, "told", &info, TIMEOUT_MS), POUCH_OK);
    assert_string_equal(info->name, "told");
    assert_int_equal(info->n_partitions, 2);
    assert_int_equal(info->replication, info->partitions[0].replicas);
    assert_int_equal(info->partitions[0].high, 0);
    assert_int_equal(info->partitions[1].high, 7);
    assert_int_equal(info->partitions[1].in_sync, info->partitions[1].replicas);
    assert_null(info->configs[0]);
    pl_topic_info_free(info, 1);
    assert_int_equal(pl_topic_offsets(f->rk, "told", 1, &low, &high, TIMEOUT_MS), POUCH_OK);
    assert_int_equal(low, 0);
    assert_int_equal(high, 7);
}

static void a_broker_error_is_told_with_its_reason(void **state) {
    struct fixture *f = *state;
    int n;
    rd_kafka_mock_topic_set_error(f->mock.cluster, "secret", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_int_equal(pl_topic_partitions(f->rk, "secret", &n, TIMEOUT_MS), POUCH_E_NOT_ALLOWED);
    assert_non_null(strstr(pouch_why(), "secret"));
    assert_non_null(strstr(pouch_why(), "TOPIC_AUTHORIZATION_FAILED"));
}

static void the_mock_cannot_tell_who_reads(void **state) {
    struct fixture *f = *state;
    int members = 0;
    assert_int_equal(pl_topic_readers(f->rk, "any", &members, TIMEOUT_MS), POUCH_OK);
    assert_int_equal(members, -1);
    enum pl_audience audience = PL_AUDIENCE_NONE;
    assert_int_equal(pl_topic_audience(f->rk, "any", &audience, TIMEOUT_MS), POUCH_OK);
    assert_int_equal(audience, PL_AUDIENCE_UNKNOWN);
}

static void without_a_broker_the_addresses_are_named(void **state) {
    struct fixture *f = *state;
    struct pl_cluster *c;
    struct pl_settings s = f->settings;
    bool mock;
    int n;
    s.brokers = (char *)"127.0.0.1:1";
    assert_int_equal(pl_cluster_open(&c, &s, "tester"), POUCH_OK);
    assert_int_equal(pl_cluster_mock(pl_cluster_handle(c), &mock, 300), POUCH_E_NO_BROKER);
    assert_non_null(strstr(pouch_why(), "127.0.0.1:1"));
    assert_int_equal(pl_topic_partitions(pl_cluster_handle(c), "any", &n, 300), POUCH_E_NO_BROKER);
    pl_cluster_close(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(the_mock_is_known_by_its_id),          WITH_FIXTURE(a_topic_is_made_once_and_can_be_used_at_once),
        WITH_FIXTURE(looking_for_a_topic_does_not_make_it), WITH_FIXTURE(a_bad_name_is_refused_before_asking),
        WITH_FIXTURE(the_embedded_broker_keeps_its_topics), WITH_FIXTURE(all_topics_are_listed_but_internal_ones),
        WITH_FIXTURE(a_topic_is_described_with_offsets),    WITH_FIXTURE(a_broker_error_is_told_with_its_reason),
        WITH_FIXTURE(the_mock_cannot_tell_who_reads),       WITH_FIXTURE(without_a_broker_the_addresses_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
