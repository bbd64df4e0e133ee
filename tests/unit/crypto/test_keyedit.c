/* Changes of key files: what each does to the text, that readers see all or nothing, and one operator at a time. */
#include <support.h>

#include <oom.h>

#include "ringfile.h"
#include <crypto/keyedit.h>
#include <crypto/keyfile.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/wait.h>

#define A    "a:" TEST_KEY_A "\n"
#define B    "b:" TEST_KEY_B "\n"
#define C    "c:" TEST_KEY_C "\n"
#define BARE TEST_KEY_D "\n"

enum verb { ADD, ACTIVATE, RETIRE };

static const struct {
    const char *before;
    enum verb verb;
    const char *key, *hex;
    pouch_err error;
    const char *after; /* or a part of the message */
} changes[] = {
    {"", ADD, "a", TEST_KEY_A, POUCH_OK, A},
    {"# mine\n", ADD, "a", TEST_KEY_A, POUCH_OK, "# mine\n" A},
    {A, ADD, "b", TEST_KEY_B, POUCH_OK, A B},
    {"a:" TEST_KEY_A, ADD, "b", TEST_KEY_B, POUCH_OK, A B},
    {BARE "# end", ADD, "b", TEST_KEY_B, POUCH_OK, BARE "# end\n" B},
    {A, ADD, "a", TEST_KEY_B, POUCH_E_EXISTS, "has a key a already"},
    {A, ADD, "b", TEST_KEY_A, POUCH_E_EXISTS, "has this key already, as a"},
    {BARE, ADD, "b", TEST_KEY_D, POUCH_E_EXISTS, "has this key already, as one without an id"},
    {A, ADD, "", TEST_KEY_B, POUCH_E_CONFIG, "is no key id"},
    {A, ADD, "b c", TEST_KEY_B, POUCH_E_CONFIG, "is no key id"},
    {A, ADD, "b:", TEST_KEY_B, POUCH_E_CONFIG, "is no key id"},
    {A, ADD, "01234567890123456789012345678901234567890123456789012345678901234", TEST_KEY_B, POUCH_E_CONFIG,
     "is no key id"},
    {A, ADD, "b", "0011", POUCH_E_CONFIG, "the new key: a key is 64 hex characters, this has 4"},
    {A, ADD, "b", "c0c1c2c3c4c5c6c7c8c9cacbcccdcecfc0c1c2c3c4c5c6c7c8c9cacbcccdcex0", POUCH_E_CONFIG,
     "the new key: the key has a character"},
    {A, ACTIVATE, "a", NULL, POUCH_OK, A},
    {A B, ACTIVATE, "b", NULL, POUCH_OK, B A},
    {A B C, ACTIVATE, "b", NULL, POUCH_OK, B A C},
    {A B "c:" TEST_KEY_C, ACTIVATE, "c", NULL, POUCH_OK, C A B},
    {"# one\n" A "\n# two\n  " B "# three\n", ACTIVATE, "b", NULL, POUCH_OK, "# one\n  " B A "\n# two\n# three\n"},
    {A BARE, ACTIVATE, "0c6461d1", NULL, POUCH_OK, BARE A}, /* its fingerprint */
    {BARE A, ACTIVATE, "2480aa73", NULL, POUCH_OK, A BARE}, /* one with a kid has one, too */
    {A, ACTIVATE, "b", NULL, POUCH_E_NOT_FOUND, "has no key b; `pouch key list`"},
    {A BARE, ACTIVATE, "", NULL, POUCH_E_NOT_FOUND, "has no key"},
    {"", ACTIVATE, "a", NULL, POUCH_E_NOT_FOUND, "has no key a"},
    {A B, RETIRE, "b", NULL, POUCH_OK, A},
    {A B C, RETIRE, "b", NULL, POUCH_OK, A C},
    {A "b:" TEST_KEY_B, RETIRE, "b", NULL, POUCH_OK, A},
    {A "# two\n" B "# three", RETIRE, "b", NULL, POUCH_OK, A "# two\n# three\n"},
    {A BARE B, RETIRE, "0c6461d1", NULL, POUCH_OK, A B},
    {A B, RETIRE, "a", NULL, POUCH_E_NOT_ALLOWED, "key a seals: first let another one do so"},
    {A, RETIRE, "a", NULL, POUCH_E_NOT_ALLOWED, "key a seals"},
    {A, RETIRE, "b", NULL, POUCH_E_NOT_FOUND, "has no key b"},
};

static pouch_err change(struct pl_keyedit *k, enum verb verb, const char *key, const char *hex) {
    switch (verb) {
    case ADD: return pl_keyedit_add(k, key, hex, strlen(hex));
    case ACTIVATE: return pl_keyedit_activate(k, key);
    case RETIRE: return pl_keyedit_retire(k, key);
    }
    return POUCH_E_CONFIG;
}

static void assert_holds(const char *path, const char *text) {
    char found[4096] = {0};
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(found, 1, sizeof found - 1, f);
    fclose(f);
    assert_string_equal(found, text);
    assert_int_equal(n, strlen(text));
}

/* acceptance: A3 */
static void each_change_moves_its_line_and_no_other(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct test_ringfile f;
        struct pl_keyedit *k;
        test_ringfile_make(&f, changes[i].before);
        assert_int_equal(pl_keyedit_open(&k, f.path), POUCH_OK);
        assert_int_equal(change(k, changes[i].verb, changes[i].key, changes[i].hex), changes[i].error);
        if (changes[i].error) assert_non_null(strstr(pouch_why(), changes[i].after));
        if (changes[i].error) assert_null(strstr(pouch_why(), "0011")); /* nor is a key quoted */
        assert_int_equal(pl_keyedit_commit(k), POUCH_OK);
        pl_keyedit_close(k);
        assert_holds(f.path, changes[i].error ? changes[i].before : changes[i].after);
        unlink(f.path);
    }
}

static void a_full_ring_takes_no_further_key(void **state) {
    (void)state;
    char text[16 * 65 + 1];
    struct test_ringfile f;
    struct pl_keyedit *k;
    for (int i = 0; i < 16; i++) snprintf(text + i * 65, 66, "%064x\n", i);
    test_ringfile_make(&f, text);
    assert_int_equal(pl_keyedit_open(&k, f.path), POUCH_OK);
    assert_int_equal(pl_keyedit_add(k, "a", TEST_KEY_A, 64), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "a ring holds 16 keys at most; retire some"));
    assert_int_equal(pl_keyedit_keys(k)->n, 16);
    pl_keyedit_close(k);
    unlink(f.path);
}

static void a_file_that_would_grow_too_long_stays(void **state) {
    (void)state;
    struct test_ringfile f;
    struct pl_keyedit *k;
    char *text = malloc(PL_KEYFILE_MAX);
    memset(text, '#', PL_KEYFILE_MAX);
    text[PL_KEYFILE_MAX - 1] = '\0';
    test_ringfile_make(&f, text);
    assert_int_equal(pl_keyedit_open(&k, f.path), POUCH_OK);
    assert_int_equal(pl_keyedit_add(k, "a", TEST_KEY_A, 64), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "65536 bytes"));
    pl_keyedit_close(k);
    unlink(f.path);
    free(text);
}

static void what_cannot_be_a_key_file_is_not_opened(void **state) {
    (void)state;
    struct pl_keyedit *k;
    struct test_ringfile f;
    assert_int_equal(pl_keyedit_open(&k, "/nowhere/ring"), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "umask 077; touch"));
    assert_null(k);
    assert_int_equal(pl_keyedit_open(&k, "/dev/null"), POUCH_E_CONFIG);
    test_ringfile_make(&f, "a:short\n");
    assert_int_equal(pl_keyedit_open(&k, f.path), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "line 1 of /tmp/"));
    test_ringfile_write(&f, A);
    assert_int_equal(chmod(f.path, 0644), 0);
    assert_int_equal(pl_keyedit_open(&k, f.path), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "chmod 600"));
    unlink(f.path);
}

static void the_new_file_has_the_owner_and_mode_of_the_old(void **state) {
    (void)state;
    static const mode_t modes[] = {0600, 0640, 0400, 0440};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct test_ringfile f;
        struct pl_keyedit *k;
        struct stat was, is;
        test_ringfile_make(&f, A B);
        assert_int_equal(chmod(f.path, modes[i]), 0);
        if (!geteuid()) assert_int_equal(chown(f.path, 12345, 23456), 0);
        assert_int_equal(stat(f.path, &was), 0);
        assert_int_equal(pl_keyedit_open(&k, f.path), POUCH_OK);
        assert_int_equal(pl_keyedit_activate(k, "b"), POUCH_OK);
        assert_int_equal(pl_keyedit_commit(k), POUCH_OK);
        pl_keyedit_close(k);
        assert_int_equal(stat(f.path, &is), 0);
        assert_int_not_equal(is.st_ino, was.st_ino); /* replaced whole */
        assert_int_equal(is.st_mode & 07777, modes[i]);
        assert_true(is.st_uid == was.st_uid && is.st_gid == was.st_gid);
        assert_holds(f.path, B A);
        unlink(f.path);
    }
}

static void a_link_stays_a_link(void **state) {
    (void)state;
    struct test_ringfile f;
    struct pl_keyedit *k;
    struct stat st;
    char link[80];
    test_ringfile_make(&f, A);
    snprintf(link, sizeof link, "%s.link", f.path);
    assert_int_equal(symlink(f.path, link), 0);
    assert_int_equal(pl_keyedit_open(&k, link), POUCH_OK);
    assert_int_equal(pl_keyedit_add(k, "b", TEST_KEY_B, 64), POUCH_OK);
    assert_int_equal(pl_keyedit_commit(k), POUCH_OK);
    pl_keyedit_close(k);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_holds(f.path, A B);
    unlink(link);
    unlink(f.path);
}

static void a_second_operator_waits_for_the_first_but_not_for_ever(void **state) {
    (void)state;
    struct test_ringfile f;
    struct pl_keyedit *mine, *theirs;
    test_ringfile_make(&f, A);
    assert_int_equal(pl_keyedit_open(&mine, f.path), POUCH_OK);
    assert_int_equal(pl_keyedit_open(&theirs, f.path), POUCH_E_OVERLOADED);
    assert_non_null(strstr(pouch_why(), "somebody else is changing key file /tmp/"));
    pl_keyedit_close(mine);
    assert_int_equal(pl_keyedit_open(&theirs, f.path), POUCH_OK);
    pl_keyedit_close(theirs);
    unlink(f.path);
}

/* Each adds keys of its own; a change that was made to a file already replaced would be lost. */
static void no_change_of_many_operators_is_lost(void **state) {
    (void)state;
    enum { OPERATORS = 5, KEYS = 3 };
    struct test_ringfile f;
    struct pl_keyedit *k;
    test_ringfile_make(&f, A);
    for (int o = 0; o < OPERATORS; o++) {
        if (fork()) continue;
        for (int i = 0; i < KEYS; i++) {
            char kid[32], hex[65];
            snprintf(kid, sizeof kid, "o%d-%d", o, i);
            if (pouch_key_generate(hex) || pl_keyedit_open(&k, f.path) || pl_keyedit_add(k, kid, hex, 64) ||
                pl_keyedit_commit(k))
                _exit(1);
            pl_keyedit_close(k);
        }
        _exit(0);
    }
    for (int o = 0, status; o < OPERATORS; o++) assert_true(wait(&status) > 0 && status == 0);
    assert_int_equal(pl_keyedit_open(&k, f.path), POUCH_OK);
    assert_int_equal(pl_keyedit_keys(k)->n, 1 + OPERATORS * KEYS);
    pl_keyedit_close(k);
    unlink(f.path);
}

static void readers_see_the_old_file_or_the_new_one(void **state) {
    (void)state;
    struct test_ringfile f;
    struct pl_keyedit *k;
    test_ringfile_make(&f, A B);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (int i = 0; i < 200; i++) {
            if (pl_keyedit_open(&k, f.path) || pl_keyedit_activate(k, i % 2 ? "a" : "b") || pl_keyedit_commit(k))
                _exit(1);
            pl_keyedit_close(k);
        }
        _exit(0);
    }
    int status, ended = 0;
    while (!ended) {
        struct pl_keyset *set;
        ended = waitpid(child, &status, WNOHANG);
        assert_int_equal(pl_keyset_new(&set), POUCH_OK);
        assert_int_equal(pl_keyfile_read(set, f.path), POUCH_OK);
        assert_int_equal(set->n, 2);
        pl_keyset_unref(set);
    }
    assert_int_equal(status, 0);
    unlink(f.path);
}

static struct test_ringfile shared;

static bool rotate(void) {
    struct pl_keyedit *k;
    pouch_err e = pl_keyedit_open(&k, shared.path);
    if (!e) e = pl_keyedit_add(k, "b", TEST_KEY_B, 64);
    if (!e) e = pl_keyedit_activate(k, "b");
    if (!e) e = pl_keyedit_retire(k, "a");
    pl_keyedit_close(k);
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    return !e;
}

static void each_allocation_fails_in_turn(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    test_ringfile_make(&shared, A);
    assert_true(rotate());
    assert_true(test_oom_each(rotate) > 0);
    assert_holds(shared.path, A);
    unlink(shared.path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_moves_its_line_and_no_other),
        cmocka_unit_test(a_full_ring_takes_no_further_key),
        cmocka_unit_test(a_file_that_would_grow_too_long_stays),
        cmocka_unit_test(what_cannot_be_a_key_file_is_not_opened),
        cmocka_unit_test(the_new_file_has_the_owner_and_mode_of_the_old),
        cmocka_unit_test(a_link_stays_a_link),
        cmocka_unit_test(a_second_operator_waits_for_the_first_but_not_for_ever),
        cmocka_unit_test(no_change_of_many_operators_is_lost),
        cmocka_unit_test(readers_see_the_old_file_or_the_new_one),
        cmocka_unit_test(each_allocation_fails_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
