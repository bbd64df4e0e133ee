/* How much keys have sealed, kept in a file over restarts and for all processes of a host. */
#include <support.h>

#include <oom.h>

#include "ringfile.h"
#include <crypto/keyset.h>
#include <crypto/ledger.h>
#include <crypto/seal.h>
#include <inttypes.h>
#include <pouch/metrics.h>
#include <sys/file.h>
#include <sys/wait.h>

#define NAME_A "2480aa737b38ac16" /* of TEST_KEY_A: printf HEX | xxd -r -p | sha256sum */
#define NAME_B "0123456789abcdef"

static char folder[64], path[96];

static void write_file(const char *text, size_t n) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static uint64_t add(const char *name, uint64_t n) {
    struct pl_ledger_line line = {.add = n};
    strcpy(line.name, name);
    assert_int_equal(pl_ledger_add(path, &line, 1), POUCH_OK);
    return line.count;
}

static int fresh(void **state) {
    (void)state;
    unlink(path);
    return 0;
}

static void counts_add_up_line_by_line(void **state) {
    (void)state;
    struct pl_ledger_line both[] = {{NAME_B, 5, 0}, {NAME_A, UINT64_C(1) << 40, 0}};
    assert_int_equal(add(NAME_A, 0), 0);
    assert_int_equal(access(path, F_OK), -1); /* a look makes nothing */
    assert_int_equal(add(NAME_A, 7), 7);
    assert_int_equal(add(NAME_A, 0), 7);
    assert_int_equal(pl_ledger_add(path, both, 2), POUCH_OK);
    assert_int_equal(both[0].count, 5);
    assert_int_equal(both[1].count, (UINT64_C(1) << 40) + 7);
    assert_int_equal(add(NAME_B, 1), 6);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void counts_of_many_processes_add_up(void **state) {
    (void)state;
    enum { CHILDREN = 4, TIMES = 200 };
    for (int c = 0; c < CHILDREN; c++) {
        if (fork()) continue;
        struct pl_ledger_line line = {NAME_A, 3, 0};
        int added = 0;
        while (added < TIMES) added += pl_ledger_add(path, &line, 1) == POUCH_OK;
        _exit(0);
    }
    for (int c = 0, status; c < CHILDREN; c++) assert_true(wait(&status) > 0 && status == 0);
    assert_int_equal(add(NAME_A, 0), CHILDREN * TIMES * 3);
}

static void what_is_no_ledger_is_left_alone(void **state) {
    (void)state;
    static const char *const texts[] = {
        "x",
        "\n",
        NAME_A " 00000000000000000001",
        NAME_A " 0000000000000000000x\n",
        "2480AA737b38ac16 00000000000000000001\n",
        NAME_A "\t00000000000000000001\n",
        NAME_A " 00000000000000000001\n" NAME_B " 1\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct pl_ledger_line line = {NAME_A, 1, 0};
        char after[128] = {0};
        write_file(texts[i], strlen(texts[i]));
        assert_int_equal(pl_ledger_add(path, &line, 1), POUCH_E_STORE);
        assert_non_null(strstr(pouch_why(), "move it away"));
        FILE *f = fopen(path, "r");
        assert_int_equal(fread(after, 1, sizeof after, f), strlen(texts[i]));
        fclose(f);
        assert_string_equal(after, texts[i]);
    }
}

static void a_full_ledger_takes_no_further_key(void **state) {
    (void)state;
    struct pl_ledger_line line = {NAME_A, 1, 0}, known = {"0000000000000001", 1, 0};
    char *text = malloc(PL_LEDGER_MAX * 38 + 1);
    for (int i = 0; i < PL_LEDGER_MAX; i++) snprintf(text + i * 38, 39, "%016d %020d\n", i, i);
    write_file(text, PL_LEDGER_MAX * 38);
    assert_int_equal(pl_ledger_add(path, &line, 1), POUCH_E_STORE);
    assert_int_equal(pl_ledger_add(path, &known, 1), POUCH_OK);
    assert_int_equal(known.count, 2);
    free(text);
}

static void a_ledger_that_another_holds_is_for_later(void **state) {
    (void)state;
    add(NAME_A, 1);
    int fd = open(path, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    struct pl_ledger_line line = {NAME_A, 1, 0};
    assert_int_equal(pl_ledger_add(path, &line, 1), POUCH_E_OVERLOADED);
    close(fd);
    assert_int_equal(add(NAME_A, 1), 2);
}

static void a_ledger_that_cannot_be_is_named(void **state) {
    (void)state;
    struct pl_ledger_line line = {NAME_A, 1, 0};
    assert_int_equal(pl_ledger_add("/proc/nowhere/seals", &line, 1), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "/proc/nowhere"));
    assert_int_equal(pl_ledger_add(folder, &line, 1), POUCH_E_STORE);
    assert_non_null(strstr(pouch_why(), folder));
}

static bool add_one(void) {
    struct pl_ledger_line line = {NAME_A, 1, 0};
    pouch_err e = pl_ledger_add(path, &line, 1);
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    return !e;
}

static void each_allocation_fails_in_turn(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(add_one());
    assert_true(test_oom_each(add_one) > 0);
    assert_int_equal(add(NAME_A, 0), 2); /* what failed has added nothing */
}

/* What one process does, in a child of its own: the counts are the process's. */
static void in_a_process(void (*act)(pouch_keyring *ring)) {
    struct test_ringfile f;
    int status;
    test_ringfile_make(&f, "a:" TEST_KEY_A);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pouch_keyring *ring;
        pl_key_counts_keep(path);
        if (pouch_keyring_load(&ring, f.path)) _exit(1);
        pl_key_counts_save(); /* as whoever follows the ring does */
        act(ring);
        pouch_keyring_free(ring);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    unlink(f.path);
}

static pouch_err seal(pouch_keyring *ring, enum pl_over_limit over, int times) {
    struct pl_sealer *s;
    uint8_t out[1], iv[PL_IV_MAX], tag[PL_TAG_BYTES];
    const char *kid;
    pouch_err e = pl_sealer_new(&s, ring, over);
    if (e) return e;
    for (int i = 0; !e && i < times; i++) e = pl_sealer_seal(s, (const uint8_t *)"1", 1, out, iv, 12, tag, &kid);
    pl_sealer_free(s);
    return e;
}

static void check(bool good) {
    if (!good) _exit(1);
}

static void seals_five(pouch_keyring *ring) {
    check(!seal(ring, PL_OVER_LIMIT_WARN, 5));
}

static void finds_five(pouch_keyring *ring) {
    struct pl_key_use use;
    check(pl_keyring_uses(ring, &use, 1) == 1 && use.sealed == 0 && use.sealed_ever == 5);
    check(!seal(ring, PL_OVER_LIMIT_WARN, 2));
    check(pl_keyring_uses(ring, &use, 1) == 1 && use.sealed == 2 && use.sealed_ever == 7);
    size_t n;
    char *text = pouch_metrics_text(&n);
    check(text && strstr(text, "\npouch_seals_total{kid=\"a\",key=\"2480aa73\"} 2\n"));
    check(strstr(text, "\npouch_key_seals{kid=\"a\",key=\"2480aa73\"} 7\n"));
    free(text);
}

static void a_key_goes_on_counting_over_restarts(void **state) {
    (void)state;
    in_a_process(seals_five);
    assert_int_equal(add(NAME_A, 0), 5);
    in_a_process(finds_five);
    assert_int_equal(add(NAME_A, 0), 7);
}

static void dies_while_it_follows(pouch_keyring *ring) {
    check(!pouch_keyring_follow(ring, NULL));
    check(!seal(ring, PL_OVER_LIMIT_WARN, 3));
    for (int ms = 0; ms < 60000 && add(NAME_A, 0) != 3; ms += 5)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    _exit(add(NAME_A, 0) != 3);
}

static void a_process_that_is_killed_has_told_before(void **state) {
    (void)state;
    in_a_process(dies_while_it_follows);
}

static void is_near_the_limit(pouch_keyring *ring) {
    check(!seal(ring, PL_OVER_LIMIT_STOP, 1));
    check(seal(ring, PL_OVER_LIMIT_STOP, 1) == POUCH_E_CONFIG);
    check(strstr(pouch_why(), "2^32") != NULL);
    check(!seal(ring, PL_OVER_LIMIT_WARN, 1));
}

static void is_over_the_limit(pouch_keyring *ring) {
    check(seal(ring, PL_OVER_LIMIT_STOP, 1) == POUCH_E_CONFIG);
}

static void the_limit_holds_over_restarts(void **state) {
    (void)state;
    add(NAME_A, PL_SEALS_LIMIT - 1);
    in_a_process(is_near_the_limit);
    assert_int_equal(add(NAME_A, 0), PL_SEALS_LIMIT + 1);
    in_a_process(is_over_the_limit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(counts_add_up_line_by_line, fresh),
        cmocka_unit_test_setup(counts_of_many_processes_add_up, fresh),
        cmocka_unit_test_setup(what_is_no_ledger_is_left_alone, fresh),
        cmocka_unit_test_setup(a_full_ledger_takes_no_further_key, fresh),
        cmocka_unit_test_setup(a_ledger_that_another_holds_is_for_later, fresh),
        cmocka_unit_test_setup(a_ledger_that_cannot_be_is_named, fresh),
        cmocka_unit_test_setup(each_allocation_fails_in_turn, fresh),
        cmocka_unit_test_setup(a_key_goes_on_counting_over_restarts, fresh),
        cmocka_unit_test_setup(a_process_that_is_killed_has_told_before, fresh),
        cmocka_unit_test_setup(the_limit_holds_over_restarts, fresh),
    };
    strcpy(folder, "/tmp/pouch-test-ledger-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/seals", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
