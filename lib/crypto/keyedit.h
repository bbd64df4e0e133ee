/*
 * Changes of a key file by operators. From _open to _close the file is locked against other operators; readers
 * are never in the way, and see the old file or the new one. Nothing is changed before _commit. Lines without a key
 * stay where they are.
 */
#ifndef POUCH_CRYPTO_KEYEDIT_H
#define POUCH_CRYPTO_KEYEDIT_H

#include <crypto/keyset.h>

struct pl_keyedit;

/* CONFIG as pl_keyfile_read(), but a file without a key is fine. OVERLOADED: another operator holds it. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_keyedit_open(struct pl_keyedit **k, const char *path);

/* The keys as changed so far; valid until the next change. */
const struct pl_keyset *pl_keyedit_keys(const struct pl_keyedit *k);

/*
 * A key is named by its kid, or by its fingerprint. After an error nothing has changed. NO_MEMORY, and:
 *   _add       EXISTS: the kid, or the key; CONFIG: not a kid, not a key (n characters of hex), too many.
 *   _activate  NOT_FOUND. The first key stays first.
 *   _retire    NOT_FOUND; NOT_ALLOWED: it is the one that seals.
 */
POUCH_MUST_CHECK pouch_err pl_keyedit_add(struct pl_keyedit *k, const char *kid, const char *hex, size_t n);
POUCH_MUST_CHECK pouch_err pl_keyedit_activate(struct pl_keyedit *k, const char *key);
POUCH_MUST_CHECK pouch_err pl_keyedit_retire(struct pl_keyedit *k, const char *key);

const struct pl_key *pl_keyedit_find(const struct pl_keyedit *k, const char *key); /* NULL: there is none */

/*
 * Replaces the file in one step, with the owner and mode it had, and waits until that is on disk. CONFIG: it stays as
 * it was. STORE: it is replaced, but may be the old one again when the machine fails now.
 */
POUCH_MUST_CHECK pouch_err pl_keyedit_commit(struct pl_keyedit *k);
void pl_keyedit_close(struct pl_keyedit *k); /* NULL allowed */

#endif
