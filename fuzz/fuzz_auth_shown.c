/*
 * What strangers show and operators write: tokens (signed here, so that the reading of their claims is reached),
 * tickets, scopes and access files. What is taken has a name and bounds, and what was not signed or sealed here is
 * never taken.
 */
#include <auth/base64url.h>
#include <auth/ticket.h>
#include <auth/token.h>
#include <base/why.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define SECRET "a secret of thirty-two bytes, say"

enum { TEXT_MAX = 4096, NOW_S = 1700000000 };

static const struct auth_topics topics = {(char *)"*", (char *)"internal.*"};
static struct auth_access *access_made;
static pouch_keyring *ring;

static void require(bool truth) {
    if (!truth) abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    static const char text[] =
        "tokens:\n  - {issuer: i, audience: a, algorithm: HS256, key: secret, roles: {r: \"ask:x read.*\"}}\n";
    char folder[] = "/tmp/pouch-fuzz-XXXXXX", path[64];
    (void)argc, (void)argv;
    require(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/secret", folder);
    FILE *f = fopen(path, "w");
    require(f && fputs(SECRET "\n", f) >= 0 && !fclose(f) && !chmod(path, 0600));
    char beside[80];
    snprintf(beside, sizeof beside, "%s/access.yaml", folder);
    require(!auth_access_parse(&access_made, beside, text, sizeof text - 1, &topics));
    require(!unlink(path) && !rmdir(folder));
    require(!setenv("ENCRYPTION_KEY", "8bc63a64d2adaecb6f3cc90d2736a84970fec1eb0db73598c5dcb7ad803f9276", 1));
    require(!pouch_keyring_load(&ring, NULL));
    return 0;
}

static enum auth_token_end read_token(const char *token, size_t n, struct auth_who **who) {
    enum auth_token_end end =
        auth_token_read(who, access_made, (struct httpd_span){token, n}, &topics, INT64_C(1000) * NOW_S);
    require((end == AUTH_TOKEN_OK) == (*who != NULL));
    return end;
}

static size_t put(char *out, const uint8_t *in, size_t n) {
    auth_base64_encode(out, in, n);
    return AUTH_BASE64_CHARS(n);
}

/* The input is a head and claims, cut at its first NUL. */
static void sign_and_read(const uint8_t *data, size_t n) {
    static char token[4 * TEXT_MAX];
    const uint8_t *cut = memchr(data, 0, n);
    size_t head_n = cut ? (size_t)(cut - data) : n, claims_n = cut ? n - head_n - 1 : 0, at;
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_n;
    struct auth_who *who;
    at = put(token, data, head_n);
    token[at++] = '.';
    at += put(token + at, cut ? cut + 1 : data, claims_n);
    require(HMAC(EVP_sha256(), SECRET, sizeof SECRET - 1, (uint8_t *)token, at, mac, &mac_n));
    token[at++] = '.';
    at += put(token + at, mac, mac_n);
    if (read_token(token, at, &who) == AUTH_TOKEN_OK) {
        require(!strncmp(auth_who_name(who), "jwt:", 4) && auth_who_expires(who) > INT64_C(1000) * NOW_S);
        for (size_t i = 0; auth_who_scope(who, i); i++)
            require(!strcmp(auth_who_scope(who, i), "ask:x") || !strcmp(auth_who_scope(who, i), "read.*"));
    }
    auth_who_free(who);
}

static void read_unsigned(const uint8_t *data, size_t n) {
    struct auth_who *who;
    require(read_token((const char *)data, n, &who) != AUTH_TOKEN_OK);
}

static void read_ticket(const uint8_t *data, size_t n) {
    char text[TEXT_MAX + 1];
    struct auth_ticket t;
    memcpy(text, data, n);
    text[n] = 0;
    require(auth_ticket_read(ring, text, &t) == POUCH_E_NOT_ALLOWED);
}

static void read_scope(const uint8_t *data, size_t n) {
    struct auth_scopes s = {0};
    if (!auth_scopes_add(&s, (const char *)data, n)) {
        require(s.n == 1 && s.at[0].actions);
        require(auth_scopes_allow(&s, AUTH_ASK, NULL) <= auth_scopes_allow_some(&s, AUTH_ASK));
    }
    auth_scopes_free(&s);
}

/* Without issuers, whose keys are files. */
static void read_access(const uint8_t *data, size_t n) {
    struct auth_access *a;
    if (memmem(data, n, "tokens", 6)) return;
    if (auth_access_parse(&a, "FILE", (const char *)data, n, &topics)) return;
    require(a->n_keys <= AUTH_KEYS_MAX); /* none: an empty file lets nobody in */
    for (size_t i = 0; i < a->n_keys; i++)
        require(auth_access_key(a, a->keys[i]->digest) == a->keys[i] && auth_who_scope(a->keys[i], 0));
    auth_access_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static void (*const readers[])(const uint8_t *, size_t) = {sign_and_read, read_unsigned, read_ticket, read_scope,
                                                               read_access};
    if (!n || n > TEXT_MAX) return 0;
    readers[data[0] % 5](data + 1, n - 1);
    return 0;
}
