/*
 * Opening with a fixed key: no input opens but what the key sealed. When the input is the
 * plaintext instead, sealing and opening it gives it back.
 */
#include <stdlib.h>
#include <string.h>
#include <wire/sealed.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct pl_sealer *sealer;
static struct pl_buf text, plain;

static void require(bool truth) {
    if (!truth) abort();
}

static void set_up(void) {
    pouch_keyring *ring;
    setenv("ENCRYPTION_KEY", "8bc63a64d2adaecb6f3cc90d2736a84970fec1eb0db73598c5dcb7ad803f9276", 1);
    require(pouch_keyring_load(&ring, NULL) == POUCH_OK);
    require(pl_sealer_new(&sealer, ring, PL_OVER_LIMIT_WARN) == POUCH_OK);
    pouch_keyring_free(ring);
    pl_buf_init(&text, 16 << 20);
    pl_buf_init(&plain, 16 << 20);
}

static void open_input(const char *at, size_t n) {
    struct pl_envelope e;
    if (pl_envelope_scan(&e, at, n)) return;
    pouch_err err = pl_sealed_open(&plain, sealer, &e);
    require(err == POUCH_OK || err == POUCH_E_DECRYPT_FAILED || (err == POUCH_E_BAD_ENVELOPE && e.error_code.at));
    require(err ? plain.len == 0 : plain.len == e.data.n / 2);
}

static void round_trip(const char *at, size_t n) {
    struct pl_seal_to to = {.publisher = "p", .reply_topic = "r", .iv_bytes = n % 2 ? 12 : 16};
    struct pl_envelope e;
    require(pl_sealed_write(&text, sealer, &to, at, n) == POUCH_OK);
    require(pl_envelope_scan(&e, text.at, text.len) == POUCH_OK);
    require(pl_sealed_open(&plain, sealer, &e) == POUCH_OK);
    require(plain.len == n && (n == 0 || !memcmp(plain.at, at, n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!sealer) set_up();
    open_input((const char *)data, n);
    round_trip((const char *)data, n);
    return 0;
}
