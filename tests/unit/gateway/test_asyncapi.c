/* The routes as AsyncAPI: each publisher and target once, and references that lead somewhere. */
#include <support.h>

#include <gateway/v1_asyncapi.h>
#include <string.h>

static const json_t *at(const json_t *document, const char *reference) {
    char path[256], *rest = path, *part;
    assert_true(strlen(reference) < sizeof path && !strncmp(reference, "#/", 2));
    strcpy(path, reference + 2);
    while (document && (part = strsep(&rest, "/"))) document = json_object_get(document, part);
    return document;
}

static size_t follow(const json_t *document, const json_t *value) {
    const char *name;
    const json_t *one;
    size_t i, n = 0;
    if (json_is_object(value)) json_object_foreach((json_t *)value, name, one) {
            if (!strcmp(name, "$ref")) {
                assert_non_null(at(document, json_string_value(one)));
                n++;
            }
            n += follow(document, one);
        }
    if (json_is_array(value)) json_array_foreach(value, i, one) n += follow(document, one);
    return n;
}

static void publishers_ask_and_targets_handle(void **state) {
    (void)state;
    char *both[] = {(char *)"orders", (char *)"audit"}, *one[] = {(char *)"orders"};
    const struct pl_route_row routes[] = {
        {.publisher = (char *)"shop", .targets = both, .n_targets = 2, .enabled = true},
        {.publisher = (char *)"till", .targets = one, .n_targets = 1},
    };
    const struct pl_settings s = {.inbox = (char *)"inbox", .brokers = (char *)"localhost:9092"};
    json_t *document = gateway_asyncapi(&s, routes, 2);
    assert_non_null(document);
    assert_string_equal(json_string_value(json_object_get(document, "asyncapi")), "3.0.0");
    const json_t *operations = json_object_get(document, "operations");
    assert_int_equal(json_object_size(operations), 4);
    assert_int_equal(json_object_size(json_object_get(document, "channels")), 4);
    const json_t *ask = json_object_get(operations, "ask-till");
    assert_string_equal(json_string_value(json_object_get(ask, "action")), "send");
    assert_non_null(strstr(json_string_value(json_object_get(ask, "summary")), "disabled"));
    const json_t *location = json_object_get(json_object_get(json_object_get(ask, "reply"), "address"), "location");
    assert_string_equal(json_string_value(location), "$message.payload#/replyTopic");
    assert_true(follow(document, document) >= 16);
    json_decref(document);
}

static void without_routes_there_is_the_inbox(void **state) {
    (void)state;
    const struct pl_settings s = {.inbox = (char *)"inbox", .brokers = (char *)"localhost:9092"};
    json_t *document = gateway_asyncapi(&s, NULL, 0);
    assert_int_equal(json_object_size(json_object_get(document, "operations")), 0);
    assert_non_null(json_object_get(json_object_get(document, "channels"), "inbox"));
    follow(document, document);
    json_decref(document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publishers_ask_and_targets_handle),
        cmocka_unit_test(without_routes_there_is_the_inbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
