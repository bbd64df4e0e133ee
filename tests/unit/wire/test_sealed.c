/* Sealed envelopes: a peer's vectors, round trips, and what an altered one comes to. */
#include <support.h>

#include "../crypto/ringfile.h"
#include "vectors.h"
#include <base/hex.h>
#include <wire/sealed.h>

static struct pl_buf plain, text;

static struct pl_sealer *sealer_of(const char *ring_text) {
    struct test_ringfile f;
    struct pl_sealer *s;
    pouch_keyring *ring = test_ring(&f, ring_text);
    assert_int_equal(pl_sealer_new(&s, ring, PL_OVER_LIMIT_WARN), POUCH_OK);
    pouch_keyring_free(ring); /* the sealer has its own reference */
    unlink(f.path);
    return s;
}

static pouch_err open_text(struct pl_sealer *s, const char *at, size_t n) {
    struct pl_envelope e;
    pouch_err err = pl_envelope_scan(&e, at, n);
    return err ? err : pl_sealed_open(&plain, s, &e);
}

static int replies_read;

/* A vector that is a reply is one for the dialect too, and its inner id is the outer one. */
static void check_reply(const struct test_vector *v) {
    struct pl_reply_text reply;
    struct pl_envelope e;
    assert_int_equal(pl_envelope_scan(&e, v->envelope, v->envelope_n), POUCH_OK);
    assert_int_equal(pl_dialect_splp.read_reply(&reply, plain.at, plain.len), POUCH_OK);
    assert_memory_equal(&reply.id, &e.id, sizeof e.id);
    assert_true(reply.success);
    assert_true(reply.timestamp > 1600000000000);
    assert_true(pl_json_valid(reply.payload.at, reply.payload.n));
    replies_read++;
}

static void check_vector(const struct test_vector *v) {
    struct pl_sealer *s = sealer_of(v->key);
    if (open_text(s, v->envelope, v->envelope_n)) fail_msg("%s: %s", v->envelope, pouch_why());
    assert_int_equal(plain.len, v->plaintext_n);
    assert_memory_equal(plain.at, v->plaintext, plain.len);
    assert_int_equal(plain.at[plain.len], 0);
    struct pl_span payload;
    if (!strcmp(v->kind, "reply"))
        check_reply(v);
    else
        assert_int_equal(pl_dialect_splp.read_request(&payload, plain.at, plain.len), POUCH_OK);
    pl_sealer_free(s);
}

/* acceptance: A6 A8 A14 */
static void every_envelope_of_a_peer_opens_to_its_plaintext(void **state) {
    (void)state;
    assert_int_equal(test_vectors(check_vector), 60);
    assert_int_equal(replies_read, 30);
}

/* Flips each bit of the n bytes that the hex digits at `at` stand for; none may open. */
static void flip_bits(struct pl_sealer *s, char *envelope, size_t envelope_n, struct pl_span hex) {
    char *digits = envelope + (hex.at - envelope);
    for (size_t i = 0; i < hex.n; i++) {
        char was[2], flipped[2];
        uint8_t byte;
        memcpy(was, digits + i / 2 * 2, 2);
        for (unsigned bit = i % 2 * 4; bit < i % 2 * 4 + 4; bit++) {
            assert_true(pl_hex_decode(&byte, was, 1));
            byte ^= (uint8_t)(1u << bit);
            pl_hex_encode(flipped, &byte, 1);
            memcpy(digits + i / 2 * 2, flipped, 2);
            assert_int_equal(open_text(s, envelope, envelope_n), POUCH_E_DECRYPT_FAILED);
            assert_int_equal(plain.len, 0);
        }
        memcpy(digits + i / 2 * 2, was, 2);
    }
}

static void flip_vector(const struct test_vector *v) {
    struct pl_envelope e;
    if (v->envelope_n > 2000) return; /* the same again, at length */
    struct pl_sealer *s = sealer_of(v->key);
    assert_int_equal(pl_envelope_scan(&e, v->envelope, v->envelope_n), POUCH_OK);
    flip_bits(s, v->envelope, v->envelope_n, e.data);
    flip_bits(s, v->envelope, v->envelope_n, e.iv);
    flip_bits(s, v->envelope, v->envelope_n, e.tag);
    assert_int_equal(open_text(s, v->envelope, v->envelope_n), POUCH_OK);
    pl_sealer_free(s);
}

/* acceptance: A6 */
static void an_envelope_with_any_bit_flipped_does_not_open(void **state) {
    (void)state;
    assert_int_equal(test_vectors(flip_vector), 60);
}

/* acceptance: A6 A8 */
static void what_is_written_is_scanned_and_opens_at_every_size(void **state) {
    (void)state;
    static char in[4097];
    struct pl_sealer *s = sealer_of("k1:" TEST_KEY_A);
    struct pl_seal_to to = {.publisher = "bank", .reply_topic = "a.replies", .source_topic = "inbox"};
    memset(to.id.b, 0xab, sizeof to.id.b);
    memset(in, '7', sizeof in);
    for (size_t n = 0; n <= 4096; n++) {
        to.iv_bytes = n % 2 ? 12 : 16;
        struct pl_envelope e;
        assert_int_equal(pl_sealed_write(&text, s, &to, in, n), POUCH_OK);
        assert_true(text.len <= pl_sealed_size(&to, n));
        assert_int_equal(pl_envelope_scan(&e, text.at, text.len), POUCH_OK);
        assert_memory_equal(&e.id, &to.id, sizeof e.id);
        assert_int_equal(e.iv.n, 2 * to.iv_bytes);
        assert_int_equal(e.worker_name.n + e.reply_topic.n + e.source_topic.n + e.kid.n, 4 + 9 + 5 + 2);
        assert_int_equal(pl_sealed_open(&plain, s, &e), POUCH_OK);
        assert_int_equal(plain.len, n);
        assert_memory_equal(plain.at, in, n);
    }
    pl_sealer_free(s);
}

/* acceptance: A8 */
static void members_are_written_in_the_documents_order_and_left_out_when_absent(void **state) {
    (void)state;
    struct pl_sealer *s = sealer_of(TEST_KEY_A);
    struct pl_seal_to to = {.reply_topic = "r", .iv_bytes = 12};
    assert_int_equal(pl_sealed_write(&text, s, &to, "1", 1), POUCH_OK);
    static const char shape[] =
        "{\"request_id\":\"00000000-0000-0000-0000-000000000000\",\"data\":\"??\",\"iv\":\"????????????????????????\","
        "\"tag\":\"????????????????????????????????\",\"replyTopic\":\"r\"}";
    assert_int_equal(text.len, sizeof shape - 1);
    for (size_t i = 0; i < text.len; i++) {
        if (shape[i] == '?')
            assert_true(text.at[i] && strchr("0123456789abcdef", text.at[i]));
        else
            assert_int_equal(text.at[i], shape[i]);
    }
    pl_sealer_free(s);
}

static void a_buffer_too_small_is_told_and_nothing_written(void **state) {
    (void)state;
    struct pl_sealer *s = sealer_of(TEST_KEY_A);
    struct pl_seal_to to = {.iv_bytes = 12};
    struct pl_envelope e;
    struct pl_buf small;
    pl_buf_init(&small, 100);
    assert_int_equal(pl_sealed_write(&small, s, &to, "1", 1), POUCH_E_TOO_LARGE);
    assert_int_equal(small.len, 0);
    assert_int_equal(pl_sealed_write(&text, s, &to, text.at, 60), POUCH_OK);
    assert_int_equal(pl_envelope_scan(&e, text.at, text.len), POUCH_OK);
    assert_int_equal(pl_sealed_open(&small, s, &e), POUCH_E_TOO_LARGE);
    pl_buf_free(&small);
    pl_sealer_free(s);
}

static void an_error_in_clear_cannot_be_opened(void **state) {
    (void)state;
    static const char error[] =
        "{\"request_id\":\"00000000-0000-0000-0000-000000000000\",\"error\":{\"code\":\"no_route\"}}";
    struct pl_sealer *s = sealer_of(TEST_KEY_A);
    assert_int_equal(pl_buf_puts(&plain, "an earlier message"), POUCH_OK);
    assert_int_equal(open_text(s, error, sizeof error - 1), POUCH_E_BAD_ENVELOPE);
    assert_int_equal(plain.len, 0);
    pl_sealer_free(s);
}

static void a_kid_chooses_the_key_and_a_wrong_one_opens_nothing(void **state) {
    (void)state;
    struct pl_sealer *writer = sealer_of("k5:" TEST_KEY_E);
    struct pl_sealer *reader = sealer_of(TEST_KEY_A "\n" TEST_KEY_B "\n" TEST_KEY_C "\n" TEST_KEY_D "\nk5:" TEST_KEY_E);
    struct pl_sealer *stranger = sealer_of("k6:" TEST_KEY_E);
    struct pl_seal_to to = {.iv_bytes = 16};
    assert_int_equal(pl_sealed_write(&text, writer, &to, "{}", 2), POUCH_OK);
    assert_int_equal(open_text(reader, text.at, text.len), POUCH_OK);
    assert_int_equal(open_text(stranger, text.at, text.len), POUCH_E_DECRYPT_FAILED);
    pl_sealer_free(writer);
    pl_sealer_free(reader);
    pl_sealer_free(stranger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_envelope_of_a_peer_opens_to_its_plaintext),
        cmocka_unit_test(an_envelope_with_any_bit_flipped_does_not_open),
        cmocka_unit_test(what_is_written_is_scanned_and_opens_at_every_size),
        cmocka_unit_test(members_are_written_in_the_documents_order_and_left_out_when_absent),
        cmocka_unit_test(a_buffer_too_small_is_told_and_nothing_written),
        cmocka_unit_test(an_error_in_clear_cannot_be_opened),
        cmocka_unit_test(a_kid_chooses_the_key_and_a_wrong_one_opens_nothing),
    };
    pl_buf_init(&plain, 1 << 20);
    pl_buf_init(&text, 1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pl_buf_free(&plain);
    pl_buf_free(&text);
    return failed;
}
