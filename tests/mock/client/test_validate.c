/* What the application's validator says to a client's requests, and to what answers them. */
#include <support.h>

#include <client_stage.h>
#include <metrics/metrics.h>

static atomic_int mode;
static pthread_t asker,
    callbacks; /* the threads that the validator was last called on, for a request and for a reply */

enum { JUDGES, AWAY, AWAY_FOR_REPLIES };

static bool text_is(const pouch_payload *p, const char *text) {
    size_t n;
    const char *at = pouch_payload_text(p, &n);
    return n == strlen(text) && !memcmp(at, text, n);
}

static pouch_err validate(const pouch_payload *p, char why[POUCH_VALIDATE_WHY_MAX], void *arg) {
    bool reply = pouch_payload_is_reply(p);
    int now = atomic_load(&mode);
    assert_ptr_equal(arg, &mode);
    *(reply ? &callbacks : &asker) = pthread_self();
    if (now == AWAY || (now == AWAY_FOR_REPLIES && reply)) return POUCH_E_TIMEOUT;
    /* Where it is from is told by the text that it is refused with. */
    bool bad = text_is(p, reply ? "\"bad reply\"" : "\"bad\"");
    if (bad) snprintf(why, POUCH_VALIDATE_WHY_MAX, "[%s|%s]", pouch_payload_topic(p), pouch_payload_publisher(p));
    return bad ? POUCH_E_INVALID_PAYLOAD : POUCH_OK;
}

static void answer(struct peer *p, const struct peer_request *r, const char *branch, const char *json) {
    const struct pl_reply_text text = {.id = r->id, .payload = {json, strlen(json)}, .timestamp = 1, .success = true};
    p->branch = branch;
    peer_answer(p, r->reply_topic, &r->id, &r->id, &text);
    p->branch = NULL;
}

static void behave(struct peer *p, const struct peer_request *r) {
    if (peer_is(r, "\"answer badly\"")) {
        answer(p, r, NULL, "\"bad reply\"");
    } else if (peer_is(r, "\"one of two badly\"")) {
        answer(p, r, "1/2", "\"bad reply\"");
        answer(p, r, "2/2", "\"good reply\"");
    } else if (peer_is(r, "\"fail\"")) {
        peer_fail(p, r, "bad reply", NULL);
    } else {
        peer_echo(p, r);
    }
}

static int set_up(void **state) {
    stage_set_up(state, 1, behave);
    struct stage *s = *state;
    pouch_options *o = pouch_options_new();
    assert_non_null(o);
    assert_int_equal(pouch_options_set(o, "brokers", s->mock.brokers), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "client.id", "app"), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "center.inbox", "orders"),
                     POUCH_OK); /* the peer stands for a center as well */
    pouch_options_set_validator(o, validate, &mode);
    if (pouch_client_new(&s->client, o, s->ring)) fail_msg("%s", pouch_why());
    pouch_options_free(o);
    atomic_store(&mode, JUDGES);
    return 0;
}

static bool has_seen(void *stage) {
    return atomic_load(&((struct stage *)stage)->peer.seen) > 0;
}

/* What comes after what was refused is the first that the peer sees. */
static void assert_nothing_was_sent(struct stage *s) {
    struct ending end = {0};
    atomic_store(&mode, JUDGES);
    ask(s->client, "orders", "1", PEER_MS, &end);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_OK);
    test_until(has_seen, s);
    assert_int_equal(atomic_load(&s->peer.seen), 1);
}

static void no_reply(pouch_err e, const pouch_reply *reply, void *arg) {
    (void)e, (void)reply, (void)arg;
    fail_msg("a request that was refused has ended");
}

static void no_gather(const pouch_gather *g, void *arg) {
    (void)g, (void)arg;
    fail_msg("a gather that was refused has ended");
}

/* Each way to ask refuses the payload with e and a reason that has the text in it. */
static void assert_refused(struct stage *s, pouch_dest *to, const char *json, pouch_err e, const char *text) {
    size_t n = strlen(json);
    pouch_reply *reply;
    assert_int_equal(pouch_client_request(s->client, to, json, n, 1000, NULL, no_reply, NULL), e);
    assert_non_null(strstr(pouch_why(), text));
    assert_int_equal(pouch_client_call(s->client, to, json, n, 1000, NULL, &reply), e);
    assert_null(reply);
    assert_int_equal(pouch_client_send(s->client, to, json, n, NULL, NULL, NULL), e);
    assert_int_equal(pouch_client_gather(s->client, &to, 1, 1, json, n, 1000, NULL, no_gather, NULL), e);
    assert_non_null(strstr(pouch_why(), text));
}

/* acceptance: A22 */
static void a_request_that_is_not_valid_is_not_sent(void **state) {
    struct stage *s = *state;
    pouch_dest *topic = pouch_dest_topic("orders"), *publisher = pouch_dest_publisher("shop");
    int64_t invalid = pl_metric_get(PL_M_INVALID_REQUEST);
    assert_refused(s, topic, "\"bad\"", POUCH_E_INVALID_PAYLOAD, "the request is not valid: [orders|]");
    assert_refused(s, publisher, "\"bad\"", POUCH_E_INVALID_PAYLOAD, "the request is not valid: [|shop]");
    assert_int_equal(pl_metric_get(PL_M_INVALID_REQUEST), invalid + 8);
    assert_nothing_was_sent(s);
    pouch_dest_free(topic);
    pouch_dest_free(publisher);
}

static void a_request_that_cannot_be_checked_is_not_sent(void **state) {
    struct stage *s = *state;
    pouch_dest *to = pouch_dest_topic("orders");
    int64_t unchecked = pl_metric_get(PL_M_UNCHECKED);
    atomic_store(&mode, AWAY);
    assert_refused(s, to, "1", POUCH_E_UNCHECKED, "the request cannot be checked at present: timeout");
    assert_true(pouch_err_retriable(POUCH_E_UNCHECKED));
    assert_int_equal(pl_metric_get(PL_M_UNCHECKED), unchecked + 4);
    assert_nothing_was_sent(s);
    pouch_dest_free(to);
}

static void end_of(struct stage *s, const char *json, struct ending *end) {
    *end = (struct ending){0};
    ask(s->client, "orders", json, PEER_MS, end);
    test_until(has_ended, end);
}

/* acceptance: A22 */
static void a_reply_that_is_not_valid_ends_its_call_without_its_payload(void **state) {
    struct stage *s = *state;
    struct ending end;
    int64_t invalid = pl_metric_get(PL_M_INVALID_REPLY);
    end_of(s, "\"answer badly\"", &end);
    assert_int_equal(end.error, POUCH_E_INVALID_PAYLOAD);
    assert_true(end.had_reply && end.sealed);
    assert_string_equal(end.payload, "");
    assert_string_equal(end.text, "the reply is not valid: [orders|]");
    assert_int_equal(pl_metric_get(PL_M_INVALID_REPLY), invalid + 1);
}

static void a_publishers_reply_is_told_as_such(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    pouch_dest *to = pouch_dest_publisher("shop");
    assert_int_equal(pouch_client_request(s->client, to, "\"answer badly\"", 14, PEER_MS, NULL, note_ending, &end),
                     POUCH_OK);
    test_until(has_ended, &end);
    assert_string_equal(end.text, "the reply is not valid: [|shop]");
    pouch_dest_free(to);
}

static void a_reply_that_cannot_be_checked_ends_its_call(void **state) {
    struct stage *s = *state;
    struct ending end;
    atomic_store(&mode, AWAY_FOR_REPLIES);
    end_of(s, "1", &end);
    assert_int_equal(end.error, POUCH_E_UNCHECKED);
    assert_string_equal(end.payload, "");
    assert_string_equal(end.text, "the reply cannot be checked at present: timeout");
}

static void an_error_is_no_reply_to_be_checked(void **state) {
    struct stage *s = *state;
    struct ending end;
    atomic_store(&mode, AWAY_FOR_REPLIES);
    end_of(s, "\"fail\"", &end);
    assert_int_equal(end.error, POUCH_E_HANDLER_ERROR);
    assert_string_equal(end.text, "bad reply");
}

static void a_branch_that_answers_badly_leaves_the_call_to_the_others(void **state) {
    struct stage *s = *state;
    struct ending end;
    end_of(s, "\"one of two badly\"", &end);
    assert_int_equal(end.error, POUCH_OK);
    assert_string_equal(end.payload, "\"good reply\"");
}

static void note_part(const pouch_part *part, void *arg) {
    struct ending *end = arg;
    end->error = pouch_part_error(part);
    snprintf(end->text, sizeof end->text, "%s", pouch_part_why(part));
}

static void note_gather(const pouch_gather *g, void *arg) {
    struct ending *end = arg;
    assert_int_equal(pouch_gather_answered(g), 0);
    atomic_fetch_add(&end->times, 1);
}

static void of_a_gather_it_is_a_part_that_failed(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    assert_int_equal(
        pouch_client_gather(s->client, &to, 1, 1, "\"answer badly\"", 14, PEER_MS, note_part, note_gather, &end),
        POUCH_OK);
    test_until(has_ended, &end);
    assert_int_equal(end.error, POUCH_E_INVALID_PAYLOAD);
    assert_string_equal(end.text, "the reply is not valid: [orders|]");
    pouch_dest_free(to);
}

static void note_thread(pouch_err e, const pouch_reply *reply, void *arg) {
    struct ending *end = arg;
    (void)e, (void)reply;
    assert_true(pthread_equal(pthread_self(), callbacks));
    atomic_fetch_add(&end->times, 1);
}

static void requests_are_checked_by_their_caller_and_replies_where_callbacks_run(void **state) {
    struct stage *s = *state;
    struct ending end = {0};
    pouch_dest *to = pouch_dest_topic("orders");
    assert_int_equal(pouch_client_request(s->client, to, "1", 1, PEER_MS, NULL, note_thread, &end), POUCH_OK);
    assert_true(pthread_equal(pthread_self(), asker));
    test_until(has_ended, &end);
    pouch_dest_free(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(a_request_that_is_not_valid_is_not_sent),
        ON_STAGE(a_request_that_cannot_be_checked_is_not_sent),
        ON_STAGE(a_reply_that_is_not_valid_ends_its_call_without_its_payload),
        ON_STAGE(a_publishers_reply_is_told_as_such),
        ON_STAGE(a_reply_that_cannot_be_checked_ends_its_call),
        ON_STAGE(an_error_is_no_reply_to_be_checked),
        ON_STAGE(a_branch_that_answers_badly_leaves_the_call_to_the_others),
        ON_STAGE(of_a_gather_it_is_a_part_that_failed),
        ON_STAGE(requests_are_checked_by_their_caller_and_replies_where_callbacks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
