/* What the variables of CAAS's services say, and what they may not. */
#include <support.h>

#include "environment.h"

#include <base/why.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *value_of(const pouch_options *o, const char *name) {
    const char *value = pouch_options_get(o, name);
    return value ? value : "";
}

/* The compat that a variable is read with. */
static const char *compat_of(const char *variable) {
    for (const struct pl_seed *seed = pl_seeds; seed->variable; seed++)
        if (!strcmp(seed->variable, variable) && seed->compat) return seed->compat;
    return "none";
}

/* What reading the settings comes to with that compat. */
static pouch_err read_as(const char *compat) {
    struct pl_settings s;
    pouch_options *o = new_options();
    assert_int_equal(pouch_options_set(o, "compat", compat), POUCH_OK);
    pouch_err e = pl_settings_read(&s, o);
    if (!e) pl_settings_free(&s);
    pouch_options_free(o);
    return e;
}

/* acceptance: C1 C2 C27 D13 D14 */
static void each_variable_is_the_setting_that_it_means(void **state) {
    (void)state;
    static const struct {
        const char *variable, *value, *name, *becomes;
    } rows[] = {
        {"KAFKA_BROKERS", "kafka-1:29092,kafka-2:29092,kafka-3:29092", "brokers",
         "kafka-1:29092,kafka-2:29092,kafka-3:29092"},
        {"KAFKA_CLIENT_ID", "caas-service", "client.id", "caas-service"},
        {"CONSUMER_GROUP_ID", "caas-consumer-group", "group", "caas-consumer-group"},
        {"CONSUMER_MAX_POLL_RECORDS", "500", "worker.max_in_flight", "500"},
        {"CONSUMER_SESSION_TIMEOUT_MS", "30000", "kafka.session.timeout.ms", "30000"},
        {"DEFAULT_PARTITIONS", "3", "topic.partitions", "3"},
        {"DEFAULT_REPLICATION_FACTOR", "3", "topic.replication", "3"},
        {"KAFKA_CONNECTION_TIMEOUT", "10000", "client.connect_timeout", "10000"},
        {"KAFKA_REQUEST_TIMEOUT", "30000", "kafka.socket.timeout.ms", "30000"},
        {"LAG_ALERT_THRESHOLD", "1000", "health.lag_alert", "1000"},
        {"MESSAGE_RETENTION_DAYS", "30", "topic.retention", "30d"},
        {"PRODUCER_BATCH_SIZE", "16384", "kafka.batch.size", "16384"},
        {"PRODUCER_COMPRESSION", "snappy", "kafka.compression.type", "snappy"},
        {"PRODUCER_LINGER_MS", "5", "kafka.linger.ms", "5"},
        {"SCHEMA_COMPATIBILITY_MODE", "BACKWARD", "schema.compatibility", "BACKWARD"},
        {"SCHEMA_REGISTRY_URL", "http://schema-registry:8081", "schema.registry", "http://schema-registry:8081"},
        {"CIRCUIT_BREAKER_RESET_MS", "60000", "breaker.recovery", "60000"},
        {"CIRCUIT_BREAKER_THRESHOLD", "5", "breaker.failures", "5"},
        {"LOG_LEVEL", "debug", "log.level", "debug"},
        {"MAX_RETRIES", "3", "retry.attempts", "4"},
        {"RETRY_INITIAL_DELAY_MS", "100", "retry.delay", "100"},
        {"RETRY_MAX_DELAY_MS", "30000", "retry.max_delay", "30000"},
        {"KAFKA_HEARTBEAT_INTERVAL", "3000", "kafka.heartbeat.interval.ms", "3000"},
        {"KAFKA_MAX_IN_FLIGHT_REQUESTS", "5", "kafka.max.in.flight.requests.per.connection", "5"},
        {"KAFKA_REBALANCE_TIMEOUT", "60000", "kafka.max.poll.interval.ms", "60000"},
        {"KAFKA_SESSION_TIMEOUT", "30000", "kafka.session.timeout.ms", "30000"},
        {"HOSTNAME", "gateway-0", "gateway.instance", "gateway-0"},
        {"KAFKA_RETRY_INITIAL_TIME", "300", "retry.delay", "300"},
        {"KAFKA_RETRY_MAX_TIME", "30000", "retry.max_delay", "30000"},
        {"KAFKA_RETRY_RETRIES", "5", "retry.attempts", "6"},
        {"PORT", "3000", "listen", ":3000"},
    };
    size_t n_seeds = 0;
    for (const struct pl_seed *seed = pl_seeds; seed->variable; seed++) n_seeds++;
    /* Three are names of options themselves; PRODUCER_ACKS and KAFKA_RETRY_MULTIPLIER become none. */
    assert_int_equal(sizeof rows / sizeof rows[0], n_seeds + 3 - 2);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_settings s;
        char origin[128];
        setenv(rows[i].variable, rows[i].value, 1);
        pouch_options *o = new_options();
        assert_int_equal(pouch_options_set(o, "compat", compat_of(rows[i].variable)), POUCH_OK);
        assert_string_equal(value_of(o, rows[i].name), rows[i].becomes);
        snprintf(origin, sizeof origin, "environment %s", rows[i].variable);
        assert_string_equal(pl_option_origin(o, rows[i].name), origin);
        assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
        pl_settings_free(&s);
        pouch_options_free(o);
        no_environment(NULL);
    }
}

/* acceptance: D13 D14 */
static void a_bad_value_is_told_by_its_variable(void **state) {
    (void)state;
    static const struct {
        const char *variable, *value, *why;
    } rows[] = {
        {"CONSUMER_MAX_POLL_RECORDS", "many", "'many' is not a count (1 to 1000000)"},
        {"CONSUMER_SESSION_TIMEOUT_MS", "0", "'0' is not a count (1 to 3600000)"},
        {"DEFAULT_PARTITIONS", "0", "'0' is not a count (1 to 100000)"},
        {"DEFAULT_REPLICATION_FACTOR", "-1", "'-1' is not a count (1 to 100)"},
        {"KAFKA_CONNECTION_TIMEOUT", "1 s", "'1 s' is not a duration"},
        {"KAFKA_REQUEST_TIMEOUT", "soon", "'soon' is not a count (10 to 300000)"},
        {"LAG_ALERT_THRESHOLD", "x", "'x' is not a count"},
        {"MESSAGE_RETENTION_DAYS", "30d", "'30d' is not a count (1 to 36500)"},
        {"PRODUCER_ACKS", "1", "'1' is not all: a record counts as stored when all in-sync replicas have it; unset it"},
        {"PRODUCER_BATCH_SIZE", "16K", "'16K' is not a count (1 to 2147483647)"},
        {"PRODUCER_COMPRESSION", "brotli", "'brotli' is not one of none|gzip|snappy|lz4|zstd"},
        {"PRODUCER_LINGER_MS", "-5", "'-5' is not a count (0 to 900000)"},
        {"SCHEMA_COMPATIBILITY_MODE", "SOME", "'SOME' is not one of BACKWARD|"},
        {"CIRCUIT_BREAKER_RESET_MS", "never", "'never' is not a duration"},
        {"CIRCUIT_BREAKER_THRESHOLD", "1000", "'1000' is not a count (0 to 100)"},
        {"LOG_LEVEL", "trace", "'trace' is not one of error|warn|info|debug"},
        {"MAX_RETRIES", "100", "'100' is not a count (0 to 99)"},
        {"RETRY_INITIAL_DELAY_MS", "0", "'0' is not a duration"},
        {"RETRY_MAX_DELAY_MS", "2h", "'2h' is not a duration"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char expected[256];
        setenv(rows[i].variable, rows[i].value, 1);
        assert_int_equal(read_as("caas"), POUCH_E_CONFIG);
        snprintf(expected, sizeof expected, "%s (environment): %s", rows[i].variable, rows[i].why);
        if (strncmp(pouch_why(), expected, strlen(expected))) fail_msg("%s, not %s", pouch_why(), expected);
        no_environment(NULL);
    }
}

/* acceptance: C2 C27 */
static void waits_double_and_nothing_else(void **state) {
    (void)state;
    static const char *const said[] = {"2", "3"};
    for (size_t i = 0; i < 2; i++) {
        setenv("KAFKA_RETRY_MULTIPLIER", said[i], 1);
        assert_int_equal(read_as("task-executor"), i ? POUCH_E_CONFIG : POUCH_OK);
    }
    no_environment(NULL);
}

/* acceptance: D13 */
static void what_holds_anyway_may_be_asked_for(void **state) {
    (void)state;
    static const char *const all[] = {"all", "-1"};
    for (size_t i = 0; i < 2; i++) {
        struct pl_settings s;
        setenv("PRODUCER_ACKS", all[i], 1);
        pouch_options *o = new_options();
        assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
        assert_int_equal(s.n_kafka, 0);
        pl_settings_free(&s);
        pouch_options_free(o);
    }
    no_environment(NULL);
}

/* acceptance: D14 */
static void names_that_say_not_whose_they_are_want_compat(void **state) {
    (void)state;
    setenv("LOG_LEVEL", "TRACE", 1);
    setenv("MAX_RETRIES", "unlimited", 1);
    struct pl_settings s;
    pouch_options *o = new_options();
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    assert_string_equal(s.log_level, "info");
    assert_string_equal(s.compat, "none");
    pl_settings_free(&s);
    setenv("LOG_LEVEL", "warn", 1);
    setenv("MAX_RETRIES", "0", 1);
    pouch_options_free(o);
    o = new_options();
    static const char text[] = "compat: caas\nlog.level: debug\n";
    assert_int_equal(pl_options_parse(o, "pouch.yaml", text, sizeof text - 1), POUCH_OK);
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    assert_string_equal(s.log_level, "warn"); /* a variable is stronger than the file */
    assert_int_equal(s.retry_attempts, 1);
    pl_settings_free(&s);
    assert_int_equal(pouch_options_set(o, "log.level", "error"), POUCH_OK);
    assert_string_equal(value_of(o, "log.level"), "error");
    pouch_options_free(o);
    setenv("POUCH_LOG_LEVEL", "info", 1);
    setenv("POUCH_COMPAT", "caas", 1);
    o = new_options();
    assert_string_equal(value_of(o, "log.level"), "info");
    pouch_options_free(o);
    no_environment(NULL);
}

static void the_common_name_of_a_group_is_stronger(void **state) {
    (void)state;
    setenv("CONSUMER_GROUP_ID", "caas", 1);
    setenv("KAFKA_GROUP_ID", "common", 1);
    pouch_options *o = new_options();
    assert_string_equal(value_of(o, "group"), "common");
    pouch_options_free(o);
    no_environment(NULL);
}

/* ---- SASL and TLS ---- */

static void login(const char *sasl, const char *ssl) {
    if (sasl) setenv("KAFKA_SASL_ENABLED", sasl, 1);
    if (ssl) setenv("KAFKA_SSL_ENABLED", ssl, 1);
    setenv("KAFKA_SASL_USERNAME", "ada", 1);
    setenv("KAFKA_SASL_PASSWORD", "hunter2", 1);
}

/* acceptance: D15 */
static void each_switch_is_its_own_and_false_is_false(void **state) {
    (void)state;
    static const char *const on[] = {"true", "1", "yes", "on", "TRUE"}, *const off[] = {"false", "0", "no", "off",
                                                                                        "False"};
    for (size_t i = 0; i < 5; i++)
        for (int which = 0; which < 4; which++) {
            static const char *const protocols[] = {"PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"};
            struct pl_settings s;
            login(which & 1 ? on[i] : off[i], which & 2 ? on[i] : off[i]);
            pouch_options *o = new_options();
            assert_string_equal(value_of(o, "kafka.security.protocol"), protocols[which]);
            assert_string_equal(value_of(o, "kafka.sasl.mechanisms"), which & 1 ? "SCRAM-SHA-512" : "");
            assert_string_equal(value_of(o, "kafka.sasl.username"), which & 1 ? "ada" : "");
            assert_string_equal(value_of(o, "kafka.sasl.password"), which & 1 ? "***" : "");
            assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
            assert_int_equal(s.n_kafka, which & 1 ? 4 : 1);
            pl_settings_free(&s);
            pouch_options_free(o);
            no_environment(NULL);
        }
}

/* acceptance: D15 */
static void without_a_switch_the_rest_is_not_looked_at(void **state) {
    (void)state;
    login(NULL, NULL);
    setenv("KAFKA_SSL_CA", "/no/such/file", 1);
    setenv("KAFKA_SASL_MECHANISM", "??", 1);
    struct pl_settings s;
    pouch_options *o = new_options();
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    assert_int_equal(s.n_kafka, 0);
    pl_settings_free(&s);
    pouch_options_free(o);
    no_environment(NULL);
}

/* acceptance: D15 */
static void mechanisms_are_known_however_they_are_written(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"scram-sha-256", "SCRAM-SHA-256"}, {"SCRAM-SHA-512", "SCRAM-SHA-512"}, {"plain", "PLAIN"}};
    for (size_t i = 0; i < 3; i++) {
        login("true", NULL);
        setenv("KAFKA_SASL_MECHANISM", rows[i][0], 1);
        pouch_options *o = new_options();
        assert_string_equal(value_of(o, "kafka.sasl.mechanisms"), rows[i][1]);
        assert_string_equal(pl_option_origin(o, "kafka.sasl.mechanisms"), "environment KAFKA_SASL_MECHANISM");
        pouch_options_free(o);
        no_environment(NULL);
    }
}

/* A file in the test's own folder; the path stays until the next call. */
static const char *file_with(const char *text, mode_t mode) {
    static char path[] = "secret-of-test-seed";
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

static const char *password_in_force(const char *text) {
    static char password[64];
    struct pl_settings s;
    login("true", NULL);
    setenv("KAFKA_SASL_PASSWORD_FILE", file_with(text, 0600), 1);
    pouch_options *o = new_options();
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    *password = 0;
    for (size_t i = 0; i < s.n_kafka; i++)
        if (!strcmp(s.kafka[i].name, "sasl.password")) snprintf(password, sizeof password, "%s", s.kafka[i].value);
    assert_string_equal(value_of(o, "kafka.sasl.password"), "***");
    pl_settings_free(&s);
    pouch_options_free(o);
    no_environment(NULL);
    return password;
}

/* acceptance: D15 */
static void a_password_may_be_in_a_file(void **state) {
    (void)state;
    assert_string_equal(password_in_force("of the file"), "of the file");
    assert_string_equal(password_in_force("first line\r\nsecond"), "first line");
    unlink(file_with("", 0600));
}

/* acceptance: D15 */
static void a_mistake_stops_the_start_and_never_quotes_a_secret(void **state) {
    (void)state;
    static const struct {
        const char *variable, *value, *why;
    } rows[] = {
        {"KAFKA_SSL_ENABLED", "perhaps", "KAFKA_SSL_ENABLED (environment): 'perhaps' is not a switch (on or off)"},
        {"KAFKA_SASL_ENABLED", "perhaps", "KAFKA_SASL_ENABLED (environment): 'perhaps' is not a switch (on or off)"},
        {"KAFKA_SASL_MECHANISM", "GSSAPI", "KAFKA_SASL_MECHANISM (environment): 'GSSAPI' is not one of SCRAM-SHA-512|"},
        {"KAFKA_SASL_USERNAME", "",
         "KAFKA_SASL_ENABLED (environment): 'true' wants to know who we are: set KAFKA_SASL_USERNAME"},
        {"KAFKA_SASL_PASSWORD", "",
         "KAFKA_SASL_ENABLED (environment): 'true' wants to know who we are: set KAFKA_SASL_PASSWORD_FILE or"},
        {"KAFKA_SASL_PASSWORD_FILE", "/no/such/file",
         "KAFKA_SASL_PASSWORD_FILE (environment): /no/such/file: No such file"},
        {"KAFKA_SASL_PASSWORD_FILE", "/", "KAFKA_SASL_PASSWORD_FILE (environment): /: it is not a file"},
        {"KAFKA_SSL_CA", "/no/such/file",
         "KAFKA_SSL_CA (environment): /no/such/file: No such file or directory; name a file"},
        {"KAFKA_SSL_CERTIFICATE", "/no/such/file", "KAFKA_SSL_CERTIFICATE (environment): /no/such/file: No such file"},
        {"KAFKA_SSL_KEY", "/no/such/file", "KAFKA_SSL_KEY (environment): /no/such/file: No such file"},
        {"KAFKA_SSL_KEY_PASSWORD_FILE", "/no/such/file",
         "KAFKA_SSL_KEY_PASSWORD_FILE (environment): /no/such/file: No such file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_settings s;
        login("true", "true");
        setenv(rows[i].variable, rows[i].value, 1);
        pouch_options *o = new_options();
        assert_int_equal(pl_settings_read(&s, o), POUCH_E_CONFIG);
        if (strncmp(pouch_why(), rows[i].why, strlen(rows[i].why))) fail_msg("%s, not %s", pouch_why(), rows[i].why);
        assert_null(strstr(pouch_why(), "hunter2"));
        pouch_options_free(o);
        no_environment(NULL);
    }
}

/* acceptance: D15 */
static void a_password_file_is_its_owners_alone(void **state) {
    (void)state;
    struct pl_settings s;
    login("true", NULL);
    setenv("KAFKA_SASL_PASSWORD_FILE", file_with("canary-7b", 0644), 1);
    pouch_options *o = new_options();
    assert_int_equal(pl_settings_read(&s, o), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "open to others than its owner (chmod 600)"));
    assert_null(strstr(pouch_why(), "canary-7b"));
    pouch_options_free(o);
    unlink(file_with("", 0600));
    no_environment(NULL);
}

/* acceptance: D15 */
static void the_command_line_is_stronger_under_either_name(void **state) {
    (void)state;
    struct pl_settings s;
    login("true", "true");
    pouch_options *o = new_options();
    static const char text[] =
        "kafka: {security.protocol: PLAINTEXT, sasl.mechanism: PLAIN, sasl.password: of the file}\n";
    assert_int_equal(pl_options_parse(o, "pouch.yaml", text, sizeof text - 1), POUCH_OK);
    assert_string_equal(value_of(o, "kafka.security.protocol"), "SASL_SSL");
    assert_int_equal(pouch_options_set(o, "kafka.sasl.mechanism", "SCRAM-SHA-256"), POUCH_OK);
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    assert_string_equal(s.kafka[s.n_kafka - 1].name, "sasl.mechanism");
    assert_string_equal(s.kafka[s.n_kafka - 1].value, "SCRAM-SHA-256");
    pl_settings_free(&s);
    pouch_options_free(o);
    no_environment(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_variable_is_the_setting_that_it_means),
        cmocka_unit_test(a_bad_value_is_told_by_its_variable),
        cmocka_unit_test(waits_double_and_nothing_else),
        cmocka_unit_test(what_holds_anyway_may_be_asked_for),
        cmocka_unit_test(names_that_say_not_whose_they_are_want_compat),
        cmocka_unit_test(the_common_name_of_a_group_is_stronger),
        cmocka_unit_test(each_switch_is_its_own_and_false_is_false),
        cmocka_unit_test(without_a_switch_the_rest_is_not_looked_at),
        cmocka_unit_test(mechanisms_are_known_however_they_are_written),
        cmocka_unit_test(a_password_may_be_in_a_file),
        cmocka_unit_test(a_mistake_stops_the_start_and_never_quotes_a_secret),
        cmocka_unit_test(a_password_file_is_its_owners_alone),
        cmocka_unit_test(the_command_line_is_stronger_under_either_name),
    };
    return cmocka_run_group_tests(tests, no_environment, NULL);
}
