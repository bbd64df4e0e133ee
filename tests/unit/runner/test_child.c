/* Child processes: what they are given, and that nothing of them stays. */
#include "fake_job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <runner/child.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 60000 };

static void await(int fd, short events) {
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    do n = poll(&p, 1, WAIT_MS);
    while (n < 0 && errno == EINTR);
    assert_int_equal(n, 1);
}

/* Reads to the end. */
static void read_all(int fd, char *out, size_t max) {
    size_t len = 0;
    for (;;) {
        await(fd, POLLIN);
        ssize_t n = read(fd, out + len, max - 1 - len);
        if (n < 0 && errno == EAGAIN) continue;
        assert_true(n >= 0);
        if (!n) break;
        len += (size_t)n;
    }
    out[len] = 0;
}

static int run(const char *command, char *const env[], char *out, size_t max) {
    struct runner_child c;
    assert_int_equal(runner_child_start(&c, command, env, false), POUCH_OK);
    runner_child_close(&c.in);
    read_all(c.out, out, max);
    await(c.exited, POLLIN);
    return runner_child_end(&c);
}

static void no_key_of_ours_is_in_the_environment(void **state) {
    (void)state;
    char *const env[] = {"PATH=/bin",
                         "ENCRYPTION_KEY=aa",
                         "SPLP_ENCRYPTION_KEY=bb",
                         "POUCH_KEY_FILE=/k",
                         "POUCH_KAFKA_X=pass",
                         "POUCH_BROKERS=h",
                         "KAFKA_SASL_PASSWORD=c",
                         "DB_KEY=theirs",
                         "ENCRYPTION_KEYS=no",
                         NULL};
    char *more[] = {"POUCH_REQUEST_ID=1"};
    char **clean = runner_env_clean(env, more, 1);
    assert_non_null(clean);
    static const char *const expected[] = {"POUCH_REQUEST_ID=1", "PATH=/bin", "DB_KEY=theirs", "ENCRYPTION_KEYS=no"};
    size_t n = sizeof expected / sizeof expected[0];
    for (size_t i = 0; i < n; i++) assert_string_equal(clean[i], expected[i]);
    assert_null(clean[n]);
    free(clean);
}

static void a_child_sees_just_its_environment_and_no_file_of_ours(void **state) {
    (void)state;
    int open_file = open("/dev/null", O_RDONLY); /* not close-on-exec, as a library might open it */
    assert_true(open_file > 2);
    char out[512], *const env[] = {"GIVEN=1", NULL};
    int status = run("echo \"$GIVEN$HOME\"; for i in 3 4 5 6 7 8 9; do (: <&$i) 2>/dev/null "
                     "&& echo \"file $i\"; done; exit 0",
                     env, out, sizeof out);
    assert_int_equal(status, 0);
    assert_string_equal(out, "1\n");
    close(open_file);
}

static void a_child_has_default_signals(void **state) {
    (void)state;
    char out[64], *const env[] = {NULL};
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);
    /* With SIGPIPE ignored or SIGUSR1 blocked, the shell would live to print. */
    assert_int_equal(WTERMSIG(run("kill -PIPE $$; echo alive", env, out, sizeof out)), SIGPIPE);
    assert_string_equal(out, "");
    assert_int_equal(WTERMSIG(run("kill -USR1 $$; echo alive", env, out, sizeof out)), SIGUSR1);
    assert_string_equal(out, "");
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL), 0);
}

static void ending_a_child_ends_what_it_started(void **state) {
    (void)state;
    struct runner_child c;
    char *const env[] = {"PATH=/usr/bin:/bin", NULL};
    assert_int_equal(runner_child_start(&c, "sleep 1000 & sleep 1000 & echo started; wait", env, true), POUCH_OK);
    await(c.out, POLLIN);
    /* The write end of its standard error is in all three; it closes when the last is gone. */
    int err = dup(c.err);
    assert_true(err >= 0);
    assert_int_equal(WTERMSIG(runner_child_end(&c)), SIGKILL);
    char rest[16];
    read_all(err, rest, sizeof rest);
    assert_string_equal(rest, "");
    close(err);
}

static void a_status_is_told_in_words(void **state) {
    (void)state;
    static const struct {
        const char *command, *words;
    } rows[] = {
        {"exit 0", "ended with status 0"},
        {"exit 3", "ended with status 3"},
        {"exec /nowhere/to/be/found 2>/dev/null", "ended with status 127 (command not found)"},
        {"exec /etc/passwd 2>/dev/null", "ended with status 126 (command cannot be run)"},
        {"kill -TERM $$", "was killed by signal 15 (Terminated)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[16], text[RUNNER_STATUS_MAX], *const env[] = {NULL};
        int status = run(rows[i].command, env, out, sizeof out);
        assert_string_equal(runner_status_text(text, status), rows[i].words);
    }
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_key_of_ours_is_in_the_environment),
        cmocka_unit_test(a_child_sees_just_its_environment_and_no_file_of_ours),
        cmocka_unit_test(a_child_has_default_signals),
        cmocka_unit_test(ending_a_child_ends_what_it_started),
        cmocka_unit_test(a_status_is_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
