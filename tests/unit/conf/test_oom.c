/* Every allocation of reading settings fails in turn. */
#include <support.h>

#include <oom.h>

#include "environment.h"

#include <base/why.h>
#include <conf/entries.h>

static bool make_load_set_and_read(void) {
    static const char text[] = "brokers: [a, b]\nkey: {file: ring}\nkafka: {a: b, c: {d: e}}\ndrain: 1s\n";
    static const struct pl_property own = {(char *)"acks", (char *)"all"};
    struct pl_settings s, view;
    pouch_options *o = pouch_options_new();
    if (!o) return false;
    pouch_err e = pouch_options_set(o, "group", "g");
    if (!e) e = pl_options_parse(o, "dir/pouch.yaml", text, sizeof text - 1);
    if (!e) e = pl_settings_read(&s, o);
    bool is_read = !e;
    if (is_read) e = pl_settings_suggest(&s, "linger.ms", "5");
    if (!e) e = pl_settings_insist(&view, &s, &own, 1);
    if (!e) free(view.kafka);
    if (is_read) pl_settings_free(&s);
    pouch_options_free(o);
    return !e;
}

static void no_allocation_that_fails_leaks_or_crashes(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    setenv("POUCH_CLIENT_ID", "x", 1);
    setenv("CASSANDRA_CONTACT_POINTS", "a,b", 1);
    setenv("KAFKA_SASL_ENABLED", "on", 1);
    setenv("KAFKA_SASL_USERNAME", "ada", 1);
    setenv("KAFKA_SASL_PASSWORD", "hunter2", 1);
    setenv("PRODUCER_LINGER_MS", "5", 1);
    setenv("MAX_RETRIES", "often", 1); /* not ours without compat */
    assert_true(make_load_set_and_read());
    assert_true(test_oom_each(make_load_set_and_read) > 50);
    no_environment(NULL);
}

static pouch_options *options;

static bool load_a_file(void) {
    static const char text[] = "drain: 2s\nkafka: {a: b}\n";
    pouch_err e = pl_options_parse(options, "pouch.yaml", text, sizeof text - 1);
    if (!e) return true;
    assert_int_equal(e, POUCH_E_NO_MEMORY);
    assert_string_equal(pouch_options_get(options, "drain"), "1s");
    assert_null(pouch_options_get(options, "kafka.a"));
    return false;
}

static void a_load_that_runs_out_of_memory_changes_nothing(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    for (long n = 0;; n++) {
        options = new_options();
        assert_int_equal(pl_options_parse(options, "first.yaml", "drain: 1s", 9), POUCH_OK);
        test_oom_after(n);
        bool done = load_a_file();
        test_oom_after(-1);
        pouch_options_free(options);
        if (done) break;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_allocation_that_fails_leaks_or_crashes),
        cmocka_unit_test(a_load_that_runs_out_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, no_environment, NULL);
}
