/* Key rings: what a file may hold, who may read it, and what a reload does. */
#include <support.h>

#include "ringfile.h"
#include <base/buf.h>
#include <crypto/keyfile.h>
#include <crypto/ring.h>
#include <crypto/seal.h>
#include <pouch/metrics.h>

static const struct {
    const char *text;
    size_t keys;     /* 0: refused */
    const char *why; /* part of the message */
} rings[] = {
    {TEST_KEY_A, 1, NULL},
    {TEST_KEY_A "\n", 1, NULL},
    {"  " TEST_KEY_A "\t\r\n", 1, NULL},
    {"# the seed's key\n\n" TEST_KEY_A "\n", 1, NULL},
    {"a:" TEST_KEY_A "\nb.2_-:" TEST_KEY_B "\n" TEST_KEY_C "\n" TEST_KEY_D, 4, NULL},
    {"0123456789012345678901234567890123456789012345678901234567890123:" TEST_KEY_A, 1, NULL},
    {"", 0, "holds no key"},
    {"# nothing\n\n", 0, "holds no key"},
    {"8bc63a64d2adaecb6f3cc90d2736a84970fec1eb0db73598c5dcb7ad803f927", 0,
     "line 1 of RING: a key is 64 hex characters, this has 63"},
    {TEST_KEY_A "0", 0, "this has 65"},
    {"\n8bc63a64d2adaecb6f3cc90d2736a84970fec1eb0db73598c5dcb7ad803f927g", 0,
     "line 2 of RING: the key has a character"},
    {"a:", 0, "this has 0"},
    {":" TEST_KEY_A, 0, "a key id is missing"},
    {"a b:" TEST_KEY_A, 0, "a key id is 1 to 64"},
    {"a:b:" TEST_KEY_A, 0, "a key is 64 hex characters"},
    {"01234567890123456789012345678901234567890123456789012345678901234:" TEST_KEY_A, 0, "a key id is 1 to 64"},
    {"a:" TEST_KEY_A "\na:" TEST_KEY_B, 0, "line 2 of RING: this key id came before"},
    {"a:" TEST_KEY_A "\nb:" TEST_KEY_A, 0, "line 2 of RING: this key came before"},
    {TEST_KEY_B "\n00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 0, "this key came before"},
    {TEST_KEY_A " # mine", 0, "this has 71"},
};

/* acceptance: A3 */
static void a_ring_file_is_read_line_by_line(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++) {
        struct pl_keyset *set;
        assert_int_equal(pl_keyset_new(&set), POUCH_OK);
        pouch_err e = pl_keyfile_parse(set, "RING", rings[i].text, strlen(rings[i].text));
        if (rings[i].keys) {
            assert_int_equal(e, POUCH_OK);
            assert_int_equal(set->n, rings[i].keys);
        } else {
            assert_int_equal(e, POUCH_E_CONFIG);
            assert_non_null(strstr(pouch_why(), rings[i].why));
            assert_null(strstr(pouch_why(), "8bc63a64")); /* never quoted */
        }
        pl_keyset_unref(set);
    }
}

static void a_ring_holds_sixteen_keys(void **state) {
    (void)state;
    char text[17 * 65 + 1];
    for (int i = 0; i < 17; i++) snprintf(text + i * 65, 66, "%064x\n", i);
    struct pl_keyset *set;
    assert_int_equal(pl_keyset_new(&set), POUCH_OK);
    assert_int_equal(pl_keyfile_parse(set, "RING", text, 16 * 65), POUCH_OK);
    assert_int_equal(set->n, PL_KEYS_MAX);
    pl_keyset_unref(set);
    assert_int_equal(pl_keyset_new(&set), POUCH_OK);
    assert_int_equal(pl_keyfile_parse(set, "RING", text, 17 * 65), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "line 17 of RING: a ring holds 16 keys"));
    pl_keyset_unref(set);
}

static void a_nul_or_a_long_file_is_no_key(void **state) {
    (void)state;
    struct pl_keyset *set;
    char text[] = "a\0b:" TEST_KEY_A;
    assert_int_equal(pl_keyset_new(&set), POUCH_OK);
    assert_int_equal(pl_keyfile_parse(set, "RING", text, sizeof text - 1), POUCH_E_CONFIG);
    pl_keyset_unref(set);

    struct test_ringfile f;
    char *comment = malloc(PL_KEYFILE_MAX + 1);
    memset(comment, '#', PL_KEYFILE_MAX);
    comment[PL_KEYFILE_MAX] = 0;
    test_ringfile_make(&f, comment);
    pouch_keyring *ring;
    assert_int_equal(pouch_keyring_load(&ring, f.path), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "65536 bytes"));
    unlink(f.path);
    free(comment);
}

static void a_ring_file_open_to_others_is_refused(void **state) {
    (void)state;
    static const struct {
        mode_t mode;
        bool taken;
    } modes[] = {{0600, true},  {0400, true},  {0440, true},  {0640, true},  {0700, true},  {0644, false},
                 {0604, false}, {0602, false}, {0620, false}, {0660, false}, {0601, false}, {0777, false}};
    struct test_ringfile f;
    test_ringfile_make(&f, TEST_KEY_A "\n");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        pouch_keyring *ring = NULL;
        assert_int_equal(chmod(f.path, modes[i].mode), 0);
        pouch_err e = pouch_keyring_load(&ring, f.path);
        assert_int_equal(e, modes[i].taken ? POUCH_OK : POUCH_E_CONFIG);
        if (e) assert_non_null(strstr(pouch_why(), "chmod 600 /tmp/pouch-test-ring-"));
        pouch_keyring_free(ring);
    }
    unlink(f.path);
}

static void a_file_that_cannot_be_read_is_named(void **state) {
    (void)state;
    pouch_keyring *ring;
    assert_int_equal(pouch_keyring_load(&ring, "/nowhere/pouch.key"), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "/nowhere/pouch.key: No such file"));
    assert_int_equal(pouch_keyring_load(&ring, "/tmp"), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "directory"));
}

/* acceptance: A3 */
static void there_is_no_start_without_a_key(void **state) {
    (void)state;
    pouch_keyring *ring;
    unsetenv("ENCRYPTION_KEY");
    assert_int_equal(pouch_keyring_load(&ring, NULL), POUCH_E_CONFIG);
    assert_string_equal(pouch_why(),
                        "no key: set ENCRYPTION_KEY to 64 hex characters, or --key-file; pouch key new makes one");
    setenv("ENCRYPTION_KEY", "", 1);
    assert_int_equal(pouch_keyring_load(&ring, NULL), POUCH_E_CONFIG);
}

/* acceptance: A3 */
static void the_environment_is_a_ring_of_one(void **state) {
    (void)state;
    pouch_keyring *ring;
    struct pl_key_use use[2];
    setenv("ENCRYPTION_KEY", TEST_KEY_A, 1);
    assert_int_equal(pouch_keyring_load(&ring, NULL), POUCH_OK);
    assert_int_equal(pl_keyring_uses(ring, use, 2), 1);
    assert_string_equal(use[0].kid, "");
    setenv("ENCRYPTION_KEY", TEST_KEY_B, 1);
    assert_int_equal(pouch_keyring_reload(ring), POUCH_OK); /* does nothing */
    struct pl_key_use again[2];
    assert_int_equal(pl_keyring_uses(ring, again, 2), 1);
    assert_string_equal(again[0].fingerprint, use[0].fingerprint);
    pouch_keyring_free(ring);

    setenv("ENCRYPTION_KEY", TEST_KEY_A "\n" TEST_KEY_B, 1);
    assert_int_equal(pouch_keyring_load(&ring, NULL), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "takes one key"));
    unsetenv("ENCRYPTION_KEY");
}

static void a_fingerprint_is_of_the_key_alone(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, "x:" TEST_KEY_B "\n" TEST_KEY_A);
    struct pl_key_use use[2];
    assert_int_equal(pl_keyring_uses(ring, use, 2), 2);
    assert_int_equal(pl_keyring_uses(ring, use, 1), 1);
    /* printf HEX | xxd -r -p | sha256sum */
    assert_string_equal(use[0].kid, "x");
    assert_string_equal(use[0].fingerprint, "4773d12e");
    assert_string_equal(use[1].fingerprint, "2480aa73");
    pouch_keyring_free(ring);
    unlink(f.path);
}

static void a_failed_reload_keeps_the_old_keys(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, "a:" TEST_KEY_A);
    struct pl_key_use use[2];
    test_ringfile_write(&f, "b:" TEST_KEY_B "\nc:short");
    assert_int_equal(pouch_keyring_reload(ring), POUCH_E_CONFIG);
    assert_int_equal(pl_keyring_uses(ring, use, 2), 1);
    assert_string_equal(use[0].kid, "a");
    unlink(f.path);
    assert_int_equal(pouch_keyring_reload(ring), POUCH_E_CONFIG);
    assert_int_equal(pl_keyring_uses(ring, use, 2), 1);
    pouch_keyring_free(ring);
}

static void seal_one(pouch_keyring *ring) {
    struct pl_sealer *s;
    uint8_t out[1], iv[PL_IV_MAX], tag[PL_TAG_BYTES];
    const char *kid;
    assert_int_equal(pl_sealer_new(&s, ring, PL_OVER_LIMIT_WARN), POUCH_OK);
    assert_int_equal(pl_sealer_seal(s, (const uint8_t *)"1", 1, out, iv, 12, tag, &kid), POUCH_OK);
    assert_int_equal(pl_sealer_open(s, kid, strlen(kid), iv, 12, tag, out, 1, out), POUCH_OK);
    pl_sealer_free(s);
}

static void a_keys_count_outlives_reloads_and_is_one_for_all_rings(void **state) {
    (void)state;
    struct test_ringfile f, g;
    pouch_keyring *ring = test_ring(&f, "a:" TEST_KEY_A), *other = test_ring(&g, "other:" TEST_KEY_A);
    struct pl_key_use use[2];
    seal_one(ring);
    seal_one(other);
    test_ringfile_write(&f, "b:" TEST_KEY_B "\na:" TEST_KEY_A);
    assert_int_equal(pouch_keyring_reload(ring), POUCH_OK);
    seal_one(ring);
    assert_int_equal(pl_keyring_uses(ring, use, 2), 2);
    assert_int_equal(use[0].sealed, 1);
    assert_int_equal(use[1].sealed, 2);
    assert_int_equal(use[1].opened, 2);
    assert_true(use[1].last_used_ms > 1600000000000);
    pouch_keyring_free(ring);
    pouch_keyring_free(other);
    unlink(f.path);
    unlink(g.path);
}

static void metrics_tell_each_keys_use(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, "x:" TEST_KEY_B "\n" TEST_KEY_A);
    seal_one(ring);
    size_t n;
    char *text = pouch_metrics_text(&n);
    assert_non_null(text);
    assert_non_null(strstr(text, "# TYPE pouch_seals_total counter\n"));
    assert_non_null(strstr(text, "\npouch_seals_total{kid=\"x\",key=\"4773d12e\"} 1\n"));
    assert_non_null(strstr(text, "\npouch_seals_total{kid=\"\",key=\"2480aa73\"} 0\n"));
    assert_non_null(strstr(text, "\npouch_opens_total{kid=\"x\",key=\"4773d12e\"} 1\n"));
    free(text);
    pouch_keyring_free(ring);
    unlink(f.path);
}

/* acceptance: A5 */
static void a_generated_key_is_a_key_and_never_the_same(void **state) {
    (void)state;
    char a[65], b[65];
    assert_int_equal(pouch_key_generate(a), POUCH_OK);
    assert_int_equal(pouch_key_generate(b), POUCH_OK);
    assert_int_equal(strspn(a, "0123456789abcdef"), 64);
    assert_int_equal(strlen(a), 64);
    assert_string_not_equal(a, b);
    struct test_ringfile f;
    pouch_keyring_free(test_ring(&f, a));
    unlink(f.path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_file_is_read_line_by_line),
        cmocka_unit_test(a_ring_holds_sixteen_keys),
        cmocka_unit_test(a_nul_or_a_long_file_is_no_key),
        cmocka_unit_test(a_ring_file_open_to_others_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(there_is_no_start_without_a_key),
        cmocka_unit_test(the_environment_is_a_ring_of_one),
        cmocka_unit_test(a_fingerprint_is_of_the_key_alone),
        cmocka_unit_test(a_failed_reload_keeps_the_old_keys),
        cmocka_unit_test(a_keys_count_outlives_reloads_and_is_one_for_all_rings),
        cmocka_unit_test(metrics_tell_each_keys_use),
        cmocka_unit_test(a_generated_key_is_a_key_and_never_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
