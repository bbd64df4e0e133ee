/* One key that signatures of tokens are checked with, for the one algorithm it was given for. Inside the room. */
#ifndef POUCH_AUTH_VERIFIER_H
#define POUCH_AUTH_VERIFIER_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum auth_algorithm { AUTH_HS256, AUTH_RS256, AUTH_ES256, AUTH_EDDSA, AUTH_ALGORITHMS };

const char *auth_algorithm_name(enum auth_algorithm a);              /* as in a token's head */
bool auth_algorithm_parse(enum auth_algorithm *a, const char *name); /* false: none of them, such as "none" */

enum { AUTH_SIGNATURE_MAX = 1024, AUTH_SECRET_LEAST = 32, AUTH_RSA_BITS_LEAST = 2048 };

struct auth_verifier;

/*
 * HS256: the first line of the file, at least 32 bytes, which its owner alone may read. The others: a public key as PEM
 * that others may not write. CONFIG: it is not such a file, or not a key for that algorithm, so that no key is ever
 * taken for another kind. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err auth_verifier_new(struct auth_verifier **v, enum auth_algorithm algorithm, const char *path);
void auth_verifier_free(struct auth_verifier *v); /* wipes a secret; NULL allowed */

enum auth_algorithm auth_verifier_algorithm(const struct auth_verifier *v);

/* Any thread. */
bool auth_verifier_check(const struct auth_verifier *v, const char *text, size_t n, const uint8_t *signature,
                         size_t signature_n);

#endif
