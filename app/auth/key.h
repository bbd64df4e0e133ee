/*
 * API keys: "pouch_" and 256 random bits. The access file has their SHA-256: what is slow by design (scrypt, Argon2) is
 * for passwords, of which somebody can try the likely ones; there is no likely one among 2^256.
 */
#ifndef POUCH_AUTH_KEY_H
#define POUCH_AUTH_KEY_H

#include <auth/who.h>
#include <httpd/head.h>

#define AUTH_KEY_PREFIX "pouch_"
enum { AUTH_KEY_CHARS = sizeof AUTH_KEY_PREFIX - 1 + 43 };

/* A new key and its NUL, to be wiped when it was shown. NO_MEMORY: no random bytes. */
POUCH_MUST_CHECK pouch_err auth_key_generate(char out[AUTH_KEY_CHARS + 1]);

/* Whether it has the form of a key. */
bool auth_key_is(struct httpd_span text);

POUCH_MUST_CHECK pouch_err auth_digest(uint8_t out[AUTH_DIGEST_BYTES], const void *text, size_t n); /* NO_MEMORY */

#endif
