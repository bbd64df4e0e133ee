/* What librdkafka is told when CAAS's variables are set, beside what Pouch promises whatever they say. */
#include <support.h>

#include <base/why.h>
#include <bus/kafka.h>
#include <stdlib.h>
#include <tsan.h>

static const char *const variables[][2] = {{"PRODUCER_ACKS", "all"},
                                           {"PRODUCER_COMPRESSION", "snappy"},
                                           {"PRODUCER_BATCH_SIZE", "16384"},
                                           {"PRODUCER_LINGER_MS", "5"},
                                           {"CONSUMER_SESSION_TIMEOUT_MS", "30000"},
                                           {"KAFKA_REQUEST_TIMEOUT", "30000"},
                                           {"KAFKA_SASL_ENABLED", "true"},
                                           {"KAFKA_SSL_ENABLED", "true"},
                                           {"KAFKA_SASL_USERNAME", "ada"},
                                           {"KAFKA_SASL_PASSWORD", "secret"}};

static void assert_property(const rd_kafka_conf_t *conf, const char *name, const char *value) {
    char text[256];
    size_t n = sizeof text;
    if (rd_kafka_conf_get(conf, name, text, &n)) fail_msg("no property %s", name);
    if (strcmp(text, value)) fail_msg("%s is %s, not %s", name, text, value);
}

static void read_settings(struct pl_settings *s) {
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) setenv(variables[i][0], variables[i][1], 1);
    pouch_options *o = pouch_options_new();
    assert_non_null(o);
    assert_int_equal(pl_settings_read(s, o), POUCH_OK);
    pouch_options_free(o);
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) unsetenv(variables[i][0]);
}

static void assert_kind(bool consumer, const char *const rows[][2]) {
    struct pl_settings s;
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    const char *const pairs[] = {consumer ? "group.id" : NULL, "g", NULL};
    read_settings(&s);
    assert_int_equal(pl_kafka_conf(&conf, &s, "me", consumer, NULL, pairs), POUCH_OK);
    for (; (*rows)[0]; rows++) assert_property(conf, (*rows)[0], (*rows)[1]);
    assert_int_equal(pl_kafka_new(&rk, consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf), POUCH_OK);
    rd_kafka_destroy(rk);
    pl_settings_free(&s);
}

/* acceptance: D15 D17 */
static void a_producer_is_idempotent_and_batches_as_it_is_told(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"enable.idempotence", "true"},
        {"acks", "-1"},
        {"max.in.flight.requests.per.connection", "5"},
        {"batch.size", "16384"},
        {"linger.ms", "5"},
        {"compression.codec", "snappy"},
        {"socket.timeout.ms", "30000"},
        {"security.protocol", "sasl_ssl"},
        {"sasl.mechanisms", "SCRAM-SHA-512"},
        {"sasl.username", "ada"},
        {NULL, NULL},
    };
    assert_kind(false, rows);
}

/* acceptance: D15 D18 */
static void a_consumer_commits_by_hand_within_its_session(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"session.timeout.ms", "30000"},
        {"enable.auto.offset.store", "false"},
        {"socket.timeout.ms", "30000"},
        {"security.protocol", "sasl_ssl"},
        {NULL, NULL},
    };
    assert_kind(true, rows);
}

int main(void) {
    clearenv(); /* what scripts/stack tells a shell is read by these names too */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_producer_is_idempotent_and_batches_as_it_is_told),
        cmocka_unit_test(a_consumer_commits_by_hand_within_its_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
