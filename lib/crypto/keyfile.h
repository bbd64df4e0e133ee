/* Ring files: lines of `kid:64hex` or bare `64hex`, blank lines, lines that start with #. */
#ifndef POUCH_CRYPTO_KEYFILE_H
#define POUCH_CRYPTO_KEYFILE_H

#include <crypto/keyset.h>

enum { PL_KEYFILE_MAX = 64 * 1024 };

/*
 * Adds the keys of a ring file's text to set. name is for messages. CONFIG: no key, or as pl_keyset_add(); NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_keyfile_parse(struct pl_keyset *set, const char *name, const char *text, size_t n);

/*
 * Reads path and parses it. CONFIG also when it cannot be read, is over PL_KEYFILE_MAX bytes,
 * may be read by others than its owner and group, or written by others than its owner.
 */
POUCH_MUST_CHECK pouch_err pl_keyfile_read(struct pl_keyset *set, const char *path);

/* ---- parts of the above, for those who change a file ---- */

/* The same, where no key at all is fine. */
POUCH_MUST_CHECK pouch_err pl_keyfile_parse_any(struct pl_keyset *set, const char *name, const char *text, size_t n);

/* Cuts the blanks around a line; whether a key is in it. */
bool pl_keyfile_has_key(const char **at, const char **end);

int pl_keyfile_open(const char *path); /* for reading; -1 with errno */

/*
 * The text of an open file into text, of PL_KEYFILE_MAX bytes; fewer than that are in use. CONFIG as pl_keyfile_read().
 */
POUCH_MUST_CHECK pouch_err pl_keyfile_text(int fd, const char *path, char *text, size_t *n, struct pl_key_mark *mark);

/* The file as it is now, through links; all zero when there is none. */
struct pl_key_mark pl_keyfile_look(const char *path);
bool pl_key_mark_same(const struct pl_key_mark *a, const struct pl_key_mark *b);

#endif
