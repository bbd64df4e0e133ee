/* What was measured, told: as metrics that a scraper takes, and as a document, whatever groups are called. */
#include <support.h>

#include <base/buf.h>
#include <ops/health.h>

enum { ROWS = 3, MOST = 1 << 20 };

/* A cluster that answers, and a group with lag in three topics. */
struct fixture {
    struct pl_shape shape;
    struct pl_lag rows[ROWS];
    struct pl_group_lag group;
    struct pl_lag_report report;
    struct admin_health health;
};

static void fill(struct fixture *f, const char *group) {
    static const char *const topics[ROWS] = {"a", "b", "c"};
    *f = (struct fixture){.shape = {.cluster_id = "id", .controller = 1, .min_insync_known = true},
                          .group = {.group = group, .state = "Stable", .at = f->rows, .n = ROWS},
                          .report = {.groups = &f->group, .n = 1},
                          .health = {.time_ms = 1000, .shape = &f->shape, .lag = &f->report}};
    for (int i = 0; i < ROWS; i++) f->rows[i] = (struct pl_lag){.topic = topics[i], .end = 7, .behind = 7};
}

static void a_name_cannot_end_its_label(void **state) {
    (void)state;
    struct fixture f;
    struct pl_buf out;
    fill(&f, "a\"} 1\n\\");
    pl_buf_init(&out, MOST);
    assert_int_equal(ops_health_metrics(&out, &f.health), POUCH_OK);
    assert_non_null(strstr(out.at, "\npouch_group_lag{group=\"a\\\"} 1\\n\\\\\",topic=\"a\"} 7\n"));
    pl_buf_free(&out);
}

static void what_does_not_fit_is_left_out_by_whole_lines(void **state) {
    (void)state;
    struct fixture f;
    struct pl_buf whole, part;
    fill(&f, "g");
    pl_buf_init(&whole, MOST);
    assert_int_equal(ops_health_metrics(&whole, &f.health), POUCH_OK);
    for (size_t max = 0; max < whole.len; max++) {
        pl_buf_init(&part, max);
        assert_int_equal(ops_health_metrics(&part, &f.health), POUCH_E_TOO_LARGE);
        assert_true(part.len <= max && (!part.len || part.at[part.len - 1] == '\n'));
        assert_true(!part.len || !memcmp(part.at, whole.at, part.len));
        pl_buf_free(&part);
    }
    pl_buf_free(&whole);
}

static void a_reason_that_was_cut_within_a_character_is_told(void **state) {
    (void)state;
    struct fixture f;
    fill(&f, "g");
    f.group.outcome = (struct pl_outcome){.error = POUCH_E_NOT_FOUND, .why = "there is no group caf\xc3"};
    json_t *document = admin_health_json(&f.health);
    assert_non_null(document);
    json_t *reasons = json_object_get(document, "reasons");
    assert_int_equal(json_array_size(reasons), 1);
    assert_string_equal(json_string_value(json_array_get(reasons, 0)), "there is no group caf\xef\xbf\xbd");
    json_decref(document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_cannot_end_its_label),
        cmocka_unit_test(what_does_not_fit_is_left_out_by_whole_lines),
        cmocka_unit_test(a_reason_that_was_cut_within_a_character_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
