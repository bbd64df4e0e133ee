/* A change of a key file is written down whatever its name, and whatever becomes of its folder. */
#include <support.h>

#include <errno.h>
#include <fcntl.h>
#include <folder.h>
#include <ops/commands.h>
#include <stdlib.h>
#include <store/store.h>
#include <sys/syscall.h>

static ino_t failing; /* a folder that does not reach the disk */
static struct test_folder keys, store;

/* In place of the C library's. */
int fsync(int fd) {
    struct stat st;
    if (failing && !fstat(fd, &st) && st.st_ino == failing) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static int add_key(const char *file) {
    static const struct ops_command *const commands[] = {&ops_key_add, NULL};
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", test_folder_file(&keys, file));
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    const char *const words[] = {"pouch", "key", "add", "k", "--key-file", path, "--store", store.url};
    return ops_main(commands, sizeof words / sizeof words[0], (char **)words);
}

static bool take(const struct pl_audit *c, void *after) {
    *(char **)after = strdup(c->after);
    return true;
}

/* The state that the one change has left. */
static char *written_down(void) {
    struct pl_store *s;
    char *after = NULL;
    const struct pl_audit_query q = {.kind = PL_AUDIT_KEY, .name = "k", .limit = 1};
    assert_int_equal(pl_store_open(&s, store.url), POUCH_OK);
    assert_int_equal(pl_store_audit(s, &q, take, &after), POUCH_OK);
    pl_store_close(s);
    assert_non_null(after);
    return after;
}

/* acceptance: A3 */
static void a_file_whose_name_is_no_utf8_is_like_any_other(void **state) {
    (void)state;
    assert_int_equal(add_key("ring\xff"), 0);
    char *after = written_down();
    assert_non_null(strstr(after, "/ring\xef\xbf\xbd\""));
    assert_non_null(strstr(after, "[\"k\"]"));
    free(after);
}

/* acceptance: A3 */
static void a_change_that_may_not_last_is_written_down_and_is_an_error(void **state) {
    (void)state;
    struct stat st;
    assert_int_equal(stat(keys.path, &st), 0);
    failing = st.st_ino;
    assert_int_equal(add_key("ring"), pouch_err_exit_code(POUCH_E_STORE));
    failing = 0;
    assert_non_null(strstr(pouch_why(), "does not reach the disk"));
    char *after = written_down();
    assert_non_null(strstr(after, "[\"k\"]"));
    free(after);
}

static int begin(void **state) {
    (void)state;
    test_folder_make(&keys);
    test_folder_make(&store);
    return 0;
}

static int end(void **state) {
    (void)state;
    test_folder_remove(&keys);
    test_folder_remove(&store);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_whose_name_is_no_utf8_is_like_any_other, begin, end),
        cmocka_unit_test_setup_teardown(a_change_that_may_not_last_is_written_down_and_is_an_error, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
