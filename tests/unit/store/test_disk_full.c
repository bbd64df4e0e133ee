/*
 * A disk that is full for a while, with a reserve taken before: a small file system of the test's own where the system
 * allows one, and everywhere a limit that lets no file grow beyond what the reserve's files have.
 */
#include <support.h>

#include "batches.h"
#include "stage.h"
#include <errno.h>
#include <fcntl.h>
#include <metrics/metrics.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <store/outlet.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

enum { SEGMENT = 16 * 1024, SEGMENTS = 64, ROWS = 4000, DISK_ROWS = 20000 };

static size_t count_all(void) {
    struct pl_trace_query q = test_all();
    return test_query(store, &q).n;
}

static void wait_for_rows(size_t rows) {
    int64_t until = pl_mono_us(&pl_clock_system) + (int64_t)TEST_PATIENCE_MS * 1000;
    while (count_all() < rows) {
        assert_true(pl_mono_us(&pl_clock_system) < until);
        poll(NULL, 0, 50); /* counting takes time from those that bring the rows */
    }
}

/* ---- with a limit ---- */

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void write_rows(struct pl_outlet *o, int64_t first, int64_t last) {
    for (int64_t n = first; n < last; n += 50) {
        struct test_batch b = test_batch_of(n, n + 50, 0);
        struct pl_gap lost = {0};
        pl_outlet_write(o, &b.batch, &b.rows, &lost);
        test_batch_free(&b);
    }
}

/* acceptance: A20 B17 B21 */
static void while_no_file_can_grow_rows_go_into_the_reserve(void **state) {
    (void)state;
    static struct pl_outlet_pace pace;
    pace = pl_outlet_pace;
    pace.pause_least = pace.pause_most = 20;
    pace.calm_least = 20;
    struct pl_outlet *o;
    const struct pl_outlet_settings s = {
        .kind = &pl_store_sqlite,
        .where = folder.path,
        .ttl_ms = TEST_TTL_MS,
        .spool = {folder.path, 7},
        .bounds = {.segment = SEGMENT, .most = SEGMENTS * SEGMENT, .reserve = SEGMENTS * SEGMENT},
        .pace = &pace};
    assert_int_equal(pl_outlet_new(&o, &s), POUCH_OK);
    write_rows(o, 0, ROWS);
    limit_files(SEGMENT);
    write_rows(o, ROWS, 2 * ROWS);
    assert_int_equal(pl_metric_get(PL_M_TRACE_SPOOLING), 1);
    limit_files(RLIM_INFINITY);
    wait_for_rows(2 * (size_t)ROWS);
    write_rows(o, 2 * ROWS, 3 * ROWS);
    assert_int_equal(pl_outlet_missing(o), 0);
    pl_outlet_free(o, TEST_PATIENCE_MS);
    assert_int_equal(count_all(), 3 * ROWS);
    assert_int_equal(test_missing(store), 0);
    assert_int_equal(test_folder_count(&folder, "spool-", ".rows"), 0);
}

/* ---- with a disk ---- */

static const char *no_disk; /* why there is none */

static void write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    ssize_t n = (ssize_t)strlen(text);
    if (fd < 0 || write(fd, text, (size_t)n) != n) no_disk = strerror(errno);
    if (fd >= 0) close(fd);
}

/* A user who is not root becomes one who may mount. */
static bool become_another(void) {
    char users[32], groups[32];
    snprintf(users, sizeof users, "0 %u 1", geteuid());
    snprintf(groups, sizeof groups, "0 %u 1", getegid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) return false;
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/uid_map", users);
    write_text("/proc/self/gid_map", groups);
    return true;
}

/* Mounts of this program are its own from here on; called before it has threads. */
static void leave_the_systems_mounts(void) {
    if ((unshare(CLONE_NEWNS) && !become_another()) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        no_disk = strerror(errno);
}

static void fill_disk(void) {
    int fd = open(test_folder_file(&folder, "filler"), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    static const char block[4096];
    ssize_t n;
    while ((n = write(fd, block, sizeof block)) > 0) continue;
    assert_int_equal(errno, ENOSPC);
    close(fd);
    struct statvfs disk;
    assert_int_equal(statvfs(folder.path, &disk), 0);
    assert_int_equal(disk.f_bavail, 0);
}

/* acceptance: A20 B17 B21 */
static void a_disk_that_was_full_has_all_rows_afterwards(void **state) {
    (void)state;
    if (!no_disk && mount("tmpfs", folder.path, "tmpfs", 0, "size=32m")) no_disk = strerror(errno);
    if (no_disk) {
        print_message("no file system of the test's own can be mounted here: %s\n", no_disk);
        skip();
    }
    const struct pl_tracer_settings settings = {.url = folder.url,
                                                .max_bytes = TEST_QUEUE_BYTES,
                                                .ttl_ms = TEST_TTL_MS,
                                                .wake = &test_wake,
                                                .spool_bytes = 8 << 20,
                                                .spool_reserve = 4 << 20};
    pl_store_close(store);
    assert_int_equal(pl_store_open(&store, folder.url), POUCH_OK);
    struct pl_tracer *t;
    assert_int_equal(pl_tracer_new(&t, &settings), POUCH_OK);
    test_put_rows(t, 0, DISK_ROWS / 2);
    fill_disk();
    test_put_rows(t, DISK_ROWS / 2, DISK_ROWS);
    assert_int_equal(pl_metric_get(PL_M_TRACE_SPOOLING), 1);
    assert_int_equal(unlink(test_folder_file(&folder, "filler")), 0);
    wait_for_rows(DISK_ROWS);
    test_put_rows(t, DISK_ROWS, DISK_ROWS + 100);
    assert_int_equal(pl_tracer_missing(t), 0);
    pl_tracer_free(t, TEST_PATIENCE_MS);
    assert_int_equal(count_all(), DISK_ROWS + 100);
    assert_int_equal(test_missing(store), 0);
    pl_store_close(store);
    store = NULL;
    assert_int_equal(umount2(folder.path, MNT_DETACH), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(while_no_file_can_grow_rows_go_into_the_reserve, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_was_full_has_all_rows_afterwards, setup, teardown),
    };
    leave_the_systems_mounts();
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(pl_wake_init(&test_wake), POUCH_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
