/* What bodies say, and what is said of those that cannot be read. */
#include <support.h>

#include <gateway/state.h>
#include <string.h>
#include <wire/dest.h>

static pouch_err read(struct gateway_ask *ask, const char *topic, const char *body) {
    *ask = (struct gateway_ask){.body = strdup(body), .body_n = strlen(body), .timeout_ms = 30000};
    assert_non_null(ask->body);
    return gateway_ask_read(ask, topic);
}

static void assert_value(const struct gateway_ask *ask, const char *value) {
    assert_int_equal(ask->value.n, strlen(value));
    assert_memory_equal(ask->value.at, value, ask->value.n);
}

/* acceptance: C3 C4 C29 */
static void a_message_has_a_value_and_may_have_key_and_headers(void **state) {
    (void)state;
    struct gateway_ask ask;
    assert_int_equal(read(&ask, "t",
                          " {\"headers\":{\"a\":\"1\",\"b\":[\"x\", \"y\"]},\"value\": {\"n\" : [1]} ,"
                          "\"key\":\"k\\u00e9y\"}\n"),
                     POUCH_OK);
    assert_value(&ask, "{\"n\" : [1]}");
    assert_string_equal(ask.dest->topic, "t");
    assert_int_equal(ask.dest->key_n, 4);
    assert_memory_equal(ask.dest->key, "k\xc3\xa9y", 4);
    assert_int_equal(ask.dest->n_headers, 3);
    assert_string_equal(ask.dest->headers[0].name, "a");
    assert_string_equal(ask.dest->headers[2].name, "b");
    assert_memory_equal(ask.dest->headers[2].value, "y", 1);
    gateway_ask_free(&ask);
    assert_int_equal(read(&ask, "t", "{\"key\":null,\"headers\":null,\"value\":[]}"), POUCH_OK);
    assert_null(ask.dest->key);
    gateway_ask_free(&ask);
}

/* acceptance: C30 */
static void what_is_wrong_with_a_message_is_told_and_where(void **state) {
    (void)state;
    static const struct {
        const char *body, *why;
    } rows[] = {
        {"", "the body is empty"},
        {"[]", "no object at byte 0"},
        {"{\"value\":{}", "byte 11"},
        {"{\"value\":{}} x", "something follows the object at byte 13"},
        {"{\"value\":{},\"value\":{}}", "a member name that came before at byte 12"},
        {"{\"valu\":{}}", "no member of that name is known at byte 2"},
        {"{\"key\":\"k\"}", "the member value is missing"},
        {"{\"value\":null}", "value is no object and no array"},
        {"{\"value\":\"text\"}", "value is no object and no array"},
        {"{\"value\":5}", "value is no object and no array"},
        {"{\"value\":{\"a\":\xff}}", "no sound value at byte"},
        {"{\"value\":{},\"key\":5}", "key is no string"},
        {"{\"value\":{},\"key\":\"a\\u0000b\"}", "key has U+0000 in it"},
        {"{\"value\":{},\"headers\":[]}", "headers is no object of strings"},
        {"{\"value\":{},\"headers\":{\"a\":1}}", "the value of a member of headers is no string"},
        {"{\"value\":{},\"headers\":{\"a\":[1]}}", "the value of a member of headers is no string"},
        {"{\"value\":{},\"headers\":{\"\":\"x\"}}", "headers: "},
        {"{\"value\":{},\"headers\":{\"pouch-hop\":\"x\"}}", "headers: header names that begin with pouch-"},
        {"{\"value\":{},\"topic\":\"other\"}", "no member of that name is known"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gateway_ask ask;
        assert_int_equal(read(&ask, "t", rows[i].body), POUCH_E_INVALID_PAYLOAD);
        if (strncmp(pouch_why(), "Invalid message format: ", 24) || !strstr(pouch_why(), rows[i].why))
            fail_msg("%s: %s", rows[i].body, pouch_why());
        gateway_ask_free(&ask);
    }
}

static void bounds_of_keys_and_headers_are_the_bodys_fault(void **state) {
    (void)state;
    struct gateway_ask ask;
    char body[8192] = "{\"value\":{},\"key\":\"";
    size_t n = strlen(body);
    memset(body + n, 'k', 1025);
    strcpy(body + n + 1025, "\"}");
    assert_int_equal(read(&ask, "t", body), POUCH_E_INVALID_PAYLOAD);
    gateway_ask_free(&ask);
    memset(body + n, 'k', 5000);
    strcpy(body + n + 5000, "\"}");
    assert_int_equal(read(&ask, "t", body), POUCH_E_INVALID_PAYLOAD);
    assert_non_null(strstr(pouch_why(), "key is longer than"));
    gateway_ask_free(&ask);
}

static void a_request_names_a_topic_or_a_publisher(void **state) {
    (void)state;
    struct gateway_ask ask;
    assert_int_equal(read(&ask, NULL, "{\"topic\":\"t\",\"payload\":null,\"timeout\":1500}"), POUCH_OK);
    assert_string_equal(ask.topic, "t");
    assert_null(ask.publisher);
    assert_value(&ask, "null");
    assert_int_equal(ask.timeout_ms, 1500);
    assert_false(ask.gathers);
    gateway_ask_free(&ask);
    assert_int_equal(read(&ask, NULL, "{\"publisher\":\"p\",\"payload\":\"x\",\"enough\":2,\"responders\":3}"),
                     POUCH_OK);
    assert_string_equal(ask.publisher, "p");
    assert_int_equal(ask.timeout_ms, 30000);
    assert_true(ask.gathers);
    assert_int_equal(ask.enough, 2);
    assert_int_equal(ask.dest->responders, 3);
    gateway_ask_free(&ask);
}

/* acceptance: C30 */
static void what_is_wrong_with_a_request_is_told(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"payload\":1}",
        "{\"topic\":\"t\",\"publisher\":\"p\",\"payload\":1}",
        "{\"topic\":\"t\"}",
        "{\"topic\":\"a b\",\"payload\":1}",
        "{\"topic\":\"..\",\"payload\":1}",
        "{\"topic\":5,\"payload\":1}",
        "{\"topic\":\"t\",\"payload\":1,\"timeout\":0}",
        "{\"topic\":\"t\",\"payload\":1,\"timeout\":300001}",
        "{\"topic\":\"t\",\"payload\":1,\"timeout\":1.5}",
        "{\"topic\":\"t\",\"payload\":1,\"timeout\":-1}",
        "{\"topic\":\"t\",\"payload\":1,\"timeout\":\"30s\"}",
        "{\"topic\":\"t\",\"payload\":1,\"enough\":1001}",
        "{\"topic\":\"t\",\"payload\":1,\"responders\":0}",
        "{\"topic\":\"t\",\"payload\":1,\"value\":1}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct gateway_ask ask;
        if (read(&ask, NULL, bodies[i]) != POUCH_E_INVALID_PAYLOAD) fail_msg("%s was taken", bodies[i]);
        gateway_ask_free(&ask);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_a_value_and_may_have_key_and_headers),
        cmocka_unit_test(what_is_wrong_with_a_message_is_told_and_where),
        cmocka_unit_test(bounds_of_keys_and_headers_are_the_bodys_fault),
        cmocka_unit_test(a_request_names_a_topic_or_a_publisher),
        cmocka_unit_test(what_is_wrong_with_a_request_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
