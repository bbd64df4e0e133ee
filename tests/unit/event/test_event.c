/* Events: what is built reads back, what is no event is refused, and the headers that tell of one. */
#include <support.h>

#include <base/uuid.h>
#include <event/fields.h>
#include <stdio.h>
#include <stdlib.h>
#include <wire/dest.h>

#define ID       "\"id\":\"0192f0c1-5b7a-7c3e-8a4d-0123456789ab\""
#define TYPE     "\"type\":\"message.sent\""
#define VERSION  "\"version\":\"1.0.0\""
#define TIME     "\"timestamp\":1700000000000"
#define TENANT   "\"tenant_id\":\"acme\""
#define SOURCE   "\"source\":\"chat-service\""
#define PAYLOAD  "\"payload\":{\"text\":\"hi\"}"
#define METADATA "\"metadata\":{\"user_id\":\"u-7\"}"
#define HEAD     ID "," TYPE "," VERSION "," TIME "," TENANT "," SOURCE
#define EVENT    "{" HEAD "," PAYLOAD "," METADATA "}"

static pouch_event *event;

static int set_up(void **state) {
    (void)state;
    event = pouch_event_new();
    return event ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    pouch_event_free(event);
    pouch_event_free(NULL);
    return 0;
}

static void set(pouch_event_field field, const char *value) {
    assert_int_equal(pouch_event_set(event, field, value, strlen(value)), POUCH_OK);
}

static void assert_field(pouch_event_field field, const char *value) {
    size_t n = 99;
    const char *is = pouch_event_get(event, field, &n);
    if (value)
        assert_string_equal(is, value);
    else
        assert_null(is);
    assert_int_equal(n, value ? strlen(value) : 0);
}

static void assert_empty(void) {
    for (int i = 0; i < PL_EVENT_FIELDS; i++) assert_field((pouch_event_field)i, NULL);
}

static void assert_written(const char *want) {
    char out[1024];
    size_t n;
    assert_int_equal(pouch_event_write(event, out, sizeof out, &n), POUCH_OK);
    assert_string_equal(out, want);
    assert_int_equal(n, strlen(want));
}

/* acceptance: D20 */
static void an_event_is_built_with_an_id_and_a_time_of_its_own(void **state) {
    (void)state;
    int64_t before = pl_wall_ms(&pl_clock_system);
    struct pl_uuid id;
    assert_int_equal(pouch_event_begin(event), POUCH_OK);
    assert_true(pl_uuid_parse(&id, pouch_event_get(event, POUCH_EVENT_ID, NULL), 36));
    assert_int_equal(id.b[6] >> 4, 7);
    int64_t ms = 0;
    for (int i = 0; i < 6; i++) ms = ms << 8 | id.b[i];
    assert_true(ms >= before && ms <= pl_wall_ms(&pl_clock_system));
    assert_int_equal(strtoll(pouch_event_get(event, POUCH_EVENT_TIMESTAMP, NULL), NULL, 10), ms);
    assert_field(POUCH_EVENT_VERSION, "1.0.0");
    assert_field(POUCH_EVENT_METADATA, "{}");
    assert_field(POUCH_EVENT_TYPE, NULL);
    assert_field(POUCH_EVENT_CORRELATION_ID, NULL);
}

/* acceptance: D20 */
static void what_is_written_holds_the_members_in_their_order(void **state) {
    (void)state;
    assert_int_equal(pouch_event_begin(event), POUCH_OK);
    set(POUCH_EVENT_METADATA, "{\"a\":[1]}");
    set(POUCH_EVENT_PAYLOAD, "{\"text\":\"hi\"}");
    set(POUCH_EVENT_ID, "0192f0c1-5b7a-7c3e-8a4d-0123456789ab");
    set(POUCH_EVENT_TIMESTAMP, "1700000000000");
    set(POUCH_EVENT_TENANT_ID, "acme");
    set(POUCH_EVENT_TYPE, "participant.role_changed");
    set(POUCH_EVENT_SOURCE, "quote \" and \\");
    assert_written("{" ID ",\"type\":\"participant.role_changed\"," VERSION "," TIME "," TENANT
                   ",\"source\":\"quote \\\" and \\\\\"," PAYLOAD ",\"metadata\":{\"a\":[1]}}");
    set(POUCH_EVENT_SOURCE, "chat-service");
    set(POUCH_EVENT_CORRELATION_ID, "c-1");
    set(POUCH_EVENT_TRACE_ID, "t-1");
    assert_written("{" ID ",\"type\":\"participant.role_changed\"," VERSION "," TIME "," TENANT "," SOURCE
                   ",\"correlation_id\":\"c-1\",\"trace_id\":\"t-1\"," PAYLOAD ",\"metadata\":{\"a\":[1]}}");
    assert_int_equal(pouch_event_set(event, POUCH_EVENT_TRACE_ID, NULL, 0), POUCH_OK);
    assert_field(POUCH_EVENT_TRACE_ID, NULL);
}

/* acceptance: D20 */
static void an_event_without_a_field_it_needs_is_not_written(void **state) {
    (void)state;
    char out[1024];
    for (int i = 0; i < PL_EVENT_FIELDS; i++) {
        size_t n;
        assert_int_equal(pouch_event_read(event, EVENT, strlen(EVENT)), POUCH_OK);
        assert_int_equal(pouch_event_set(event, (pouch_event_field)i, NULL, 0), POUCH_OK);
        bool optional = pl_event_rows[i].optional;
        assert_int_equal(pouch_event_write(event, out, sizeof out, &n), optional ? POUCH_OK : POUCH_E_CONFIG);
        if (!optional) assert_non_null(strstr(pouch_why(), pl_event_rows[i].name));
    }
}

static void an_event_that_does_not_fit_says_how_much_it_takes(void **state) {
    (void)state;
    size_t n = 0, whole = strlen(EVENT);
    assert_int_equal(pouch_event_read(event, EVENT, whole), POUCH_OK);
    assert_int_equal(pouch_event_write(event, NULL, 0, &n), POUCH_E_TOO_LARGE);
    assert_int_equal(n, whole);
    char *out = malloc(whole + 1);
    for (size_t size = 0; size <= whole; size++) {
        assert_int_equal(pouch_event_write(event, out, size, &n), POUCH_E_TOO_LARGE);
        assert_int_equal(n, whole);
    }
    assert_int_equal(pouch_event_write(event, out, whole + 1, &n), POUCH_OK);
    assert_string_equal(out, EVENT);
    free(out);
}

/* acceptance: D20 */
static void what_is_read_has_its_fields_with_escapes_undone(void **state) {
    (void)state;
    static const char text[] = " { " PAYLOAD " ,\t" METADATA "," VERSION "," TIME "," ID "," TENANT ", " TYPE
                               ",\"correlation_id\":\"c\\u002d\\u00e4\",\"trace\\u005fid\":null,"
                               "\"source\":\"a\\/b\"}\r\n";
    assert_int_equal(pouch_event_read(event, text, strlen(text)), POUCH_OK);
    assert_field(POUCH_EVENT_ID, "0192f0c1-5b7a-7c3e-8a4d-0123456789ab");
    assert_field(POUCH_EVENT_TYPE, "message.sent");
    assert_field(POUCH_EVENT_TIMESTAMP, "1700000000000");
    assert_field(POUCH_EVENT_TENANT_ID, "acme");
    assert_field(POUCH_EVENT_SOURCE, "a/b");
    assert_field(POUCH_EVENT_CORRELATION_ID, "c-\xc3\xa4");
    assert_field(POUCH_EVENT_TRACE_ID, NULL);
    assert_field(POUCH_EVENT_PAYLOAD, "{\"text\":\"hi\"}");
    assert_field(POUCH_EVENT_METADATA, "{\"user_id\":\"u-7\"}");
}

/* acceptance: D20 */
static void what_is_no_event_is_refused_with_the_reason_and_leaves_nothing(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "no object at byte 0"},
        {"null", "no object"},
        {"[]", "no object"},
        {"{}", "it has no id"},
        {"{" HEAD "," PAYLOAD "," METADATA, "no comma"},
        {"{" HEAD "," PAYLOAD "," METADATA ",}", "no member name"},
        {EVENT "x", "something behind it"},
        {EVENT EVENT, "something behind it"},
        {"{" HEAD "," PAYLOAD "," METADATA ",\"extra\":1}", "a member that events do not have at byte"},
        {"{" HEAD "," PAYLOAD "," METADATA "," TYPE "}", "came before"},
        {"{" HEAD "," PAYLOAD "," METADATA ",\"t\\u0079pe\":\"a\"}", "came before"},
        {"{" HEAD "," METADATA "}", "it has no payload"},
        {"{" HEAD "," PAYLOAD "}", "it has no metadata"},
        {"{" HEAD "," METADATA ",\"payload\":[1]}", "payload at byte"},
        {"{" HEAD "," METADATA ",\"payload\":null}", "a JSON object"},
        {"{" HEAD "," METADATA ",\"payload\":\"{}\"}", "a JSON object"},
        {"{" HEAD "," PAYLOAD ",\"metadata\":null}", "metadata at byte"},
        {"{\"id\":1}", "id at byte 6 is to be a UUID of version 7"},
        {"{\"id\":\"0192f0c1-5b7a-4c3e-8a4d-0123456789ab\"}", "version 7"},
        {"{\"id\":\"0192f0c1-5b7a-7c3e-7a4d-0123456789ab\"}", "version 7"},
        {"{\"type\":\"\"}", "type at byte"},
        {"{\"type\":\"a..b\"}", "type at byte"},
        {"{\"type\":\".a\"}", "type at byte"},
        {"{\"type\":\"a.\"}", "type at byte"},
        {"{\"type\":\"a b\"}", "type at byte"},
        {"{\"type\":null}", "type at byte"},
        {"{\"version\":\"1.0\"}", "version at byte"},
        {"{\"version\":\"1.0.0.0\"}", "version at byte"},
        {"{\"version\":\"1..0\"}", "version at byte"},
        {"{\"version\":\"1.0.x\"}", "version at byte"},
        {"{\"version\":1}", "version at byte"},
        {"{\"timestamp\":\"1700000000000\"}", "timestamp at byte"},
        {"{\"timestamp\":-1}", "timestamp at byte"},
        {"{\"timestamp\":1.5}", "timestamp at byte"},
        {"{\"timestamp\":1e3}", "timestamp at byte"},
        {"{\"timestamp\":01}", "no comma between two members at byte"},
        {"{\"timestamp\":9223372036854775808}", "timestamp at byte"},
        {"{\"tenant_id\":\"Acme\"}", "tenant_id at byte"},
        {"{\"tenant_id\":\"a.b\"}", "tenant_id at byte"},
        {"{\"tenant_id\":\"\"}", "tenant_id at byte"},
        {"{\"tenant_id\":\"a\\u0000\"}", "tenant_id at byte"},
        {"{\"source\":\"a\\nb\"}", "source at byte"},
        {"{\"source\":\"\\u0000\"}", "source at byte"},
        {"{\"source\":\"\x80\"}", "no sound value"},
        {"{\"correlation_id\":\"\"}", "correlation_id at byte"},
        {"{\"correlation_id\":1}", "correlation_id at byte"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(pouch_event_read(event, EVENT, strlen(EVENT)), POUCH_OK);
        assert_int_equal(pouch_event_read(event, rows[i].text, strlen(rows[i].text)), POUCH_E_BAD_ENVELOPE);
        if (!strstr(pouch_why(), rows[i].why)) fail_msg("%s: %s", rows[i].text, pouch_why());
        assert_empty();
    }
}

/* A text of n times c in place of a field's value. */
static pouch_err read_with(const char *before, char c, size_t n, const char *after) {
    char *text = malloc(strlen(before) + n + strlen(after) + 1);
    char *at = stpcpy(text, before);
    memset(at, c, n);
    strcpy(at + n, after);
    pouch_err e = pouch_event_read(event, text, strlen(text));
    free(text);
    return e;
}

static void texts_are_as_long_as_their_rule_says(void **state) {
    (void)state;
    static const char rest[] = "\"," ID "," VERSION "," TIME "," PAYLOAD "," METADATA;
    char before[512], after[512];
    static const struct {
        const char *name, *others;
        size_t most;
    } rows[] = {{"type", "," TENANT "," SOURCE, 100},
                {"tenant_id", "," TYPE "," SOURCE, 64},
                {"source", "," TYPE "," TENANT, 100},
                {"correlation_id", "," TYPE "," TENANT "," SOURCE, 100}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(before, sizeof before, "{\"%s\":\"", rows[i].name);
        snprintf(after, sizeof after, "%s%s}", rest, rows[i].others);
        assert_int_equal(read_with(before, 'a', 1, after), POUCH_OK);
        assert_int_equal(read_with(before, 'a', rows[i].most, after), POUCH_OK);
        assert_int_equal(read_with(before, 'a', rows[i].most + 1, after), POUCH_E_BAD_ENVELOPE);
        assert_int_equal(read_with(before, 'a', 100000, after), POUCH_E_BAD_ENVELOPE);
    }
}

static void a_payload_is_bounded_in_size_and_depth(void **state) {
    (void)state;
    static const char before[] = "{" HEAD "," METADATA ",\"payload\":{\"a\":\"", after[] = "\"}}";
    size_t around = strlen("{\"a\":\"\"}");
    assert_int_equal(read_with(before, 'x', PL_EVENT_JSON_MAX - around, after), POUCH_OK);
    assert_int_equal(read_with(before, 'x', PL_EVENT_JSON_MAX - around + 1, after), POUCH_E_TOO_LARGE);
    assert_int_equal(read_with(before, 'x', 3 * (size_t)PL_EVENT_JSON_MAX, after), POUCH_E_TOO_LARGE);
    char deep[256] = "{\"a\":", *at = deep + 5;
    memset(at, '[', 62);
    memset(at + 62, ']', 62);
    strcpy(at + 124, "}");
    set(POUCH_EVENT_PAYLOAD, deep);
    memset(at, '[', 63);
    memset(at + 63, ']', 63);
    strcpy(at + 126, "}");
    assert_int_equal(pouch_event_set(event, POUCH_EVENT_PAYLOAD, deep, strlen(deep)), POUCH_E_CONFIG);
}

static void a_value_that_is_refused_leaves_the_field_as_it_was(void **state) {
    (void)state;
    static const char *const bad[] = {[POUCH_EVENT_ID] = "x",
                                      [POUCH_EVENT_TYPE] = "a b",
                                      [POUCH_EVENT_VERSION] = "1",
                                      [POUCH_EVENT_TIMESTAMP] = "soon",
                                      [POUCH_EVENT_TENANT_ID] = "a.b",
                                      [POUCH_EVENT_SOURCE] = "a\nb",
                                      [POUCH_EVENT_CORRELATION_ID] = "\xff",
                                      [POUCH_EVENT_TRACE_ID] = "\x7f",
                                      [POUCH_EVENT_PAYLOAD] = "{} {}",
                                      [POUCH_EVENT_METADATA] = "{\"a\":}"};
    assert_int_equal(pouch_event_read(event, EVENT, strlen(EVENT)), POUCH_OK);
    for (int i = 0; i < PL_EVENT_FIELDS; i++) {
        assert_int_equal(pouch_event_set(event, (pouch_event_field)i, bad[i], strlen(bad[i])), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), pl_event_rows[i].name));
    }
    assert_int_equal(pouch_event_set(event, (pouch_event_field)99, "x", 1), POUCH_E_CONFIG);
    assert_null(pouch_event_get(event, (pouch_event_field)99, NULL));
    assert_written(EVENT);
}

/* acceptance: D21 */
static void headers_tell_of_tenant_correlation_trace_and_time(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
    } rows[] = {{"tenant_id", "acme"}, {"correlation_id", "c-1"}, {"trace_id", "t-1"}, {"timestamp", "1700000000000"}};
    pouch_dest *d = pouch_dest_topic("chat.messages.acme");
    assert_int_equal(pouch_event_read(event, EVENT, strlen(EVENT)), POUCH_OK);
    set(POUCH_EVENT_CORRELATION_ID, "c-1");
    set(POUCH_EVENT_TRACE_ID, "t-1");
    assert_int_equal(pouch_event_add_headers(event, d), POUCH_OK);
    assert_int_equal(d->n_headers, sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < d->n_headers; i++) {
        assert_string_equal(d->headers[i].name, rows[i].name);
        assert_int_equal(d->headers[i].n, strlen(rows[i].value));
        assert_memory_equal(d->headers[i].value, rows[i].value, d->headers[i].n);
    }
    pouch_dest_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_event_is_built_with_an_id_and_a_time_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_holds_the_members_in_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_without_a_field_it_needs_is_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_that_does_not_fit_says_how_much_it_takes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_read_has_its_fields_with_escapes_undone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_event_is_refused_with_the_reason_and_leaves_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(texts_are_as_long_as_their_rule_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_payload_is_bounded_in_size_and_depth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_that_is_refused_leaves_the_field_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers_tell_of_tenant_correlation_trace_and_time, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
