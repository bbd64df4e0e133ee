/* What each of librdkafka's errors means: the lists below against every error it knows. */
#include <support.h>

#include <base/why.h>
#include <bus/kafka.h>

#define E(name) RD_KAFKA_RESP_ERR_##name

static const rd_kafka_resp_err_t permanent[] = {
    E(MSG_SIZE_TOO_LARGE),
    E(RECORD_LIST_TOO_LARGE),
    E(INVALID_MSG_SIZE),
    E(_UNKNOWN_TOPIC),
    E(_UNKNOWN_PARTITION),
    E(UNKNOWN_TOPIC_OR_PART),
    E(TOPIC_EXCEPTION),
    E(INVALID_RECORD),
    E(INVALID_TIMESTAMP),
    E(UNSUPPORTED_FOR_MESSAGE_FORMAT),
    E(UNSUPPORTED_COMPRESSION_TYPE),
    E(_BAD_COMPRESSION),
    E(POLICY_VIOLATION),
    E(UNSUPPORTED_VERSION),
    E(INVALID_REQUEST),
    E(INVALID_REQUIRED_ACKS),
    E(_UNSUPPORTED_FEATURE),
    E(_NOT_IMPLEMENTED),
    E(TOPIC_AUTHORIZATION_FAILED),
    E(CLUSTER_AUTHORIZATION_FAILED),
    E(GROUP_AUTHORIZATION_FAILED),
    E(TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
    E(SECURITY_DISABLED),
    E(_INVALID_ARG),
    E(INVALID_CONFIG),
    E(INVALID_PARTITIONS),
    E(INVALID_REPLICATION_FACTOR),
    E(INVALID_REPLICA_ASSIGNMENT),
    E(INVALID_GROUP_ID),
    E(INVALID_SESSION_TIMEOUT),
    E(INCONSISTENT_GROUP_PROTOCOL),
};

static const rd_kafka_resp_err_t fatal[] = {
    E(_FATAL),
    E(_FENCED),
    E(_GAPLESS_GUARANTEE),
    E(PRODUCER_FENCED),
    E(INVALID_PRODUCER_EPOCH),
    E(OUT_OF_ORDER_SEQUENCE_NUMBER),
    E(UNKNOWN_PRODUCER_ID),
    E(INVALID_PRODUCER_ID_MAPPING),
};

static bool is_in(const rd_kafka_resp_err_t list[], size_t n, rd_kafka_resp_err_t e) {
    for (size_t i = 0; i < n; i++)
        if (list[i] == e) return true;
    return false;
}

static enum pl_kafka_class expected(rd_kafka_resp_err_t e) {
    if (e == RD_KAFKA_RESP_ERR_NO_ERROR) return PL_KAFKA_OK;
    if (is_in(permanent, sizeof permanent / sizeof permanent[0], e)) return PL_KAFKA_PERMANENT;
    if (is_in(fatal, sizeof fatal / sizeof fatal[0], e)) return PL_KAFKA_FATAL;
    return PL_KAFKA_TRANSIENT;
}

static void every_error_has_its_class(void **state) {
    (void)state;
    const struct rd_kafka_err_desc *all;
    size_t n, seen = 0;
    rd_kafka_get_err_descs(&all, &n);
    for (size_t i = 0; i < n; i++) {
        if (!all[i].name) continue;
        seen++;
        if (pl_kafka_class(all[i].code) != expected(all[i].code))
            fail_msg("%s: class %d, not %d", all[i].name, pl_kafka_class(all[i].code), expected(all[i].code));
    }
    assert_true(seen > 140);
}

static void every_error_is_one_of_ours_with_a_next_step(void **state) {
    (void)state;
    const struct rd_kafka_err_desc *all;
    size_t n;
    rd_kafka_get_err_descs(&all, &n);
    for (size_t i = 0; i < n; i++) {
        if (!all[i].name || all[i].code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        pouch_err e = pl_kafka_fail(all[i].code, "sending to", "orders");
        assert_int_equal(e, pl_kafka_err(all[i].code));
        assert_int_not_equal(e, POUCH_OK);
        assert_non_null(strstr(pouch_why(), "sending to orders: "));
        assert_non_null(strstr(pouch_why(), rd_kafka_err2name(all[i].code)));
        assert_non_null(strstr(pouch_why(), "): "));
    }
}

static void an_error_nobody_knows_may_be_tried_again(void **state) {
    (void)state;
    assert_int_equal(pl_kafka_class((rd_kafka_resp_err_t)31000), PL_KAFKA_TRANSIENT);
    assert_int_equal(pl_kafka_err((rd_kafka_resp_err_t)31000), POUCH_E_NO_BROKER);
}

static void a_user_sees_the_error_of_the_case(void **state) {
    (void)state;
    static const struct {
        rd_kafka_resp_err_t theirs;
        pouch_err ours;
    } rows[] = {
        {E(NO_ERROR), POUCH_OK},
        {E(MSG_SIZE_TOO_LARGE), POUCH_E_TOO_LARGE},
        {E(UNKNOWN_TOPIC_OR_PART), POUCH_E_TARGET_REFUSED},
        {E(_UNKNOWN_TOPIC), POUCH_E_TARGET_REFUSED},
        {E(TOPIC_AUTHORIZATION_FAILED), POUCH_E_NOT_ALLOWED},
        {E(_AUTHENTICATION), POUCH_E_NOT_ALLOWED},
        {E(_SSL), POUCH_E_NOT_ALLOWED},
        {E(_TRANSPORT), POUCH_E_NO_BROKER},
        {E(_ALL_BROKERS_DOWN), POUCH_E_NO_BROKER},
        {E(NOT_LEADER_FOR_PARTITION), POUCH_E_NO_BROKER},
        {E(_QUEUE_FULL), POUCH_E_OVERLOADED},
        {E(_TIMED_OUT), POUCH_E_TIMEOUT},
        {E(_MSG_TIMED_OUT), POUCH_E_TIMEOUT},
        {E(INVALID_REPLICATION_FACTOR), POUCH_E_CONFIG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(pl_kafka_err(rows[i].theirs), rows[i].ours);
}

static void the_mock_is_known_by_its_cluster_id(void **state) {
    (void)state;
    assert_true(pl_kafka_is_mock("mockCluster7f00"));
    assert_false(pl_kafka_is_mock("abcdefghijklmnop"));
    assert_false(pl_kafka_is_mock(NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_class),
        cmocka_unit_test(every_error_is_one_of_ours_with_a_next_step),
        cmocka_unit_test(an_error_nobody_knows_may_be_tried_again),
        cmocka_unit_test(a_user_sees_the_error_of_the_case),
        cmocka_unit_test(the_mock_is_known_by_its_cluster_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
