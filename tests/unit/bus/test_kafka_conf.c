/* Properties: our defaults, what a use needs, what a user may and may not change; and the health text. */
#include <support.h>

#include <base/why.h>
#include <bus/kafka.h>

static struct pl_settings settings(struct pl_property *kafka, size_t n) {
    return (struct pl_settings){.brokers = (char *)"a:9092,b:9092", .kafka = kafka, .n_kafka = n};
}

static void assert_property(const rd_kafka_conf_t *conf, const char *name, const char *value) {
    char text[256];
    size_t n = sizeof text;
    if (rd_kafka_conf_get(conf, name, text, &n)) fail_msg("no property %s", name);
    if (strcmp(text, value)) fail_msg("%s is %s, not %s", name, text, value);
}

static void a_producer_gets_our_defaults(void **state) {
    (void)state;
    struct pl_settings s = settings(NULL, 0);
    rd_kafka_conf_t *conf;
    assert_int_equal(pl_kafka_conf(&conf, &s, "me", false, NULL, NULL), POUCH_OK);
    static const char *const rows[][2] = {
        {"bootstrap.servers", "a:9092,b:9092"},
        {"client.id", "me"},
        {"acks", "-1"},
        {"enable.idempotence", "true"},
        {"linger.ms", "0"},
        {"max.in.flight.requests.per.connection", "5"},
        {"queue.buffering.max.kbytes", "65536"},
        {"partitioner", "murmur2_random"},
        {"allow.auto.create.topics", "false"},
        {"topic.metadata.propagation.max.ms", "2000"},
        {"topic.metadata.refresh.interval.ms", "10000"},
        {"reconnect.backoff.max.ms", "1000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) assert_property(conf, rows[i][0], rows[i][1]);
    rd_kafka_conf_destroy(conf);
}

static void a_consumer_gets_our_defaults_and_what_its_use_needs(void **state) {
    (void)state;
    struct pl_settings s = settings(NULL, 0);
    rd_kafka_conf_t *conf;
    const char *const pairs[] = {"group.id", "g", "fetch.wait.max.ms", "1", NULL};
    assert_int_equal(pl_kafka_conf(&conf, &s, "me", true, NULL, pairs), POUCH_OK);
    static const char *const rows[][2] = {
        {"isolation.level", "read_uncommitted"},
        {"enable.auto.offset.store", "false"},
        {"queued.min.messages", "1000000"},
        {"queued.max.messages.kbytes", "65536"},
        {"group.id", "g"},
        {"fetch.wait.max.ms", "1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) assert_property(conf, rows[i][0], rows[i][1]);
    rd_kafka_conf_destroy(conf);
}

static void a_users_property_overrides_ours_on_either_kind(void **state) {
    (void)state;
    struct pl_property own[] = {{(char *)"linger.ms", (char *)"7"}, {(char *)"fetch.min.bytes", (char *)"2"}};
    struct pl_settings s = settings(own, 2);
    for (int consumer = 0; consumer < 2; consumer++) {
        rd_kafka_conf_t *conf;
        assert_int_equal(pl_kafka_conf(&conf, &s, "me", consumer, NULL, NULL), POUCH_OK);
        assert_property(conf, "linger.ms", "7");
        assert_property(conf, "fetch.min.bytes", "2");
        rd_kafka_conf_destroy(conf);
    }
}

static void what_delivery_depends_on_cannot_be_set(void **state) {
    (void)state;
    static const char *const names[] = {"acks",
                                        "request.required.acks",
                                        "enable.idempotence",
                                        "transactional.id",
                                        "delivery.report.only.error",
                                        "allow.auto.create.topics",
                                        "enable.auto.offset.store",
                                        "enable.auto.commit",
                                        "auto.commit.enable",
                                        "auto.offset.reset",
                                        "enable.partition.eof"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char expected[128];
        struct pl_property own = {(char *)names[i], (char *)"1"};
        struct pl_settings s = settings(&own, 1);
        rd_kafka_conf_t *conf;
        assert_int_equal(pl_kafka_conf(&conf, &s, "me", i % 2, NULL, NULL), POUCH_E_CONFIG);
        snprintf(expected, sizeof expected, "kafka.%s cannot be set: ", names[i]);
        assert_non_null(strstr(pouch_why(), expected));
        assert_non_null(strstr(pouch_why(), "; remove it"));
    }
}

static void a_property_librdkafka_refuses_is_named_with_its_reason(void **state) {
    (void)state;
    struct pl_property rows[] = {{(char *)"no.such.property", (char *)"1"}, {(char *)"linger.ms", (char *)"soon"}};
    for (size_t i = 0; i < 2; i++) {
        struct pl_settings s = settings(&rows[i], 1);
        rd_kafka_conf_t *conf;
        assert_int_equal(pl_kafka_conf(&conf, &s, "me", false, NULL, NULL), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), rows[i].name));
    }
}

static void a_secret_is_not_quoted(void **state) {
    (void)state;
    struct pl_property own = {(char *)"ssl.keystore.password.none", (char *)"hunter2"};
    struct pl_settings s = settings(&own, 1);
    rd_kafka_conf_t *conf;
    assert_int_equal(pl_kafka_conf(&conf, &s, "me", false, NULL, NULL), POUCH_E_CONFIG);
    assert_null(strstr(pouch_why(), "hunter2"));
}

static void properties_that_do_not_fit_together_are_a_config_error(void **state) {
    (void)state;
    struct pl_property own = {(char *)"max.in.flight.requests.per.connection", (char *)"50"};
    struct pl_settings s = settings(&own, 1);
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    assert_int_equal(pl_kafka_conf(&conf, &s, "me", false, NULL, NULL), POUCH_OK);
    assert_int_equal(pl_kafka_new(&rk, RD_KAFKA_PRODUCER, conf), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "max.in.flight"));
}

static void health_names_the_cause_and_the_next_step(void **state) {
    (void)state;
    static const struct {
        rd_kafka_resp_err_t error;
        const char *reason, *says, *step;
    } rows[] = {
        {RD_KAFKA_RESP_ERR_NO_ERROR, NULL, "it closes our connections", "kafka.security.protocol"},
        {RD_KAFKA_RESP_ERR__TRANSPORT, "Connection refused", "no broker answers at b:1 (Connection refused)",
         "that Kafka runs there"},
        {RD_KAFKA_RESP_ERR__RESOLVE, "Name not known", "no broker answers at b:1 (Name not known)", "host name"},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, "bad password", "refused by b:1 (bad password)", "kafka.sasl.username"},
        {RD_KAFKA_RESP_ERR__SSL, "unknown issuer", "refused by b:1 (unknown issuer)", "kafka.ssl.ca.location"},
        {RD_KAFKA_RESP_ERR__TRANSPORT, "SSL routines::certificate verify failed", "refused by b:1 (SSL",
         "kafka.ssl.ca.location"},
        {RD_KAFKA_RESP_ERR__TRANSPORT, "SSL routines::bad certificate", "no broker answers at b:1 (SSL",
         "kafka.ssl.ca.location"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        struct pl_kafka_health *h = pl_kafka_health_new();
        assert_non_null(h);
        pl_kafka_health_text(h, "b:1", text, sizeof text);
        assert_non_null(strstr(text, "no connection has been tried yet"));
        if (rows[i].error) pl_kafka_trouble(h, rows[i].error, rows[i].reason);
        pl_kafka_trouble(h, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
        pl_kafka_health_text(h, "b:1", text, sizeof text);
        if (!strstr(text, rows[i].says) || !strstr(text, rows[i].step)) fail_msg("%s", text);
        pl_kafka_health_free(h);
    }
}

static void brokers_are_down_until_one_answers(void **state) {
    (void)state;
    struct pl_kafka_health *h = pl_kafka_health_new();
    assert_non_null(h);
    pl_kafka_trouble(h, RD_KAFKA_RESP_ERR__TRANSPORT, "Connection refused");
    assert_false(pl_kafka_all_down(h));
    pl_kafka_trouble(h, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, NULL);
    assert_true(pl_kafka_all_down(h));
    pl_kafka_up(h);
    assert_false(pl_kafka_all_down(h));
    pl_kafka_health_free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_producer_gets_our_defaults),
        cmocka_unit_test(a_consumer_gets_our_defaults_and_what_its_use_needs),
        cmocka_unit_test(a_users_property_overrides_ours_on_either_kind),
        cmocka_unit_test(what_delivery_depends_on_cannot_be_set),
        cmocka_unit_test(a_property_librdkafka_refuses_is_named_with_its_reason),
        cmocka_unit_test(a_secret_is_not_quoted),
        cmocka_unit_test(properties_that_do_not_fit_together_are_a_config_error),
        cmocka_unit_test(health_names_the_cause_and_the_next_step),
        cmocka_unit_test(brokers_are_down_until_one_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
