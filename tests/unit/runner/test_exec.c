/* A command a request, with real commands. */
#include "fake_job.h"

#include <runner/lines.h>
#include <runner/runner.h>
#include <signal.h>

static const struct runner_limits limits = {.open = 4, .timeout_ms = 60000, .drain_ms = 10000};

static enum fake_end run_within(const char *command, struct pouch_job *job, const struct runner_limits *l) {
    struct runner *r;
    assert_int_equal(runner_exec(&r, command, l), POUCH_OK);
    r->handle(job, r);
    r->halt(r);
    r->free(r);
    return fake_wait(job);
}

static enum fake_end run(const char *command, struct pouch_job *job) {
    return run_within(command, job, &limits);
}

/* acceptance: A26 */
static void how_the_command_ends_is_how_the_request_ends(void **state) {
    (void)state;
    static const struct {
        const char *command;
        enum fake_end end;
        const char *said;
    } rows[] = {
        {"cat", FAKE_REPLY, "{\"a\":10}"},
        {"echo ' [1] '", FAKE_REPLY, " [1]"},
        {"echo 1; exec 1>&-; cat >/dev/null", FAKE_REPLY, "1"},
        {"echo careful >&2; echo 2", FAKE_REPLY, "2"},
        {"echo 3; sleep 1000 &", FAKE_REPLY, "3"},
        {"echo try later >&2; exit 75", FAKE_RETRY, "try later"},
        {"echo no such user >&2; echo 1; exit 1", FAKE_FAIL, "no such user"},
        {"printf 'bad \\377 byte\\n' >&2; exit 1", FAKE_FAIL, "bad \xef\xbf\xbd byte"},
        {"exit 3", FAKE_FAIL, "the worker command ended with status 3 and said nothing on its standard error"},
        {"kill -KILL $$", FAKE_FAIL,
         "the worker command was killed by signal 9 (Killed) and said nothing on its standard error"},
        {"echo hello", FAKE_FAIL, "the worker command gave a reply that cannot be sent: not one JSON text"},
        {"true", FAKE_FAIL, "the worker command gave a reply that cannot be sent: not one JSON text"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "{\"a\":10}");
        enum fake_end end = run(rows[i].command, &job);
        if (end != rows[i].end) fail_msg("%s: ended %d, said %s", rows[i].command, (int)end, job.said);
        assert_string_equal(job.said, rows[i].said);
        fake_free(&job);
    }
}

static void a_request_that_wants_no_reply_needs_no_output(void **state) {
    (void)state;
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
    job.sent = true;
    assert_int_equal(run("true", &job), FAKE_REPLY);
    fake_free(&job);
}

static void the_request_is_in_the_environment_and_no_key(void **state) {
    (void)state;
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
    job.publisher = "shop";
    job.deadline = 1700000000123;
    assert_int_equal(run("printf '\"%s|%s|%s|%s|%s|%s\"' \"$POUCH_REQUEST_ID\" \"$POUCH_TOPIC\" \"$POUCH_PUBLISHER\" "
                         "\"$POUCH_DEADLINE\" \"$ENCRYPTION_KEY\" \"$POUCH_KEY_FILE\"",
                         &job),
                     FAKE_REPLY);
    assert_string_equal(job.said, "\"00000000-0000-4000-8000-00000000000a|calculate|shop|1700000000123||\"");
    fake_free(&job);
}

static void full_pipes_both_ways_do_not_block(void **state) {
    (void)state;
    enum { SIZE = 4 * 1024 * 1024 };
    char *payload = malloc(SIZE + 1);
    assert_non_null(payload);
    memset(payload, 'x', SIZE);
    payload[0] = payload[SIZE - 1] = '"';
    payload[SIZE] = 0;
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", payload);
    assert_int_equal(run("tee /dev/stderr", &job), FAKE_REPLY);
    assert_int_equal(strlen(job.said), SIZE);
    fake_free(&job);
    free(payload);
}

static void too_much_output_fails_the_request(void **state) {
    (void)state;
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
    assert_int_equal(run("exec yes", &job), FAKE_FAIL);
    assert_string_equal(job.said, "the worker command printed more than 8 MiB");
    fake_free(&job);
}

static void a_command_over_its_time_is_killed_with_all_it_started(void **state) {
    (void)state;
    struct runner_limits hasty = limits;
    hasty.timeout_ms = 1;
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
    assert_int_equal(run_within("trap '' TERM; sleep 1000 | cat; sleep 1000", &job, &hasty), FAKE_FAIL);
    assert_string_equal(job.said, "the worker command did not end in time and was killed");
    fake_free(&job);
}

static void a_stop_gives_back_what_still_runs(void **state) {
    (void)state;
    struct runner *r;
    assert_int_equal(runner_exec(&r, "sleep 1000", &limits), POUCH_OK);
    struct pouch_job job = fake_job("00000000-0000-4000-8000-00000000000a", "1");
    struct fake_caller caller;
    fake_hand_over(&caller, r, &job);
    r->halt(r);
    assert_int_equal(fake_wait(&job), FAKE_RETRY);
    assert_string_equal(job.said, "the worker is stopping");
    pthread_join(caller.thread, NULL);
    fake_free(&job);
    r->free(r);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    setenv("ENCRYPTION_KEY", "canary", 1);
    setenv("POUCH_KEY_FILE", "canary", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_the_command_ends_is_how_the_request_ends),
        cmocka_unit_test(a_request_that_wants_no_reply_needs_no_output),
        cmocka_unit_test(the_request_is_in_the_environment_and_no_key),
        cmocka_unit_test(full_pipes_both_ways_do_not_block),
        cmocka_unit_test(too_much_output_fails_the_request),
        cmocka_unit_test(a_command_over_its_time_is_killed_with_all_it_started),
        cmocka_unit_test(a_stop_gives_back_what_still_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
