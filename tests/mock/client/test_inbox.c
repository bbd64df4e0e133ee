/* What comes on the reply topic besides the one right answer: counted, and never delivered. */
#include <support.h>

#include <client_stage.h>
#include <metrics/metrics.h>

static int64_t before[PL_METRIC_COUNT];

/* A reply for `outer`, whose inside names `inner`. */
static void answer(struct peer *p, const struct peer_request *r, const struct pl_uuid *outer,
                   const struct pl_uuid *inner) {
    const struct pl_reply_text text = {.id = *inner, .payload = {"\"stolen\"", 8}, .timestamp = 1, .success = true};
    peer_answer(p, r->reply_topic, outer, outer, &text);
}

static void answer_in_another_key(struct peer *p, const struct peer_request *r) {
    static const char sealed[] = "\"data\":\"00112233\",\"iv\":\"000102030405060708090a0b\","
                                 "\"tag\":\"00000000000000000000000000000000\"}";
    char key[37], envelope[512];
    pl_uuid_format(key, &r->id);
    int n = snprintf(envelope, sizeof envelope, "{\"request_id\":\"%s\",%s", key, sealed);
    peer_produce(p, r->reply_topic, key, 36, envelope, (size_t)n);
}

static void fail_branch(struct peer *p, const struct peer_request *r, const char *branch) {
    p->branch = branch;
    peer_plain_error(p, r, POUCH_E_TARGET_REFUSED, branch);
    p->branch = NULL;
}

/* "hold" is kept and answered together with the next "swap": each with the other's inside. */
static void behave(struct peer *p, const struct peer_request *r) {
    struct pl_uuid unknown;
    if (peer_is(r, "\"hold\"")) {
        p->held = r->id;
    } else if (peer_is(r, "\"swap\"")) {
        answer(p, r, &r->id, &p->held);
        answer(p, r, &p->held, &r->id);
    } else if (peer_is(r, "\"key\"")) {
        answer_in_another_key(p, r);
        peer_echo(p, r);
    } else if (peer_is(r, "\"not json\"")) {
        char key[37];
        pl_uuid_format(key, &r->id);
        peer_produce(p, r->reply_topic, key, 36, "{", 1);
        peer_produce(p, r->reply_topic, key, 36, NULL, 0);
        peer_produce(p, r->reply_topic, "no id", 5, "rubbish", 7);
        peer_echo(p, r);
    } else if (peer_is(r, "\"forged\"")) {
        peer_plain_error(p, r, POUCH_E_HANDLER_ERROR, "only a handler can say this");
        peer_echo(p, r);
    } else if (peer_is(r, "\"no route\"")) {
        peer_plain_error(p, r, POUCH_E_NO_ROUTE, "");
        peer_echo(p, r);
    } else if (peer_is(r, "\"unknown\"")) {
        assert_int_equal(pl_random_uuid(&unknown), POUCH_OK);
        answer(p, r, &unknown, &unknown);
        peer_echo(p, r);
    } else if (peer_is(r, "\"thrice\"")) {
        for (int i = 0; i < 3; i++) peer_echo(p, r);
    } else if (peer_is(r, "\"outer\"")) {
        const struct pl_reply_text text = {.id = p->held, .payload = {"1", 1}, .timestamp = 1, .success = true};
        peer_answer(p, r->reply_topic, &r->id, &p->held, &text);
        peer_echo(p, r);
    } else if (peer_is(r, "\"one of three\"")) {
        fail_branch(p, r, "1/3");
        fail_branch(p, r, "1/3"); /* told again, it is still one */
        fail_branch(p, r, "3/3");
        peer_echo(p, r);
    } else if (peer_is(r, "\"none of two\"")) {
        fail_branch(p, r, "2/2");
        fail_branch(p, r, "1/2");
    } else if (peer_is(r, "\"no such branch\"")) {
        fail_branch(p, r, "3/2");
    } else {
        peer_echo(p, r);
    }
}

static int set_up(void **state) {
    stage_set_up(state, 1, behave);
    struct stage *s = *state;
    s->client = stage_client(s, NULL);
    for (int i = 0; i < PL_METRIC_COUNT; i++) before[i] = pl_metric_get((enum pl_metric)i);
    return 0;
}

static int64_t counted(enum pl_metric m) {
    return pl_metric_get(m) - before[m];
}

/* Answers come in order from one partition, so whatever came before this one has been dealt with. */
static void sync_with(struct stage *s) {
    struct ending end = {0};
    ask(s->client, "orders", "\"sync\"", PEER_MS, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_OK);
}

static void the_right_answer_comes_through(struct stage *s, const char *json) {
    struct ending end = {0};
    ask(s->client, "orders", json, PEER_MS, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_OK);
    assert_string_equal(end.payload, json);
    sync_with(s);
    assert_int_equal(atomic_load(&end.times), 1);
}

static void the_first_of_several_answers_counts(void **state) {
    struct stage *s = *state;
    the_right_answer_comes_through(s, "\"thrice\"");
    assert_int_equal(counted(PL_M_REPLY_OTHER), 2);
    assert_int_equal(counted(PL_M_REPLY_OK), 2);
}

static void an_answer_to_nobody_is_skipped(void **state) {
    struct stage *s = *state;
    the_right_answer_comes_through(s, "\"unknown\"");
    assert_int_equal(counted(PL_M_REPLY_OTHER), 1);
}

static void an_answer_after_the_timeout_is_skipped(void **state) {
    struct stage *s = *state;
    struct ending held = {0}, swap = {0};
    test_until(client_is_ready, s->client);
    ask(s->client, "orders", "\"hold\"", 100, &held);
    test_until(has_ended, &held);
    assert_int_equal(held.error, POUCH_E_TIMEOUT);
    ask(s->client, "orders", "\"swap\"", PEER_OPEN_MS, &swap);
    sync_with(s);
    assert_int_equal(atomic_load(&held.times), 1);
    assert_int_equal(counted(PL_M_REPLY_OTHER), 1);
    assert_int_equal(counted(PL_M_REPLY_MISMATCH), 1);
    stage_close(s, 0);
    assert_int_equal(swap.error, POUCH_E_CLOSED);
}

/* Exchanging the sealed parts of two answers gives neither caller the other's. */
static void swapped_answers_reach_nobody(void **state) {
    struct stage *s = *state;
    struct ending held = {0}, swap = {0};
    test_until(client_is_ready, s->client);
    ask(s->client, "orders", "\"hold\"", PEER_OPEN_MS, &held);
    ask(s->client, "orders", "\"swap\"", PEER_OPEN_MS, &swap);
    sync_with(s);
    assert_int_equal(counted(PL_M_REPLY_MISMATCH), 2);
    assert_int_equal(atomic_load(&held.times), 0);
    assert_int_equal(atomic_load(&swap.times), 0);
    stage_close(s, 0);
    assert_int_equal(held.error, POUCH_E_CLOSED);
    assert_int_equal(swap.error, POUCH_E_CLOSED);
}

static void an_answer_that_no_key_opens_is_counted_and_waited_past(void **state) {
    struct stage *s = *state;
    the_right_answer_comes_through(s, "\"key\"");
    assert_int_equal(counted(PL_M_REPLY_UNREADABLE), 1);
    assert_int_equal(counted(PL_M_DECRYPT_FAILURES), 1);
}

static void what_is_no_envelope_is_counted_and_waited_past(void **state) {
    struct stage *s = *state;
    the_right_answer_comes_through(s, "\"not json\"");
    assert_int_equal(counted(PL_M_REPLY_UNREADABLE), 3);
}

static void a_key_that_promises_another_request_is_a_mismatch(void **state) {
    struct stage *s = *state;
    the_right_answer_comes_through(s, "\"outer\"");
    assert_int_equal(counted(PL_M_REPLY_MISMATCH), 1);
}

static void what_only_a_handler_knows_is_not_believed_unsealed(void **state) {
    struct stage *s = *state;
    the_right_answer_comes_through(s, "\"forged\"");
    assert_int_equal(counted(PL_M_REPLY_FORGED), 1);
}

static void plain_errors_can_be_ignored(void **state) {
    struct stage *s = *state;
    pouch_client_close(s->client, 0);
    s->client = stage_client(s, (const char *const[]){"client.plain_errors", "ignore", NULL});
    the_right_answer_comes_through(s, "\"no route\"");
    assert_int_equal(counted(PL_M_REPLY_FORGED), 1);
}

/* A worker that copies the request's record key must still be heard when that key looks like an id. */
static void a_fanned_out_call_ends_with_its_first_success(void **state) {
    struct stage *s = *state;
    the_right_answer_comes_through(s, "\"one of three\"");
    assert_int_equal(counted(PL_M_REPLY_BRANCH), 3);
}

static void ends_refused(struct stage *s, const char *json, const char *text) {
    struct ending end = {0};
    ask(s->client, "orders", json, PEER_MS, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_E_TARGET_REFUSED);
    assert_string_equal(end.text, text);
}

static void a_fanned_out_call_fails_when_all_branches_have(void **state) {
    struct stage *s = *state;
    ends_refused(s, "\"none of two\"", "1/2");
    assert_int_equal(counted(PL_M_REPLY_BRANCH), 1);
}

static void a_branch_that_cannot_be_is_no_branch(void **state) {
    struct stage *s = *state;
    ends_refused(s, "\"no such branch\"", "3/2");
    assert_int_equal(counted(PL_M_REPLY_BRANCH), 0);
}

static void a_key_of_the_callers_own_may_be_a_uuid(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    assert_int_equal(pouch_dest_set_key(to, "00000000-0000-4000-8000-000000000000"), POUCH_OK);
    assert_int_equal(pouch_client_request(s->client, to, "\"x\"", 3, PEER_MS, NULL, note_ending, &end), POUCH_OK);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_OK);
    pouch_dest_free(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(the_first_of_several_answers_counts),
        ON_STAGE(an_answer_to_nobody_is_skipped),
        ON_STAGE(an_answer_after_the_timeout_is_skipped),
        ON_STAGE(swapped_answers_reach_nobody),
        ON_STAGE(an_answer_that_no_key_opens_is_counted_and_waited_past),
        ON_STAGE(what_is_no_envelope_is_counted_and_waited_past),
        ON_STAGE(a_key_that_promises_another_request_is_a_mismatch),
        ON_STAGE(what_only_a_handler_knows_is_not_believed_unsealed),
        ON_STAGE(plain_errors_can_be_ignored),
        ON_STAGE(a_fanned_out_call_ends_with_its_first_success),
        ON_STAGE(a_fanned_out_call_fails_when_all_branches_have),
        ON_STAGE(a_branch_that_cannot_be_is_no_branch),
        ON_STAGE(a_key_of_the_callers_own_may_be_a_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
