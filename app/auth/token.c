#include <auth/base64url.h>
#include <auth/token.h>
#include <json/json.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUBJECT_MAX = 128, SECOND_MS = 1000 };
static const int64_t seconds_most = INT64_C(1) << 40;

/* The three parts as they were sent, and what was signed: the first two with their dot. */
struct parts {
    struct httpd_span head, claims, signature, text;
};

static const char *const ends[] = {
    [AUTH_TOKEN_OK] = "taken",
    [AUTH_TOKEN_MALFORMED] = "malformed",
    [AUTH_TOKEN_UNKNOWN] = "no entry of tokens has its algorithm and key id",
    [AUTH_TOKEN_FORGED] = "the signature is wrong",
    [AUTH_TOKEN_ELSEWHERE] = "it is from another issuer or for another audience",
    [AUTH_TOKEN_TIME] = "it has expired, is not valid yet, or has no exp",
    [AUTH_TOKEN_NOBODY] = "it has no sub that can be a name",
    [AUTH_TOKEN_NO_MEMORY] = "out of memory",
};

const char *auth_token_end_text(enum auth_token_end end) {
    return ends[end];
}

static bool next_part(struct httpd_span *rest, struct httpd_span *part) {
    const char *dot = rest->n ? memchr(rest->at, '.', rest->n) : NULL;
    *part = *rest;
    if (!dot) return false;
    part->n = (size_t)(dot - rest->at);
    *rest = (struct httpd_span){dot + 1, rest->n - part->n - 1};
    return true;
}

static bool split(struct httpd_span token, struct parts *p) {
    struct httpd_span rest = token;
    if (token.n > AUTH_TOKEN_MAX || !next_part(&rest, &p->head) || !next_part(&rest, &p->claims) ||
        next_part(&rest, &p->signature))
        return false;
    p->text = (struct httpd_span){token.at, p->head.n + 1 + p->claims.n};
    return p->head.n && p->claims.n && p->signature.n;
}

/* An object, strictly: a member that is there twice could be read as either. */
static json_t *object_of(struct httpd_span part) {
    uint8_t bytes[AUTH_TOKEN_MAX];
    size_t n;
    json_t *value = NULL;
    if (!auth_base64_decode(bytes, &n, part.at, part.n)) return NULL;
    if (pl_json_read(&value, "a token", (const char *)bytes, n)) value = NULL;
    OPENSSL_cleanse(bytes, n);
    if (json_is_object(value)) return value;
    json_decref(value);
    return NULL;
}

static const char *text_of(const json_t *object, const char *name) {
    return json_string_value(json_object_get(object, name));
}

/* ---- where it is from ---- */

static bool is_for(const json_t *audience, const char *ours) {
    size_t i;
    json_t *one;
    if (json_is_string(audience)) return !strcmp(json_string_value(audience), ours);
    json_array_foreach(audience, i, one) {
        if (json_is_string(one) && !strcmp(json_string_value(one), ours)) return true;
    }
    return false;
}

static bool is_from(const json_t *claims, const struct auth_issuer *i) {
    const char *issuer = text_of(claims, "iss");
    return issuer && !strcmp(issuer, i->issuer) && is_for(json_object_get(claims, "aud"), i->audience);
}

/* ---- the signature ---- */

static bool is_candidate(const struct auth_issuer *i, const char *algorithm, const char *kid) {
    return !strcmp(algorithm, auth_algorithm_name(auth_verifier_algorithm(i->verifier))) &&
           (!i->kid || (kid && !strcmp(kid, i->kid)));
}

/*
 * The entry whose key has signed it, and which is of its issuer and audience: entries may share a key. A head may
 * choose among the entries and nothing more: each key serves the one algorithm of its entry, and what a head says of
 * keys ("jwk", "jku", "x5u") is not looked at. *claims, NULL before, are read when a key has signed them and not
 * before.
 */
static enum auth_token_end find_issuer(const struct auth_access *a, const json_t *head, const struct parts *p,
                                       const struct auth_issuer **found, json_t **claims) {
    const char *algorithm = text_of(head, "alg"), *kid = text_of(head, "kid");
    uint8_t signature[AUTH_SIGNATURE_MAX];
    size_t n;
    enum auth_token_end end = AUTH_TOKEN_UNKNOWN;
    /*
     * "crit" names what a reader must understand, and nothing that may stand there is understood here (RFC 7515,
     * 4.1.11).
     */
    if (!algorithm || json_object_get(head, "crit") || p->signature.n > AUTH_BASE64_CHARS(sizeof signature) ||
        !auth_base64_decode(signature, &n, p->signature.at, p->signature.n))
        return AUTH_TOKEN_MALFORMED;
    for (size_t i = 0; i < a->n_issuers; i++) {
        if (!is_candidate(&a->issuers[i], algorithm, kid)) continue;
        *found = &a->issuers[i];
        if (end == AUTH_TOKEN_UNKNOWN) end = AUTH_TOKEN_FORGED;
        if (!auth_verifier_check((*found)->verifier, p->text.at, p->text.n, signature, n)) continue;
        if (!*claims && !(*claims = object_of(p->claims))) return AUTH_TOKEN_MALFORMED;
        if (is_from(*claims, *found)) return AUTH_TOKEN_OK;
        end = AUTH_TOKEN_ELSEWHERE;
    }
    return end;
}

/* ---- the claims ---- */

/* Seconds as milliseconds; false: it is there and no such number. */
static bool read_time(const json_t *claims, const char *name, int64_t *ms) {
    const json_t *value = json_object_get(claims, name);
    double seconds = json_number_value(value);
    if (!value) return true;
    if (!json_is_number(value) || !(seconds >= 0 && seconds < (double)seconds_most)) return false;
    *ms = (int64_t)(seconds * SECOND_MS);
    return true;
}

static bool is_timely(const json_t *claims, int64_t skew_ms, int64_t now_ms, int64_t *expires_ms) {
    int64_t begins = 0, issued = 0;
    *expires_ms = 0;
    if (!read_time(claims, "exp", expires_ms) || !read_time(claims, "nbf", &begins) ||
        !read_time(claims, "iat", &issued))
        return false;
    *expires_ms += *expires_ms ? skew_ms : 0;
    return *expires_ms > now_ms && begins <= now_ms + skew_ms && issued <= now_ms + skew_ms;
}

/* What a word of the claim stands for. Words that are no scopes, such as "openid", stand for nothing. */
static bool add_word(struct auth_scopes *scopes, const struct auth_issuer *i, const char *word, size_t n) {
    if (!i->n_roles) return auth_scopes_add(scopes, word, n) != POUCH_E_NO_MEMORY;
    for (size_t k = 0; k < i->n_roles; k++) {
        const struct auth_role *role = &i->roles[k];
        if (strlen(role->name) != n || memcmp(role->name, word, n) != 0) continue;
        for (size_t s = 0; s < role->scopes.n; s++) {
            const char *text = role->scopes.at[s].text;
            if (auth_scopes_add(scopes, text, strlen(text)) == POUCH_E_NO_MEMORY) return false;
        }
    }
    return true;
}

static bool add_words(struct auth_scopes *scopes, const struct auth_issuer *i, const char *text) {
    for (; text && *(text += strspn(text, " ")); text += strcspn(text, " "))
        if (!add_word(scopes, i, text, strcspn(text, " "))) return false;
    return true;
}

/* False: no memory. */
static bool add_claim(struct auth_scopes *scopes, const struct auth_issuer *issuer, const json_t *claim) {
    size_t i;
    json_t *one;
    if (json_is_string(claim)) return add_words(scopes, issuer, json_string_value(claim));
    json_array_foreach(claim, i, one) {
        if (json_is_string(one) && !add_words(scopes, issuer, json_string_value(one))) return false;
    }
    return true;
}

static bool is_subject(const char *text) {
    size_t n = text ? strlen(text) : 0;
    for (size_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] >= 0x7f) return false;
    return n && n <= SUBJECT_MAX;
}

static enum auth_token_end make_who(struct auth_who **who, const struct auth_issuer *i, const json_t *claims,
                                    const struct auth_topics *topics, int64_t expires_ms) {
    const char *subject = text_of(claims, "sub");
    char *name;
    if (!is_subject(subject)) return AUTH_TOKEN_NOBODY;
    if (asprintf(&name, "jwt:%s@%s", subject, i->issuer) < 0) return AUTH_TOKEN_NO_MEMORY;
    pouch_err e = auth_who_new(who, AUTH_BY_TOKEN, name, topics);
    free(name);
    if (e) return AUTH_TOKEN_NO_MEMORY;
    (*who)->expires_ms = expires_ms;
    if (!auth_allowance_copy(&(*who)->allowance, &i->allowance) &&
        add_claim(&(*who)->scopes, i, json_object_get(claims, i->claim)))
        return AUTH_TOKEN_OK;
    auth_who_free(*who);
    *who = NULL;
    return AUTH_TOKEN_NO_MEMORY;
}

static enum auth_token_end read_claims(struct auth_who **who, const struct auth_issuer *i, const json_t *claims,
                                       const struct auth_topics *topics, int64_t now_ms) {
    int64_t expires_ms;
    if (!is_timely(claims, i->skew_ms, now_ms, &expires_ms)) return AUTH_TOKEN_TIME;
    return make_who(who, i, claims, topics, expires_ms);
}

enum auth_token_end auth_token_read(struct auth_who **who, const struct auth_access *access, struct httpd_span token,
                                    const struct auth_topics *topics, int64_t now_ms) {
    const struct auth_issuer *issuer;
    struct parts p;
    *who = NULL;
    if (!split(token, &p)) return AUTH_TOKEN_MALFORMED;
    json_t *head = object_of(p.head), *claims = NULL;
    enum auth_token_end end = head ? find_issuer(access, head, &p, &issuer, &claims) : AUTH_TOKEN_MALFORMED;
    json_decref(head);
    if (!end) end = read_claims(who, issuer, claims, topics, now_ms);
    json_decref(claims);
    return end;
}
