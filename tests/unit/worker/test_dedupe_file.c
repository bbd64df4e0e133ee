/* A dedupe window that is kept in a file: over restarts, for several workers, and when the file cannot be used. */
#include <support.h>

#include <base/log.h>
#include <folder.h>
#include <metrics/metrics.h>
#include <signal.h>
#include <sys/resource.h>
#include <worker/dedupe_file.h>

enum { WINDOW_MS = 3600000, PATIENCE_MS = 60000 };

static struct test_folder folder;
static char path[128];
static const struct pl_route routes[] = {{.topic = (char *)"calculate"}, {.topic = (char *)"get-user"}};

/* A worker, as far as its window goes. */
struct stage {
    struct pl_dedupe *window;
    struct pl_dedupe_file *file;
};

static int set_up(void **state) {
    (void)state;
    test_folder_make(&folder);
    snprintf(path, sizeof path, "%s/seen.db", folder.path);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static struct stage start(const char *file, const char *group) {
    const struct pl_dedupe_bounds bounds = {WINDOW_MS, 100000, 1 << 24};
    struct stage s;
    assert_int_equal(pl_dedupe_new(&s.window, &bounds, &pl_clock_system), POUCH_OK);
    s.file = pl_dedupe_file_start(s.window, file, group, routes, 2);
    return s;
}

static void stop(struct stage *s) {
    assert_null(pl_dedupe_close(s->window));
    pl_dedupe_file_stop(s->file);
    pl_dedupe_free(s->window);
}

static struct pl_dedupe_key key_of(size_t route, unsigned n) {
    struct pl_dedupe_key key = {.topic = routes[route].topic};
    memcpy(key.id.b, &n, sizeof n);
    memcpy(key.tag, &n, sizeof n);
    return key;
}

static void handle(struct stage *s, struct pl_dedupe_key key) {
    struct pl_dedupe_waiter waiter;
    struct pl_dedupe_entry *entry;
    assert_int_equal(pl_dedupe_enter(s->window, &key, &waiter, &entry), PL_DEDUPE_FIRST);
    pl_dedupe_end(s->window, entry, true, "sealed", 6);
}

static bool is_known(struct stage *s, struct pl_dedupe_key key) {
    struct pl_dedupe_waiter waiter;
    struct pl_dedupe_entry *entry;
    size_t n;
    enum pl_dedupe_verdict v = pl_dedupe_enter(s->window, &key, &waiter, &entry);
    if (v == PL_DEDUPE_FIRST) pl_dedupe_end(s->window, entry, false, NULL, 0);
    if (v != PL_DEDUPE_ENDED) return false;
    assert_memory_equal(pl_dedupe_reply(entry, &n), "sealed", 6);
    pl_dedupe_release(s->window, entry);
    return true;
}

static int64_t give_up_us(void) {
    return pl_mono_us(&pl_clock_system) + (int64_t)PATIENCE_MS * 1000;
}

static void wait_until_saved(void) {
    int64_t until = give_up_us();
    while (pl_metric_get(PL_M_DEDUPE_UNSAVED) > 0) assert_true(pl_mono_us(&pl_clock_system) < until);
}

static void what_was_answered_is_known_after_a_restart(void **state) {
    enum { MANY = 2000 };
    (void)state;
    struct stage s = start(path, "group");
    for (unsigned i = 0; i < MANY; i++) handle(&s, key_of(i % 2, i));
    stop(&s);
    s = start(path, "group");
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_ENTRIES), MANY);
    for (unsigned i = 0; i < MANY; i++) assert_true(is_known(&s, key_of(i % 2, i)));
    assert_false(is_known(&s, key_of(0, MANY)));
    stop(&s);
}

static void what_is_being_handled_is_handled_again_after_a_kill(void **state) {
    struct pl_dedupe_key key = key_of(0, 1);
    struct pl_dedupe_waiter waiter;
    struct pl_dedupe_entry *entry;
    (void)state;
    struct stage dead = start(path, "group");
    handle(&dead, key_of(0, 2));
    assert_int_equal(pl_dedupe_enter(dead.window, &key, &waiter, &entry), PL_DEDUPE_FIRST);
    wait_until_saved();
    struct stage s = start(path, "group");
    assert_true(is_known(&s, key_of(0, 2)));
    assert_false(is_known(&s, key));
    stop(&s);
    pl_dedupe_end(dead.window, entry, false, NULL, 0);
    stop(&dead);
}

static void workers_of_a_group_know_what_the_others_answered(void **state) {
    (void)state;
    struct stage one = start(path, "group"), two = start(path, "group");
    handle(&one, key_of(0, 1));
    wait_until_saved();
    handle(&two, key_of(0, 2));
    wait_until_saved(); /* with which it has read what the other one wrote */
    assert_true(is_known(&two, key_of(0, 1)));
    handle(&one, key_of(0, 3));
    wait_until_saved();
    assert_true(is_known(&one, key_of(0, 2)));
    stop(&one);
    stop(&two);
}

static void without_a_name_the_file_is_the_groups_in_the_state_directory(void **state) {
    (void)state;
    setenv("XDG_STATE_HOME", folder.path, 1);
    struct stage s = start(NULL, "my/group");
    assert_non_null(s.file);
    stop(&s);
    assert_int_equal(access(test_folder_file(&folder, "pouch/seen-my_group.db"), F_OK), 0);
    s = start(NULL, "my group"); /* the same name, and another group */
    assert_null(s.file);
    stop(&s);
}

static void a_file_that_is_damaged_makes_the_window_one_of_memory(void **state) {
    int64_t before = pl_metric_get(PL_M_DEDUPE_FAILURES);
    (void)state;
    FILE *f = fopen(path, "w");
    assert_true(fputs("no database", f) >= 0);
    fclose(f);
    struct stage s = start(path, "group");
    assert_null(s.file);
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_FAILURES), before + 1);
    handle(&s, key_of(0, 1));
    assert_true(is_known(&s, key_of(0, 1)));
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_UNSAVED), 1);
    stop(&s);
}

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void while_the_disk_is_full_it_works_from_memory_and_catches_up(void **state) {
    int64_t before = pl_metric_get(PL_M_DEDUPE_FAILURES), until = give_up_us();
    (void)state;
    struct stage s = start(path, "group");
    limit_files(1);
    handle(&s, key_of(0, 1));
    while (pl_metric_get(PL_M_DEDUPE_FAILURES) == before) assert_true(pl_mono_us(&pl_clock_system) < until);
    handle(&s, key_of(0, 2));
    assert_true(is_known(&s, key_of(0, 1)));
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_UNSAVED), 2);
    limit_files(RLIM_INFINITY);
    wait_until_saved();
    stop(&s);
    s = start(path, "group");
    assert_true(is_known(&s, key_of(0, 1)));
    assert_true(is_known(&s, key_of(0, 2)));
    stop(&s);
}

int main(void) {
    signal(SIGXFSZ, SIG_IGN);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_answered_is_known_after_a_restart),
        TEST(what_is_being_handled_is_handled_again_after_a_kill),
        TEST(workers_of_a_group_know_what_the_others_answered),
        TEST(without_a_name_the_file_is_the_groups_in_the_state_directory),
        TEST(a_file_that_is_damaged_makes_the_window_one_of_memory),
        TEST(while_the_disk_is_full_it_works_from_memory_and_catches_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
