/* pouch_seal() and pouch_open(), as a tool or another transport uses them. */
#include <support.h>

#include "../crypto/ringfile.h"
#include "vectors.h"
#include <crypto/ring.h>
#include <pouch/pouch.h>
#include <sys/wait.h>

#define TEST_KEY_N "4e000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"

static pouch_keyring *ring;

static void check_vector(const struct test_vector *v) {
    pouch_keyring *its;
    char id[37], *json;
    size_t n;
    setenv("ENCRYPTION_KEY", v->key, 1);
    assert_int_equal(pouch_keyring_load(&its, NULL), POUCH_OK);
    assert_int_equal(pouch_open(its, v->envelope, v->envelope_n, id, &json, &n), POUCH_OK);
    assert_int_equal(n, v->plaintext_n);
    assert_string_equal(json, v->plaintext);
    assert_non_null(strstr(v->envelope, id));
    pouch_free(json);
    pouch_keyring_free(its);
}

/* acceptance: A3 A6 A8 */
static void every_envelope_of_a_peer_opens(void **state) {
    (void)state;
    assert_int_equal(test_vectors(check_vector), 60);
}

static void assert_round_trip(const pouch_dest *to, const char *reply_topic, const char *json, size_t iv_n) {
    char id[37], opened_id[37], *envelope, *plain;
    size_t envelope_n, n;
    struct pl_envelope e;
    assert_int_equal(pouch_seal(ring, to, reply_topic, json, strlen(json), id, &envelope, &envelope_n), POUCH_OK);
    assert_int_equal(strlen(envelope), envelope_n);
    assert_int_equal(pl_envelope_scan(&e, envelope, envelope_n), POUCH_OK);
    assert_int_equal(e.iv.n, 2 * iv_n);
    assert_int_equal(e.id.b[6] >> 4, 4);
    assert_int_equal(!!e.reply_topic.at, !!reply_topic);
    assert_int_equal(pouch_open(ring, envelope, envelope_n, opened_id, &plain, &n), POUCH_OK);
    assert_string_equal(opened_id, id);
    assert_string_equal(plain, json);
    assert_int_equal(n, strlen(json));
    pouch_free(plain);
    pouch_free(envelope);
}

/* acceptance: A6 A7 A8 */
static void what_is_sealed_opens(void **state) {
    (void)state;
    pouch_dest *topic = pouch_dest_topic("t"), *bank = pouch_dest_publisher("bank");
    assert_int_equal(pouch_dest_set_iv_bytes(bank, 12), POUCH_OK);
    assert_round_trip(NULL, NULL, "{\"a\":1}", 16);
    assert_round_trip(NULL, "client.replies", "null", 16);
    assert_round_trip(topic, NULL, "\"\xd1\x84\"", 16);
    assert_round_trip(bank, "client.replies", "[]", 12);
    pouch_dest_free(topic);
    pouch_dest_free(bank);
}

static void ids_are_optional(void **state) {
    (void)state;
    char *envelope, *plain;
    size_t n;
    assert_int_equal(pouch_seal(ring, NULL, NULL, "1", 1, NULL, &envelope, &n), POUCH_OK);
    assert_int_equal(pouch_open(ring, envelope, n, NULL, &plain, &n), POUCH_OK);
    assert_string_equal(plain, "1");
    pouch_free(envelope);
    pouch_free(plain);
    pouch_free(NULL);
}

static void what_cannot_be_sealed_is_told(void **state) {
    (void)state;
    char *envelope;
    size_t n;
    assert_int_equal(pouch_seal(ring, NULL, NULL, "{", 1, NULL, &envelope, &n), POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(pouch_seal(ring, NULL, NULL, "\"\xff\"", 3, NULL, &envelope, &n), POUCH_E_INVALID_PAYLOAD);
    assert_int_equal(pouch_seal(ring, NULL, "a b", "1", 1, NULL, &envelope, &n), POUCH_E_CONFIG);
    assert_int_equal(pouch_seal(ring, NULL, NULL, "1", ((size_t)512 << 20) + 1, NULL, &envelope, &n),
                     POUCH_E_TOO_LARGE);
}

static void what_cannot_be_opened_is_told(void **state) {
    (void)state;
    char *envelope, *plain;
    size_t n;
    assert_int_equal(pouch_open(ring, "{}", 2, NULL, &plain, &n), POUCH_E_BAD_ENVELOPE);
    assert_int_equal(pouch_seal(ring, NULL, NULL, "1", 1, NULL, &envelope, &n), POUCH_OK);
    char *tag = strstr(envelope, "\"tag\":\"") + 7;
    *tag = *tag == '0' ? '1' : '0';
    assert_int_equal(pouch_open(ring, envelope, n, NULL, &plain, &n), POUCH_E_DECRYPT_FAILED);
    assert_null(strstr(pouch_why(), "1"));
    pouch_free(envelope);
}

/* acceptance: A6 */
static void the_environment_may_ask_to_stop_at_the_limit(void **state) {
    (void)state;
    char *envelope, *plain;
    size_t n;
    uint64_t generation;
    struct pl_keyset *set = pl_keyring_set(ring, &generation);
    atomic_store(&set->keys[0].count->sealed, PL_SEALS_LIMIT - 1);
    assert_int_equal(pouch_seal(ring, NULL, NULL, "1", 1, NULL, &envelope, &n), POUCH_OK);
    char *refused;
    assert_int_equal(pouch_seal(ring, NULL, NULL, "1", 1, NULL, &refused, &n), POUCH_E_CONFIG);
    assert_int_equal(pouch_open(ring, envelope, strlen(envelope), NULL, &plain, &n), POUCH_OK);
    pouch_free(envelope);
    pouch_free(plain);
    atomic_store(&set->keys[0].count->sealed, 0);
    pl_keyset_unref(set);
}

/* In a process of its own: where counts are kept is decided once. */
static void seal_three(const char *counts) {
    struct test_ringfile f;
    char *envelope;
    size_t n;
    pouch_keyring *its = test_ring(&f, "n:" TEST_KEY_N);
    bool good = !pouch_keyring_follow(its, counts);
    for (int i = 0; i < 3; i++) {
        good = good && !pouch_seal(its, NULL, NULL, "1", 1, NULL, &envelope, &n);
        pouch_free(envelope);
    }
    pouch_keyring_free(its);
    unlink(f.path);
    _exit(!good);
}

static void what_is_sealed_without_a_client_counts_where_the_ring_is_followed(void **state) {
    (void)state;
    char folder[] = "/tmp/pouch-test-public-XXXXXX", counts[64], line[64] = "";
    int status;
    assert_non_null(mkdtemp(folder));
    snprintf(counts, sizeof counts, "%s/seals", folder);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) seal_three(counts);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    FILE *file = fopen(counts, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line + 16, " 00000000000000000003\n");
    fclose(file);
    unlink(counts);
    rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_envelope_of_a_peer_opens),
        cmocka_unit_test(what_is_sealed_opens),
        cmocka_unit_test(ids_are_optional),
        cmocka_unit_test(what_cannot_be_sealed_is_told),
        cmocka_unit_test(what_cannot_be_opened_is_told),
        cmocka_unit_test(what_is_sealed_without_a_client_counts_where_the_ring_is_followed),
        cmocka_unit_test(the_environment_may_ask_to_stop_at_the_limit),
    };
    struct test_ringfile f;
    setenv("POUCH_CRYPTO_OVER_LIMIT", "stop", 1); /* read at the first use */
    ring = test_ring(&f, "k:" TEST_KEY_B "\n" TEST_KEY_A);
    unlink(f.path);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pouch_keyring_free(ring);
    return failed;
}
