/*
 * The access file: API keys by their hashes, and issuers of tokens. What is read is never changed; a new file makes a
 * new one. Inside the room.
 */
#ifndef POUCH_AUTH_ACCESS_H
#define POUCH_AUTH_ACCESS_H

#include <auth/verifier.h>
#include <auth/who.h>
#include <crypto/keyset.h>
#include <yaml/yaml.h>

enum { AUTH_KEYS_MAX = 256, AUTH_ISSUERS_MAX = 16, AUTH_ROLES_MAX = 64, AUTH_RATE_MOST = 100000 };

/* What a word of a token's claim stands for. */
struct auth_role {
    char *name;
    struct auth_scopes scopes;
};

struct auth_issuer {
    char *issuer, *audience;
    char *kid;   /* NULL: whatever a token says, or does not */
    char *claim; /* whose words are scopes, or names of roles where there are any */
    struct auth_verifier *verifier;
    struct auth_role *roles;
    size_t n_roles;
    int64_t skew_ms;
    struct auth_allowance allowance;
};

struct auth_access {
    _Atomic size_t refs;
    struct auth_who *keys[AUTH_KEYS_MAX];
    size_t n_keys;
    struct auth_issuer issuers[AUTH_ISSUERS_MAX];
    size_t n_issuers;
    struct pl_key_mark mark; /* of the file */
    uint64_t serial;         /* of those that have held here, from 0 on */
};

/*
 * A file without entries lets nobody in. CONFIG: it cannot be read, is open to others, or a line is wrong, named.
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err auth_access_read(struct auth_access **a, const char *path, const struct auth_topics *topics);
/* The same from memory; files of keys are looked for beside `path`. */
POUCH_MUST_CHECK pouch_err auth_access_parse(struct auth_access **a, const char *path, const char *text, size_t n,
                                             const struct auth_topics *topics);
struct auth_access *auth_access_ref(struct auth_access *a);
void auth_access_free(struct auth_access *a); /* gives one reference back; NULL allowed */

/* The key with that hash, without a reference; NULL: none. Takes the same time for each that there is. */
struct auth_who *auth_access_key(const struct auth_access *a, const uint8_t digest[AUTH_DIGEST_BYTES]);

/* The first entry that tokens of that name ("jwt:SUBJECT@ISSUER") can have come from; NULL: none. */
const struct auth_issuer *auth_access_issuer(const struct auth_access *a, const char *name);

/* access_entry.c: an entry of either list into its next place in `a`. */
struct auth_reading {
    struct auth_access *access;
    const char *path;
    const struct auth_topics *topics;
};
POUCH_MUST_CHECK pouch_err auth_key_read(const struct auth_reading *r, const struct pl_yaml *entry);
POUCH_MUST_CHECK pouch_err auth_issuer_read(const struct auth_reading *r, const struct pl_yaml *entry);

#endif
