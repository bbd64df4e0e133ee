/* Settings files: what they may look like, and what is said about a bad one. */
#include <support.h>

#include "environment.h"

#include <base/why.h>
#include <conf/entries.h>
#include <unistd.h>

static pouch_err parse(pouch_options *o, const char *text) {
    return pl_options_parse(o, "pouch.yaml", text, strlen(text));
}

static void nested_maps_and_dotted_keys_are_the_same(void **state) {
    (void)state;
    static const char *const texts[] = {
        "client.id: x",       "client: {id: x}",           "client:\n  id: x\n",
        "\"client.id\": 'x'", "{client: {\"id\": \"x\"}}", "# hello\n---\nclient:\n    id:\n        x # there\n...\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        pouch_options *o = new_options();
        assert_int_equal(parse(o, texts[i]), POUCH_OK);
        assert_string_equal(pouch_options_get(o, "client.id"), "x");
        pouch_options_free(o);
    }
}

/* acceptance: A2 */
static void a_list_of_brokers_is_joined(void **state) {
    (void)state;
    pouch_options *o = new_options();
    assert_int_equal(parse(o, "brokers:\n  - one:9092\n  - two:9092\n"), POUCH_OK);
    assert_string_equal(pouch_options_get(o, "brokers"), "one:9092,two:9092");
    assert_string_equal(pl_option_origin(o, "brokers"), "file pouch.yaml:1");
    pouch_options_free(o);
}

static void a_bad_file_is_refused_with_file_line_and_key(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"# a\n\nclient:\n  max_pending: abc\n",
         "pouch.yaml:4: client.max_pending: 'abc' is not a count (1 to 10000000)"},
        {"client: {idd: x}", "pouch.yaml:1: client.idd: no such option; did you mean client.id?"},
        {"\nnothing:\n  like: this",
         "pouch.yaml:3: nothing.like: no such option; properties of librdkafka are written kafka.NAME"},
        {"client: x", "pouch.yaml:1: client: no such option; did you mean client.id?"},
        {"what: {}", "pouch.yaml:1: what: no such option; properties of librdkafka are written kafka.NAME"},
        {"start:", "pouch.yaml:1: start: '' is not one of auto|earliest|latest"},
        {"start: ~", "pouch.yaml:1: start: '' is not one of auto|earliest|latest"},
        {"start: [auto]", "pouch.yaml:1: start: wants a value, not a list"},
        {"\nclient.id: {a: b}", "pouch.yaml:2: client.id: wants a value, not a map"},
        {"brokers: [a, [b]]", "pouch.yaml:1: brokers: wants a value, not a list"},
        {"brokers: []", "pouch.yaml:1: brokers: '' is not a text (1 to 8192 bytes, no control characters)"},
        {"kafka: {a: {}}", "pouch.yaml:1: kafka.a: wants a value, not a map"},
        {"kafka: {a: [b]}", "pouch.yaml:1: kafka.a: wants a value, not a list"},
        {"client: {id: a}\nclient.id: b", "pouch.yaml:2: client.id: is given twice"},
        {"drain: 1s\nstart: auto\ndrain: 2s", "pouch.yaml:3: drain is given twice, first in line 1"},
        {"kafka.a: 1\nkafka: {a: 2}", "pouch.yaml:2: kafka.a: is given twice"},
        {"- brokers", "pouch.yaml:1: wants a map of options"},
        {"\nhello", "pouch.yaml:2: wants a map of options"},
        {"client:\n\tid: x", "pouch.yaml:2: found character that cannot start any token"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pouch_options *o = new_options();
        if (parse(o, rows[i].text) != POUCH_E_CONFIG) fail_msg("taken: %s", rows[i].text);
        assert_string_equal(pouch_why(), rows[i].why);
        pouch_options_free(o);
    }
}

static void a_section_with_nothing_in_it_is_fine(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "# all commented out\n", "---\n", "client:\n#  id: x\nkafka:\n", "client: {}", "kafka: ~", "{}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        pouch_options *o = new_options();
        if (parse(o, texts[i])) fail_msg("%s: %s", texts[i], pouch_why());
        pouch_options_free(o);
    }
}

static void nothing_of_a_bad_file_is_taken(void **state) {
    (void)state;
    pouch_options *o = new_options();
    assert_int_equal(parse(o, "drain: 3s\nkafka.a: b"), POUCH_OK);
    assert_int_equal(parse(o, "drain: 4s\nclient.id: x\nkafka.c: d\nstart: never"), POUCH_E_CONFIG);
    assert_string_equal(pouch_options_get(o, "drain"), "3s");
    assert_null(pouch_options_get(o, "client.id"));
    assert_null(pouch_options_get(o, "kafka.c"));
    pouch_options_free(o);
}

static void a_later_file_overrides_an_earlier_one(void **state) {
    (void)state;
    pouch_options *o = new_options();
    assert_int_equal(parse(o, "drain: 3s\nstart: latest"), POUCH_OK);
    assert_int_equal(parse(o, "\n\ndrain: 4s"), POUCH_OK);
    assert_string_equal(pouch_options_get(o, "drain"), "4s");
    assert_string_equal(pl_option_origin(o, "drain"), "file pouch.yaml:3");
    assert_string_equal(pouch_options_get(o, "start"), "latest");
    pouch_options_free(o);
}

static void a_value_that_is_overridden_is_checked_all_the_same(void **state) {
    (void)state;
    pouch_options *o = new_options();
    assert_int_equal(pouch_options_set(o, "drain", "3s"), POUCH_OK);
    assert_int_equal(parse(o, "drain: never"), POUCH_E_CONFIG);
    pouch_options_free(o);
}

static void a_relative_key_file_is_beside_the_settings_file(void **state) {
    (void)state;
    static const struct {
        const char *file, *value, *path;
    } rows[] = {{"/etc/pouch/pouch.yaml", "ring", "/etc/pouch/ring"},
                {"/etc/pouch/pouch.yaml", "/run/ring", "/run/ring"},
                {"conf/pouch.yaml", "../ring", "conf/../ring"},
                {"/pouch.yaml", "ring", "/ring"},
                {"pouch.yaml", "ring", "ring"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[64];
        pouch_options *o = new_options();
        int n = snprintf(text, sizeof text, "key.file: %s", rows[i].value);
        assert_int_equal(pl_options_parse(o, rows[i].file, text, (size_t)n), POUCH_OK);
        assert_string_equal(pouch_options_get(o, "key.file"), rows[i].path);
        pouch_options_free(o);
    }
}

static void too_many_properties_and_too_long_names_are_refused(void **state) {
    (void)state;
    char text[16 * PL_KAFKA_MAX + 64], *end = stpcpy(text, "kafka:\n");
    for (int i = 0; i <= PL_KAFKA_MAX; i++) end += sprintf(end, "  p%d: x\n", i);
    pouch_options *o = new_options();
    assert_int_equal(parse(o, text), POUCH_E_CONFIG);
    assert_string_equal(pouch_why(), "pouch.yaml:258: kafka.p256: more than 256 kafka.* properties");
    end = stpcpy(text, "kafka.");
    memset(end, 'n', 250);
    strcpy(end + 250, ": x");
    assert_int_equal(parse(o, text), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "a name of more than 255 bytes"));
    pouch_options_free(o);
}

static void a_file_is_read_from_disk(void **state) {
    (void)state;
    char folder[] = "/tmp/pouch-test-XXXXXX", path[64], key[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/pouch.yaml", folder);
    snprintf(key, sizeof key, "%s/ring", folder);
    pouch_options *o = new_options();
    assert_int_equal(pouch_options_load(o, path), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "pouch.yaml cannot be opened: No such file or directory"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("key: {file: ring}\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(pouch_options_load(o, path), POUCH_OK);
    assert_string_equal(pouch_options_get(o, "key.file"), key);
    assert_int_equal(pouch_options_load(o, folder), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "cannot be read: Is a directory"));
    pouch_options_free(o);
    unlink(path);
    rmdir(folder);
}

static void the_example_in_the_documents_is_taken(void **state) {
    (void)state;
    static char text[64 * 1024];
    FILE *file = fopen(POUCH_SOURCE_DIR "/docs/configuration.md", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    char *begin = strstr(text, "```yaml\n");
    assert_non_null(begin);
    begin = strchr(begin, '\n');
    char *end = strstr(begin, "```");
    assert_non_null(end);
    pouch_options *o = new_options();
    if (pl_options_parse(o, "example.yaml", begin, (size_t)(end - begin))) fail_msg("%s", pouch_why());
    assert_string_equal(pouch_options_get(o, "kafka.sasl.password"), "***");
    pouch_options_free(o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_maps_and_dotted_keys_are_the_same),
        cmocka_unit_test(a_list_of_brokers_is_joined),
        cmocka_unit_test(a_bad_file_is_refused_with_file_line_and_key),
        cmocka_unit_test(a_section_with_nothing_in_it_is_fine),
        cmocka_unit_test(nothing_of_a_bad_file_is_taken),
        cmocka_unit_test(a_later_file_overrides_an_earlier_one),
        cmocka_unit_test(a_value_that_is_overridden_is_checked_all_the_same),
        cmocka_unit_test(a_relative_key_file_is_beside_the_settings_file),
        cmocka_unit_test(too_many_properties_and_too_long_names_are_refused),
        cmocka_unit_test(a_file_is_read_from_disk),
        cmocka_unit_test(the_example_in_the_documents_is_taken),
    };
    return cmocka_run_group_tests(tests, no_environment, NULL);
}
