/*
 * What sealing costs, beside the least it could: the same cipher with its context kept, hex by
 * table, and JSON by a fixed template that nobody checks. Both in turns, in short rounds; the
 * medians are compared.
 */
#include <base/hex.h>
#include <base/why.h>
#include <bench/bench.h>
#include <crypto/random.h>
#include <crypto/seal.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wire/sealed.h>

enum { ROUNDS = 101, IV = 16, SIZE_MOST = 1 << 20 };

#define TEMPLATE_HEAD "{\"request_id\":\"00000000-0000-4000-8000-000000000000\",\"data\":\""

struct bare {
    EVP_CIPHER_CTX *seal, *open;
    uint8_t *cipher;
    char *envelope, *plain;
};

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The bare envelope's layout: head, 2n digits of data, `","iv":"`, 32 digits, `","tag":"`, 32 digits, `"}`. */
static size_t at_iv(size_t n) {
    return sizeof TEMPLATE_HEAD - 1 + 2 * n + 8;
}

static size_t at_tag(size_t n) {
    return at_iv(n) + 2 * IV + 9;
}

static bool bare_seal(struct bare *b, const char *json, size_t n) {
    uint8_t iv[IV], tag[PL_TAG_BYTES];
    int got;
    if (pl_random(iv, sizeof iv) || !EVP_EncryptInit_ex(b->seal, NULL, NULL, NULL, iv) ||
        !EVP_EncryptUpdate(b->seal, b->cipher, &got, (const uint8_t *)json, (int)n) ||
        !EVP_EncryptFinal_ex(b->seal, b->cipher + got, &got) ||
        !EVP_CIPHER_CTX_ctrl(b->seal, EVP_CTRL_AEAD_GET_TAG, PL_TAG_BYTES, tag))
        return false;
    char *out = b->envelope;
    memcpy(out, TEMPLATE_HEAD, sizeof TEMPLATE_HEAD - 1);
    pl_hex_encode(out + sizeof TEMPLATE_HEAD - 1, b->cipher, n);
    memcpy(out + at_iv(n) - 8, "\",\"iv\":\"", 8);
    pl_hex_encode(out + at_iv(n), iv, IV);
    memcpy(out + at_tag(n) - 9, "\",\"tag\":\"", 9);
    pl_hex_encode(out + at_tag(n), tag, PL_TAG_BYTES);
    memcpy(out + at_tag(n) + 2 * PL_TAG_BYTES, "\"}", 2);
    return true;
}

static bool bare_open(struct bare *b, size_t n) {
    uint8_t iv[IV], tag[PL_TAG_BYTES];
    int got;
    const char *in = b->envelope;
    return pl_hex_decode(b->cipher, in + sizeof TEMPLATE_HEAD - 1, n) && pl_hex_decode(iv, in + at_iv(n), IV) &&
           pl_hex_decode(tag, in + at_tag(n), PL_TAG_BYTES) && EVP_DecryptInit_ex(b->open, NULL, NULL, NULL, iv) &&
           EVP_CIPHER_CTX_ctrl(b->open, EVP_CTRL_AEAD_SET_TAG, PL_TAG_BYTES, tag) &&
           EVP_DecryptUpdate(b->open, (uint8_t *)b->plain, &got, b->cipher, (int)n) &&
           EVP_DecryptFinal_ex(b->open, (uint8_t *)b->plain + got, &got) > 0;
}

static bool bare_init(struct bare *b, size_t n) {
    uint8_t key[PL_KEY_BYTES], iv[IV] = {0};
    b->seal = EVP_CIPHER_CTX_new();
    b->open = EVP_CIPHER_CTX_new();
    b->cipher = malloc(n + PL_TAG_BYTES);
    b->plain = malloc(n + PL_TAG_BYTES);
    b->envelope = malloc(2 * n + 512);
    return b->seal && b->open && b->cipher && b->plain && b->envelope && !pl_random(key, sizeof key) &&
           EVP_EncryptInit_ex(b->seal, EVP_aes_256_gcm(), NULL, NULL, NULL) &&
           EVP_CIPHER_CTX_ctrl(b->seal, EVP_CTRL_AEAD_SET_IVLEN, IV, NULL) &&
           EVP_EncryptInit_ex(b->seal, NULL, NULL, key, iv) &&
           EVP_DecryptInit_ex(b->open, EVP_aes_256_gcm(), NULL, NULL, NULL) &&
           EVP_CIPHER_CTX_ctrl(b->open, EVP_CTRL_AEAD_SET_IVLEN, IV, NULL) &&
           EVP_DecryptInit_ex(b->open, NULL, NULL, key, iv);
}

static void bare_free(struct bare *b) {
    EVP_CIPHER_CTX_free(b->seal);
    EVP_CIPHER_CTX_free(b->open);
    free(b->cipher);
    free(b->plain);
    free(b->envelope);
}

struct work {
    struct pl_sealer *sealer;
    struct pl_buf envelope, plain;
    struct pl_seal_to to;
    struct bare bare;
    char *json;
    size_t n;
};

static pouch_err our_seal(struct work *w) {
    return pl_sealed_write(&w->envelope, w->sealer, &w->to, w->json, w->n);
}

static pouch_err our_open(struct work *w) {
    struct pl_envelope e;
    pouch_err failed = pl_envelope_scan(&e, w->envelope.at, w->envelope.len);
    return failed ? failed : pl_sealed_open(&w->plain, w->sealer, &e);
}

static pouch_err their_seal(struct work *w) {
    return bare_seal(&w->bare, w->json, w->n) ? POUCH_OK : pl_fail(POUCH_E_CONFIG, "OpenSSL refused to encrypt");
}

static pouch_err their_open(struct work *w) {
    return bare_open(&w->bare, w->n) ? POUCH_OK : pl_fail(POUCH_E_CONFIG, "OpenSSL refused to decrypt");
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static pouch_err measure(struct work *w, int64_t count, struct bench_seal_result *result) {
    static pouch_err (*const works[])(struct work *) = {our_seal, our_open, their_seal, their_open};
    enum { WORKS = sizeof works / sizeof works[0] };
    double took[WORKS][ROUNDS];
    int64_t each = count / ROUNDS + 1;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < WORKS; i++) {
            int64_t begin = now_ns();
            for (int64_t k = 0; k < each; k++) {
                pouch_err e = works[i](w);
                if (e) return e;
            }
            took[i][round] = (double)(now_ns() - begin) / (double)each;
        }
    for (int i = 0; i < WORKS; i++) qsort(took[i], ROUNDS, sizeof took[i][0], ascending);
    *result =
        (struct bench_seal_result){took[0][ROUNDS / 2], took[1][ROUNDS / 2], took[2][ROUNDS / 2], took[3][ROUNDS / 2]};
    return POUCH_OK;
}

pouch_err bench_seal(pouch_keyring *ring, size_t size, int64_t count, struct bench_seal_result *result) {
    if (size < 2 || size > SIZE_MOST) return pl_fail(POUCH_E_CONFIG, "the size is from 2 to %d bytes", SIZE_MOST);
    struct work w = {.to = {.reply_topic = "bench.replies", .iv_bytes = IV}, .n = size, .json = malloc(size)};
    pl_buf_init(&w.envelope, 4 * SIZE_MOST);
    pl_buf_init(&w.plain, 4 * SIZE_MOST);
    pouch_err e = w.json && bare_init(&w.bare, size) ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    if (!e) {
        memset(w.json, 'x', size);
        w.json[0] = w.json[size - 1] = '"';
        e = pl_random_uuid(&w.to.id);
    }
    if (!e) e = pl_sealer_new(&w.sealer, ring, PL_OVER_LIMIT_WARN);
    if (!e) e = measure(&w, count, result);
    pl_sealer_free(w.sealer);
    bare_free(&w.bare);
    pl_buf_wipe(&w.plain);
    pl_buf_free(&w.envelope);
    free(w.json);
    return e;
}
