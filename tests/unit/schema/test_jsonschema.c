/* JSON Schema: the official test suite for draft 7, then what it does not ask. */
#include <support.h>

#include <dirent.h>
#include <pouch/error.h>
#include <schema/jsonschema.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define SUITE POUCH_SOURCE_DIR "/tests/vectors/json-schema/draft7/"

/* Schemas of the suite that refer to what is elsewhere, which is never fetched. */
static const char *const remote[] = {"remote ref, containing refs itself", "validate definition against metaschema"};

static bool is_remote(const char *description) {
    for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++)
        if (!strcmp(description, remote[i])) return true;
    return false;
}

/* The suite's schemas are of draft 7, whether they say so or not. */
static pouch_err read_schema(struct jsonschema **schema, json_t *json) {
    if (json_is_object(json) && !json_object_get(json, "$schema"))
        json_object_set_new(json, "$schema", json_string("http://json-schema.org/draft-07/schema#"));
    char *text = json_dumps(json, JSON_ENCODE_ANY);
    pouch_err e = schema_json_read(schema, text, strlen(text));
    free(text);
    return e;
}

static size_t run_group(const char *file, const json_t *group) {
    const char *title = json_string_value(json_object_get(group, "description"));
    const json_t *tests = json_object_get(group, "tests");
    struct jsonschema *schema;
    pouch_err e = read_schema(&schema, json_object_get(group, "schema"));
    if (is_remote(title)) {
        assert_int_equal(e, POUCH_E_CONFIG);
        return 0;
    }
    if (e) fail_msg("%s: %s: %s", file, title, pouch_why());
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        e = schema_json_check(schema, json_object_get(test, "data"), 1000);
        bool valid = json_is_true(json_object_get(test, "valid"));
        if (e != (valid ? POUCH_OK : POUCH_E_INVALID_PAYLOAD))
            fail_msg("%s: %s: %s: %s", file, title, json_string_value(json_object_get(test, "description")),
                     e ? pouch_why() : "taken for valid");
    }
    schema_json_free(schema);
    return json_array_size(tests);
}

/* acceptance: D19 */
static void the_official_suite_passes(void **state) {
    (void)state;
    DIR *folder = opendir(SUITE);
    assert_non_null(folder);
    size_t run = 0;
    for (struct dirent *file; (file = readdir(folder));) {
        char path[512];
        if (file->d_name[0] == '.') continue;
        snprintf(path, sizeof path, SUITE "%s", file->d_name);
        json_t *groups = json_load_file(path, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(groups);
        for (size_t i = 0; i < json_array_size(groups); i++) run += run_group(file->d_name, json_array_get(groups, i));
        json_decref(groups);
    }
    closedir(folder);
    assert_true(run > 600);
}

/* ---- what it does not ask ---- */

static pouch_err check(const char *schema_text, const char *payload) {
    struct jsonschema *schema;
    pouch_err e = schema_json_read(&schema, schema_text, strlen(schema_text));
    if (e) fail_msg("%s", pouch_why());
    json_t *value;
    assert_int_equal(pl_json_read_payload(&value, "payload", payload, strlen(payload)), POUCH_OK);
    e = schema_json_check(schema, value, strlen(payload));
    json_decref(value);
    schema_json_free(schema);
    return e;
}

static void the_reason_names_the_place_and_nothing_of_the_payload(void **state) {
    (void)state;
    static const struct {
        const char *schema, *payload, *why;
    } rows[] = {
        {"{\"properties\":{\"a\":{\"items\":{\"type\":\"integer\"}}}}", "{\"a\":[1,\"secret\"]}",
         "/a/1: not of type integer"},
        {"{\"required\":[\"name\"]}", "{\"secret\":1}", "the whole payload: 'name' is missing"},
        {"{\"additionalProperties\":false}", "{\"secret\":1}",
         "the whole payload: a member that the schema does not have"},
        {"{\"additionalProperties\":{\"minimum\":3}}", "{\"secret\":1}", "/*: below its minimum"},
        {"{\"patternProperties\":{\"^s\":{\"maxLength\":2}}}", "{\"secret\":\"abc\"}", "/*: 3, where maxLength is 2"},
        {"{\"propertyNames\":{\"maxLength\":2}}", "{\"secret\":1}",
         "the whole payload: the name of a member is not as propertyNames says"},
        {"{\"enum\":[1,2]}", "\"secret\"", "the whole payload: none of the values of enum"},
        {"{\"oneOf\":[{},true]}", "\"secret\"", "the whole payload: fits 2 of the 2 schemas of oneOf, and not one"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(check(rows[i].schema, rows[i].payload), POUCH_E_INVALID_PAYLOAD);
        assert_string_equal(pouch_why(), rows[i].why);
    }
}

static void numbers_are_compared_by_value_also_beyond_64_bits(void **state) {
    (void)state;
    assert_int_equal(check("{\"type\":\"integer\",\"minimum\":1}", "18446744073709551616"), POUCH_OK);
    assert_int_equal(check("{\"maximum\":9007199254740992}", "9007199254740993"), POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(check("{\"const\":1}", "1.0"), POUCH_OK);
    assert_int_equal(check("{\"uniqueItems\":true}", "[1,1.0]"), POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(check("{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]"), POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(check("{\"multipleOf\":3}", "9223372036854775807"), POUCH_E_INVALID_PAYLOAD);
}

static void what_is_no_schema_is_told_by_its_keyword(void **state) {
    (void)state;
    static const struct {
        const char *text;
        pouch_err error;
        const char *why;
    } rows[] = {
        {"[]", POUCH_E_INVALID_PAYLOAD, "neither an object nor true or false"},
        {"{", POUCH_E_INVALID_PAYLOAD, "line 1"},
        {"{\"minimum\":\"1\"}", POUCH_E_INVALID_PAYLOAD, "minimum wants a number"},
        {"{\"multipleOf\":0}", POUCH_E_INVALID_PAYLOAD, "multipleOf wants a number above 0"},
        {"{\"minLength\":-1}", POUCH_E_INVALID_PAYLOAD, "minLength wants an integer from 0"},
        {"{\"minLength\":-1e300}", POUCH_E_INVALID_PAYLOAD, "minLength wants an integer from 0"},
        {"{\"uniqueItems\":1}", POUCH_E_INVALID_PAYLOAD, "uniqueItems wants true or false"},
        {"{\"enum\":1}", POUCH_E_INVALID_PAYLOAD, "enum wants a list"},
        {"{\"required\":[1]}", POUCH_E_INVALID_PAYLOAD, "required wants a list of names"},
        {"{\"type\":1}", POUCH_E_INVALID_PAYLOAD, "type wants the name of a type"},
        {"{\"type\":\"strnig\"}", POUCH_E_INVALID_PAYLOAD, "type wants the name of a type"},
        {"{\"type\":[\"null\",\"any\"]}", POUCH_E_INVALID_PAYLOAD, "type wants the name of a type"},
        {"{\"type\":[]}", POUCH_E_INVALID_PAYLOAD, "type wants the name of a type"},
        {"{\"pattern\":1}", POUCH_E_INVALID_PAYLOAD, "pattern wants a string"},
        {"{\"pattern\":\"a(\"}", POUCH_E_INVALID_PAYLOAD, "pattern: not a regular expression"},
        {"{\"allOf\":[]}", POUCH_E_INVALID_PAYLOAD, "allOf wants a list of schemas"},
        {"{\"properties\":[]}", POUCH_E_INVALID_PAYLOAD, "properties wants an object"},
        {"{\"items\":3}", POUCH_E_INVALID_PAYLOAD, "neither an object nor true or false"},
        {"{\"dependencies\":{\"a\":[1]}}", POUCH_E_INVALID_PAYLOAD, "dependencies wants schemas or lists of names"},
        {"{\"$ref\":\"#/nowhere\"}", POUCH_E_CONFIG, "'#/nowhere' is not in the schema"},
        {"{\"$ref\":\"http://elsewhere/x\"}", POUCH_E_CONFIG, "nothing is fetched from elsewhere"},
        {"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\"}", POUCH_E_CONFIG, "write it in draft 7"},
        {"{\"$schema\":\"https://json-schema.org/draft/2019-09/schema\"}", POUCH_E_CONFIG, "write it in draft 7"},
        {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", POUCH_E_CONFIG, "write it in draft 7"},
        {"{\"$ref\":\"#/definitions/a\",\"minLength\":1,\"definitions\":{\"a\":{}}}", POUCH_E_CONFIG,
         "'minLength' beside $ref"},
        {"{\"$ref\":\"#\"}", POUCH_E_CONFIG, "'#' leads back"},
        {"{\"allOf\":[{\"$ref\":\"#\"}]}", POUCH_E_CONFIG, "'#' leads back"},
        {"{\"items\":{\"$ref\":\"#/definitions/"
         "a\"},\"definitions\":{\"a\":{\"anyOf\":[{\"type\":\"string\"},{\"not\":{\"$ref\":\"#/definitions/b\"}}]},"
         "\"b\":{\"if\":true,\"then\":{\"dependencies\":{\"x\":{\"$ref\":\"#/definitions/a\"}}}}}}",
         POUCH_E_CONFIG, "leads back"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct jsonschema *schema;
        assert_int_equal(schema_json_read(&schema, rows[i].text, strlen(rows[i].text)), rows[i].error);
        if (!strstr(pouch_why(), rows[i].why)) fail_msg("%s: %s", rows[i].text, pouch_why());
        assert_null(schema);
    }
}

/*
 * Keywords that draft 7 does not have, and that would forbid something: on the first level and below, with the draft
 * named and without.
 */
static void keywords_of_newer_drafts_are_not_passed_over(void **state) {
    (void)state;
    static const char *const members[] = {"\"prefixItems\":[{}]",
                                          "\"dependentRequired\":{\"a\":[\"b\"]}",
                                          "\"dependentSchemas\":{}",
                                          "\"minContains\":2",
                                          "\"maxContains\":2",
                                          "\"unevaluatedItems\":false",
                                          "\"unevaluatedProperties\":false",
                                          "\"$anchor\":\"a\"",
                                          "\"$dynamicAnchor\":\"a\"",
                                          "\"$dynamicRef\":\"#a\"",
                                          "\"$recursiveRef\":\"#\"",
                                          "\"$recursiveAnchor\":true"};
    static const char *const around[][2] = {
        {"{", "}"},
        {"{\"properties\":{\"a\":{", "}}}"},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"items\":[{", "}]}"}};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        for (size_t k = 0; k < sizeof around / sizeof around[0]; k++) {
            char text[300], keyword[40];
            struct jsonschema *schema;
            snprintf(text, sizeof text, "%s%s%s", around[k][0], members[i], around[k][1]);
            snprintf(keyword, sizeof keyword, "'%.*s'", (int)strcspn(members[i] + 1, "\""), members[i] + 1);
            assert_int_equal(schema_json_read(&schema, text, strlen(text)), POUCH_E_CONFIG);
            if (!strstr(pouch_why(), keyword)) fail_msg("%s: %s", text, pouch_why());
        }
    /* As names of members they are nothing special; and $defs is where newer drafts put what draft 7 refers to, too. */
    assert_int_equal(check("{\"properties\":{\"prefixItems\":{\"type\":\"string\"}}}", "{\"prefixItems\":1}"),
                     POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(
        check("{\"$ref\":\"#/$defs/a\",\"description\":\"x\",\"$defs\":{\"a\":{\"type\":\"string\"}}}", "1"),
        POUCH_E_INVALID_PAYLOAD);
}

static char *repeated(const char *before, const char *part, size_t n, const char *after) {
    char *text = malloc(strlen(before) + n * strlen(part) + strlen(after) + 1), *to = stpcpy(text, before);
    while (n--) to = stpcpy(to, part);
    stpcpy(to, after);
    return text;
}

static void what_would_take_for_ever_ends(void **state) {
    (void)state;
    /* Twice as much work a level. */
    static const char doubling[] =
        "{\"definitions\":{\"t\":{\"anyOf\":[{\"items\":{\"$ref\":\"#/definitions/t\"},\"maxItems\":0},"
        "{\"items\":{\"$ref\":\"#/definitions/t\"},\"maxItems\":0,\"type\":\"array\"}]}},"
        "\"$ref\":\"#/definitions/t\"}";
    char *deep = repeated("", "[", 60, "1"), *closed = repeated(deep, "]", 60, "");
    assert_int_equal(check(doubling, closed), POUCH_E_INVALID_PAYLOAD);
    free(deep);
    free(closed);
    char *text = repeated("\"", "a", 5000, "b\"");
    assert_int_equal(check("{\"pattern\":\"^(a+)+$\"}", text), POUCH_E_INVALID_PAYLOAD);
    free(text);
}

/* Little work for each string, or from each character on, and very much for all. */
static void many_small_matches_end_as_one_large_one_does(void **state) {
    (void)state;
    char *few = repeated("[", "\"aaaaaaaaaaaaaaaaab\",", 3000, "1]");
    assert_int_equal(check("{\"items\":{\"not\":{\"type\":\"string\",\"pattern\":\"^(a+)+$\"}}}", few),
                     POUCH_E_INVALID_PAYLOAD);
    assert_non_null(strstr(pouch_why(), "too long"));
    free(few);
    char *text = repeated("\"", "a", 100000, "\"");
    assert_int_equal(check("{\"pattern\":\"(a+)+[bc]\"}", text), POUCH_E_INVALID_PAYLOAD);
    assert_non_null(strstr(pouch_why(), "too long"));
    assert_int_equal(check("{\"pattern\":\"a*+[bc]\"}", text), POUCH_E_INVALID_PAYLOAD);
    assert_non_null(strstr(pouch_why(), "too long"));
    free(text);
}

static void decimal_fractions_are_multiples_of_what_they_look_like(void **state) {
    (void)state;
    assert_int_equal(check("{\"multipleOf\":0.01}", "19.99"), POUCH_OK);
    assert_int_equal(check("{\"multipleOf\":0.1}", "1.1"), POUCH_OK);
    assert_int_equal(check("{\"multipleOf\":0.01}", "19.995"), POUCH_E_INVALID_PAYLOAD);
}

static void long_strings_and_arrays_are_no_trouble(void **state) {
    (void)state;
    char *text = repeated("\"", "ab", 50000, "\"");
    assert_int_equal(check("{\"pattern\":\"^(a|b)*$\"}", text), POUCH_OK);
    free(text);
    char *array = repeated("[0", ",[]", 1, "]");
    assert_int_equal(check("{\"uniqueItems\":true}", array), POUCH_OK);
    free(array);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_official_suite_passes),
        cmocka_unit_test(the_reason_names_the_place_and_nothing_of_the_payload),
        cmocka_unit_test(numbers_are_compared_by_value_also_beyond_64_bits),
        cmocka_unit_test(what_is_no_schema_is_told_by_its_keyword),
        cmocka_unit_test(keywords_of_newer_drafts_are_not_passed_over),
        cmocka_unit_test(what_would_take_for_ever_ends),
        cmocka_unit_test(many_small_matches_end_as_one_large_one_does),
        cmocka_unit_test(decimal_fractions_are_multiples_of_what_they_look_like),
        cmocka_unit_test(long_strings_and_arrays_are_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
