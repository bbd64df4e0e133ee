/* Events on the log, what of them is sent, records of mapped topics, and copies that come again. */
#include <support.h>

#include <base/why.h>
#include <events/maps.h>
#include <events/sources.h>

static void read_back(const struct events_event *event, const struct events_source *source, struct events_record *r) {
    size_t n;
    char *text = events_record_text(event, source, &n);
    assert_non_null(text);
    assert_int_equal(events_record_read(r, text, n), POUCH_OK);
    free(text);
}

/* acceptance: C13 */
static void what_is_stored_is_read_back(void **state) {
    (void)state;
    json_t *data = json_pack("{s:[i,i]}", "a", 1, 2);
    const struct events_event event = {.channel = "alerts", .name = "x", .data = data, .id = "mine", .retry_ms = 5};
    const struct events_source source = {.topic = "orders", .partition = 3, .offset = 70, .at_ms = 1700000000000};
    struct events_record r;
    read_back(&event, &source, &r);
    assert_string_equal(r.event.channel, "alerts");
    assert_string_equal(r.event.name, "x");
    assert_string_equal(r.event.id, "mine");
    assert_int_equal(r.event.retry_ms, 5);
    assert_true(json_equal(r.event.data, data));
    assert_string_equal(r.source.topic, "orders");
    assert_int_equal(r.source.partition, 3);
    assert_int_equal(r.source.offset, 70);
    assert_int_equal(r.source.at_ms, 1700000000000);
    json_decref(r.root);
    json_decref(data);
}

static void what_is_no_event_is_passed_over(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"channel\":\"a\"}",
        "{\"data\":1}",
        "{\"channel\":1,\"data\":1}",
        "{\"channel\":\"a b\",\"data\":1}",
        "{\"channel\":\"*\",\"data\":1}",
        "{\"channel\":\"a\",\"event\":\"x\\ny\",\"data\":1}",
        "{\"channel\":\"a\",\"event\":7,\"data\":1}",
        "{\"channel\":\"a\",\"id\":{},\"data\":1}",
        "{\"channel\":\"a\",\"data\":1,\"source\":{}}",
        "{\"channel\":\"a\",\"data\":1,\"source\":{\"topic\":\"a/b\",\"partition\":0,\"offset\":1}}",
        "{\"channel\":\"a\",\"data\":1,\"source\":{\"topic\":\"a\",\"partition\":-1,\"offset\":1}}",
    };
    struct events_record r;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(events_record_read(&r, rows[i], strlen(rows[i])), POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(events_record_read(&r, NULL, 0), POUCH_E_INVALID_PAYLOAD);
}

/* acceptance: C9 */
static void a_text_is_sent_as_it_is_and_the_senders_id_goes_into_an_object(void **state) {
    (void)state;
    static const struct {
        const char *record, *sent;
    } rows[] = {
        {"{\"channel\":\"a\",\"data\":\"two\\nlines\"}", "id: 9\ndata: two\ndata: lines\n\n"},
        {"{\"channel\":\"a\",\"data\":{\"b\":1},\"id\":\"m\"}", "id: 9\ndata: {\"b\":1,\"id\":\"m\"}\n\n"},
        {"{\"channel\":\"a\",\"data\":{\"id\":7},\"id\":\"m\"}", "id: 9\ndata: {\"id\":7}\n\n"},
        {"{\"channel\":\"a\",\"data\":[1],\"id\":\"m\\nx\"}", "id: 9\ndata: [1]\n\n"},
        {"{\"channel\":\"a\",\"data\":null,\"event\":\"e\",\"retry\":30}",
         "id: 9\nevent: e\nretry: 30\ndata: null\n\n"},
        {"{\"channel\":\"a\",\"data\":1,\"retry\":-3}", "id: 9\ndata: 1\n\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct events_record r;
        struct pl_buf out;
        pl_buf_init(&out, 1000);
        assert_int_equal(events_record_read(&r, rows[i].record, strlen(rows[i].record)), POUCH_OK);
        assert_int_equal(events_event_write(&out, &r.event, 9), POUCH_OK);
        assert_string_equal(out.at, rows[i].sent);
        json_decref(r.root);
        pl_buf_free(&out);
    }
}

static bool has(struct events_sources *s, const char *topic, int32_t partition, int64_t offset, int64_t at_ms) {
    struct events_source source = {.partition = partition, .offset = offset, .at_ms = at_ms};
    strcpy(source.topic, topic);
    return events_sources_has(s, &source);
}

/* acceptance: C26 */
static void a_copy_that_comes_again_is_known_and_a_topic_made_anew_is_not_taken_for_one(void **state) {
    (void)state;
    struct events_sources s = {0};
    assert_false(has(&s, "a", 0, 5, 1000));
    assert_false(has(&s, "a", 1, 5, 1000));
    assert_false(has(&s, "b", 0, 5, 1000));
    assert_false(has(&s, "a", 0, 6, 990)); /* clocks of producers differ */
    assert_true(has(&s, "a", 0, 5, 1000));
    assert_true(has(&s, "a", 0, 6, 990));
    assert_false(has(&s, "a", 0, 9, 2000));
    assert_false(has(&s, "a", 0, 0, 3000)); /* the topic is another one */
    assert_true(has(&s, "a", 0, 0, 3000));
    assert_false(has(&s, "a", 0, 1, 3000));
    events_sources_free(&s);
}

/* acceptance: C26 */
static void maps_are_read(void **state) {
    (void)state;
    struct events_maps m;
    assert_int_equal(events_maps_read(&m, "user.login=auth:login:A user has logged in,orders=payments,x=a:b"),
                     POUCH_OK);
    assert_int_equal(m.n, 3);
    assert_string_equal(events_maps_find(&m, "user.login")->channel, "auth");
    assert_string_equal(events_maps_find(&m, "user.login")->name, "login");
    assert_string_equal(events_maps_find(&m, "user.login")->message, "A user has logged in");
    assert_string_equal(events_maps_find(&m, "orders")->channel, "payments");
    assert_string_equal(events_maps_find(&m, "orders")->name, "message");
    assert_string_equal(events_maps_find(&m, "x")->name, "b");
    assert_null(events_maps_find(&m, "y"));
    events_maps_free(&m);
    assert_int_equal(events_maps_read(&m, NULL), POUCH_OK);
    assert_int_equal(m.n, 0);
}

static void maps_that_cannot_be_are_refused(void **state) {
    (void)state;
    static const char *const rows[] = {"a",     "=b",      "a=",   "a=b:",      "a=*",          "a b=c",
                                       "a=b c", "a=b,a=c", ",a=b", "a=b:c d:x", "a=b:c:caf\xe9"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct events_maps m;
        assert_int_equal(events_maps_read(&m, rows[i]), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "gateway.events_map"));
        events_maps_free(&m);
    }
}

/* acceptance: C26 */
static void of_a_mapped_record_all_is_told_but_what_is_sealed(void **state) {
    (void)state;
    static const char sealed[] = "{\"request_id\":\"6f9619ff-8b86-4d01-b42d-00cf4fc964ff\",\"data\":\"00\",\"iv\":"
                                 "\"000102030405060708090a0b0c0d0e0f\","
                                 "\"tag\":\"000102030405060708090a0b0c0d0e0f\"}";
    static const struct {
        const char *value, *data;
    } rows[] = {
        {"{\"a\":1}", "{\"message\":\"M\",\"topic\":\"t\",\"timestamp\":5,\"key\":\"k\",\"value\":{\"a\":1}}"},
        {"plain", "{\"message\":\"M\",\"topic\":\"t\",\"timestamp\":5,\"key\":\"k\",\"value\":\"plain\"}"},
        {"\xff", "{\"message\":\"M\",\"topic\":\"t\",\"timestamp\":5,\"key\":\"k\"}"},
        {sealed, "{\"message\":\"M\",\"topic\":\"t\",\"timestamp\":5,\"key\":\"k\","
                 "\"request_id\":\"6f9619ff-8b86-4d01-b42d-00cf4fc964ff\"}"},
    };
    struct events_maps m;
    assert_int_equal(events_maps_read(&m, "t=c:e:M"), POUCH_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *data = events_map_data(&m.at[0], (struct httpd_span){"k", 1},
                                       (struct httpd_span){rows[i].value, strlen(rows[i].value)}, 5);
        char *text = data ? pl_json_text(data, NULL) : NULL;
        assert_non_null(text);
        assert_string_equal(text, rows[i].data);
        free(text);
        json_decref(data);
    }
    events_maps_free(&m);
}

/* What reaches the log is told to every stream, whatever bytes the record has: it is read back, and can be sent. */
static void expect_event(const struct events_map *map, const char *key, size_t key_n, const char *value, size_t n,
                         bool with_key, bool with_value) {
    json_t *data = events_map_data(map, (struct httpd_span){key, key_n}, (struct httpd_span){value, n}, 5);
    const struct events_event event = {.channel = map->channel, .name = map->name, .data = data};
    struct events_record r;
    struct pl_buf out;
    assert_non_null(data);
    assert_int_equal(json_object_get(data, "key") != NULL, with_key);
    assert_int_equal(json_object_get(data, "value") != NULL, with_value);
    read_back(&event, NULL, &r);
    pl_buf_init(&out, EVENTS_BYTES_MAX);
    assert_int_equal(events_event_write(&out, &r.event, INT64_MAX), POUCH_OK);
    pl_buf_free(&out);
    json_decref(r.root);
    json_decref(data);
}

/* acceptance: C26 */
static void a_mapped_record_is_an_event_whatever_its_bytes_are(void **state) {
    (void)state;
    enum { MANY = 8000, LONG = 36 * 1024 };
    char numbers[4 * MANY + 2], control[LONG], key[1024];
    struct events_maps m;
    assert_int_equal(events_maps_read(&m, "t=c:e:M"), POUCH_OK);
    numbers[0] = '[';
    for (size_t i = 0; i < MANY; i++) memcpy(numbers + 1 + 4 * i, "1e9,", 4);
    numbers[4 * MANY] = ']';
    memset(control, 1, sizeof control);
    memset(key, 1, sizeof key);
    expect_event(&m.at[0], "\0\0\0\7", 4, "{\"a\":1}", 7, false, true); /* a number, as serializers write it */
    expect_event(&m.at[0], "k", 1, "a\0b", 3, true, false);
    expect_event(&m.at[0], "k", 1, "\"a\\u0000b\"", 10, true, true);
    expect_event(&m.at[0], "k", 1, numbers, 4 * MANY + 1, true, false);  /* 1000000000.0 */
    expect_event(&m.at[0], key, sizeof key, control, LONG, true, false); /* \u0001 */
    events_maps_free(&m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_is_read_back),
        cmocka_unit_test(what_is_no_event_is_passed_over),
        cmocka_unit_test(a_text_is_sent_as_it_is_and_the_senders_id_goes_into_an_object),
        cmocka_unit_test(a_copy_that_comes_again_is_known_and_a_topic_made_anew_is_not_taken_for_one),
        cmocka_unit_test(maps_are_read),
        cmocka_unit_test(maps_that_cannot_be_are_refused),
        cmocka_unit_test(of_a_mapped_record_all_is_told_but_what_is_sealed),
        cmocka_unit_test(a_mapped_record_is_an_event_whatever_its_bytes_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
