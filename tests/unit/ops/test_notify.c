/* What a service manager hears: over a path or the abstract space, and only while the program lives. */
#include <support.h>

#include <errno.h>
#include <folder.h>
#include <json/json.h>
#include <ops/notify.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, QUIET_MS = 300, LINES = 1024 };

static atomic_bool is_dead, is_unready;
static struct test_folder folder;

static void dead(json_t *reasons, void *arg) {
    (void)arg;
    if (is_dead) json_array_append_new(reasons, json_string("its loop has not turned"));
}

static void unready(json_t *reasons, void *arg) {
    (void)arg;
    if (is_unready) json_array_append_new(reasons, json_string("no broker answers"));
}

static const struct httpd_owner owner = {.role = "test", .dead = dead, .unready = unready};

/* A socket as a service manager has one; "@name" is in the abstract space. */
static int manager(const char *address) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    size_t n = strlen(address);
    memcpy(at.sun_path, address, n);
    if (address[0] == '@') at.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
    setenv("NOTIFY_SOCKET", address, 1);
    return fd;
}

/* The next message; "" when there is none in that time. */
static const char *heard(int fd, int ms) {
    static char lines[LINES];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = poll(&p, 1, ms) == 1 ? read(fd, lines, sizeof lines - 1) : 0;
    lines[n > 0 ? n : 0] = 0;
    return lines;
}

static void await(int fd, const char *message) {
    const char *lines;
    while (strcmp(lines = heard(fd, PATIENCE_MS), message) != 0)
        if (!lines[0]) fail_msg("%s was not told", message);
}

static void fill(int fd) {
    struct sockaddr_un at;
    socklen_t n = sizeof at;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    int from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    while (sendto(from, "FULL", 4, MSG_DONTWAIT, (struct sockaddr *)&at, n) == 4) {
    }
    assert_int_equal(errno, EAGAIN);
    close(from);
}

static int setup(void **state) {
    (void)state;
    is_dead = is_unready = false;
    test_folder_make(&folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    unlink(test_folder_file(&folder, "notify"));
    test_folder_remove(&folder);
    return 0;
}

/* acceptance: C34 */
static void it_is_told_what_the_program_is_at(void **state) {
    (void)state;
    char abstract[64];
    snprintf(abstract, sizeof abstract, "@pouch-test-%d", (int)getpid());
    const char *const addresses[] = {test_folder_file(&folder, "notify"), abstract};
    for (size_t i = 0; i < 2; i++) {
        struct ops_notify *n;
        int fd = manager(addresses[i]);
        is_unready = true;
        assert_int_equal(ops_notify_start(&n, &owner), POUCH_OK);
        assert_non_null(n);
        await(fd, "READY=1");
        await(fd, "STATUS=not ready: no broker answers");
        is_unready = false;
        await(fd, "STATUS=ready");
        ops_notify_tell("STOPPING=1");
        await(fd, "STOPPING=1");
        ops_notify_stop(n);
        close(fd);
    }
}

/* acceptance: C34 */
static void it_is_told_that_the_program_lives_only_while_it_does(void **state) {
    (void)state;
    struct ops_notify *n;
    char pid[16];
    int fd = manager(test_folder_file(&folder, "notify"));
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "40000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(ops_notify_start(&n, &owner), POUCH_OK);
    for (int i = 0; i < 3; i++) await(fd, "WATCHDOG=1");
    is_dead = true;
    for (int i = 0; heard(fd, QUIET_MS)[0]; i++) assert_true(i < 100);
    is_dead = false;
    await(fd, "WATCHDOG=1");
    ops_notify_stop(n);
    close(fd);
}

/* A manager that reads nothing for a while; what did not fit is told once it does. */
static void a_full_socket_loses_nothing(void **state) {
    (void)state;
    struct ops_notify *n;
    int fd = manager(test_folder_file(&folder, "notify"));
    fill(fd);
    assert_int_equal(ops_notify_start(&n, &owner), POUCH_OK);
    await(fd, "READY=1");
    await(fd, "STATUS=ready");
    ops_notify_stop(n);
    close(fd);
}

static void another_processes_watchdog_is_not_fed(void **state) {
    (void)state;
    struct ops_notify *n;
    int fd = manager(test_folder_file(&folder, "notify"));
    setenv("WATCHDOG_USEC", "40000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(ops_notify_start(&n, &owner), POUCH_OK);
    await(fd, "STATUS=ready");
    for (const char *lines; (lines = heard(fd, QUIET_MS))[0];) assert_string_not_equal(lines, "WATCHDOG=1");
    ops_notify_stop(n);
    close(fd);
}

static void nothing_happens_where_nobody_asks(void **state) {
    (void)state;
    struct ops_notify *n;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(ops_notify_start(&n, &owner), POUCH_OK);
    assert_null(n);
    ops_notify_stop(n);
    setenv("NOTIFY_SOCKET", "", 1);
    assert_int_equal(ops_notify_start(&n, &owner), POUCH_OK);
    assert_null(n);
}

static void an_address_that_is_none_is_refused(void **state) {
    (void)state;
    char longer[256];
    memset(longer, '/', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    const char *const bad[] = {"notify", "@", "/", "vsock:2:1", longer};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ops_notify *n;
        setenv("NOTIFY_SOCKET", bad[i], 1);
        assert_int_equal(ops_notify_start(&n, &owner), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "NOTIFY_SOCKET"));
        assert_null(n);
    }
}

#define WITH_MANAGER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_MANAGER(nothing_happens_where_nobody_asks),
        WITH_MANAGER(it_is_told_what_the_program_is_at),
        WITH_MANAGER(it_is_told_that_the_program_lives_only_while_it_does),
        WITH_MANAGER(a_full_socket_loses_nothing),
        WITH_MANAGER(another_processes_watchdog_is_not_fed),
        WITH_MANAGER(an_address_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
