/* How records end: each row of the table of outcomes that needs no broker error. */
#include <support.h>

#include "fixture.h"

/* acceptance: B3 B6 */
static void a_record_goes_to_its_target_as_it_came(void **state) {
    (void)state;
    struct fixture f;
    char id[ID_TEXT], wanted[4096];
    fixture_start(&f, 1);
    add_route(&f, "p", true, TARGETS("one"));
    start_center(&f, NULL);
    ask(&f, (struct request){.text = ",\"x\":[1, 2.50 ]", .headers = {"a", "1", "pouch-hop", "2", "a", "2"}}, id);
    const rd_kafka_message_t *m = find(&f, "one", id);
    snprintf(wanted, sizeof wanted,
             "{\"request_id\":\"%s\",\"worker_name\":\"p\",\"data\":\"00\",\"iv\":\"%032d\",\"tag\":\"%032d\","
             "\"replyTopic\":\"" REPLIES "\",\"x\":[1, 2.50 ],\"source_topic\":\"" INBOX "\"}",
             id, 1, 2);
    assert_int_equal(m->len, strlen(wanted));
    assert_memory_equal(m->payload, wanted, m->len);
    assert_string_equal(header_of(m, "pouch-hop"), "3");
    assert_string_equal(header_of(m, "pouch-source"), INBOX "/0/0");
    rd_kafka_headers_t *h;
    const void *value;
    size_t n;
    assert_int_equal(rd_kafka_message_headers(m, &h), 0);
    assert_int_equal(rd_kafka_header_get(h, 1, "a", &value, &n), 0);
    assert_memory_equal(value, "2", 1);
    stop_center(&f);
    assert_int_equal(committed(&f), 1);
    fixture_stop(&f);
}

static const char error_envelope[] =
    "{\"request_id\":\"19e71e54-17fd-4d1d-bec8-604c18a90ee5\",\"replyTopic\":\"" REPLIES
    "\",\"worker_name\":\"nobody\",\"error\":{\"code\":\"no_route\"}}";

/* acceptance: B4 B5 */
static void what_cannot_be_routed_is_answered_and_becomes_a_dead_letter(void **state) {
    (void)state;
    static const struct {
        struct request request;
        const char *code;
        bool told;
    } rows[] = {
        {{.publisher = "nobody"}, "no_route", true},
        {{.publisher = "off"}, "route_disabled", true},
        {{.headers = {"pouch-hop", "16"}}, "hop_limit", true},
        {{.headers = {"pouch-deadline", "1000"}}, "expired", true},
        {{.text = ",\"kid\":7"}, "bad_envelope", true}, /* id and reply topic are read by then */
        {{.publisher = "nobody", .headers = {"pouch-reply", "none"}}, "no_route", false},
        {{.publisher = "nobody", .reply_topic = "internal"}, "no_route", false}, /* not among reply.topics */
        {{.raw = "not json", .raw_n = 8}, "bad_envelope", false},
        {{.raw = "", .raw_n = 0}, "bad_envelope", false},
        {{.raw = error_envelope, .raw_n = sizeof error_envelope - 1}, "no_route", false},
    };
    enum { N = sizeof rows / sizeof rows[0] };
    struct fixture f;
    char ids[N][ID_TEXT], last[ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "p", true, TARGETS("one"));
    add_route(&f, "off", false, TARGETS("one"));
    start_center(&f, NULL);
    for (size_t i = 0; i < N; i++) ask(&f, rows[i].request, ids[i]);
    ask(&f, (struct request){0}, last);
    find(&f, "one", last);
    size_t told = 0;
    for (size_t i = 0; i < N; i++) {
        const rd_kafka_message_t *m = assert_letter(&f, ids[i], rows[i].code);
        char source[64];
        snprintf(source, sizeof source, INBOX "/0/%zu", i);
        assert_string_equal(header_of(m, PL_H_DLQ_SOURCE), source);
        if (rows[i].request.raw) assert_int_equal(m->len, rows[i].request.raw_n);
        if (rows[i].told) assert_told(&f, ids[i], rows[i].code);
        told += rows[i].told;
    }
    stop_center(&f);
    while (tap(&f)) continue;
    assert_int_equal(count_on(&f, REPLIES), told);
    assert_int_equal(count_on(&f, LETTERS), N);
    assert_int_equal(count_on(&f, "one"), 1);
    assert_int_equal(committed(&f), N + 1);
    fixture_stop(&f);
}

static void a_circle_of_routes_ends_at_the_hop_limit(void **state) {
    (void)state;
    struct fixture f;
    char id[ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "p", true, TARGETS(INBOX));
    start_center(&f, NULL);
    ask(&f, (struct request){0}, id);
    assert_told(&f, id, "hop_limit");
    const rd_kafka_message_t *m = assert_letter(&f, id, "hop_limit");
    assert_string_equal(header_of(m, "pouch-hop"), "16");
    assert_string_equal(header_of(m, PL_H_DLQ_SOURCE), INBOX "/0/16");
    stop_center(&f);
    fixture_stop(&f);
}

static void each_target_gets_the_record_and_is_told_which_it_is(void **state) {
    (void)state;
    static const char *const targets[] = {"one", "two", "three", "four", NULL};
    struct fixture f;
    char id[ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "p", true, targets);
    start_center(&f, NULL);
    ask(&f, (struct request){0}, id);
    const rd_kafka_message_t *first = find(&f, "one", id);
    for (size_t i = 0; targets[i]; i++) {
        char fanout[16];
        const rd_kafka_message_t *m = find(&f, targets[i], id);
        snprintf(fanout, sizeof fanout, "%zu/4", i + 1);
        assert_string_equal(header_of(m, "pouch-fanout"), fanout);
        assert_string_equal(header_of(m, "pouch-target"), targets[i]);
        assert_int_equal(m->len, first->len);
        assert_memory_equal(m->payload, first->payload, m->len);
    }
    stop_center(&f);
    fixture_stop(&f);
}

enum { ROWS_MAX = 16 };

struct rows {
    size_t n;
    struct {
        bool success, response;
        char publisher[32], target[32], route[32], code[32], topic[32];
        int64_t offset, took_us;
        uint64_t id;
    } at[ROWS_MAX];
};

static void keep_text(char *to, const char *text) {
    snprintf(to, 32, "%s", text ? text : "");
}

static bool keep_row(const struct pl_trace *row, void *arg) {
    struct rows *rows = arg;
    size_t i = rows->n++;
    rows->at[i].success = row->success;
    rows->at[i].response = row->response;
    rows->at[i].offset = row->offset;
    rows->at[i].took_us = row->took_us;
    rows->at[i].id = row->id;
    keep_text(rows->at[i].publisher, row->publisher);
    keep_text(rows->at[i].target, row->target);
    keep_text(rows->at[i].route, row->route);
    keep_text(rows->at[i].code, row->code);
    keep_text(rows->at[i].topic, row->topic);
    return rows->n < ROWS_MAX;
}

static struct rows rows_of(const struct fixture *f, const char *id) {
    struct rows rows = {0};
    struct pl_store *s;
    struct pl_uuid uuid;
    assert_true(pl_uuid_parse(&uuid, id, 36));
    if (pl_store_open(&s, f->store)) fail_msg("%s", pouch_why());
    if (pl_store_by_request(s, &uuid, keep_row, &rows)) fail_msg("%s", pouch_why());
    pl_store_close(s);
    return rows;
}

/* acceptance: B13 B14 */
static void every_record_and_target_leaves_a_trace_row(void **state) {
    (void)state;
    struct fixture f;
    char both[ID_TEXT], none[ID_TEXT], answer[ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "p", true, TARGETS("one", "two"));
    add_route(&f, "back", true, TARGETS(REPLIES));
    start_center(&f, NULL);
    ask(&f, (struct request){0}, both);
    ask(&f, (struct request){.publisher = "nobody"}, none);
    ask(&f, (struct request){.publisher = "back"}, answer);
    find(&f, REPLIES, answer);
    find(&f, LETTERS, none);
    stop_center(&f);
    struct rows rows = rows_of(&f, both);
    assert_int_equal(rows.n, 2);
    assert_true(rows.at[0].id != rows.at[1].id && strcmp(rows.at[0].target, rows.at[1].target) != 0);
    for (size_t i = 0; i < rows.n; i++) {
        assert_true(rows.at[i].success && !rows.at[i].response && rows.at[i].took_us >= 0 && rows.at[i].offset == 0);
        assert_string_equal(rows.at[i].publisher, "p");
        assert_string_equal(rows.at[i].route, "route-p");
        assert_string_equal(rows.at[i].topic, INBOX);
        assert_string_equal(rows.at[i].code, "");
    }
    rows = rows_of(&f, none);
    assert_int_equal(rows.n, 1);
    assert_true(!rows.at[0].success && !rows.at[0].response && rows.at[0].offset == 1);
    assert_string_equal(rows.at[0].code, "no_route");
    assert_string_equal(rows.at[0].publisher, "nobody");
    assert_string_equal(rows.at[0].target, "");
    rows = rows_of(&f, answer);
    assert_int_equal(rows.n, 1);
    assert_true(rows.at[0].success && rows.at[0].response); /* its target is a topic for replies */
    fixture_stop(&f);
}

static void a_center_that_traces_nothing_routes_each_record_once(void **state) {
    (void)state;
    static const char *const off[] = {"trace.center", "off", NULL};
    struct fixture f;
    char first[ID_TEXT], second[ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "p", true, TARGETS("one"));
    start_center(&f, off);
    ask(&f, (struct request){0}, first);
    find(&f, "one", first);
    stop_center(&f);
    start_center(&f, off);
    ask(&f, (struct request){0}, second);
    find(&f, "one", second);
    stop_center(&f);
    assert_int_equal(f.tap.n, 2); /* the first one's offset was stored */
    assert_int_equal(rows_of(&f, first).n, 0);
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_goes_to_its_target_as_it_came),
        cmocka_unit_test(what_cannot_be_routed_is_answered_and_becomes_a_dead_letter),
        cmocka_unit_test(a_circle_of_routes_ends_at_the_hop_limit),
        cmocka_unit_test(each_target_gets_the_record_and_is_told_which_it_is),
        cmocka_unit_test(every_record_and_target_leaves_a_trace_row),
        cmocka_unit_test(a_center_that_traces_nothing_routes_each_record_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
