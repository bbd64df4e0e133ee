/* Asynchronous requests of a gateway without Redis. */
#include <support.h>

#include "stage.h"

#include "noted.h"

static struct async *a;

static int set_up(void **state) {
    struct stage *s = stage_new();
    a = stage_open(s, NULL);
    test_until(is_complete, a);
    *state = s;
    return 0;
}

static int tear_down(void **state) {
    async_stop(a, 1000);
    async_free(a);
    a = NULL;
    stage_free(*state);
    return 0;
}

static void a_request_is_answered_by_its_id(void **state) {
    struct told asked = ask_later(*state, a, "{\"n\":1}");
    struct told found = await_answer(a, asked.id, 60000);
    assert_int_equal(found.e, POUCH_OK);
    assert_int_equal(found.state, ASYNC_DONE);
    assert_string_equal(found.text, "{\"n\":1}");
    found = find_as(a, asked.id, "key:ada");
    assert_int_equal(found.state, ASYNC_DONE);
}

static void an_error_of_the_worker_is_an_answer(void **state) {
    struct told asked = ask_later(*state, a, "\"fail\"");
    struct told found = await_answer(a, asked.id, 60000);
    assert_int_equal(found.e, POUCH_OK);
    assert_int_equal(found.state, ASYNC_FAILED);
    assert_int_equal(found.code, POUCH_E_HANDLER_ERROR);
    assert_string_equal(found.text, "no such account");
}

static void what_is_not_answered_is_pending_and_then_expired(void **state) {
    struct told asked = ask_later_with(*state, a, "\"silence\"", NULL, 1500);
    struct told found = find_as(a, asked.id, "key:ada");
    assert_int_equal(found.e, POUCH_OK);
    assert_true(found.state == ASYNC_PENDING || found.state == ASYNC_EXPIRED);
    found = await_answer(a, asked.id, 60000);
    assert_int_equal(found.e, POUCH_OK);
    assert_int_equal(found.state, ASYNC_EXPIRED);
}

static void a_wait_ends_by_its_own_time(void **state) {
    struct told asked = ask_later(*state, a, "\"silence\"");
    struct told found = await_answer(a, asked.id, 50);
    assert_int_equal(found.e, POUCH_OK);
    assert_int_equal(found.state, ASYNC_PENDING);
}

static void nobody_else_finds_it(void **state) {
    struct told asked = ask_later(*state, a, "{\"n\":2}");
    assert_int_equal(find_as(a, asked.id, "key:eve").e, POUCH_E_NOT_FOUND);
    assert_int_equal(find_as(a, "0b7f7e3e-6c7e-4a49-8a51-0d6a4f0e9b11", "key:ada").e, POUCH_E_NOT_FOUND);
    assert_int_equal(find_as(a, "no id", "key:ada").e, POUCH_E_NOT_FOUND);
}

static void one_key_is_one_request(void **state) {
    struct told first = ask_later_with(*state, a, "{\"n\":3}", "k1", 20000);
    struct told again = ask_later_with(*state, a, "{\"n\":3}", "k1", 20000);
    struct told other = ask_later_with(*state, a, "{\"n\":4}", "k1", 20000);
    struct told next = ask_later_with(*state, a, "{\"n\":3}", "k2", 20000);
    assert_int_equal(first.e, POUCH_OK);
    assert_false(first.before);
    assert_int_equal(again.e, POUCH_OK);
    assert_true(again.before);
    assert_string_equal(again.id, first.id);
    assert_int_equal(other.e, POUCH_E_EXISTS);
    assert_int_equal(next.e, POUCH_OK);
    assert_string_not_equal(next.id, first.id);
    assert_int_equal(await_answer(a, first.id, 60000).state, ASYNC_DONE);
}

static void what_cannot_be_asked_is_refused_at_once(void **state) {
    assert_int_equal(ask_later_with(*state, a, "{", NULL, 20000).e, POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(ask_later_with(*state, a, "1", NULL, -1).e, POUCH_E_CONFIG);
    assert_int_equal(ask_later_with(*state, a, "1", NULL, 24 * 3600 * 1000).e, POUCH_E_CONFIG);
}

/* Whoever may write the topic cannot put an answer there. */
static void what_others_write_is_no_answer(void **state) {
    struct stage *s = *state;
    struct told asked = ask_later(s, a, "\"silence\"");
    char text[512];
    snprintf(text, sizeof text,
             "{\"request_id\":\"%s\",\"data\":\"00\",\"iv\":\"000000000000000000000000\",\"tag\":"
             "\"00000000000000000000000000000000\"}",
             asked.id);
    const char *const forged[] = {"", "garbage", "{}", text};
    rd_kafka_t *rk = peer_handle(&s->mock, RD_KAFKA_PRODUCER);
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++)
        assert_int_equal(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC("gate.async-replies"),
                                           RD_KAFKA_V_VALUE((char *)forged[i], strlen(forged[i])),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(rk, 30000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
    struct told behind = ask_later(s, a, "{\"n\":5}");
    assert_int_equal(await_answer(a, behind.id, 60000).state, ASYNC_DONE);
    assert_int_equal(find_as(a, asked.id, "key:ada").state, ASYNC_PENDING);
}

/* Its gateway was killed between the two: whoever asks again has been told nothing. */
static void what_was_noted_and_not_sent_is_sent_when_its_key_comes_again(void **state) {
    struct stage *s = *state;
    struct async_note note = note_of("{\"n\":10}", "k10", 60000);
    struct sought sought = leave_noted(s, a, &note);
    struct told other = ask_later_with(s, a, "{\"n\":11}", "k10", 20000);
    assert_int_equal(other.e, POUCH_E_EXISTS);
    struct told again = ask_later_with(s, a, "{\"n\":10}", "k10", 20000);
    assert_int_equal(again.e, POUCH_OK);
    assert_true(again.before);
    assert_string_equal(again.id, sought.id);
    struct told found = await_answer(a, sought.id, 60000);
    assert_int_equal(found.state, ASYNC_DONE);
    assert_string_equal(found.text, "{\"n\":10}");
    again = ask_later_with(s, a, "{\"n\":10}", "k10", 20000);
    assert_string_equal(again.id, sought.id);
}

static void what_was_sent_is_not_sent_again(void **state) {
    struct stage *s = *state;
    struct async_note note = note_of("\"silence\"", "k12", 60000);
    leave_note(s, &note);
    note.fate = ASYNC_SENT;
    leave_note(s, &note);
    note.fate = ASYNC_ASKED; /* a copy of the first */
    note.deadline_ms++;
    struct sought sought = leave_noted(s, a, &note);
    struct told own = ask_later_with(s, a, "\"silence\"", "k13", 20000);
    long before = heard(s, a);
    struct told again = ask_later_with(s, a, "\"silence\"", "k12", 20000);
    assert_int_equal(again.e, POUCH_OK);
    assert_string_equal(again.id, sought.id);
    again = ask_later_with(s, a, "\"silence\"", "k13", 20000);
    assert_string_equal(again.id, own.id);
    assert_int_equal(heard(s, a), before + 1);
}

static void what_was_noted_and_not_sent_is_sent_though_its_time_is_over(void **state) {
    struct stage *s = *state;
    struct async_note note = note_of("{\"n\":14}", "k14", -1);
    struct sought sought = leave_noted(s, a, &note);
    assert_int_equal(await_answer(a, sought.id, 60000).state, ASYNC_EXPIRED);
    struct told again = ask_later_with(s, a, "{\"n\":14}", "k14", 60000);
    assert_int_equal(again.e, POUCH_OK);
    assert_string_equal(again.id, sought.id);
    struct told found = await_answer(a, sought.id, 60000);
    assert_int_equal(found.state, ASYNC_DONE);
    assert_true(found.deadline_ms > note.deadline_ms + 30000);
}

static bool is_gone(void *sought) {
    return !is_there(sought);
}

/* Whoever may write the topic can copy a note, and cannot make it say that its request was never sent. */
static void only_a_note_that_is_sealed_as_void_takes_a_request_back(void **state) {
    struct stage *s = *state;
    struct async_note note = note_of("\"silence\"", NULL, 60000), other = note_of("1", NULL, 60000);
    struct sought sought = leave_noted(s, a, &note);
    struct sought behind = {.a = a, .deadline_ms = other.deadline_ms};
    struct pl_buf sealed;
    seal_note(s, &sealed, &note, &note.id);
    produce_note(s, &note.id, "void", (struct pl_span){sealed.at, sealed.len});
    pl_buf_free(&sealed);
    other.fate = ASYNC_VOID;
    seal_note(s, &sealed, &other, &note.id);
    produce_note(s, &note.id, "note", (struct pl_span){sealed.at, sealed.len});
    pl_buf_free(&sealed);
    other.fate = ASYNC_ASKED; /* under the key of the first, so in the same partition */
    seal_note(s, &sealed, &other, &other.id);
    produce_note(s, &note.id, "note", (struct pl_span){sealed.at, sealed.len});
    pl_buf_free(&sealed);
    pl_uuid_format(behind.id, &other.id);
    test_until(is_there, &behind);
    assert_true(is_there(&sought));
    note.fate = ASYNC_VOID;
    leave_note(s, &note);
    test_until(is_gone, &sought);
}

/* A gateway that is stopped in good order has said so of all that it has sent, or the next one would send it again. */
static void what_was_sent_is_noted_before_the_gateway_ends(void **state) {
    enum { PASSING = 20 };
    rd_kafka_resp_err_t errors[PASSING] = {0}; /* note and request go through; that it was sent is stored later */
    struct stage *s = *state;
    for (int i = 2; i < PASSING; i++) errors[i] = RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    long before = heard(s, a);
    rd_kafka_mock_push_request_errors_array(s->mock.cluster, TEST_API_PRODUCE, PASSING, errors);
    struct told first = ask_later_with(s, a, "\"silence\"", "k15", 60000);
    assert_int_equal(first.e, POUCH_OK);
    async_stop(a, 30000);
    async_free(a);
    rd_kafka_mock_clear_request_errors(s->mock.cluster, TEST_API_PRODUCE);
    a = stage_open(s, NULL);
    test_until(is_complete, a);
    struct told again = ask_later_with(s, a, "\"silence\"", "k15", 60000);
    assert_int_equal(again.e, POUCH_OK);
    assert_string_equal(again.id, first.id);
    assert_int_equal(heard(s, a), before + 2);
}

static void closing_ends_who_waits(void **state) {
    struct told asked = ask_later(*state, a, "\"silence\""), t = {0};
    assert_int_equal(async_await(a, asked.id, "key:ada", 600000, on_found, &t), POUCH_OK);
    async_stop(a, 0);
    async_free(a);
    a = NULL;
    assert_int_equal(t.times, 1);
    assert_int_equal(t.e, POUCH_E_CLOSED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered_by_its_id),
        cmocka_unit_test(an_error_of_the_worker_is_an_answer),
        cmocka_unit_test(what_is_not_answered_is_pending_and_then_expired),
        cmocka_unit_test(a_wait_ends_by_its_own_time),
        cmocka_unit_test(nobody_else_finds_it),
        cmocka_unit_test(one_key_is_one_request),
        cmocka_unit_test(what_cannot_be_asked_is_refused_at_once),
        cmocka_unit_test(what_others_write_is_no_answer),
        cmocka_unit_test(what_was_noted_and_not_sent_is_sent_when_its_key_comes_again),
        cmocka_unit_test(what_was_sent_is_not_sent_again),
        cmocka_unit_test(what_was_noted_and_not_sent_is_sent_though_its_time_is_over),
        cmocka_unit_test(only_a_note_that_is_sealed_as_void_takes_a_request_back),
        cmocka_unit_test(what_was_sent_is_noted_before_the_gateway_ends),
        cmocka_unit_test(closing_ends_who_waits),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
