/* How far groups are behind, and how reply topics are used, from offsets. */
#include <support.h>

#include <cluster/edges.h>
#include <cluster/lag_state.h>
#include <cluster/orphans.h>

static void lag_is_what_is_not_committed_yet(void **state) {
    (void)state;
    static const struct {
        int64_t committed, end, behind;
    } rows[] = {
        {0, 0, 0},
        {0, 5, 5},
        {5, 5, 0},
        {3, 10, 7},
        {-1, 10, -1},
        {3, -1, -1},
        {-1, -1, -1},
        {12, 10, 0}, /* the topic was made anew */
        {0, INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(pl_lag_behind(rows[i].committed, rows[i].end), rows[i].behind);
}

static rd_kafka_topic_partition_list_t *list_of(const char *topic, int n, int64_t first_offset) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
    for (int i = 0; i < n; i++) rd_kafka_topic_partition_list_add(list, topic, i)->offset = first_offset + i;
    return list;
}

static void add(struct pl_lag_report *r, const char *topic, int n, int64_t first_offset, bool commits) {
    rd_kafka_topic_partition_list_t *list = list_of(topic, n, first_offset);
    assert_int_equal(pl_lag_add(r, &r->groups[0], list, commits), POUCH_OK);
    rd_kafka_topic_partition_list_destroy(list);
}

static void a_partition_is_told_once_committed_or_assigned(void **state) {
    (void)state;
    struct pl_lag_report *r;
    assert_int_equal(pl_lag_new(&r, 1), POUCH_OK);
    r->n = 1;
    struct pl_group_lag *g = &r->groups[0];
    add(r, "b", 3, 0, false);
    add(r, "a", 1, 0, false);
    add(r, "b", 2, 10, true);
    add(r, "c", 1, -1001, true); /* it has committed nothing */
    assert_int_equal(g->n, 5);
    assert_string_equal(g->at[0].topic, "a");
    assert_int_equal(g->at[0].committed, -1);
    assert_int_equal(g->at[1].committed, 10);
    assert_int_equal(g->at[2].committed, 11);
    assert_int_equal(g->at[3].committed, -1);
    assert_int_equal(g->at[4].committed, -1);
    for (size_t i = 0; i < g->n; i++) g->at[i].end = 20;
    g->at[2].end = -1;
    pl_lag_sum(r);
    assert_int_equal(g->behind, 10);
    assert_int_equal(g->unknown, 4);
    pl_lag_free(r);
}

static void a_name_is_kept_once(void **state) {
    (void)state;
    struct pl_names names = {0};
    char text[16];
    const char *kept[200];
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "t%d", (i * 37) % 200);
        kept[i] = pl_names_keep(&names, text);
        assert_string_equal(kept[i], text);
    }
    assert_int_equal(names.n, 200);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "t%d", (i * 37) % 200);
        assert_ptr_equal(pl_names_keep(&names, text), kept[i]);
    }
    for (size_t i = 1; i < names.n; i++) assert_true(strcmp(names.at[i - 1], names.at[i]) < 0);
    pl_names_free(&names);
}

static void a_groups_name_is_utf8_and_not_empty(void **state) {
    (void)state;
    static const char *const good[] = {"g", "orders.workers", "with spaces", "caf\xc3\xa9", "\xf0\x9f\x93\xac"};
    static const char *const bad[] = {"", "\xff", "caf\xe9", "g\xc3", "\xed\xa0\x80", "\xc0\xaf"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) assert_int_equal(pl_lag_group_check(good[i]), POUCH_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(pl_lag_group_check(bad[i]), POUCH_E_CONFIG);
}

static void partitions_are_found_once_each(void **state) {
    (void)state;
    struct pl_edge edges[] = {{.topic = "b", .partition = 1},
                              {.topic = "a", .partition = 7},
                              {.topic = "b", .partition = 0},
                              {.topic = "b", .partition = 1},
                              {.topic = "a", .partition = 7}};
    assert_int_equal(pl_edges_unique(edges, 5), 3);
    assert_ptr_equal(pl_edges_find(edges, 3, "a", 7), &edges[0]);
    assert_ptr_equal(pl_edges_find(edges, 3, "b", 1), &edges[2]);
    assert_null(pl_edges_find(edges, 3, "b", 2));
    assert_null(pl_edges_find(edges, 0, "b", 2));
}

static void a_reply_topic_is_an_orphan_only_when_offsets_prove_it(void **state) {
    (void)state;
    enum { HOUR = 3600000, NONE = RD_KAFKA_OFFSET_END };
    static const struct {
        struct pl_edge parts[2];
        size_t n;
        int64_t retention_ms, older_ms;
        enum pl_reply_use use;
    } rows[] = {
        {{{.begin = 0, .end = 9, .since = NONE}}, 1, HOUR, HOUR, PL_REPLY_ORPHAN},
        {{{.begin = 0, .end = 9, .since = 4}}, 1, HOUR, HOUR, PL_REPLY_RECENT},
        {{{.begin = 9, .end = 9, .since = NONE}}, 1, HOUR, HOUR, PL_REPLY_ORPHAN},
        {{{.begin = 9, .end = 9, .since = NONE}}, 1, HOUR, 2 * HOUR, PL_REPLY_UNPROVEN},
        {{{.begin = 9, .end = 9, .since = NONE}}, 1, -1, HOUR, PL_REPLY_UNPROVEN},
        {{{.begin = 0, .end = 0, .since = NONE}}, 1, HOUR, HOUR, PL_REPLY_UNUSED},
        {{{.begin = 0, .end = 0, .since = NONE}, {.begin = 0, .end = 1, .since = NONE}},
         2,
         HOUR,
         HOUR,
         PL_REPLY_ORPHAN},
        {{{.begin = 0, .end = 1, .since = NONE}, {.begin = 0, .end = 1, .since = 0}}, 2, HOUR, HOUR, PL_REPLY_RECENT},
        {{{.begin = -1, .end = -1, .since = PL_EDGE_UNKNOWN}}, 1, HOUR, HOUR, PL_REPLY_UNKNOWN},
        {{{.begin = 0, .end = 1, .since = PL_EDGE_UNKNOWN}}, 1, HOUR, HOUR, PL_REPLY_UNKNOWN},
        {{{.begin = 0, .end = -1, .since = NONE}}, 1, HOUR, HOUR, PL_REPLY_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum pl_reply_use use = pl_reply_use_of(rows[i].parts, rows[i].n, rows[i].retention_ms, rows[i].older_ms);
        if (use != rows[i].use) fail_msg("row %zu is %s", i, pl_reply_use_name(use));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lag_is_what_is_not_committed_yet),
        cmocka_unit_test(a_partition_is_told_once_committed_or_assigned),
        cmocka_unit_test(a_name_is_kept_once),
        cmocka_unit_test(a_groups_name_is_utf8_and_not_empty),
        cmocka_unit_test(partitions_are_found_once_each),
        cmocka_unit_test(a_reply_topic_is_an_orphan_only_when_offsets_prove_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
