/* The ring behind pouch_keyring: an immutable set of keys, swapped whole on reload. */
#ifndef POUCH_CRYPTO_KEYRING_H
#define POUCH_CRYPTO_KEYRING_H

#include <pouch/key.h>
#include <stddef.h>
#include <stdint.h>

enum { PL_KEY_BYTES = 32, PL_KID_MAX = 64, PL_KEYS_MAX = 16, PL_KEYS_TRIED = 4 };

pouch_keyring *pl_keyring_ref(pouch_keyring *ring); /* one more reference; free with pouch_keyring_free() */

/* Reloads, and writes to the log what came of it. */
pouch_err pl_keyring_renew(pouch_keyring *ring);

/*
 * One key's use, for metrics: kid ("" for a bare key), a fingerprint that tells keys apart (8 hex of SHA-256), counts
 * of this process.
 */
struct pl_key_use {
    char kid[PL_KID_MAX + 1];
    char fingerprint[9];
    uint64_t sealed, opened;
    uint64_t sealed_ever; /* by all processes of this host, over restarts, where that is kept */
    int64_t last_used_ms; /* 0: never */
};
size_t pl_keyring_uses(pouch_keyring *ring, struct pl_key_use *out, size_t max);

/*
 * A key for another use than sealing messages, derived from the i-th of the ring: the same for all who have that key,
 * and of no help to who looks for it. The caller wipes it. NOT_FOUND: past the last. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_keyring_derive(pouch_keyring *ring, size_t i, const char *label,
                                             uint8_t out[PL_KEY_BYTES]);

#endif
