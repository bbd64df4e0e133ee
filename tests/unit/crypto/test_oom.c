/* Every allocation of the room fails in turn: the error says so, old keys stay, nothing leaks. */
#include <support.h>

#include <oom.h>

#include "ringfile.h"
#include <crypto/seal.h>
#include <openssl/err.h>

static struct test_ringfile file;
static pouch_keyring *ring;

/* OpenSSL's queue of errors holds memory, which is not ours to count. */
static bool ended(pouch_err e) {
    ERR_clear_error();
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    if (e) assert_non_null(strstr(pouch_why(), "memory"));
    return !e;
}

static bool load(void) {
    pouch_keyring *fresh = NULL;
    pouch_err e = pouch_keyring_load(&fresh, file.path);
    pouch_keyring_free(fresh);
    return ended(e);
}

static bool reload(void) {
    struct pl_key_use use[3];
    pouch_err e = pouch_keyring_reload(ring);
    assert_int_equal(pl_keyring_uses(ring, use, 3), 2);
    return ended(e);
}

static bool seal_and_open(void) {
    struct pl_sealer *s = NULL;
    uint8_t text[4], iv[PL_IV_MAX], tag[PL_TAG_BYTES];
    const char *kid;
    pouch_err e = pl_sealer_new(&s, ring, PL_OVER_LIMIT_WARN);
    for (size_t iv_n = 12; !e && iv_n <= 16; iv_n += 4) {
        e = pl_sealer_seal(s, (const uint8_t *)"null", 4, text, iv, iv_n, tag, &kid);
        if (!e) e = pl_sealer_open(s, kid, strlen(kid), iv, iv_n, tag, text, 4, text);
        if (!e) assert_memory_equal(text, "null", 4);
    }
    pl_sealer_free(s);
    return ended(e);
}

static void each_allocation_fails_in_turn(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    static bool (*const steps[])(void) = {load, reload, seal_and_open};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_true(steps[i]()); /* what is made once a process is made now */
        assert_true(test_oom_each(steps[i]) > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_fails_in_turn)};
    ring = test_ring(&file, "a:" TEST_KEY_A "\nb:" TEST_KEY_B);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pouch_keyring_free(ring);
    unlink(file.path);
    return failed;
}
