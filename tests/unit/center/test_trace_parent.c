/* The traceparent of the next hop. */
#include <support.h>

#include <center/trace_parent.h>
#include <stdbool.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"

static const char *const sound[] = {
    "00-" TRACE "-" SPAN "-01",
    "00-" TRACE "-" SPAN "-00",
    "01-" TRACE "-" SPAN "-01",
    "cc-" TRACE "-" SPAN "-01-what-comes-later",
};

static const char *const unsound[] = {
    "",
    "00",
    "00-" TRACE "-" SPAN "-0",
    "00-" TRACE "-" SPAN "-01-more",
    "00-" TRACE "-" SPAN "-01x",
    "01-" TRACE "-" SPAN "-01x",
    "ff-" TRACE "-" SPAN "-01",
    "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
    "00-00000000000000000000000000000000-" SPAN "-01",
    "00-" TRACE "-0000000000000000-01",
    "00_" TRACE "-" SPAN "-01",
    "00-" TRACE "_" SPAN "-01",
    "00-" TRACE "-" SPAN "_01",
    "00-" TRACE "-" SPAN "-0g",
    "0g-" TRACE "-" SPAN "-01",
};

static bool is_hex(const char *at, size_t n) {
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (!at[i] || !strchr("0123456789abcdef", at[i])) return false;
        any |= at[i] != '0';
    }
    return any;
}

static void assert_sound(const char *out) {
    assert_int_equal(strlen(out), 55);
    assert_memory_equal(out, "00-", 3);
    assert_true(is_hex(out + 3, 32) && out[35] == '-' && is_hex(out + 36, 16) && out[52] == '-');
}

static void a_trace_goes_on_with_a_new_span(void **state) {
    (void)state;
    struct center_spans spans;
    center_spans_init(&spans);
    for (size_t i = 0; i < sizeof sound / sizeof sound[0]; i++) {
        char out[CENTER_PARENT_MAX];
        center_trace_parent(out, sound[i], strlen(sound[i]), &spans);
        assert_sound(out);
        assert_memory_equal(out + 3, TRACE, 32);
        assert_memory_not_equal(out + 36, SPAN, 16);
        assert_memory_equal(out + 53, sound[i] + 53, 2);
    }
}

static void what_cannot_be_read_begins_a_new_trace(void **state) {
    (void)state;
    struct center_spans spans;
    char before[CENTER_PARENT_MAX] = "";
    center_spans_init(&spans);
    for (size_t i = 0; i < sizeof unsound / sizeof unsound[0]; i++) {
        char out[CENTER_PARENT_MAX];
        center_trace_parent(out, unsound[i], strlen(unsound[i]), &spans);
        assert_sound(out);
        assert_memory_not_equal(out + 3, TRACE, 32);
        assert_memory_not_equal(out + 3, before, 32);
        memcpy(before, out + 3, 32);
    }
    char out[CENTER_PARENT_MAX];
    center_trace_parent(out, NULL, 0, &spans);
    assert_sound(out);
}

static void no_span_comes_twice(void **state) {
    (void)state;
    enum { N = 1000 };
    static char seen[N][16];
    struct center_spans spans;
    center_spans_init(&spans);
    for (size_t i = 0; i < N; i++) {
        char out[CENTER_PARENT_MAX];
        center_trace_parent(out, sound[0], strlen(sound[0]), &spans);
        memcpy(seen[i], out + 36, 16);
        for (size_t j = 0; j < i; j++) assert_memory_not_equal(seen[j], seen[i], 16);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_goes_on_with_a_new_span),
        cmocka_unit_test(what_cannot_be_read_begins_a_new_trace),
        cmocka_unit_test(no_span_comes_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
