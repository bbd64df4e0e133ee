/* What the application's validator says of requests and replies, and what waits while it cannot tell. */
#include <support.h>

#include "fixture.h"

#include <letter/read.h>

#define CANARY "$.amount is no number: canary-17"

enum { WAITING = 5, IN_FLIGHT = 12 /* as set below */ };

enum mode { JUDGES, AWAY, AWAY_FOR_REPLIES, DOUBTS, KEEPS, KEEPS_REPLIES };

static struct fixture fixture;
static atomic_int mode, calls, asked;
static struct gate gate = GATE_CLOSED;

static const char *const settings[] = {"handler.timeout",    "2m", "deadline.skew",        "100ms", "drain", "60s",
                                       "worker.concurrency", "2",  "worker.max_in_flight", "12",    NULL};

static bool text_is(const pouch_payload *p, const char *text) {
    size_t n;
    const char *at = pouch_payload_text(p, &n);
    return n == strlen(text) && !memcmp(at, text, n);
}

/* Requests of the two topics and their replies are all that it may see. */
static void look_at(const pouch_payload *p) {
    const char *publisher = text_is(p, "\"published\"") && !pouch_payload_is_reply(p) ? "payments" : "";
    if (!strcmp(pouch_payload_topic(p), WORK) && (!*publisher || !strcmp(pouch_payload_publisher(p), publisher)))
        return;
    print_error("the validator was given topic %s of %s\n", pouch_payload_topic(p), pouch_payload_publisher(p));
    atomic_fetch_add(&surprises, 1);
}

static pouch_err validate(const pouch_payload *p, char why[POUCH_VALIDATE_WHY_MAX], void *arg) {
    bool reply = pouch_payload_is_reply(p), bad = text_is(p, reply ? "\"bad reply\"" : "\"bad\"");
    expect(arg == &fixture ? POUCH_OK : POUCH_E_CONFIG, POUCH_OK);
    look_at(p);
    int now = atomic_load(&mode);
    if (now == (reply ? KEEPS_REPLIES : KEEPS)) gate_pass(&gate);
    if (now == AWAY || (now == AWAY_FOR_REPLIES && reply)) {
        atomic_fetch_add(&asked, 1);
        snprintf(why, POUCH_VALIDATE_WHY_MAX, "the registry is away");
        return POUCH_E_NO_RESPONDERS;
    }
    if (bad && now == DOUBTS) {
        atomic_fetch_add(&asked, 1);
        snprintf(why, POUCH_VALIDATE_WHY_MAX, "whether there is a newer schema cannot be asked");
        return POUCH_E_UNCHECKED;
    }
    if (bad) snprintf(why, POUCH_VALIDATE_WHY_MAX, CANARY);
    return bad ? POUCH_E_INVALID_PAYLOAD : POUCH_OK;
}

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    atomic_fetch_add(&calls, 1);
    expect(pouch_job_attempt(job) == 1 ? POUCH_OK : POUCH_E_OVERLOADED, POUCH_OK);
    if (payload_is(job, "\"mends its reply\"")) {
        expect(pouch_job_reply(job, "\"bad reply\"", 11), POUCH_E_INVALID_PAYLOAD);
        expect(strstr(pouch_why(), CANARY) ? POUCH_OK : POUCH_E_INVALID_PAYLOAD, POUCH_OK);
        reply_text(job, "\"good reply\"");
    } else if (payload_is(job, "\"replies badly\"")) {
        reply_text(job, "\"bad reply\"");
    } else {
        echo(job);
    }
}

/* more: as settings, and beside them. */
static void start_worker_with(const char *const more[]) {
    pouch_options *o = pouch_options_new();
    assert_non_null(o);
    assert_int_equal(pouch_options_set(o, "brokers", fixture.mock.brokers), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "start", "earliest"), POUCH_OK);
    assert_int_equal(pouch_options_set(o, "retry.tiers", "off"), POUCH_OK);
    for (size_t i = 0; settings[i]; i += 2) assert_int_equal(pouch_options_set(o, settings[i], settings[i + 1]), 0);
    for (size_t i = 0; more[i]; i += 2) assert_int_equal(pouch_options_set(o, more[i], more[i + 1]), 0);
    pouch_options_set_validator(o, validate, &fixture);
    if (pouch_worker_new(&fixture.worker, o, fixture.ring)) fail_msg("%s", pouch_why());
    pouch_options_free(o);
    assert_int_equal(pouch_worker_handle(fixture.worker, WORK, handle, NULL), POUCH_OK);
    assert_int_equal(pthread_create(&fixture.thread, NULL, worker_thread, &fixture), 0);
}

static void start_worker(void) {
    start_worker_with((const char *const[]){NULL});
}

static int start(void **state) {
    (void)state;
    fixture_start(&fixture, NULL);
    start_worker();
    return 0;
}

/* With a cluster of its own: the member that was there may be slow to leave its group. */
static void start_again_with(const char *const more[]) {
    fixture_end(&fixture);
    fixture_start(&fixture, NULL);
    start_worker_with(more);
}

static int stop(void **state) {
    (void)state;
    worker_stop(&fixture);
    pouch_worker_free(fixture.worker);
    fixture_stop(&fixture);
    assert_int_equal(atomic_load(&surprises), 0);
    return 0;
}

/* No header tells the reason in clear; it is sealed in one of them. */
static void assert_reason_is_sealed(const rd_kafka_message_t *m) {
    struct pl_letter_facts facts;
    rd_kafka_headers_t *headers;
    struct pl_buf plain;
    const char *name;
    const void *value;
    size_t n;
    assert_int_equal(rd_kafka_message_headers(m, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++)
        assert_null(memmem(value, n, "canary", 6));
    pl_letter_read(&facts, headers);
    struct pl_envelope env;
    assert_int_equal(pl_envelope_scan(&env, facts.words.at, facts.words.n), POUCH_OK);
    pl_buf_init(&plain, 1 << 20);
    assert_int_equal(pl_sealed_open(&plain, fixture.sealer, &env), POUCH_OK);
    assert_non_null(strstr(plain.at, CANARY));
    pl_buf_free(&plain);
}

/* acceptance: A22 */
static void a_request_that_is_not_valid_is_told_and_kept_and_not_handled(void **state) {
    char id[ID_TEXT];
    (void)state;
    int before = atomic_load(&calls);
    int64_t invalid = pl_metric_get(PL_M_INVALID_REQUEST);
    request(&fixture, "\"bad\"", id);
    struct answer a = answer_to(&fixture, id);
    assert_true(a.sealed);
    assert_string_equal(a.code, "invalid_payload");
    assert_string_equal(a.error, "the request is not valid: " CANARY);
    const rd_kafka_message_t *m = letter_of(&fixture, id);
    assert_string_equal(header_of(m, PL_H_DLQ_CODE), "invalid_payload");
    assert_string_equal(header_of(m, PL_H_DLQ_KIND), "permanent");
    assert_string_equal(header_of(m, PL_H_DLQ_REASON), "the request is not valid");
    assert_reason_is_sealed(m);
    assert_int_equal(atomic_load(&calls), before);
    assert_int_equal(pl_metric_get(PL_M_INVALID_REQUEST), invalid + 1);
}

static void a_sent_record_that_is_not_valid_becomes_a_dead_letter(void **state) {
    char id[ID_TEXT];
    (void)state;
    ask(&fixture, WORK, (struct request){.payload = "\"bad\"", .headers = {"pouch-reply", "none"}}, id);
    const rd_kafka_message_t *m = letter_of(&fixture, id);
    assert_string_equal(header_of(m, PL_H_DLQ_CODE), "invalid_payload");
    assert_reason_is_sealed(m);
}

static void the_validator_is_told_what_it_looks_at(void **state) {
    char id[ID_TEXT];
    (void)state;
    ask(&fixture, WORK, (struct request){.payload = "\"published\"", .publisher = "payments", .reply_topic = REPLIES},
        id);
    assert_string_equal(answer_to(&fixture, id).payload, "\"published\"");
}

static bool waits(void *n) {
    return pl_metric_get(PL_M_CHECK_WAITING) == *(int64_t *)n;
}

static void wait_waiting(int64_t n) {
    test_until(waits, &n);
}

static bool waits_at_least(void *n) {
    return pl_metric_get(PL_M_CHECK_WAITING) >= *(int64_t *)n;
}

static bool is_blocked(void *unused) {
    (void)unused;
    return pl_metric_get(PL_M_BLOCKED) == 1;
}

static bool has_called(void *times) {
    return atomic_load(&calls) == *(int *)times;
}

/* acceptance: A22 */
static void while_it_cannot_tell_requests_wait_and_none_is_lost(void **state) {
    char ids[WAITING][ID_TEXT], sent[ID_TEXT];
    (void)state;
    int before = atomic_load(&calls);
    size_t letters = count_on(&fixture, LETTERS);
    int64_t from = pl_mono_us(&pl_clock_system);
    atomic_store(&mode, AWAY);
    for (int i = 0; i < WAITING; i++) request(&fixture, "1", ids[i]);
    ask(&fixture, WORK, (struct request){.payload = "2", .headers = {"pouch-reply", "none"}}, sent);
    wait_waiting(WAITING + 1);
    test_until(is_blocked, NULL);
    int first = atomic_load(&asked);
    assert_in_range(first, 1, WAITING + 1 + (pl_mono_us(&pl_clock_system) - from) / 1000000);
    request(&fixture, "3", ids[0]); /* its partition waits: it is not taken, or waits as well */
    test_until(waits_at_least, &(int64_t){WAITING + 1});
    assert_int_equal(atomic_load(&calls), before);
    atomic_store(&mode, JUDGES);
    for (int i = 0; i < WAITING; i++) assert_true(answer_to(&fixture, ids[i]).success);
    wait_waiting(0);
    test_until(has_called, &(int){before + WAITING + 2});
    assert_int_equal(pl_metric_get(PL_M_BLOCKED), 0);
    assert_int_equal(count_on(&fixture, LETTERS), letters);
}

static bool was_asked(void *times) {
    return atomic_load(&asked) >= *(int *)times;
}

static void one_thread_asks_again_for_all(void **state) {
    char ids[WAITING][ID_TEXT];
    (void)state;
    atomic_store(&asked, 0);
    atomic_store(&mode, AWAY);
    for (int i = 0; i < WAITING; i++) request(&fixture, "1", ids[i]);
    wait_waiting(WAITING);
    int64_t from = pl_mono_us(&pl_clock_system);
    int wanted = atomic_load(&asked) + 2; /* the second is a second after the first */
    test_until(was_asked, &wanted);
    assert_true(pl_mono_us(&pl_clock_system) - from > 500000); /* about a second apart, not five at a time */
    atomic_store(&mode, JUDGES);
    for (int i = 0; i < WAITING; i++) assert_true(answer_to(&fixture, ids[i]).success);
}

/* Answered and put away, so that its letter does not come while another test counts letters. */
static void is_told_and_kept(const char *id) {
    assert_string_equal(answer_to(&fixture, id).code, "invalid_payload");
    (void)letter_of(&fixture, id);
}

/* acceptance: A22 */
static void what_alone_cannot_be_checked_is_put_aside_and_others_go_on(void **state) {
    char doubted[WAITING][ID_TEXT], id[ID_TEXT];
    (void)state;
    size_t letters = count_on(&fixture, LETTERS);
    atomic_store(&mode, DOUBTS);
    for (int i = 0; i < WAITING; i++) request(&fixture, "\"bad\"", doubted[i]);
    wait_waiting(WAITING);
    assert_int_equal(pl_metric_get(PL_M_BLOCKED), 0);
    request(&fixture, "1", id);
    assert_true(answer_to(&fixture, id).success);
    wait_waiting(WAITING); /* but for one that is asked about at this moment */
    assert_int_equal(count_on(&fixture, LETTERS), letters);
    atomic_store(&mode, JUDGES);
    for (int i = 0; i < WAITING; i++) is_told_and_kept(doubted[i]);
    wait_waiting(0);
}

static void of_what_is_put_aside_one_is_asked_about_again(void **state) {
    char ids[WAITING][ID_TEXT];
    (void)state;
    atomic_store(&asked, 0);
    atomic_store(&mode, DOUBTS);
    for (int i = 0; i < WAITING; i++) request(&fixture, "\"bad\"", ids[i]);
    wait_waiting(WAITING);
    int64_t from = pl_mono_us(&pl_clock_system);
    int wanted = atomic_load(&asked) + 2;
    test_until(was_asked, &wanted);
    assert_true(pl_mono_us(&pl_clock_system) - from > 500000);
    atomic_store(&mode, JUDGES);
    for (int i = 0; i < WAITING; i++) is_told_and_kept(ids[i]);
}

/* Half of worker.max_in_flight may be put aside. */
static void more_than_may_be_put_aside_holds_its_partition(void **state) {
    char ids[IN_FLIGHT][ID_TEXT], after[ID_TEXT];
    (void)state;
    atomic_store(&mode, DOUBTS);
    for (int i = 0; i < IN_FLIGHT / 2; i++) request(&fixture, "\"bad\"", ids[i]);
    wait_waiting(IN_FLIGHT / 2);
    assert_int_equal(pl_metric_get(PL_M_BLOCKED), 0);
    request(&fixture, "\"bad\"", ids[IN_FLIGHT / 2]);
    test_until(is_blocked, NULL);
    request(&fixture, "1", after);
    atomic_store(&mode, JUDGES);
    for (int i = 0; i <= IN_FLIGHT / 2; i++) is_told_and_kept(ids[i]);
    assert_true(answer_to(&fixture, after).success);
    assert_int_equal(pl_metric_get(PL_M_BLOCKED), 0);
}

static void ask_within(const char *payload, int ms, char id[ID_TEXT]) {
    char deadline[24];
    snprintf(deadline, sizeof deadline, "%lld", (long long)pl_wall_ms(&pl_clock_system) + ms);
    ask(&fixture, WORK,
        (struct request){.payload = payload, .reply_topic = REPLIES, .headers = {"pouch-deadline", deadline}}, id);
}

static bool is_blocked_or_late(void *expired) {
    return is_blocked(NULL) || pl_metric_get(PL_M_JOBS_EXPIRED) > *(int64_t *)expired;
}

/* One that is put aside does not keep its place for ever: who held a partition gets it. */
static void room_among_what_is_put_aside_lets_a_partition_go(void **state) {
    char ids[IN_FLIGHT][ID_TEXT], after[ID_TEXT];
    (void)state;
    int64_t expired = pl_metric_get(PL_M_JOBS_EXPIRED);
    atomic_store(&mode, DOUBTS);
    ask_within("\"bad\"", 3000, ids[0]);
    for (int i = 1; i <= IN_FLIGHT / 2; i++) request(&fixture, "\"bad\"", ids[i]);
    test_until(is_blocked_or_late, &expired);
    request(&fixture, "1", after);
    assert_string_equal(answer_to(&fixture, ids[0]).code, "expired");
    assert_true(answer_to(&fixture, after).success);
    atomic_store(&mode, JUDGES);
    for (int i = 1; i <= IN_FLIGHT / 2; i++) is_told_and_kept(ids[i]);
}

static void a_deadline_ends_the_wait(void **state) {
    char id[ID_TEXT];
    (void)state;
    int before = atomic_load(&calls);
    size_t letters = count_on(&fixture, LETTERS);
    atomic_store(&mode, AWAY);
    ask_within("1", 1000, id);
    assert_string_equal(answer_to(&fixture, id).code, "expired");
    wait_waiting(0);
    atomic_store(&mode, JUDGES);
    request(&fixture, "1", id);
    assert_true(answer_to(&fixture, id).success);
    assert_int_equal(atomic_load(&calls), before + 1);
    assert_int_equal(count_on(&fixture, LETTERS), letters);
}

/* acceptance: A22 */
static void a_reply_that_is_not_valid_is_refused_to_its_handler(void **state) {
    char id[ID_TEXT];
    (void)state;
    int64_t invalid = pl_metric_get(PL_M_INVALID_REPLY);
    request(&fixture, "\"mends its reply\"", id);
    assert_string_equal(answer_to(&fixture, id).payload, "\"good reply\"");
    assert_int_equal(pl_metric_get(PL_M_INVALID_REPLY), invalid + 1);
}

static void a_reply_that_nobody_waits_for_is_not_looked_at(void **state) {
    char id[ID_TEXT];
    (void)state;
    int64_t invalid = pl_metric_get(PL_M_INVALID_REPLY);
    ask(&fixture, WORK, (struct request){.payload = "\"replies badly\"", .headers = {"pouch-reply", "none"}}, id);
    request(&fixture, "1", id);
    assert_true(answer_to(&fixture, id).success);
    assert_int_equal(pl_metric_get(PL_M_INVALID_REPLY), invalid);
}

static void a_reply_that_cannot_be_checked_waits_and_its_handler_is_not_called_again(void **state) {
    char id[ID_TEXT];
    (void)state;
    int before = atomic_load(&calls);
    atomic_store(&mode, AWAY_FOR_REPLIES);
    request(&fixture, "\"kept\"", id);
    wait_waiting(1);
    atomic_store(&mode, JUDGES);
    assert_string_equal(answer_to(&fixture, id).payload, "\"kept\"");
    wait_waiting(0);
    assert_int_equal(atomic_load(&calls), before + 1);
}

static void a_kept_reply_that_is_not_valid_fails_its_request(void **state) {
    char id[ID_TEXT];
    (void)state;
    atomic_store(&mode, AWAY_FOR_REPLIES);
    request(&fixture, "\"replies badly\"", id);
    wait_waiting(1);
    atomic_store(&mode, JUDGES);
    struct answer a = answer_to(&fixture, id);
    assert_string_equal(a.code, "handler_error");
    assert_string_equal(a.error, "the reply is not valid: " CANARY);
}

static void a_kept_reply_goes_no_later_than_its_deadline(void **state) {
    char id[ID_TEXT];
    (void)state;
    atomic_store(&mode, AWAY_FOR_REPLIES);
    ask_within("1", 1000, id);
    assert_string_equal(answer_to(&fixture, id).code, "expired");
    atomic_store(&mode, JUDGES);
}

static void a_validator_that_does_not_return_is_taken_for_its_handler(void **state) {
    char id[ID_TEXT];
    (void)state;
    int before = atomic_load(&calls);
    start_again_with((const char *const[]){"handler.timeout", "5s", NULL});
    atomic_store(&mode, KEEPS);
    request(&fixture, "1", id);
    assert_string_equal(answer_to(&fixture, id).code, "handler_timeout");
    atomic_store(&mode, JUDGES);
    gate_set(&gate, true);
    request(&fixture, "2", id);
    assert_true(answer_to(&fixture, id).success);
    assert_int_equal(atomic_load(&calls), before + 1);
    start_again_with((const char *const[]){NULL});
}

static void while_one_thread_does_not_come_back_another_asks_again(void **state) {
    char id[ID_TEXT];
    (void)state;
    gate_set(&gate, false);
    start_again_with((const char *const[]){"handler.timeout", "5s", NULL});
    atomic_store(&mode, AWAY);
    request(&fixture, "1", id);
    wait_waiting(1);
    atomic_store(&mode, KEEPS);
    assert_string_equal(answer_to(&fixture, id).code, "handler_timeout");
    atomic_store(&mode, JUDGES);
    request(&fixture, "2", id);
    assert_true(answer_to(&fixture, id).success);
    gate_set(&gate, true);
    start_again_with((const char *const[]){NULL});
}

static void a_kept_reply_whose_check_does_not_return_ends_in_its_handlers_time(void **state) {
    char id[ID_TEXT];
    (void)state;
    gate_set(&gate, false);
    start_again_with((const char *const[]){"handler.timeout", "5s", NULL});
    int before = atomic_load(&calls);
    atomic_store(&mode, AWAY_FOR_REPLIES);
    request(&fixture, "1", id);
    wait_waiting(1);
    atomic_store(&mode, KEEPS_REPLIES);
    assert_string_equal(answer_to(&fixture, id).code, "handler_timeout");
    assert_int_equal(atomic_load(&calls), before + 1);
    atomic_store(&mode, JUDGES);
    gate_set(&gate, true);
    start_again_with((const char *const[]){NULL});
}

static void what_waits_is_left_to_the_next_worker(void **state) {
    char ids[WAITING][ID_TEXT];
    (void)state;
    atomic_store(&mode, AWAY);
    int64_t first = next_offset(&fixture);
    for (int i = 0; i < WAITING; i++) request(&fixture, "\"held\"", ids[i]);
    wait_waiting(WAITING);
    int64_t from = pl_mono_us(&pl_clock_system);
    worker_stop(&fixture);
    assert_true(pl_mono_us(&pl_clock_system) - from < 50000000); /* it did not wait for drain */
    wait_waiting(0);
    assert_int_equal(committed_by(&fixture, WORK ".workers"), first);
    pouch_worker_free(fixture.worker);
    atomic_store(&mode, JUDGES);
    start_worker();
    for (int i = 0; i < WAITING; i++) assert_true(answer_to(&fixture, ids[i]).success);
}

static void copies_of_what_waits_are_left_to_the_next_worker_too(void **state) {
    char id[ID_TEXT];
    (void)state;
    start_again_with((const char *const[]){"dedupe.window", "10m", NULL});
    atomic_store(&mode, DOUBTS);
    struct envelope e = seal(&fixture, "\"bad\"");
    send_copies(&fixture, &e, 2, NULL);
    request(&fixture, "1", id);
    assert_true(answer_to(&fixture, id).success); /* it stands behind both */
    wait_waiting(1);
    int64_t from = pl_mono_us(&pl_clock_system);
    worker_stop(&fixture);
    assert_true(pl_mono_us(&pl_clock_system) - from < 50000000); /* it did not wait for drain */
    pouch_worker_free(fixture.worker);
    atomic_store(&mode, JUDGES);
    start_worker();
    assert_string_equal(answer_to(&fixture, e.id).code, "invalid_payload");
    pl_buf_free(&e.value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_is_not_valid_is_told_and_kept_and_not_handled),
        cmocka_unit_test(a_sent_record_that_is_not_valid_becomes_a_dead_letter),
        cmocka_unit_test(the_validator_is_told_what_it_looks_at),
        cmocka_unit_test(while_it_cannot_tell_requests_wait_and_none_is_lost),
        cmocka_unit_test(one_thread_asks_again_for_all),
        cmocka_unit_test(what_alone_cannot_be_checked_is_put_aside_and_others_go_on),
        cmocka_unit_test(of_what_is_put_aside_one_is_asked_about_again),
        cmocka_unit_test(more_than_may_be_put_aside_holds_its_partition),
        cmocka_unit_test(room_among_what_is_put_aside_lets_a_partition_go),
        cmocka_unit_test(a_deadline_ends_the_wait),
        cmocka_unit_test(a_reply_that_is_not_valid_is_refused_to_its_handler),
        cmocka_unit_test(a_reply_that_nobody_waits_for_is_not_looked_at),
        cmocka_unit_test(a_reply_that_cannot_be_checked_waits_and_its_handler_is_not_called_again),
        cmocka_unit_test(a_kept_reply_that_is_not_valid_fails_its_request),
        cmocka_unit_test(a_kept_reply_goes_no_later_than_its_deadline),
        cmocka_unit_test(a_validator_that_does_not_return_is_taken_for_its_handler),
        cmocka_unit_test(while_one_thread_does_not_come_back_another_asks_again),
        cmocka_unit_test(a_kept_reply_whose_check_does_not_return_ends_in_its_handlers_time),
        cmocka_unit_test(what_waits_is_left_to_the_next_worker),
        cmocka_unit_test(copies_of_what_waits_are_left_to_the_next_worker_too),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
