/* Seal and open: AES-256-GCM over the keys of a ring that may change at any time. */
#include <support.h>

#include "ringfile.h"
#include <base/hex.h>
#include <crypto/ring.h>
#include <crypto/seal.h>
#include <metrics/metrics.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { MOST = 4096 };

struct sealed {
    uint8_t bytes[MOST], iv[PL_IV_MAX], tag[PL_TAG_BYTES];
    size_t n, iv_n;
    char kid[PL_KID_MAX + 1];
};

static pouch_err seal(struct pl_sealer *s, struct sealed *m, const void *text, size_t n, size_t iv_n) {
    const char *kid = "";
    m->n = n;
    m->iv_n = iv_n;
    pouch_err e = pl_sealer_seal(s, text, n, m->bytes, m->iv, iv_n, m->tag, &kid);
    strcpy(m->kid, kid);
    return e;
}

static pouch_err open_as(struct pl_sealer *s, const struct sealed *m, const char *kid, uint8_t *out) {
    return pl_sealer_open(s, kid, strlen(kid), m->iv, m->iv_n, m->tag, m->bytes, m->n, out);
}

static struct pl_sealer *sealer(pouch_keyring *ring) {
    struct pl_sealer *s;
    assert_int_equal(pl_sealer_new(&s, ring, PL_OVER_LIMIT_WARN), POUCH_OK);
    return s;
}

/* acceptance: A6 */
static void a_published_vector_opens(void **state) {
    (void)state;
    /* Test case 15 of the GCM submission to NIST. */
    static const char *const hex[] = {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
                                      "cafebabefacedbaddecaf888", "b094dac5d93471bdec1a502270e3cc6c",
                                      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3d"
                                      "a7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
                                      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953"
                                      "2fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"};
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, hex[0]);
    struct pl_sealer *s = sealer(ring);
    uint8_t iv[12], tag[16], sealed[64], plain[64], out[64];
    assert_true(pl_hex_decode(iv, hex[1], 12) && pl_hex_decode(tag, hex[2], 16) && pl_hex_decode(sealed, hex[3], 64) &&
                pl_hex_decode(plain, hex[4], 64));
    assert_int_equal(pl_sealer_open(s, NULL, 0, iv, 12, tag, sealed, 64, out), POUCH_OK);
    assert_memory_equal(out, plain, 64);
    pl_sealer_free(s);
    pouch_keyring_free(ring);
    unlink(f.path);
}

/* acceptance: A6 */
static void what_is_sealed_opens_at_every_size_and_iv_length(void **state) {
    (void)state;
    static uint8_t text[MOST], out[MOST];
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, TEST_KEY_A);
    struct pl_sealer *s = sealer(ring);
    for (size_t i = 0; i < MOST; i++) text[i] = (uint8_t)(i * 7);
    for (size_t n = 0; n <= MOST; n++) {
        for (size_t iv_n = 12; iv_n <= 16; iv_n += 4) {
            struct sealed m;
            assert_int_equal(seal(s, &m, text, n, iv_n), POUCH_OK);
            assert_int_equal(open_as(s, &m, "", out), POUCH_OK);
            assert_memory_equal(out, text, n);
            if (n >= 16) assert_memory_not_equal(m.bytes, text, n);
        }
    }
    pl_sealer_free(s);
    pouch_keyring_free(ring);
    unlink(f.path);
}

static void sealing_and_opening_work_in_place(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, TEST_KEY_A);
    struct pl_sealer *s = sealer(ring);
    struct sealed m;
    memcpy(m.bytes, "hello, world", 12);
    assert_int_equal(seal(s, &m, m.bytes, 12, 12), POUCH_OK);
    assert_memory_not_equal(m.bytes, "hello, world", 12);
    assert_int_equal(open_as(s, &m, "", m.bytes), POUCH_OK);
    assert_memory_equal(m.bytes, "hello, world", 12);
    pl_sealer_free(s);
    pouch_keyring_free(ring);
    unlink(f.path);
}

/* Seals as a peer might, with an IV length that we never write. */
static void seal_as_peer(struct sealed *m, const char *key_hex, size_t iv_n) {
    uint8_t key[32];
    int n, last;
    assert_true(pl_hex_decode(key, key_hex, 32));
    memset(m, 0, sizeof *m);
    memset(m->iv, 0x5a, iv_n);
    m->iv_n = iv_n;
    m->n = 4;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, NULL, NULL), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, (int)iv_n, NULL), 1);
    assert_int_equal(EVP_EncryptInit_ex(c, NULL, NULL, key, m->iv), 1);
    assert_int_equal(EVP_EncryptUpdate(c, m->bytes, &n, (const uint8_t *)"null", 4), 1);
    assert_int_equal(EVP_EncryptFinal_ex(c, m->bytes + n, &last), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, m->tag), 1);
    EVP_CIPHER_CTX_free(c);
}

/* acceptance: A6 */
static void ivs_of_12_to_16_bytes_are_opened_in_any_order(void **state) {
    (void)state;
    static const size_t lengths[] = {12, 13, 14, 15, 16, 12, 16, 13};
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, TEST_KEY_A);
    struct pl_sealer *s = sealer(ring);
    struct sealed m;
    uint8_t out[MOST];
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        seal_as_peer(&m, TEST_KEY_A, lengths[i]);
        assert_int_equal(open_as(s, &m, "", out), POUCH_OK);
        assert_memory_equal(out, "null", 4);
    }
    seal_as_peer(&m, TEST_KEY_A, 11);
    assert_int_equal(open_as(s, &m, "", out), POUCH_E_DECRYPT_FAILED);
    pl_sealer_free(s);
    pouch_keyring_free(ring);
    unlink(f.path);
}

static void assert_refused(struct pl_sealer *s, const struct sealed *m, const char *kid) {
    static const uint8_t zeros[MOST];
    uint8_t out[MOST];
    memset(out, 0xff, m->n);
    assert_int_equal(open_as(s, m, kid, out), POUCH_E_DECRYPT_FAILED);
    assert_string_equal(pouch_why(), "no key of the ring opens it, or it was altered");
    assert_memory_equal(out, zeros, m->n);
}

static void flip_each_bit(struct pl_sealer *s, struct sealed *m, uint8_t *bytes, size_t n) {
    for (size_t bit = 0; bit < 8 * n; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_refused(s, m, "");
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* acceptance: A6 */
static void a_flip_of_any_bit_is_refused_and_leaves_zeros(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, TEST_KEY_A);
    struct pl_sealer *s = sealer(ring);
    for (size_t iv_n = 12; iv_n <= 16; iv_n += 4) {
        struct sealed m;
        uint8_t out[MOST];
        assert_int_equal(seal(s, &m, "{\"amount\":150.75}", 17, iv_n), POUCH_OK);
        flip_each_bit(s, &m, m.bytes, m.n);
        flip_each_bit(s, &m, m.iv, m.iv_n);
        flip_each_bit(s, &m, m.tag, sizeof m.tag);
        assert_int_equal(open_as(s, &m, "", out), POUCH_OK);
        assert_memory_equal(out, "{\"amount\":150.75}", 17);
    }
    pl_sealer_free(s);
    pouch_keyring_free(ring);
    unlink(f.path);
}

static void the_first_key_seals_and_its_kid_is_told(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, "k2:" TEST_KEY_B "\nk1:" TEST_KEY_A);
    struct pl_sealer *s = sealer(ring);
    struct sealed m;
    uint8_t out[MOST];
    assert_int_equal(seal(s, &m, "1", 1, 12), POUCH_OK);
    assert_string_equal(m.kid, "k2");
    assert_int_equal(open_as(s, &m, "k2", out), POUCH_OK);
    assert_int_equal(open_as(s, &m, "", out), POUCH_OK);
    int64_t refused = pl_metric_get(PL_M_DECRYPT_FAILURES), unknown = pl_metric_get(PL_M_DECRYPT_UNKNOWN_KID);
    assert_refused(s, &m, "k1"); /* another key of the ring */
    assert_refused(s, &m, "k3"); /* a key nobody has */
    assert_int_equal(pl_metric_get(PL_M_DECRYPT_FAILURES), refused + 1);
    assert_int_equal(pl_metric_get(PL_M_DECRYPT_UNKNOWN_KID), unknown + 1);
    pl_sealer_free(s);
    pouch_keyring_free(ring);
    unlink(f.path);
}

/* GCM does not commit to its key: the second block was computed so that one tag fits both keys. */
static void a_text_for_two_keys_opens_by_the_first_or_by_the_one_that_it_names(void **state) {
    (void)state;
    static const char *const plain[] = {"7b22706179223a312c22746f223a377d1a42f3fdecbd103d53141c95d203ecd4",
                                        "1eed4bf9ee4d88717808a8b41ccfe8ef2f8b1994159e278e65e4366448fec462"};
    static const char *const rings[] = {"a:" TEST_KEY_A "\nb:" TEST_KEY_B, "b:" TEST_KEY_B "\na:" TEST_KEY_A};
    struct sealed m = {.n = 32, .iv_n = 12};
    assert_true(pl_hex_decode(m.iv, "cafebabefacedbaddecaf888", 12) &&
                pl_hex_decode(m.tag, "da03ce811d2c41860aa1442f14b92cc6", 16) &&
                pl_hex_decode(m.bytes, "4173e01e6f45a0b04e7e19e46b4b1dfc8dc9070b522d5a30e74932b48349a011", 32));
    for (size_t i = 0; i < 2; i++) {
        struct test_ringfile f;
        pouch_keyring *ring = test_ring(&f, rings[i]);
        struct pl_sealer *s = sealer(ring);
        uint8_t out[MOST], wanted[2][32];
        assert_true(pl_hex_decode(wanted[0], plain[0], 32) && pl_hex_decode(wanted[1], plain[1], 32));
        for (int again = 0; again < 2; again++) {
            assert_int_equal(open_as(s, &m, "", out), POUCH_OK);
            assert_memory_equal(out, wanted[i], 32);
            assert_int_equal(open_as(s, &m, i ? "a" : "b", out), POUCH_OK);
            assert_memory_equal(out, wanted[!i], 32);
        }
        pl_sealer_free(s);
        pouch_keyring_free(ring);
        unlink(f.path);
    }
}

static void without_a_kid_four_keys_are_tried(void **state) {
    (void)state;
    static const char *const hex[] = {TEST_KEY_A, TEST_KEY_B, TEST_KEY_C, TEST_KEY_D, TEST_KEY_E};
    struct test_ringfile f;
    pouch_keyring *ring =
        test_ring(&f, "a:" TEST_KEY_A "\nb:" TEST_KEY_B "\nc:" TEST_KEY_C "\nd:" TEST_KEY_D "\ne:" TEST_KEY_E);
    struct pl_sealer *s = sealer(ring);
    for (size_t i = 0; i < 5; i++) {
        struct sealed m;
        uint8_t out[MOST];
        char kid[] = {(char)('a' + i), 0};
        seal_as_peer(&m, hex[i], 12);
        if (i < PL_KEYS_TRIED)
            assert_int_equal(open_as(s, &m, "", out), POUCH_OK);
        else
            assert_refused(s, &m, "");
        assert_int_equal(open_as(s, &m, kid, out), POUCH_OK);
        assert_memory_equal(out, "null", 4);
    }
    pl_sealer_free(s);
    pouch_keyring_free(ring);
    unlink(f.path);
}

static void a_sealer_follows_its_ring(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, "a:" TEST_KEY_A);
    struct pl_sealer *s = sealer(ring);
    struct sealed old, now;
    uint8_t out[MOST];
    assert_int_equal(seal(s, &old, "1", 1, 12), POUCH_OK);
    test_ringfile_write(&f, "b:" TEST_KEY_B "\na:" TEST_KEY_A); /* activate */
    assert_int_equal(pouch_keyring_reload(ring), POUCH_OK);
    assert_int_equal(seal(s, &now, "2", 1, 12), POUCH_OK);
    assert_string_equal(now.kid, "b");
    assert_int_equal(open_as(s, &old, "a", out), POUCH_OK);
    test_ringfile_write(&f, "b:" TEST_KEY_B); /* retire */
    assert_int_equal(pouch_keyring_reload(ring), POUCH_OK);
    assert_int_equal(open_as(s, &now, "b", out), POUCH_OK);
    assert_refused(s, &old, "a");
    assert_refused(s, &old, "");
    pl_sealer_free(s);
    pouch_keyring_free(ring);
    unlink(f.path);
}

static void set_sealed(pouch_keyring *ring, uint64_t n) {
    uint64_t generation;
    struct pl_keyset *set = pl_keyring_set(ring, &generation);
    atomic_store(&set->keys[0].count->sealed, n);
    pl_keyset_unref(set);
}

static void a_key_over_its_limit_seals_no_more_when_told_to_stop(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, "a:" TEST_KEY_A);
    struct pl_sealer *stops, *warns = sealer(ring);
    struct sealed m;
    uint8_t out[MOST];
    assert_int_equal(pl_sealer_new(&stops, ring, PL_OVER_LIMIT_STOP), POUCH_OK);
    set_sealed(ring, PL_SEALS_WARN - 1);
    assert_int_equal(seal(stops, &m, "1", 1, 12), POUCH_OK);
    set_sealed(ring, PL_SEALS_LIMIT - 1);
    assert_int_equal(seal(stops, &m, "1", 1, 12), POUCH_OK); /* the last one */
    for (int i = 0; i < 3; i++) {
        struct sealed refused;
        assert_int_equal(seal(stops, &refused, "1", 1, 12), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "2^32"));
    }
    assert_int_equal(open_as(stops, &m, "a", out), POUCH_OK); /* what is sealed can still be read */
    assert_int_equal(seal(warns, &m, "1", 1, 12), POUCH_OK);

    test_ringfile_write(&f, "b:" TEST_KEY_B "\na:" TEST_KEY_A);
    assert_int_equal(pouch_keyring_reload(ring), POUCH_OK);
    assert_int_equal(seal(stops, &m, "1", 1, 12), POUCH_OK); /* a new key begins at nought */
    test_ringfile_write(&f, "a:" TEST_KEY_A "\nb:" TEST_KEY_B);
    assert_int_equal(pouch_keyring_reload(ring), POUCH_OK);
    assert_int_equal(seal(stops, &m, "1", 1, 12), POUCH_E_CONFIG); /* the old one does not */
    pl_sealer_free(stops);
    pl_sealer_free(warns);
    pouch_keyring_free(ring);
    unlink(f.path);
}

/* acceptance: A6 */
static void a_forked_sealer_draws_ivs_of_its_own(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, TEST_KEY_A);
    struct pl_sealer *s = sealer(ring);
    struct sealed ours, theirs = {.n = 0};
    int ends[2], status;
    assert_int_equal(seal(s, &ours, "1", 1, 16), POUCH_OK);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool sent = seal(s, &theirs, "1", 1, 16) == POUCH_OK && write(ends[1], theirs.iv, 16) == 16;
        _exit(sent ? 0 : 1);
    }
    assert_int_equal(seal(s, &ours, "1", 1, 16), POUCH_OK);
    assert_int_equal(read(ends[0], theirs.iv, 16), 16);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_memory_not_equal(ours.iv, theirs.iv, 16);
    close(ends[0]);
    close(ends[1]);
    pl_sealer_free(s);
    pouch_keyring_free(ring);
    unlink(f.path);
}

struct crowd {
    pouch_keyring *ring;
    atomic_bool stop;
};

/* Takes, uses and gives back sealers while the ring is reloaded. Asserts at its end, in the main thread. */
static void *use_spares(void *arg) {
    struct crowd *crowd = arg;
    for (uintptr_t n = 1;; n++) {
        struct pl_sealer *s;
        struct sealed m;
        uint8_t out[MOST];
        if (pl_sealer_take(&s, crowd->ring, PL_OVER_LIMIT_WARN)) return NULL;
        bool sound = !seal(s, &m, "spare", 5, 12) && !open_as(s, &m, m.kid, out) && !memcmp(out, "spare", 5);
        pl_sealer_give(s);
        if (!sound) return NULL;
        if (atomic_load(&crowd->stop)) return (void *)n;
    }
}

static void spare_sealers_serve_many_threads_through_reloads(void **state) {
    (void)state;
    struct test_ringfile f;
    struct crowd crowd = {.ring = test_ring(&f, "a:" TEST_KEY_A "\nb:" TEST_KEY_B)};
    pthread_t threads[PL_SPARES_MAX + 2];
    size_t n = sizeof threads / sizeof threads[0];
    for (size_t i = 0; i < n; i++) assert_int_equal(pthread_create(&threads[i], NULL, use_spares, &crowd), 0);
    for (int i = 0; i < 50; i++) {
        test_ringfile_write(&f, i % 2 ? "a:" TEST_KEY_A "\nb:" TEST_KEY_B : "b:" TEST_KEY_B "\na:" TEST_KEY_A);
        assert_int_equal(pouch_keyring_reload(crowd.ring), POUCH_OK);
    }
    atomic_store(&crowd.stop, true);
    for (size_t i = 0; i < n; i++) {
        void *rounds;
        assert_int_equal(pthread_join(threads[i], &rounds), 0);
        assert_non_null(rounds);
    }
    pouch_keyring_free(crowd.ring);
    unlink(f.path);
}

/* Retired keys must not stay in memory until somebody happens to seal again. */
static void no_spare_sealer_keeps_keys_of_before_a_reload(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = test_ring(&f, "a:" TEST_KEY_A);
    struct pl_sealer *given, *held;
    assert_int_equal(pl_sealer_take(&given, ring, PL_OVER_LIMIT_WARN), POUCH_OK);
    assert_int_equal(pl_sealer_take(&held, ring, PL_OVER_LIMIT_WARN), POUCH_OK);
    pl_sealer_give(given);
    assert_int_equal(ring->n_spares, 1);
    test_ringfile_write(&f, "b:" TEST_KEY_B);
    assert_int_equal(pouch_keyring_reload(ring), POUCH_OK);
    assert_int_equal(ring->n_spares, 0);
    pl_sealer_give(held);
    assert_int_equal(ring->n_spares, 0);
    pouch_keyring_free(ring);
    unlink(f.path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_published_vector_opens),
        cmocka_unit_test(what_is_sealed_opens_at_every_size_and_iv_length),
        cmocka_unit_test(sealing_and_opening_work_in_place),
        cmocka_unit_test(ivs_of_12_to_16_bytes_are_opened_in_any_order),
        cmocka_unit_test(a_flip_of_any_bit_is_refused_and_leaves_zeros),
        cmocka_unit_test(the_first_key_seals_and_its_kid_is_told),
        cmocka_unit_test(without_a_kid_four_keys_are_tried),
        cmocka_unit_test(a_text_for_two_keys_opens_by_the_first_or_by_the_one_that_it_names),
        cmocka_unit_test(a_sealer_follows_its_ring),
        cmocka_unit_test(a_key_over_its_limit_seals_no_more_when_told_to_stop),
        cmocka_unit_test(a_forked_sealer_draws_ivs_of_its_own),
        cmocka_unit_test(no_spare_sealer_keeps_keys_of_before_a_reload),
        cmocka_unit_test(spare_sealers_serve_many_threads_through_reloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
