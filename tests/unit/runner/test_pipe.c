/* A command that is kept running, with real commands. */
#include "fake_job.h"

#include <runner/lines.h>
#include <runner/runner.h>
#include <signal.h>

enum { MANY = 200 };

static const struct runner_limits limits = {.open = 4, .timeout_ms = 60000, .drain_ms = 10000};

/* Answers each request with its payload; the rest of the line is the code that runs first. */
#define PYTHON(code)                                \
    "exec python3 -c 'import json, sys, os, time\n" \
    "for line in sys.stdin:\n"                      \
    "    r = json.loads(line)\n"                    \
    "    a = {\"request_id\": r[\"request_id\"]}\n" \
    "    " code "\n"                                \
    "    print(json.dumps(a), flush=True)'"
#define SILENT "exec python3 -c 'import sys; sys.stdin.read()'"
#define ECHO   PYTHON("a[\"payload\"] = r[\"payload\"]")

static struct runner *start(const char *command, const struct runner_limits *l) {
    struct runner *r;
    assert_int_equal(runner_pipe(&r, command, l), POUCH_OK);
    return r;
}

static void stop(struct runner *r) {
    r->halt(r);
    r->free(r);
}

static void make_id(char id[37], int n) {
    snprintf(id, 37, "%08x-0000-4000-8000-000000000000", (unsigned)n);
}

static enum fake_end one(struct runner *r, struct pouch_job *job) {
    r->handle(job, r);
    return fake_wait(job);
}

/* acceptance: A26 */
static void a_command_answers_line_by_line(void **state) {
    (void)state;
    struct runner *r = start(ECHO, &limits);
    static char ids[MANY][37], payloads[MANY][32];
    static struct pouch_job jobs[MANY];
    for (int i = 0; i < MANY; i++) {
        make_id(ids[i], i);
        snprintf(payloads[i], sizeof payloads[i], "{\"n\": %d}", i);
        jobs[i] = fake_job(ids[i], payloads[i]);
        r->handle(&jobs[i], r);
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(fake_wait(&jobs[i]), FAKE_REPLY);
        assert_string_equal(jobs[i].said, payloads[i]);
        fake_free(&jobs[i]);
    }
    stop(r);
}

static void each_way_to_end_reaches_the_job(void **state) {
    (void)state;
    struct runner *r = start(PYTHON("a.update(r[\"payload\"])"), &limits);
    static const struct {
        const char *payload;
        enum fake_end end;
        const char *said, *next;
    } rows[] = {
        {"{\"payload\":{\"ok\":true}}", FAKE_REPLY, "{\"ok\": true}", ""},
        {"{\"error\":\"division by zero\"}", FAKE_FAIL, "division by zero", ""},
        {"{\"retry\":\"busy\"}", FAKE_RETRY, "busy", ""},
        {"{\"forward\":\"topic:next\",\"payload\":1}", FAKE_FORWARD, "1", "topic:next"},
        {"{\"forward\":\"somebody\",\"payload\":2}", FAKE_FORWARD, "2", "publisher:somebody"},
        {"{\"forward\":\"topic:not a topic\",\"payload\":2}", FAKE_FAIL, NULL, ""},
        {"{\"result\":1}", FAKE_FAIL,
         "the worker command gave an answer that cannot be read: none of \"payload\", \"error\", \"retry\" and "
         "\"forward\"",
         ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", rows[i].payload);
        assert_int_equal(one(r, &job), rows[i].end);
        if (rows[i].said) assert_string_equal(job.said, rows[i].said);
        assert_string_equal(job.next, rows[i].next);
        fake_free(&job);
    }
    stop(r);
}

static void an_answer_that_cannot_be_sent_fails_the_request(void **state) {
    (void)state;
    struct runner *r = start(ECHO, &limits);
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
    job.refuse = POUCH_E_TOO_LARGE;
    assert_int_equal(one(r, &job), FAKE_FAIL);
    assert_string_equal(job.said, "the worker command gave a reply that cannot be sent: refused by the test");
    fake_free(&job);
    stop(r);
}

static void answers_may_come_in_any_order_among_noise(void **state) {
    (void)state;
    struct runner *r = start("exec python3 -c 'import json, sys\n"
                             "lines = [json.loads(sys.stdin.readline()) for i in range(3)]\n"
                             "print(\"ready to serve\"); print(\"{}\"); print()\n"
                             "print(json.dumps({\"request_id\": \"00000000-0000-4000-8000-ffffffffffff\", "
                             "\"payload\": 1}))\n"
                             "for r in reversed(lines):\n"
                             "    print(json.dumps({\"request_id\": r[\"request_id\"], \"payload\": r[\"payload\"]}), "
                             "flush=True)\n"
                             "sys.stdin.read()'",
                             &limits);
    char ids[3][37];
    static const char *const payloads[] = {"0", "1", "2"};
    struct pouch_job jobs[3];
    for (int i = 0; i < 3; i++) {
        make_id(ids[i], i);
        jobs[i] = fake_job(ids[i], payloads[i]);
        r->handle(&jobs[i], r);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fake_wait(&jobs[i]), FAKE_REPLY);
        assert_string_equal(jobs[i].said, payloads[i]);
        fake_free(&jobs[i]);
    }
    stop(r);
}

static void two_records_of_one_request_are_both_answered(void **state) {
    (void)state;
    struct runner *r = start(ECHO, &limits);
    struct pouch_job jobs[2];
    for (int i = 0; i < 2; i++) {
        jobs[i] = fake_job("00000000-0000-4000-8000-00000000000a", i ? "1" : "0");
        r->handle(&jobs[i], r);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fake_wait(&jobs[i]), FAKE_REPLY);
        assert_string_equal(jobs[i].said, i ? "1" : "0");
        fake_free(&jobs[i]);
    }
    stop(r);
}

static void full_pipes_both_ways_do_not_block(void **state) {
    (void)state;
    enum { N = 8, SIZE = 3 * 1024 * 1024 };
    struct runner_limits wide = limits;
    wide.open = N;
    struct runner *r = start(ECHO, &wide);
    char *payload = malloc(SIZE + 1);
    assert_non_null(payload);
    memset(payload, 'x', SIZE);
    payload[0] = payload[SIZE - 1] = '"';
    payload[SIZE] = 0;
    char ids[N][37];
    struct pouch_job jobs[N];
    for (int i = 0; i < N; i++) {
        make_id(ids[i], i);
        jobs[i] = fake_job(ids[i], payload);
        r->handle(&jobs[i], r);
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(fake_wait(&jobs[i]), FAKE_REPLY);
        assert_int_equal(strlen(jobs[i].said), SIZE);
        fake_free(&jobs[i]);
    }
    free(payload);
    stop(r);
}

static void a_command_that_dies_is_started_again_and_its_requests_retried(void **state) {
    (void)state;
    struct runner *r = start(PYTHON("a[\"payload\"] = os.getpid() if r[\"payload\"] else sys.exit(3)"), &limits);
    long pids[2];
    for (int i = 0; i < 2; i++) {
        struct pouch_job asks = fake_job("00000000-0000-4000-8000-00000000000a", "1");
        assert_int_equal(one(r, &asks), FAKE_REPLY);
        pids[i] = strtol(asks.said, NULL, 10);
        fake_free(&asks);
        if (i) break;
        struct pouch_job kills = fake_job("00000000-0000-4000-8000-00000000000b", "0");
        assert_int_equal(one(r, &kills), FAKE_RETRY);
        assert_string_equal(kills.said, "the worker command ended with status 3");
        fake_free(&kills);
    }
    assert_int_not_equal(pids[0], pids[1]);
    stop(r);
}

static void a_command_that_cannot_start_says_so(void **state) {
    (void)state;
    struct runner *r = start("exec /nowhere/to/be/found 2>&-", &limits);
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
    assert_int_equal(one(r, &job), FAKE_RETRY);
    assert_string_equal(job.said, "the worker command ended with status 127 (command not found)");
    fake_free(&job);
    stop(r);
}

static void a_request_without_answer_makes_room_in_the_end(void **state) {
    (void)state;
    struct runner_limits narrow = {.open = 1, .timeout_ms = 1, .drain_ms = 10000};
    struct runner *r = start(SILENT, &narrow);
    for (int i = 0; i < 2; i++) {
        struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
        assert_int_equal(one(r, &job), FAKE_FAIL);
        assert_string_equal(job.said, "the worker command did not answer in time");
        fake_free(&job);
    }
    stop(r);
}

static void a_stop_lets_the_command_finish(void **state) {
    (void)state;
    /* It answers the second request only when its input ends. */
    struct runner *r = start("exec python3 -c 'import json, sys\n"
                             "a, b = [json.loads(sys.stdin.readline()) for i in range(2)]\n"
                             "print(json.dumps({\"request_id\": a[\"request_id\"], \"payload\": 1}), flush=True)\n"
                             "sys.stdin.read()\n"
                             "print(json.dumps({\"request_id\": b[\"request_id\"], \"payload\": \"last\"}))'",
                             &limits);
    struct pouch_job first = fake_job("00000000-0000-4000-8000-00000000000a", "1"),
                     last = fake_job("00000000-0000-4000-8000-00000000000b", "2");
    r->handle(&first, r);
    r->handle(&last, r);
    assert_int_equal(fake_wait(&first), FAKE_REPLY);
    r->halt(r);
    assert_int_equal(fake_wait(&last), FAKE_REPLY);
    assert_string_equal(last.said, "\"last\"");
    fake_free(&first);
    fake_free(&last);
    r->free(r);
}

static void a_stop_ends_a_command_that_does_not_finish(void **state) {
    (void)state;
    struct runner_limits hasty = {.open = 1, .timeout_ms = 60000, .drain_ms = 0};
    struct runner *r = start("trap '' TERM; echo; while :; do sleep 1000; done", &hasty);
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
    r->handle(&job, r);
    r->halt(r);
    assert_int_equal(fake_wait(&job), FAKE_RETRY);
    assert_string_equal(job.said, "the worker is stopping");
    fake_free(&job);
    struct pouch_job later = fake_job("00000000-0000-4000-8000-00000000000b", "1");
    assert_int_equal(one(r, &later), FAKE_RETRY);
    fake_free(&later);
    r->free(r);
}

static void a_stop_frees_those_who_wait_for_room(void **state) {
    (void)state;
    struct runner_limits narrow = {.open = 1, .timeout_ms = 60000, .drain_ms = 0};
    struct runner *r = start(SILENT, &narrow);
    struct pouch_job in = fake_job("00000000-0000-4000-8000-00000000000a", "1"),
                     waits = fake_job("00000000-0000-4000-8000-00000000000b", "2");
    r->handle(&in, r);
    struct fake_caller caller;
    fake_hand_over(&caller, r, &waits);
    r->halt(r);
    assert_int_equal(fake_wait(&in), FAKE_RETRY);
    assert_int_equal(fake_wait(&waits), FAKE_RETRY);
    pthread_join(caller.thread, NULL);
    fake_free(&in);
    fake_free(&waits);
    r->free(r);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    setenv("ENCRYPTION_KEY", "canary", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_answers_line_by_line),
        cmocka_unit_test(each_way_to_end_reaches_the_job),
        cmocka_unit_test(an_answer_that_cannot_be_sent_fails_the_request),
        cmocka_unit_test(answers_may_come_in_any_order_among_noise),
        cmocka_unit_test(two_records_of_one_request_are_both_answered),
        cmocka_unit_test(full_pipes_both_ways_do_not_block),
        cmocka_unit_test(a_command_that_dies_is_started_again_and_its_requests_retried),
        cmocka_unit_test(a_command_that_cannot_start_says_so),
        cmocka_unit_test(a_request_without_answer_makes_room_in_the_end),
        cmocka_unit_test(a_stop_lets_the_command_finish),
        cmocka_unit_test(a_stop_ends_a_command_that_does_not_finish),
        cmocka_unit_test(a_stop_frees_those_who_wait_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
