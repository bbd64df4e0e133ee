/* Who wins, what is told about where a value came from, and librdkafka's properties. */
#include <support.h>

#include "environment.h"

#include <base/why.h>
#include <conf/entries.h>

static pouch_err parse(pouch_options *o, const char *text) {
    return pl_options_parse(o, "pouch.yaml", text, strlen(text));
}

enum { FROM_FILE = 1, FROM_SEED = 2, FROM_ENV = 4, FROM_SET = 8, ALL = 16 };

static const char *winner(int from) {
    return from & FROM_SET    ? "by-set"
           : from & FROM_ENV  ? "by-env"
           : from & FROM_SEED ? "by-seed"
           : from & FROM_FILE ? "by-file"
                              : "";
}

static const char *origin_of(int from) {
    return from & FROM_SET    ? "set"
           : from & FROM_ENV  ? "environment POUCH_GROUP"
           : from & FROM_SEED ? "environment KAFKA_GROUP_ID"
           : from & FROM_FILE ? "file pouch.yaml:2"
                              : "default";
}

/* acceptance: A2 A4 */
static void the_stronger_source_wins_in_either_order_of_calls(void **state) {
    (void)state;
    for (int from = 0; from < ALL; from++)
        for (int file_last = 0; file_last < 2; file_last++) {
            if (from & FROM_SEED) setenv("KAFKA_GROUP_ID", "by-seed", 1);
            if (from & FROM_ENV) setenv("POUCH_GROUP", "by-env", 1);
            pouch_options *o = new_options();
            if (from & FROM_FILE && !file_last) assert_int_equal(parse(o, "\ngroup: by-file"), POUCH_OK);
            if (from & FROM_SET) assert_int_equal(pouch_options_set(o, "group", "by-set"), POUCH_OK);
            if (from & FROM_FILE && file_last) assert_int_equal(parse(o, "\ngroup: by-file"), POUCH_OK);
            const char *value = pouch_options_get(o, "group");
            assert_string_equal(value ? value : "", winner(from));
            assert_string_equal(pl_option_origin(o, "group"), origin_of(from));
            pouch_options_free(o);
            no_environment(NULL);
        }
}

/* acceptance: A2 A4 */
static void the_seed_systems_variables_are_read(void **state) {
    (void)state;
    setenv("KAFKA_BROKERS", "one:9092,two:9092", 1);
    setenv("KAFKA_CLIENT_ID", "billing", 1);
    setenv("KAFKA_GROUP_ID", "billing-workers", 1);
    struct pl_settings s;
    pouch_options *o = new_options();
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    assert_string_equal(s.brokers, "one:9092,two:9092");
    assert_string_equal(s.client_id, "billing");
    assert_string_equal(s.group, "billing-workers");
    pl_settings_free(&s);
    pouch_options_free(o);
    no_environment(NULL);
}

static void assert_store(const char *url) {
    pouch_options *o = new_options();
    const char *store = pouch_options_get(o, "store");
    assert_string_equal(store ? store : "", url);
    assert_string_equal(pl_option_origin(o, "store"), *url ? "environment CASSANDRA_CONTACT_POINTS" : "default");
    pouch_options_free(o);
}

/* acceptance: A2 A4 */
static void the_variables_of_a_cassandra_name_a_store_together(void **state) {
    (void)state;
    setenv("CASSANDRA_KEYSPACE", "", 1);
    assert_store("");
    setenv("CASSANDRA_CONTACT_POINTS", "localhost", 1);
    assert_store("cassandra://localhost/messaging");
    setenv("CASSANDRA_CONTACT_POINTS", " db1, db2:9043,[::1],[::1]:9043", 1);
    setenv("CASSANDRA_KEYSPACE", "traces", 1);
    setenv("CASSANDRA_DATACENTER", "eu 1", 1);
    assert_store("cassandra://db1,db2:9043,[::1],[::1]:9043/traces?dc=eu%201");
    setenv("CASSANDRA_PORT", "9044", 1);
    setenv("CASSANDRA_LOCAL_DATACENTER", "dc1", 1);
    assert_store("cassandra://db1:9044,db2:9043,[::1]:9044,[::1]:9043/traces?dc=dc1");
    setenv("POUCH_STORE", "sqlite:///folder", 1);
    pouch_options *o = new_options();
    assert_string_equal(pouch_options_get(o, "store"), "sqlite:///folder");
    pouch_options_free(o);
    no_environment(NULL);
}

static void an_empty_variable_counts_as_absent(void **state) {
    (void)state;
    setenv("POUCH_BROKERS", "", 1);
    setenv("KAFKA_BROKERS", "seed:9092", 1);
    pouch_options *o = new_options();
    assert_string_equal(pouch_options_get(o, "brokers"), "seed:9092");
    pouch_options_free(o);
    no_environment(NULL);
}

static void a_bad_variable_is_told_when_the_settings_are_read(void **state) {
    (void)state;
    setenv("POUCH_START", "soon", 1);
    struct pl_settings s;
    pouch_options *o = new_options();
    assert_int_equal(parse(o, "start: latest"), POUCH_OK);
    assert_int_equal(pl_settings_read(&s, o), POUCH_E_CONFIG);
    assert_string_equal(pouch_why(), "POUCH_START (environment): 'soon' is not one of auto|earliest|latest");
    assert_null(s.brokers);
    assert_int_equal(pouch_options_set(o, "start", "latest"), POUCH_OK);
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    pl_settings_free(&s);
    pouch_options_free(o);
    no_environment(NULL);
}

static void a_bad_seed_variable_is_named_as_such(void **state) {
    (void)state;
    setenv("KAFKA_CLIENT_ID", "two words", 1);
    struct pl_settings s;
    pouch_options *o = new_options();
    assert_int_equal(pl_settings_read(&s, o), POUCH_E_CONFIG);
    assert_memory_equal(pouch_why(), "KAFKA_CLIENT_ID (environment): 'two words' is not a name", 55);
    pouch_options_free(o);
    no_environment(NULL);
}

static void an_unknown_name_gets_the_nearest_one_as_a_hint(void **state) {
    (void)state;
    static const struct {
        const char *name, *why;
    } rows[] = {
        {"client.max_pendin", "client.max_pendin: no such option; did you mean client.max_pending?"},
        {"Brokers", "Brokers: no such option; did you mean brokers?"},
        {"strat", "strat: no such option; did you mean start?"},
        {"worker.max_in_flight_byte",
         "worker.max_in_flight_byte: no such option; did you mean worker.max_in_flight_bytes?"},
        {"security.protocol", "security.protocol: no such option; properties of librdkafka are written kafka.NAME"},
        {"kafka.", "kafka.: no such option; properties of librdkafka are written kafka.NAME"},
        {"", ": no such option; properties of librdkafka are written kafka.NAME"},
    };
    pouch_options *o = new_options();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(pouch_options_set(o, rows[i].name, "x"), POUCH_E_CONFIG);
        assert_string_equal(pouch_why(), rows[i].why);
        assert_null(pouch_options_get(o, rows[i].name));
        assert_null(pl_option_origin(o, rows[i].name));
    }
    pouch_options_free(o);
}

static void a_refused_value_leaves_the_old_one(void **state) {
    (void)state;
    pouch_options *o = new_options();
    assert_int_equal(pouch_options_set(o, "drain", "3s"), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "drain", "soon"), POUCH_E_CONFIG);
    assert_string_equal(pouch_why(), "drain: 'soon' is not a duration (0 to 1h)");
    assert_string_equal(pouch_options_get(o, "drain"), "3s");
    pouch_options_free(o);
}

static void properties_of_librdkafka_pass_through_the_strongest_last(void **state) {
    (void)state;
    struct pl_settings s;
    pouch_options *o = new_options();
    assert_int_equal(pouch_options_set(o, "kafka.security.protocol", "SSL"), POUCH_OK);
    assert_int_equal(
        parse(o, "kafka: {security.protocol: SASL_SSL, socket.nagle.disable: true, sasl: {username: ada}}"), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "kafka.sasl.username", "bob"), POUCH_OK);
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    pouch_options_free(o);
    static const char *const expected[][2] = {
        {"socket.nagle.disable", "true"}, {"security.protocol", "SSL"}, {"sasl.username", "bob"}};
    assert_int_equal(s.n_kafka, 3);
    for (size_t i = 0; i < s.n_kafka; i++) {
        assert_string_equal(s.kafka[i].name, expected[i][0]);
        assert_string_equal(s.kafka[i].value, expected[i][1]);
    }
    pl_settings_free(&s);
}

static void a_room_suggests_before_the_users_own_properties_and_insists_after_them(void **state) {
    (void)state;
    static const struct pl_property own[] = {{(char *)"linger.ms", (char *)"1"}};
    struct pl_settings s, view;
    pouch_options *o = new_options();
    assert_int_equal(pouch_options_set(o, "kafka.linger.ms", "7"), POUCH_OK);
    assert_int_equal(pl_settings_read(&s, o), POUCH_OK);
    pouch_options_free(o);
    assert_int_equal(pl_settings_suggest(&s, "linger.ms", "5"), POUCH_OK);
    assert_int_equal(pl_settings_insist(&view, &s, own, 1), POUCH_OK);
    static const char *const expected[] = {"5", "7", "1"}; /* librdkafka takes the last */
    assert_int_equal(s.n_kafka, 2);
    assert_int_equal(view.n_kafka, 3);
    for (size_t i = 0; i < view.n_kafka; i++) {
        assert_string_equal(view.kafka[i].name, "linger.ms");
        assert_string_equal(view.kafka[i].value, expected[i]);
    }
    free(view.kafka);
    pl_settings_free(&s);
}

static void secret_properties_are_never_shown(void **state) {
    (void)state;
    static const char *const secret[] = {
        "kafka.sasl.password",         "kafka.ssl.key.password",        "kafka.ssl.key.pem",
        "kafka.ssl.keystore.password", "kafka.sasl.oauthbearer.config", "kafka.sasl.oauthbearer.client.secret",
        "kafka.SASL.Password"};
    static const char *const plain[] = {"kafka.sasl.username", "kafka.ssl.ca.location", "kafka.ssl.key.location"};
    pouch_options *o = new_options();
    const char *name, *value;
    size_t n = 0;
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++, n++) {
        assert_int_equal(pouch_options_set(o, secret[i], "hunter2"), POUCH_OK);
        assert_string_equal(pouch_options_get(o, secret[i]), "***");
        assert_true(pl_option_kafka(o, n, &name, &value));
        assert_string_equal(name, secret[i]);
        assert_string_equal(value, "***");
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++, n++) {
        assert_int_equal(pouch_options_set(o, plain[i], "ada"), POUCH_OK);
        assert_string_equal(pouch_options_get(o, plain[i]), "ada");
        assert_true(pl_option_kafka(o, n, &name, &value));
        assert_string_equal(value, "ada");
        assert_string_equal(pl_option_origin(o, name), "set");
    }
    assert_false(pl_option_kafka(o, n, &name, &value));
    pouch_options_free(o);
}

static void the_number_and_the_size_of_properties_are_bounded(void **state) {
    (void)state;
    char name[32];
    pouch_options *o = new_options();
    for (int i = 0; i < PL_KAFKA_MAX; i++) {
        snprintf(name, sizeof name, "kafka.p%d", i);
        assert_int_equal(pouch_options_set(o, name, "x"), POUCH_OK);
    }
    assert_int_equal(pouch_options_set(o, "kafka.one.more", "x"), POUCH_E_CONFIG);
    assert_int_equal(pouch_options_set(o, "kafka.p0", "y"), POUCH_OK);
    char *large = calloc(PL_KAFKA_VALUE_MAX + 2, 1);
    assert_non_null(large);
    memset(large, 'x', PL_KAFKA_VALUE_MAX + 1);
    assert_int_equal(pouch_options_set(o, "kafka.p0", large), POUCH_E_CONFIG);
    assert_int_equal(pouch_options_set(o, "kafka.p0", large + 1), POUCH_OK);
    free(large);
    pouch_options_free(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stronger_source_wins_in_either_order_of_calls),
        cmocka_unit_test(the_seed_systems_variables_are_read),
        cmocka_unit_test(the_variables_of_a_cassandra_name_a_store_together),
        cmocka_unit_test(an_empty_variable_counts_as_absent),
        cmocka_unit_test(a_bad_variable_is_told_when_the_settings_are_read),
        cmocka_unit_test(a_bad_seed_variable_is_named_as_such),
        cmocka_unit_test(an_unknown_name_gets_the_nearest_one_as_a_hint),
        cmocka_unit_test(a_refused_value_leaves_the_old_one),
        cmocka_unit_test(properties_of_librdkafka_pass_through_the_strongest_last),
        cmocka_unit_test(a_room_suggests_before_the_users_own_properties_and_insists_after_them),
        cmocka_unit_test(secret_properties_are_never_shown),
        cmocka_unit_test(the_number_and_the_size_of_properties_are_bounded),
    };
    return cmocka_run_group_tests(tests, no_environment, NULL);
}
