/* Counting, and the Prometheus text: each name described once, each line of the list in it. */
#include <support.h>

#include <oom.h>

#include <base/buf.h>
#include <metrics/metrics.h>
#include <pouch/metrics.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>

static const struct {
    const char *name, *type, *labels, *help;
} list[] = {
#define ROW(id, type, name, labels, help) {name, #type, labels, help},
    PL_METRICS(ROW)
#undef ROW
};

static char *read_text(void) {
    size_t n;
    char *text = pouch_metrics_text(&n);
    assert_non_null(text);
    assert_int_equal(strlen(text), n);
    return text;
}

static size_t occurrences(const char *text, const char *what) {
    size_t n = 0;
    for (; (text = strstr(text, what)); text++) n++;
    return n;
}

static bool matches(const char *text, const char *pattern) {
    regex_t r;
    assert_int_equal(regcomp(&r, pattern, REG_EXTENDED | REG_NOSUB), 0);
    int differs = regexec(&r, text, 0, NULL, 0);
    regfree(&r);
    return !differs;
}

static void counters_and_gauges_hold_what_was_counted(void **state) {
    (void)state;
    for (enum pl_metric m = 0; m < PL_METRIC_COUNT; m++) {
        pl_metric_set(m, 0);
        pl_metric_add(m, 5);
        pl_metric_add(m, -2);
        assert_int_equal(pl_metric_get(m), 3);
        pl_metric_set(m, -7);
        assert_int_equal(pl_metric_get(m), -7);
        pl_metric_set(m, 0);
    }
}

static void every_metric_stands_in_the_text_with_its_value(void **state) {
    (void)state;
    for (enum pl_metric m = 0; m < PL_METRIC_COUNT; m++)
        if (m != PL_M_LOG_LEFT_OUT) pl_metric_set(m, 1000 + (int64_t)m);
    char *text = read_text();
    for (enum pl_metric m = 0; m < PL_METRIC_COUNT; m++) {
        char line[256];
        const char *labels = list[m].labels;
        snprintf(line, sizeof line, "\n%s%s%s%s %d\n", list[m].name, *labels ? "{" : "", labels, *labels ? "}" : "",
                 m == PL_M_LOG_LEFT_OUT ? 0 : 1000 + (int)m);
        assert_int_equal(occurrences(text, line), 1);
    }
    free(text);
}

/* What the format and its naming rules ask of each row. */
static void every_name_is_described_once_and_well_formed(void **state) {
    (void)state;
    char *text = read_text();
    for (size_t m = 0; m < PL_METRIC_COUNT; m++) {
        char line[512];
        snprintf(line, sizeof line, "# TYPE %s %s\n", list[m].name, list[m].type);
        assert_int_equal(occurrences(text, line), 1);
        snprintf(line, sizeof line, "# HELP %s ", list[m].name);
        assert_int_equal(occurrences(text, line), 1);
        assert_true(matches(list[m].name, "^pouch_[a-z]+(_[a-z]+)*$"));
        assert_int_equal(matches(list[m].name, "_total$"), strcmp(list[m].type, "counter") == 0);
        assert_true(matches(list[m].labels, "^([a-z_]+=\"[a-z0-9_]+\")?$"));
        assert_null(strpbrk(list[m].help, "\\\n"));
        bool first = m == 0 || strcmp(list[m].name, list[m - 1].name) != 0;
        if (first) assert_true(strlen(list[m].help) > 0);
        for (size_t earlier = 0; first && earlier < m; earlier++)
            assert_string_not_equal(list[earlier].name, list[m].name);
    }
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        char one[512];
        snprintf(one, sizeof one, "%.*s", (int)strcspn(line, "\n"), line);
        assert_true(matches(one, "^# HELP [a-z_]+ .+$|^# TYPE [a-z_]+ (counter|gauge|histogram)$|"
                                 "^[a-z_]+(\\{[^}]*\\})? -?[0-9]+$|^[a-z_]+_sum [0-9]+\\.[0-9]{6}$"));
    }
    free(text);
}

static void add_up(const char *label, int64_t value, void *arg) {
    assert_true(matches(label, "^[a-z0-9_]+$"));
    *(int64_t *)arg += value;
}

static void the_metrics_of_one_name_are_found_by_it(void **state) {
    (void)state;
    int64_t sum = 0, wanted = 0;
    for (enum pl_metric m = 0; m < PL_METRIC_COUNT; m++) {
        pl_metric_set(m, 1 << m % 20);
        if (!strcmp(list[m].name, "pouch_center_records_total")) wanted += 1 << m % 20;
    }
    pl_metric_each("pouch_center_records_total", add_up, &sum);
    assert_int_equal(sum, wanted);
    pl_metric_each("pouch_center_records", add_up, &sum);
    assert_int_equal(sum, wanted);
}

static void collect(struct pl_buf *out, void *arg) {
    assert_int_equal(pl_buf_printf(out, "seen{by=\"%s\"} 1\n", (const char *)arg), POUCH_OK);
}

static void a_collector_is_asked_until_it_is_forgotten(void **state) {
    (void)state;
    char a[] = "a", b[] = "b";
    assert_int_equal(pl_metrics_collect(collect, a), POUCH_OK);
    assert_int_equal(pl_metrics_collect(collect, b), POUCH_OK);
    for (int round = 0; round < 4; round++) {
        char *text = read_text();
        assert_int_equal(occurrences(text, "\nseen{by=\"a\"} 1\n"), round < 2);
        assert_int_equal(occurrences(text, "\nseen{by=\"b\"} 1\n"), round < 3);
        free(text);
        if (round == 1) pl_metrics_forget(collect, a);
        if (round == 2) pl_metrics_forget(collect, b);
        if (round == 3) pl_metrics_forget(collect, b);
    }
}

enum { THREADS = 4, COUNTS = 20000 };

static void *count_often(void *arg) {
    for (int i = 0; i < COUNTS; i++) {
        pl_metric_add(PL_M_REQUESTS, 1);
        if (i % 100) continue;
        assert_int_equal(pl_metrics_collect(collect, arg), POUCH_OK);
        free(read_text());
        pl_metrics_forget(collect, arg);
    }
    return NULL;
}

static void threads_lose_no_count_while_others_read(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    char names[THREADS][2];
    pl_metric_set(PL_M_REQUESTS, 0);
    for (int i = 0; i < THREADS; i++) {
        names[i][0] = (char)('a' + i);
        names[i][1] = 0;
        assert_int_equal(pthread_create(&threads[i], NULL, count_often, names[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pl_metric_get(PL_M_REQUESTS), THREADS * COUNTS);
}

static bool collect_and_read(void) {
    char a[] = "a";
    pouch_err e = pl_metrics_collect(collect, a);
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    pl_metrics_forget(collect, a);
    size_t n;
    char *text = pouch_metrics_text(&n);
    free(text);
    return !e && text;
}

static void running_out_of_memory_gives_no_text(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(test_oom_each(collect_and_read) >= 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_hold_what_was_counted),
        cmocka_unit_test(every_metric_stands_in_the_text_with_its_value),
        cmocka_unit_test(every_name_is_described_once_and_well_formed),
        cmocka_unit_test(the_metrics_of_one_name_are_found_by_it),
        cmocka_unit_test(a_collector_is_asked_until_it_is_forgotten),
        cmocka_unit_test(threads_lose_no_count_while_others_read),
        cmocka_unit_test(running_out_of_memory_gives_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
