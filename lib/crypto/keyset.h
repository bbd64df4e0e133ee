/*
 * An immutable set of keys, and the process-wide count of each key's use. A set is filled by
 * one thread, then shared; its secrets lie on pages of their own.
 */
#ifndef POUCH_CRYPTO_KEYSET_H
#define POUCH_CRYPTO_KEYSET_H

#include <crypto/keyring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* NIST SP 800-38D 8.3: with random IVs a key may seal 2^32 messages; half way there we warn. */
#define PL_SEALS_WARN  (UINT64_C(1) << 31)
#define PL_SEALS_LIMIT (UINT64_C(1) << 32)

/*
 * One key's use by this process: shared by all sets that hold the key, so neither a reload nor
 * a second ring starts the count anew. Lives as long as some set holds the key, and until what it sealed is kept.
 */
struct pl_key_count {
    struct pl_key_count *next; /* with refs and kid under the table's lock */
    size_t refs;
    uint8_t digest[32];       /* SHA-256 of the key */
    char fingerprint[9];      /* its first 8 hex digits */
    char kid[PL_KID_MAX + 1]; /* as last loaded */
    _Atomic uint64_t sealed, opened;
    _Atomic uint64_t
        others; /* sealed before this process began, or by other processes of this host, as far as is known */
    _Atomic int64_t last_used_ms;
    _Atomic unsigned warned; /* how near to its limit the log has been told it is */
    _Atomic uint64_t kept;   /* so many of sealed are in the file */
    bool known;              /* others was read from it; pl_key_counts_save()'s alone */
};

/* NO_MEMORY */
POUCH_MUST_CHECK pouch_err pl_key_count_get(struct pl_key_count **c, const uint8_t secret[PL_KEY_BYTES],
                                            const char *kid);
void pl_key_count_put(struct pl_key_count *c); /* NULL allowed */

/*
 * From now on what keys seal is kept in file (NULL: "seals" in the state folder), and counted together with what other
 * processes of this host seal. The first call decides for the process. That the file cannot be used is logged, and
 * counting goes on without it.
 */
void pl_key_counts_keep(const char *file);
/* what has come since; nothing before the call above. Any thread; not on a hot path: it writes */
void pl_key_counts_save(void);

/* What tells one state of a key file from the next. */
struct pl_key_mark {
    bool regular; /* a file that can be looked at again; all zero: there is none */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec written, changed;
};

struct pl_key {
    const uint8_t *secret; /* PL_KEY_BYTES in the set's pages */
    char kid[PL_KID_MAX + 1];
    size_t kid_n;
    struct pl_key_count *count;
};

struct pl_keyset {
    _Atomic size_t refs;
    size_t n;
    struct pl_key keys[PL_KEYS_MAX]; /* the first seals */
    uint8_t (*secrets)[PL_KEY_BYTES];
    struct pl_key_mark mark; /* of the file that they were read from */
};

POUCH_MUST_CHECK pouch_err pl_keyset_new(struct pl_keyset **set); /* empty; NO_MEMORY */
struct pl_keyset *pl_keyset_ref(struct pl_keyset *set);
void pl_keyset_unref(struct pl_keyset *set); /* wipes the secrets with the last; NULL allowed */

/*
 * Adds the key `hex` (64 digits) under a kid of kid_n characters. CONFIG: not 64 digits, not a
 * kid, a key or kid that is already there, a full set; pouch_why() begins with `where`,
 * "line 3 of FILE", and never quotes. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_keyset_add(struct pl_keyset *set, const char *where, const char *kid, size_t kid_n,
                                         const char *hex, size_t hex_n);

bool pl_kid_valid(const char *kid, size_t n); /* 0 characters: a key without a kid */

const struct pl_key *pl_keyset_find(const struct pl_keyset *set, const char *kid, size_t kid_n); /* NULL: not there */

#endif
