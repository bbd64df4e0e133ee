/* Tasks on their way to a worker that knows nothing of Pouch, and its replies. */
#include <support.h>

#include <metrics/metrics.h>
#include <mock.h>
#include <peer.h>
#include <plain.h>
#include <plain/plain.h>
#include <stdio.h>

/* The worker of these tests is the test itself: it taps the topic of the tasks, and writes to that of the replies. */
struct stage {
    struct test_mock mock;
    struct pl_settings settings;
    struct plain *plain, *other; /* two gateways */
    rd_kafka_t *producer;
    struct plain_tap tasks;
};

enum { TASKS_MAX = 64 };

static bool is_ready(void *plain) {
    return plain_ready(plain);
}

static int set_up(void **state) {
    static const char *const settings[] = {"gateway.plain_topics", "USER_LOGIN,tasks.*", "client.max_pending", "16",
                                           NULL};
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    test_mock_start(&s->mock, 1);
    test_mock_topic(&s->mock, "USER_LOGIN", 1);
    test_mock_topic(&s->mock, "reply_topic", 2);
    test_mock_settings_with(&s->mock, &s->settings, settings);
    assert_int_equal(plain_start(&s->plain, &s->settings, "gateway"), POUCH_OK);
    assert_int_equal(plain_start(&s->other, &s->settings, "gateway"), POUCH_OK);
    test_until(is_ready, s->plain);
    test_until(is_ready, s->other);
    s->producer = plain_handle(s->mock.brokers, RD_KAFKA_PRODUCER, NULL);
    plain_tap_open(&s->tasks, s->mock.brokers, (const char *const[]){"USER_LOGIN"}, 1, TASKS_MAX);
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    struct stage *s = *state;
    plain_stop(s->plain);
    plain_stop(s->other);
    plain_tap_close(&s->tasks);
    plain_producer_close(s->producer);
    pl_settings_free(&s->settings);
    test_mock_stop(&s->mock);
    free(s);
    return 0;
}

static pouch_err ask_as(struct plain *p, const char *json, int timeout, char id[PLAIN_ID_MAX + 1], struct ending *end,
                        const char *header) {
    pouch_dest *to = pouch_dest_topic("USER_LOGIN");
    assert_non_null(to);
    assert_int_equal(pouch_dest_set_key(to, "user-1"), POUCH_OK);
    assert_int_equal(pouch_dest_add_header(to, "source", "test", 4), POUCH_OK);
    if (header) assert_int_equal(pouch_dest_add_header(to, "X-Request-Id", header, strlen(header)), POUCH_OK);
    pouch_err e = plain_ask(p, to, json, strlen(json), timeout, id, note_ending, end);
    pouch_dest_free(to);
    return e;
}

static pouch_err plain_ask_text(struct plain *p, const char *json, int timeout, struct ending *end) {
    return ask_as(p, json, timeout, NULL, end, NULL);
}

static bool has_task(void *arg) {
    struct plain_tap *t = arg;
    size_t before = t->n;
    return plain_tap_read(t) && t->n > before;
}

/* The next record that the worker gets. */
static const rd_kafka_message_t *next_task(struct stage *s) {
    test_until(has_task, &s->tasks);
    return s->tasks.seen[s->tasks.n - 1];
}

static void reply(struct stage *s, const char *json) {
    plain_produce(s->producer, "reply_topic", NULL, json, strlen(json), NULL, 0);
}

static void reply_to(struct stage *s, const char *id, const char *status, const char *more) {
    char json[1024];
    snprintf(json, sizeof json, "{\"id\":\"%s\",\"topic\":\"USER_LOGIN\",\"status\":\"%s\"%s,\"endTime\":1.5}", id,
             status, more);
    reply(s, json);
}

struct count {
    enum pl_metric metric;
    int64_t at_least;
};

static bool has_counted(void *arg) {
    const struct count *c = arg;
    return pl_metric_get(c->metric) >= c->at_least;
}

static struct count one_more(enum pl_metric m) {
    return (struct count){m, pl_metric_get(m) + 1};
}

/* acceptance: C5 C6 */
static void a_task_goes_out_as_it_is_and_its_reply_comes_back_whole(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    const char *task = "{\"id\":\"task_1\",\"topic\":\"USER_LOGIN\",\"startTime\":1700000000.5}";
    assert_int_equal(plain_ask_text(s->plain, task, 60000, &end), POUCH_OK);
    const rd_kafka_message_t *m = next_task(s);
    assert_int_equal(m->len, strlen(task));
    assert_memory_equal(m->payload, task, m->len);
    assert_int_equal(m->key_len, 6);
    assert_memory_equal(m->key, "user-1", 6);
    assert_string_equal(header_of(m, "x-request-id"), "task_1");
    assert_string_equal(header_of(m, "source"), "test");
    reply_to(s, "task_1", "success", "");
    test_until(has_ended, &end);
    assert_string_equal(end.why, "");
    assert_int_equal(end.error, POUCH_OK);
    assert_false(end.sealed);
    assert_string_equal(end.payload,
                        "{\"id\":\"task_1\",\"topic\":\"USER_LOGIN\",\"status\":\"success\",\"endTime\":1.5}");
}

/* acceptance: C5 */
static void a_task_without_an_id_gets_a_uuid_in_header_and_value(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    char id[PLAIN_ID_MAX + 1], value[PLAIN_ID_MAX + 64];
    struct pl_uuid uuid;
    assert_int_equal(ask_as(s->plain, "{\"topic\":\"USER_LOGIN\"}", 60000, id, &end, NULL), POUCH_OK);
    const rd_kafka_message_t *m = next_task(s);
    assert_true(pl_uuid_parse(&uuid, id, strlen(id)));
    assert_string_equal(header_of(m, "x-request-id"), id);
    snprintf(value, sizeof value, "{\"id\":\"%s\",\"topic\":\"USER_LOGIN\"}", id);
    assert_int_equal(m->len, strlen(value));
    assert_memory_equal(m->payload, value, m->len);
    reply_to(s, id, "success", "");
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_OK);
}

/* acceptance: C5 */
static void header_and_value_never_name_two_tasks(void **state) {
    struct stage *s = *state;
    struct ending ends[2] = {{0}};
    assert_int_equal(ask_as(s->plain, "{\"id\":\"of-value\"}", 60000, NULL, &ends[0], "of-header"), POUCH_OK);
    assert_string_equal(header_of(next_task(s), "x-request-id"), "of-value");
    assert_string_equal(header_of(s->tasks.seen[0], "X-Request-Id"), "");
    assert_int_equal(ask_as(s->plain, "{}", 60000, NULL, &ends[1], "of-header"), POUCH_OK);
    assert_string_equal(header_of(next_task(s), "x-request-id"), "of-header");
    assert_memory_equal(s->tasks.seen[1]->payload, "{\"id\":\"of-header\"}", 18);
    reply_to(s, "of-header", "success", "");
    reply_to(s, "of-value", "success", "");
    test_until(has_ended, &ends[0]);
    test_until(has_ended, &ends[1]);
}

/* acceptance: C6 */
static void an_error_of_the_worker_is_an_error_with_its_text(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    assert_int_equal(plain_ask_text(s->plain, "{\"id\":\"t\"}", 60000, &end), POUCH_OK);
    reply_to(s, "t", "error", ",\"error\":\"no \\\"card\\\"\"");
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_E_HANDLER_ERROR);
    assert_string_equal(end.text, "no \"card\"");
    assert_non_null(strstr(end.why, "no \"card\""));
    assert_non_null(strstr(end.payload, "\"status\":\"error\""));
}

/* acceptance: C5 C23 */
static void gateways_ignore_what_is_not_theirs(void **state) {
    struct stage *s = *state;
    struct ending ours = {0}, theirs = {0};
    struct count others = one_more(PL_M_PLAIN_OTHER);
    assert_int_equal(plain_ask_text(s->plain, "{\"id\":\"ours\"}", 60000, &ours), POUCH_OK);
    assert_int_equal(plain_ask_text(s->other, "{\"id\":\"theirs\"}", 60000, &theirs), POUCH_OK);
    reply_to(s, "theirs", "success", "");
    reply_to(s, "ours", "success", "");
    test_until(has_ended, &ours);
    test_until(has_ended, &theirs);
    assert_non_null(strstr(ours.payload, "\"ours\""));
    assert_non_null(strstr(theirs.payload, "\"theirs\""));
    others.at_least++; /* each has seen the other's */
    test_until(has_counted, &others);
}

/* acceptance: C5 C33 */
static void what_comes_late_twice_or_unreadable_is_counted_and_ends_nothing(void **state) {
    struct stage *s = *state;
    struct ending end = {0}, late = {0};
    struct count duplicate = one_more(PL_M_PLAIN_DUPLICATE), too_late = one_more(PL_M_PLAIN_LATE);
    struct count unreadable = one_more(PL_M_PLAIN_UNREADABLE);
    assert_int_equal(plain_ask_text(s->plain, "{\"id\":\"late\"}", 1, &late), POUCH_OK);
    test_until(has_ended, &late);
    assert_int_equal(late.error, POUCH_E_TIMEOUT);
    assert_non_null(strstr(late.why, "no answer from topic USER_LOGIN within 1 ms"));
    assert_int_equal(plain_ask_text(s->plain, "{\"id\":\"twice\"}", 60000, &end), POUCH_OK);
    reply(s, "{\"status\":\"success\"}");
    reply(s, "not JSON");
    reply_to(s, "late", "success", "");
    reply_to(s, "twice", "success", "");
    test_until(has_ended, &end); /* the other may lie in another partition, and be read first */
    reply_to(s, "twice", "error", "");
    test_until(has_counted, &duplicate);
    test_until(has_counted, &too_late);
    test_until(has_counted, &unreadable);
    assert_int_equal(end.error, POUCH_OK);
    assert_int_equal(atomic_load(&end.times), 1);
    assert_int_equal(atomic_load(&late.times), 1);
}

static void an_id_is_open_once(void **state) {
    struct stage *s = *state;
    struct ending end = {0}, again = {0};
    assert_int_equal(plain_ask_text(s->plain, "{\"id\":\"same\"}", 60000, &end), POUCH_OK);
    assert_int_equal(plain_ask_text(s->plain, "{\"id\":\"same\"}", 60000, &again), POUCH_E_EXISTS);
    reply_to(s, "same", "success", "");
    test_until(has_ended, &end);
    assert_int_equal(plain_ask_text(s->plain, "{\"id\":\"same\"}", 60000, &again), POUCH_OK);
    reply_to(s, "same", "success", "");
    test_until(has_ended, &again);
    assert_int_equal(atomic_load(&end.times), 1);
}

static void open_tasks_are_bounded_and_end_with_the_gateway(void **state) {
    struct stage *s = *state;
    struct ending ends[17] = {{0}};
    char json[32];
    for (int i = 0; i < 16; i++) {
        snprintf(json, sizeof json, "{\"id\":\"%d\"}", i);
        assert_int_equal(plain_ask_text(s->plain, json, 60000, &ends[i]), POUCH_OK);
    }
    assert_int_equal(plain_ask_text(s->plain, "{}", 60000, &ends[16]), POUCH_E_OVERLOADED);
    plain_stop(s->plain);
    s->plain = NULL;
    for (int i = 0; i < 16; i++) {
        assert_int_equal(atomic_load(&ends[i].times), 1);
        assert_int_equal(ends[i].error, POUCH_E_CLOSED);
    }
    assert_int_equal(atomic_load(&ends[16].times), 0);
    assert_int_equal(pl_metric_get(PL_M_PENDING), 0);
}

/* acceptance: C29 */
static void what_is_sent_is_stored_as_it_is(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    pouch_dest *to = pouch_dest_topic("USER_LOGIN");
    assert_int_equal(plain_send(s->plain, to, "[1, 2]", 6, note_stored, &end), POUCH_OK);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_OK);
    const rd_kafka_message_t *m = next_task(s);
    assert_int_equal(m->len, 6);
    assert_memory_equal(m->payload, "[1, 2]", 6);
    assert_null(m->key);
    assert_string_equal(header_of(m, "x-request-id"), "");
    assert_int_equal(plain_send(s->plain, to, "[1, 2", 5, NULL, NULL), POUCH_E_INVALID_PAYLOAD);
    pouch_dest_free(to);
}

static void only_listed_topics_are_asked_in_plain(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    assert_true(plain_takes(s->plain, "USER_LOGIN"));
    assert_true(plain_takes(s->plain, "tasks.a"));
    assert_false(plain_takes(s->plain, "user_login"));
    assert_false(plain_takes(s->plain, "orders"));
    assert_false(plain_takes(NULL, "USER_LOGIN"));
    pouch_dest *sealed[] = {pouch_dest_topic("orders"), pouch_dest_publisher("USER_LOGIN")};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(plain_ask(s->plain, sealed[i], "{}", 2, 1000, NULL, note_ending, &end), POUCH_E_NOT_ALLOWED);
        assert_int_equal(plain_send(s->plain, sealed[i], "{}", 2, NULL, NULL), POUCH_E_NOT_ALLOWED);
        pouch_dest_free(sealed[i]);
    }
    assert_int_equal(atomic_load(&end.times), 0);
}

static void a_list_that_lets_sealed_topics_through_is_refused(void **state) {
    struct stage *s = *state;
    static const char *const lists[] = {"*", "tasks,reply_topic", "command-*", "internal.*"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct pl_settings settings;
        struct plain *p;
        test_mock_settings_with(&s->mock, &settings, (const char *const[]){"gateway.plain_topics", lists[i], NULL});
        assert_int_equal(plain_start(&p, &settings, "gateway"), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "gateway.plain_topics"));
        assert_null(p);
        pl_settings_free(&settings);
    }
    struct pl_settings none;
    struct plain *p;
    test_mock_settings(&s->mock, &none);
    assert_int_equal(plain_start(&p, &none, "gateway"), POUCH_OK);
    assert_null(p);
    assert_true(plain_ready(p));
    pl_settings_free(&none);
}

static void before_replies_can_be_heard_nothing_is_asked(void **state) {
    (void)state;
    struct pl_settings settings;
    struct plain *p;
    struct ending end = {0};
    const struct test_mock nobody = {.brokers = "127.0.0.1:1"};
    test_mock_settings_with(&nobody, &settings, (const char *const[]){"gateway.plain_topics", "USER_LOGIN", NULL});
    assert_int_equal(plain_start(&p, &settings, "gateway"), POUCH_OK);
    assert_false(plain_ready(p));
    assert_int_equal(plain_ask_text(p, "{}", 60000, &end), POUCH_E_NO_BROKER);
    plain_stop(p);
    assert_int_equal(atomic_load(&end.times), 0);
    pl_settings_free(&settings);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_task_goes_out_as_it_is_and_its_reply_comes_back_whole),
        ON_STAGE(a_task_without_an_id_gets_a_uuid_in_header_and_value),
        ON_STAGE(header_and_value_never_name_two_tasks),
        ON_STAGE(an_error_of_the_worker_is_an_error_with_its_text),
        ON_STAGE(gateways_ignore_what_is_not_theirs),
        ON_STAGE(what_comes_late_twice_or_unreadable_is_counted_and_ends_nothing),
        ON_STAGE(an_id_is_open_once),
        ON_STAGE(open_tasks_are_bounded_and_end_with_the_gateway),
        ON_STAGE(what_is_sent_is_stored_as_it_is),
        ON_STAGE(only_listed_topics_are_asked_in_plain),
        ON_STAGE(a_list_that_lets_sealed_topics_through_is_refused),
        cmocka_unit_test(before_replies_can_be_heard_nothing_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
