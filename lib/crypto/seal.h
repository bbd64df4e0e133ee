/*
 * AES-256-GCM (NIST SP 800-38D), no AAD, 16-byte tag, with the cipher contexts kept: setting up
 * a context costs twice what sealing 256 bytes does.
 *
 * A sealer belongs to one thread at a time. It follows its ring: after a reload the next
 * message uses the new keys.
 */
#ifndef POUCH_CRYPTO_SEAL_H
#define POUCH_CRYPTO_SEAL_H

#include <crypto/keyring.h>
#include <stdbool.h>
#include <stddef.h>

enum { PL_TAG_BYTES = 16, PL_IV_MIN = 12, PL_IV_MAX = 16 };

struct pl_sealer;

enum pl_over_limit { PL_OVER_LIMIT_WARN, PL_OVER_LIMIT_STOP };

/* Takes a reference of ring. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_sealer_new(struct pl_sealer **s, pouch_keyring *ring, enum pl_over_limit over);
void pl_sealer_free(struct pl_sealer *s);

/*
 * The same for one message now and then, from any thread: the ring keeps a few sealers in
 * between, with their contexts set up. Between take and give the sealer is the caller's. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_sealer_take(struct pl_sealer **s, pouch_keyring *ring, enum pl_over_limit over);
void pl_sealer_give(struct pl_sealer *s);

/*
 * Encrypts n bytes under the ring's first key with a fresh random IV of iv_n (12 or 16) bytes.
 * out may be in. *kid is the key's id, "" for a bare key, valid until the next call on s.
 * CONFIG: the key has sealed 2^32 messages, as far as this process knows, and over is STOP. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_sealer_seal(struct pl_sealer *s, const uint8_t *in, size_t n, uint8_t *out,
                                          uint8_t iv[PL_IV_MAX], size_t iv_n, uint8_t tag[PL_TAG_BYTES],
                                          const char **kid);

/*
 * Decrypts and checks. kid_n 0: tries the ring's first PL_KEYS_TRIED keys; else only the key of
 * that kid. out may be in, unless several keys may be tried; after a failure out holds zeros.
 * DECRYPT_FAILED: one text for every cause, so that it tells a forger nothing. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_sealer_open(struct pl_sealer *s, const char *kid, size_t kid_n, const uint8_t *iv,
                                          size_t iv_n, const uint8_t tag[PL_TAG_BYTES], const uint8_t *in, size_t n,
                                          uint8_t *out);

#endif
