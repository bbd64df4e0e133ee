/* Every allocation of the room fails in turn: the error says so, nothing leaks. */
#include <support.h>

#include <oom.h>

#include <pouch/event.h>

static const char text[] = "{\"id\":\"0192f0c1-5b7a-7c3e-8a4d-0123456789ab\",\"type\":\"a\",\"version\":\"1.0.0\","
                           "\"timestamp\":1,\"tenant_id\":\"t\",\"source\":\"s\",\"correlation_id\":\"c\","
                           "\"trace_id\":\"t\",\"payload\":{},\"metadata\":{}}";

static bool ended(pouch_err e) {
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    if (e) assert_non_null(strstr(pouch_why(), "memory"));
    return !e;
}

static bool build(void) {
    pouch_event *event = pouch_event_new();
    pouch_err e = event ? pouch_event_begin(event) : POUCH_E_NO_MEMORY;
    if (!e) e = pouch_event_set(event, POUCH_EVENT_TYPE, "a", 1);
    pouch_event_free(event);
    return ended(e);
}

static bool read_one(void) {
    pouch_event *event = pouch_event_new();
    pouch_err e = event ? pouch_event_read(event, text, sizeof text - 1) : POUCH_E_NO_MEMORY;
    pouch_event_free(event);
    return ended(e);
}

static void each_allocation_fails_in_turn(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(build()); /* what is made once a process is made now */
    assert_true(test_oom_each(build) > 0);
    assert_true(test_oom_each(read_one) > 0);
}

/* Memory runs out before the second event, which needs none. */
static void an_event_that_is_no_larger_than_those_before_allocates_nothing(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    char out[sizeof text];
    size_t n;
    pouch_event *event = pouch_event_new();
    assert_int_equal(pouch_event_read(event, text, sizeof text - 1), POUCH_OK);
    test_oom_after(0);
    pouch_err read = pouch_event_read(event, text, sizeof text - 1);
    pouch_err written = pouch_event_write(event, out, sizeof out, &n);
    test_oom_after(-1);
    assert_int_equal(read, POUCH_OK);
    assert_int_equal(written, POUCH_OK);
    assert_string_equal(out, text);
    pouch_event_free(event);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails_in_turn),
        cmocka_unit_test(an_event_that_is_no_larger_than_those_before_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
