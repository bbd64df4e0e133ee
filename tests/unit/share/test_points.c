/* Facts of gateways, the points that are made of them, and what is read from them. */
#include <support.h>

#include <share/points.h>
#include <stdlib.h>

#define FACTS(healthy, pending, clients, channels, ms)                                                      \
    "{\"instance\":\"a\",\"at\":1,\"healthy\":" healthy ",\"kafka\":{\"consumer\":true,\"producer\":true,"  \
    "\"pendingRequests\":" pending "},\"sse\":{\"totalClients\":" clients ",\"clientsByChannel\":" channels \
    ",\"averageConnectionDuration\":" ms "}}"

static json_t *facts(const char *text) {
    json_t *value = share_facts_read(text, strlen(text));
    if (!value) fail_msg("no facts: %s", text);
    return value;
}

static json_t *both(const char *one, const char *other) {
    json_t *all = json_array();
    assert_int_equal(json_array_append_new(all, facts(one)), 0);
    assert_int_equal(json_array_append_new(all, facts(other)), 0);
    return all;
}

static int64_t number(const json_t *object, const char *part, const char *name) {
    return json_integer_value(json_object_get(json_object_get(object, part), name));
}

/* acceptance: C15 C24 */
static void a_point_is_of_all_gateways(void **state) {
    (void)state;
    json_t *all = both(FACTS("true", "3", "2", "{\"auth\":2,\"alerts\":1}", "1000"),
                       FACTS("false", "4", "6", "{\"auth\":6}", "3000"));
    json_t *point = share_point_make(all, 1700000000123);
    const json_t *channels = json_object_get(json_object_get(point, "sse"), "clientsByChannel");
    assert_string_equal(json_string_value(json_object_get(point, "timestamp")), "2023-11-14T22:13:20.123Z");
    assert_true(json_is_false(json_object_get(point, "healthy")));
    assert_int_equal(json_integer_value(json_object_get(point, "gateways")), 2);
    assert_int_equal(number(point, "kafka", "pendingRequests"), 7);
    assert_int_equal(number(point, "sse", "totalClients"), 8);
    assert_int_equal(number(point, "sse", "averageConnectionDuration"), 2500);
    assert_int_equal(json_integer_value(json_object_get(channels, "auth")), 8);
    assert_int_equal(json_integer_value(json_object_get(channels, "alerts")), 1);
    char *text = pl_json_text(point, NULL);
    json_t *again = share_point_read(text, strlen(text));
    assert_true(json_equal(again, point));
    free(text);
    json_decref(again);
    json_decref(point);
    json_decref(all);
}

static void what_others_wrote_is_taken_only_when_it_is_sound(void **state) {
    static const char *const bad[] = {
        "",
        "garbage",
        "[]",
        "null",
        "{}",
        "{\"instance\":\"a\",\"at\":1,\"healthy\":true,\"kafka\":{}}",
        "{\"instance\":\"a\",\"at\":1,\"healthy\":1,\"kafka\":{},\"sse\":{}}",
        "{\"instance\":\"a\",\"at\":-1,\"healthy\":true,\"kafka\":{},\"sse\":{}}",
        "{\"instance\":\"a\",\"at\":9223372036854775807,\"healthy\":true,\"kafka\":{},\"sse\":{}}",
        "{\"instance\":7,\"at\":1,\"healthy\":true,\"kafka\":{},\"sse\":{}}",
        "{\"at\":1,\"healthy\":true,\"kafka\":[],\"sse\":{}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(share_facts_read(bad[i], strlen(bad[i])));
        assert_null(share_point_read(bad[i], strlen(bad[i])));
    }
    json_t *all = both(FACTS("true", "\"x\"", "-5", "[1]", "1e300"), FACTS("true", "1e18", "2", "{\"a\":\"b\"}", "9"));
    json_t *point = share_point_make(all, 0);
    assert_int_equal(number(point, "kafka", "pendingRequests"), 0);
    assert_int_equal(number(point, "sse", "totalClients"), 2);
    json_decref(point);
    json_decref(all);
}

/* acceptance: C16 */
static void stability_is_told_in_words(void **state) {
    (void)state;
    assert_string_equal(share_stability(100), "excellent");
    assert_string_equal(share_stability(95), "excellent");
    assert_string_equal(share_stability(94.99), "good");
    assert_string_equal(share_stability(85), "good");
    assert_string_equal(share_stability(84.99), "fair");
    assert_string_equal(share_stability(70), "fair");
    assert_string_equal(share_stability(69.99), "poor");
    assert_string_equal(share_stability(0), "poor");
}

static json_t *point_of(const char *text, int64_t at_ms) {
    json_t *all = json_array();
    assert_int_equal(json_array_append_new(all, facts(text)), 0);
    json_t *point = share_point_make(all, at_ms);
    json_decref(all);
    return point;
}

static const char *text_of(const json_t *trends, const char *part, const char *name) {
    return json_string_value(json_object_get(json_object_get(trends, part), name));
}

/* acceptance: C16 */
static void trends_go_from_the_first_point_to_the_last(void **state) {
    (void)state;
    json_t *points = json_array();
    json_array_append_new(points, point_of(FACTS("true", "9", "1", "{}", "0"), 0));
    json_array_append_new(points, point_of(FACTS("false", "1", "1", "{}", "0"), 60000));
    json_array_append_new(points, point_of(FACTS("true", "4", "6", "{}", "0"), 120000));
    json_t *trends = share_trends(points);
    assert_int_equal(number(trends, "sseClients", "change"), 5);
    assert_string_equal(text_of(trends, "sseClients", "direction"), "up");
    assert_int_equal(number(trends, "pendingRequests", "change"), -5);
    assert_string_equal(text_of(trends, "pendingRequests", "direction"), "down");
    assert_string_equal(text_of(trends, "systemStability", "status"), "poor");
    json_decref(trends);
    json_decref(points);
}

static void without_points_nothing_is_known(void **state) {
    (void)state;
    json_t *points = json_array(), *trends = share_trends(points);
    assert_string_equal(text_of(trends, "sseClients", "direction"), "stable");
    assert_string_equal(text_of(trends, "systemStability", "status"), "unknown");
    json_decref(trends);
    json_decref(points);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_point_is_of_all_gateways),
        cmocka_unit_test(what_others_wrote_is_taken_only_when_it_is_sound),
        cmocka_unit_test(stability_is_told_in_words),
        cmocka_unit_test(trends_go_from_the_first_point_to_the_last),
        cmocka_unit_test(without_points_nothing_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
