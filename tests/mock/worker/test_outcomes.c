/* How requests end: one worker on the mock cluster, whose handler does what the payload says. */
#include <support.h>

#include "fixture.h"

#include <letter/read.h>

#define NEXT  "next-service"
#define INBOX "command-center-inbox"

static struct fixture fixture;
static atomic_int handled; /* calls of the handler */

/* Ends a job from a thread that is none of the worker's. */
static void *end_elsewhere(void *job) {
    reply_text(job, "\"from elsewhere\"");
    return NULL;
}

static void hand_to_thread(pouch_job *job) {
    pthread_t t;
    if (pthread_create(&t, NULL, end_elsewhere, job))
        expect(POUCH_E_NO_MEMORY, POUCH_OK);
    else
        pthread_detach(t);
}

static void forward(pouch_job *job, pouch_dest *to, const char *json, pouch_err wanted) {
    pouch_err e = pouch_job_forward(job, to, json, strlen(json));
    expect(e, wanted);
    if (e) expect(pouch_job_fail(job, pouch_err_code(e)), POUCH_OK);
    pouch_dest_free(to);
}

static void describe(pouch_job *job) {
    char text[512];
    size_t n;
    const char *colour = pouch_job_header(job, "colour", &n);
    snprintf(text, sizeof text, "[\"%s\",\"%s\",\"%s\",%d,%d,\"%.*s\"]", pouch_job_request_id(job),
             pouch_job_topic(job), pouch_job_publisher(job), pouch_job_attempt(job), pouch_job_wants_reply(job), (int)n,
             colour ? colour : "");
    reply_text(job, text);
}

static void too_large(pouch_job *job) {
    enum { N = 700000 };
    char *big = malloc(N);
    memset(big, 'x', N);
    big[0] = big[N - 1] = '"';
    expect(pouch_job_reply(job, big, N), POUCH_E_TOO_LARGE);
    free(big);
    reply_text(job, "\"smaller\"");
}

static void not_json(pouch_job *job) {
    expect(pouch_job_reply(job, "{", 1), POUCH_E_INVALID_PAYLOAD);
    expect(pouch_job_reply(job, "", 0), POUCH_E_INVALID_PAYLOAD);
    reply_text(job, "\"valid\"");
}

static void handle(pouch_job *job, void *arg) {
    (void)arg;
    atomic_fetch_add(&handled, 1);
    if (payload_is(job, "\"fail\"")) {
        expect(pouch_job_fail(job, "no \"such\" user"), POUCH_OK);
    } else if (payload_is(job, "\"retry twice\"")) {
        if (pouch_job_attempt(job) < 3)
            expect(pouch_job_retry(job, "not yet"), POUCH_OK);
        else
            reply_text(job, "\"third time\"");
    } else if (payload_is(job, "\"retry for ever\"")) {
        expect(pouch_job_retry(job, "the registry is down"), POUCH_OK);
    } else if (payload_is(job, "\"forward\"")) {
        forward(job, pouch_dest_topic(NEXT), "{\"step\":2}", POUCH_OK);
    } else if (payload_is(job, "\"forward to nowhere\"")) {
        forward(job, pouch_dest_topic("no-such-topic"), "1", POUCH_OK);
    } else if (payload_is(job, "\"to publisher\"")) {
        pouch_dest *to = pouch_dest_publisher("registry");
        expect(pouch_dest_set_key(to, "citizen-7"), POUCH_OK);
        expect(pouch_dest_add_header(to, "traceparent", "new span", 8), POUCH_OK);
        expect(pouch_dest_set_iv_bytes(to, 12), POUCH_OK);
        forward(job, to, "2", POUCH_OK);
    } else if (payload_is(job, "\"too far\"")) {
        forward(job, pouch_dest_topic(NEXT), "3", POUCH_E_HOP_LIMIT);
    } else if (payload_is(job, "\"elsewhere\"")) {
        hand_to_thread(job);
    } else if (payload_is(job, "\"describe\"")) {
        describe(job);
    } else if (payload_is(job, "\"too large\"")) {
        too_large(job);
    } else if (payload_is(job, "\"not json\"")) {
        not_json(job);
    } else {
        echo(job);
    }
}

static int start(void **state) {
    static const char *const topics[] = {NEXT, INBOX, NULL};
    (void)state;
    fixture_start(&fixture, topics);
    worker_start(&fixture, NULL, handle, NULL);
    return 0;
}

static int stop(void **state) {
    (void)state;
    fixture_end(&fixture);
    return 0;
}

/* acceptance: A9 A10 A16 */
static void a_reply_goes_to_the_topic_that_the_request_names(void **state) {
    char id[ID_TEXT];
    (void)state;
    request(&fixture, "{\"a\":1}", id);
    struct answer a = answer_to(&fixture, id);
    assert_true(a.sealed && a.success);
    assert_string_equal(a.payload, "{\"a\":1}");
}

/* acceptance: A16 */
static void a_request_that_names_no_topic_is_answered_on_the_topics_own(void **state) {
    char id[ID_TEXT];
    (void)state;
    ask(&fixture, WORK, (struct request){.payload = "7"}, id);
    assert_string_equal(answer_on(&fixture, WORK ".replies", id).payload, "7");
}

static void a_reply_has_the_iv_length_of_its_request(void **state) {
    char id[ID_TEXT];
    (void)state;
    for (size_t n = 12; n <= 16; n += 4) {
        ask(&fixture, WORK, (struct request){.payload = "7", .reply_topic = REPLIES, .iv_bytes = n}, id);
        assert_int_equal(answer_to(&fixture, id).iv_bytes, n);
    }
}

static void a_reply_echoes_what_belongs_to_the_requester(void **state) {
    char id[ID_TEXT];
    (void)state;
    ask(&fixture, WORK,
        (struct request){.payload = "1",
                         .reply_topic = REPLIES,
                         .headers = {"pouch-target", "calculate", "pouch-fanout", "1/2", "traceparent", "00-1",
                                     "tracestate", "a=b", "colour", "red"}},
        id);
    const rd_kafka_message_t *m = answer_to(&fixture, id).record;
    assert_string_equal(header_of(m, "pouch-target"), "calculate");
    assert_string_equal(header_of(m, "pouch-fanout"), "1/2");
    assert_string_equal(header_of(m, "traceparent"), "00-1");
    assert_string_equal(header_of(m, "tracestate"), "a=b");
    assert_string_equal(header_of(m, "colour"), "");
}

static void a_handler_sees_what_its_job_is_about(void **state) {
    char id[ID_TEXT], wanted[256];
    (void)state;
    ask(&fixture, WORK,
        (struct request){
            .payload = "\"describe\"", .reply_topic = REPLIES, .publisher = "citizens", .headers = {"colour", "red"}},
        id);
    snprintf(wanted, sizeof wanted, "[\"%s\",\"" WORK "\",\"citizens\",1,1,\"red\"]", id);
    assert_string_equal(answer_to(&fixture, id).payload, wanted);
}

/* acceptance: A13 */
static void a_failure_is_told_to_the_requester_sealed(void **state) {
    char id[ID_TEXT];
    (void)state;
    request(&fixture, "\"fail\"", id);
    struct answer a = answer_to(&fixture, id);
    assert_true(a.sealed);
    assert_false(a.success);
    assert_string_equal(a.error, "no \\\"such\\\" user");
    assert_string_equal(a.code, "handler_error");
}

static void a_retried_request_runs_again_and_can_succeed(void **state) {
    char id[ID_TEXT];
    (void)state;
    request(&fixture, "\"retry twice\"", id);
    assert_string_equal(answer_to(&fixture, id).payload, "\"third time\"");
}

/* What a handler says may quote the payload: a dead letter has it sealed, as the requester does, and not in clear. */
static void assert_words(const rd_kafka_message_t *m, const char *id, const char *words) {
    struct pl_envelope env;
    struct pl_reply_text text;
    struct pl_buf plain;
    const char *sealed = header_of(m, PL_H_DLQ_WORDS);
    pl_buf_init(&plain, 1 << 20);
    assert_int_equal(pl_envelope_scan(&env, sealed, strlen(sealed)), POUCH_OK);
    assert_memory_equal(env.request_id.at, id, 36);
    assert_int_equal(pl_sealed_open(&plain, fixture.sealer, &env), POUCH_OK);
    assert_int_equal(pl_dialect_splp.read_reply(&text, plain.at, plain.len), POUCH_OK);
    assert_false(text.success);
    assert_int_equal(text.error.n, strlen(words));
    assert_memory_equal(text.error.at, words, text.error.n);
    pl_buf_free(&plain);
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t n;
    assert_int_equal(rd_kafka_message_headers(m, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
    struct pl_letter_facts facts;
    pl_letter_read(&facts, headers);
    assert_int_equal(facts.words.n, strlen(sealed));
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &n); i++) {
        assert_null(memmem(value, n, words, strlen(words)));
        if (!strcmp(name, PL_H_DLQ_WORDS)) assert_false(pl_letter_original(&facts, headers, i));
    }
}

static void attempts_that_are_used_up_end_in_an_error_and_a_dead_letter(void **state) {
    char id[ID_TEXT];
    (void)state;
    request(&fixture, "\"retry for ever\"", id);
    struct answer a = answer_to(&fixture, id);
    assert_string_equal(a.code, "handler_error");
    assert_string_equal(a.error, "the registry is down");
    const rd_kafka_message_t *m = letter_of(&fixture, id);
    assert_string_equal(header_of(m, PL_H_DLQ_ATTEMPTS), "3");
    assert_string_equal(header_of(m, PL_H_DLQ_REASON), "the handler asked for another try each time");
    assert_words(m, id, "the registry is down");
    assert_string_equal(header_of(m, PL_H_DLQ_GROUP), WORK ".workers");
}

static void a_forwarded_request_keeps_its_id_reply_topic_and_headers(void **state) {
    char id[ID_TEXT];
    struct pl_envelope env;
    (void)state;
    ask(&fixture, WORK,
        (struct request){.payload = "\"forward\"",
                         .reply_topic = REPLIES,
                         .headers = {"colour", "red", "pouch-hop", "4", "colour", "blue", "traceparent", "00-1"}},
        id);
    const rd_kafka_message_t *m = find(&fixture, NEXT, id, has_key);
    assert_int_equal(pl_envelope_scan(&env, m->payload, m->len), POUCH_OK);
    assert_memory_equal(env.request_id.at, id, 36);
    assert_memory_equal(env.reply_topic.at, REPLIES, env.reply_topic.n);
    assert_null(env.worker_name.at);
    assert_string_equal(headers_of(m, "colour"), "red blue ");
    assert_string_equal(headers_of(m, "pouch-hop"), "5 ");
    assert_string_equal(header_of(m, "traceparent"), "00-1");
    assert_memory_equal(header_of(m, "pouch-source"), WORK "/0/", sizeof WORK "/0/" - 1);
    struct pl_buf plain;
    pl_buf_init(&plain, 1 << 20);
    assert_int_equal(pl_sealed_open(&plain, fixture.sealer, &env), POUCH_OK);
    assert_string_equal(plain.at, "{\"step\":2}");
    pl_buf_free(&plain);
}

static bool is_keyed_by_citizen(const rd_kafka_message_t *m, const char *id) {
    struct pl_envelope env;
    return m->key_len == 9 && !memcmp(m->key, "citizen-7", 9) && !pl_envelope_scan(&env, m->payload, m->len) &&
           !memcmp(env.request_id.at, id, 36);
}

static void a_request_can_be_passed_to_a_publisher_through_the_inbox(void **state) {
    char id[ID_TEXT];
    struct pl_envelope env;
    (void)state;
    ask(&fixture, WORK,
        (struct request){.payload = "\"to publisher\"", .reply_topic = REPLIES, .headers = {"traceparent", "old span"}},
        id);
    const rd_kafka_message_t *m = find(&fixture, INBOX, id, is_keyed_by_citizen);
    assert_int_equal(pl_envelope_scan(&env, m->payload, m->len), POUCH_OK);
    assert_memory_equal(env.worker_name.at, "registry", env.worker_name.n);
    assert_int_equal(env.iv.n, 24);
    assert_string_equal(headers_of(m, "traceparent"), "new span ");
}

static void a_request_is_not_passed_on_more_than_sixteen_times(void **state) {
    char id[ID_TEXT];
    (void)state;
    ask(&fixture, WORK,
        (struct request){.payload = "\"too far\"", .reply_topic = REPLIES, .headers = {"pouch-hop", "16"}}, id);
    assert_string_equal(answer_to(&fixture, id).error, "hop_limit");
}

static void a_job_may_be_ended_from_any_thread_later(void **state) {
    char id[ID_TEXT];
    (void)state;
    request(&fixture, "\"elsewhere\"", id);
    assert_string_equal(answer_to(&fixture, id).payload, "\"from elsewhere\"");
}

static void a_reply_that_cannot_be_sent_leaves_the_job_open(void **state) {
    char id[ID_TEXT];
    (void)state;
    request(&fixture, "\"too large\"", id);
    assert_string_equal(answer_to(&fixture, id).payload, "\"smaller\"");
    request(&fixture, "\"not json\"", id);
    assert_string_equal(answer_to(&fixture, id).payload, "\"valid\"");
}

static bool is_done(void *before) {
    return pl_metric_get(PL_M_JOBS_DONE) > *(int64_t *)before;
}

static void sent_records_are_handled_and_nobody_replies(void **state) {
    char id[ID_TEXT], next[ID_TEXT];
    (void)state;
    int before = atomic_load(&handled);
    int64_t done = pl_metric_get(PL_M_JOBS_DONE);
    size_t letters = count_on(&fixture, LETTERS);
    ask(&fixture, WORK, (struct request){.payload = "1", .reply_topic = REPLIES, .headers = {"pouch-reply", "none"}},
        id);
    request(&fixture, "2", next);
    answer_to(&fixture, next);
    test_until(is_done, &done);
    assert_int_equal(atomic_load(&handled), before + 2);
    for (size_t i = 0; i < fixture.tap.n; i++) assert_false(has_key(fixture.tap.seen[i], id));
    assert_int_equal(count_on(&fixture, LETTERS), letters);
}

static void a_sent_record_that_fails_becomes_a_dead_letter(void **state) {
    char id[ID_TEXT];
    (void)state;
    ask(&fixture, WORK, (struct request){.payload = "\"fail\"", .headers = {"pouch-reply", "none"}}, id);
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_CODE), "handler_error");
}

static const char *past(void) {
    static char text[24];
    snprintf(text, sizeof text, "%lld", (long long)pl_wall_ms(&pl_clock_system) - 60000);
    return text;
}

static void an_expired_request_is_answered_without_running_its_handler(void **state) {
    char id[ID_TEXT];
    (void)state;
    int before = atomic_load(&handled);
    ask(&fixture, WORK, (struct request){.payload = "1", .reply_topic = REPLIES, .headers = {"pouch-deadline", past()}},
        id);
    struct answer a = answer_to(&fixture, id);
    assert_true(a.sealed);
    assert_string_equal(a.code, "expired");
    assert_int_equal(atomic_load(&handled), before);
}

static void an_expired_record_that_wants_no_reply_becomes_a_dead_letter(void **state) {
    char id[ID_TEXT];
    (void)state;
    ask(&fixture, WORK, (struct request){.payload = "1", .headers = {"pouch-deadline", past(), "pouch-reply", "none"}},
        id);
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_CODE), "expired");
}

static void a_deadline_within_the_clocks_tolerance_still_counts_as_open(void **state) {
    char id[ID_TEXT], now[24];
    (void)state;
    snprintf(now, sizeof now, "%lld", (long long)pl_wall_ms(&pl_clock_system) + 28000);
    ask(&fixture, WORK, (struct request){.payload = "1", .reply_topic = REPLIES, .headers = {"pouch-deadline", now}},
        id);
    assert_true(answer_to(&fixture, id).success);
}

static void a_reply_topic_that_is_not_allowed_is_never_written(void **state) {
    char id[ID_TEXT];
    (void)state;
    int before = atomic_load(&handled);
    ask(&fixture, WORK, (struct request){.payload = "1", .reply_topic = INBOX}, id);
    const rd_kafka_message_t *m = letter_of(&fixture, id);
    assert_string_equal(header_of(m, PL_H_DLQ_CODE), "not_allowed");
    assert_non_null(strstr(header_of(m, PL_H_DLQ_REASON), INBOX));
    assert_int_equal(atomic_load(&handled), before);
    for (size_t i = 0; i < fixture.tap.n; i++)
        assert_false(on_topic(fixture.tap.seen[i], INBOX) && has_key(fixture.tap.seen[i], id));
}

static void a_request_that_cannot_be_passed_on_is_told_and_kept(void **state) {
    char id[ID_TEXT];
    (void)state;
    /* The mock makes any topic at its first use, unless it is told otherwise. */
    rd_kafka_mock_topic_set_error(fixture.mock.cluster, "no-such-topic", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    request(&fixture, "\"forward to nowhere\"", id);
    assert_string_equal(answer_to(&fixture, id).code, "target_refused");
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_CODE), "target_refused");
}

/* A sealed request with its text changed: the first `from` becomes `to`, of the same length. */
static void ask_altered(const char *reply_topic, const char *from, const char *to, char id[ID_TEXT]) {
    struct pl_seal_to seal = {.reply_topic = reply_topic, .iv_bytes = 16};
    struct pl_buf value;
    pl_buf_init(&value, 1 << 20);
    assert_int_equal(pl_random_uuid(&seal.id), POUCH_OK);
    assert_int_equal(pl_sealed_write(&value, fixture.sealer, &seal, "1", 1), POUCH_OK);
    pl_uuid_format(id, &seal.id);
    char *at = strstr(value.at, from);
    assert_non_null(at);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(at, to, strlen(to));
    produce(&fixture, WORK, value.at, value.len, NULL);
    pl_buf_free(&value);
}

static void what_no_key_opens_is_told_in_clear_and_kept(void **state) {
    char id[ID_TEXT];
    (void)state;
    pouch_keyring *other = fixture_ring(OTHER_KEY);
    struct pl_sealer *ours = fixture.sealer;
    assert_int_equal(pl_sealer_new(&fixture.sealer, other, PL_OVER_LIMIT_WARN), POUCH_OK);
    request(&fixture, "1", id);
    pl_sealer_free(fixture.sealer);
    fixture.sealer = ours;
    pouch_keyring_free(other);
    struct answer a = answer_to(&fixture, id);
    assert_false(a.sealed);
    assert_string_equal(a.code, "decrypt_failed");
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_CODE), "decrypt_failed");
}

static void a_malformed_envelope_is_told_in_clear_where_its_sender_can_be_read(void **state) {
    char id[ID_TEXT];
    (void)state;
    ask_altered(REPLIES, "\"tag\":\"", "\"gat\":\"", id);
    struct answer a = answer_to(&fixture, id);
    assert_false(a.sealed);
    assert_string_equal(a.code, "bad_envelope");
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_CODE), "bad_envelope");
}

static void an_error_in_clear_goes_only_where_the_envelope_says(void **state) {
    char id[ID_TEXT], next[ID_TEXT];
    (void)state;
    ask_altered(NULL, "\"tag\":\"", "\"gat\":\"", id);
    letter_of(&fixture, id);
    ask(&fixture, WORK, (struct request){.payload = "1"}, next);
    answer_on(&fixture, WORK ".replies", next);
    for (size_t i = 0; i < fixture.tap.n; i++)
        assert_false(has_key(fixture.tap.seen[i], id) && !on_topic(fixture.tap.seen[i], LETTERS));
}

static void a_payload_that_is_not_json_is_told_sealed_and_kept(void **state) {
    char id[ID_TEXT];
    (void)state;
    request(&fixture, "{\"a\":", id);
    struct answer a = answer_to(&fixture, id);
    assert_true(a.sealed);
    assert_string_equal(a.code, "invalid_payload");
    assert_string_equal(header_of(letter_of(&fixture, id), PL_H_DLQ_CODE), "invalid_payload");
}

#define SOME_ID "\"request_id\":\"19e71e54-17fd-4d1d-bec8-604c18a90ee5\""

/* Values of records that are no requests. */
static const char *const garbage[] = {
    NULL,
    "",
    "hello",
    "{",
    "[]",
    "{}",
    "{" SOME_ID "," SOME_ID ",\"data\":\"\",\"iv\":\"\",\"tag\":\"\"}",
    "{" SOME_ID ",\"data\":\"0g\",\"iv\":\"000000000000000000000000\",\"tag\":\"00000000000000000000000000000000\"}",
    "{" SOME_ID ",\"data\":\"00\",\"iv\":\"00\",\"tag\":\"00000000000000000000000000000000\"}",
    "{" SOME_ID ",\"error\":{\"code\":\"timeout\",\"message\":\"\"},\"replyTopic\":\"" REPLIES "\"}",
    "{\"request_id\":\"\xff\"}",
    "{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
};

static void garbage_becomes_dead_letters_and_the_partition_goes_on(void **state) {
    enum { N = sizeof garbage / sizeof garbage[0] };
    size_t before = count_on(&fixture, LETTERS), found = 0;
    char id[ID_TEXT];
    (void)state;
    for (size_t i = 0; i < N; i++) produce(&fixture, WORK, garbage[i], garbage[i] ? strlen(garbage[i]) : 0, NULL);
    request(&fixture, "\"after it\"", id);
    assert_string_equal(answer_to(&fixture, id).payload, "\"after it\"");
    wait_for(&fixture, LETTERS, before + N);
    for (size_t i = 0, nth = 0; i < fixture.tap.n; i++) {
        const rd_kafka_message_t *m = fixture.tap.seen[i];
        if (!on_topic(m, LETTERS) || nth++ < before) continue;
        assert_string_equal(header_of(m, PL_H_DLQ_CODE), "bad_envelope");
        assert_true(*header_of(m, PL_H_DLQ_REASON));
        found++;
    }
    assert_int_equal(found, N);
    for (size_t i = 0; i < fixture.tap.n; i++) /* an error is never answered */
        assert_false(on_topic(fixture.tap.seen[i], REPLIES) &&
                     has_key(fixture.tap.seen[i], "19e71e54-17fd-4d1d-bec8-604c18a90ee5"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_goes_to_the_topic_that_the_request_names),
        cmocka_unit_test(a_request_that_names_no_topic_is_answered_on_the_topics_own),
        cmocka_unit_test(a_reply_has_the_iv_length_of_its_request),
        cmocka_unit_test(a_reply_echoes_what_belongs_to_the_requester),
        cmocka_unit_test(a_handler_sees_what_its_job_is_about),
        cmocka_unit_test(a_failure_is_told_to_the_requester_sealed),
        cmocka_unit_test(a_retried_request_runs_again_and_can_succeed),
        cmocka_unit_test(attempts_that_are_used_up_end_in_an_error_and_a_dead_letter),
        cmocka_unit_test(a_forwarded_request_keeps_its_id_reply_topic_and_headers),
        cmocka_unit_test(a_request_can_be_passed_to_a_publisher_through_the_inbox),
        cmocka_unit_test(a_request_is_not_passed_on_more_than_sixteen_times),
        cmocka_unit_test(a_job_may_be_ended_from_any_thread_later),
        cmocka_unit_test(a_reply_that_cannot_be_sent_leaves_the_job_open),
        cmocka_unit_test(sent_records_are_handled_and_nobody_replies),
        cmocka_unit_test(a_sent_record_that_fails_becomes_a_dead_letter),
        cmocka_unit_test(an_expired_request_is_answered_without_running_its_handler),
        cmocka_unit_test(an_expired_record_that_wants_no_reply_becomes_a_dead_letter),
        cmocka_unit_test(a_deadline_within_the_clocks_tolerance_still_counts_as_open),
        cmocka_unit_test(a_reply_topic_that_is_not_allowed_is_never_written),
        cmocka_unit_test(a_request_that_cannot_be_passed_on_is_told_and_kept),
        cmocka_unit_test(what_no_key_opens_is_told_in_clear_and_kept),
        cmocka_unit_test(a_malformed_envelope_is_told_in_clear_where_its_sender_can_be_read),
        cmocka_unit_test(an_error_in_clear_goes_only_where_the_envelope_says),
        cmocka_unit_test(a_payload_that_is_not_json_is_told_sealed_and_kept),
        cmocka_unit_test(garbage_becomes_dead_letters_and_the_partition_goes_on),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
