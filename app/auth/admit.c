/* From what a request shows to who it is. */
#include <arpa/inet.h>
#include <auth/key.h>
#include <auth/origin.h>
#include <auth/state.h>
#include <auth/ticket.h>
#include <auth/token.h>
#include <base/log.h>
#include <base/why.h>
#include <crypto/random.h>
#include <metrics/metrics.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { UNKNOWN = 401, FORBIDDEN = 403, TOO_MANY = 429, UNAVAILABLE = 503, SECOND_US = 1000000 };

/* What an address may get wrong: some at once, then one in a while. */
static const struct auth_rate failures = {.interval_us = 6 * SECOND_US, .burst = 20};

/* ---- refusals ---- */

static struct auth_who *refuse(struct auth_refusal *no, int status, enum pl_metric metric, const char *why) {
    *no = (struct auth_refusal){.status = status, .why = why};
    pl_metric_add(metric, 1);
    return NULL;
}

static int seconds_of(int64_t us) {
    return (int)((us + SECOND_US - 1) / SECOND_US);
}

/* An address, or of IPv6 the half of it that says which network: the other half is its owner's to choose. */
static size_t place_of(const char *peer, uint8_t out[16]) {
    struct in6_addr v6;
    memset(out, 0, 16);
    if (inet_pton(AF_INET6, peer, &v6) != 1) {
        size_t n = strnlen(peer, 16);
        memcpy(out, peer, n);
        return n;
    }
    memcpy(out, &v6, 8);
    return 8;
}

/*
 * Counted when it has failed and not looked at before: behind a proxy all have one address, and whoever fails there on
 * purpose must not keep out who shows something good.
 */
static struct auth_who *failed(struct auth *a, const struct auth_shown *shown, struct auth_refusal *no,
                               const char *why) {
    uint8_t place[16];
    size_t n = place_of(shown->peer, place);
    int64_t wait = auth_rate_take(&a->failures, failures, place, n, pl_mono_us(a->clock));
    if (!wait) return refuse(no, UNKNOWN, PL_M_ADMIT_WRONG, why);
    refuse(no, TOO_MANY, PL_M_ADMIT_SLOWED, "too many attempts that failed have come from this address: wait");
    no->retry_after_s = seconds_of(wait);
    return NULL;
}

static struct auth_who *expired(struct auth_refusal *no) {
    return refuse(no, UNKNOWN, PL_M_ADMIT_EXPIRED, "the key, token or ticket has expired: ask for a new one");
}

static struct auth_who *no_memory(struct auth_refusal *no) {
    refuse(no, UNAVAILABLE, PL_M_ADMIT_FAILED, "out of memory: try again");
    no->retry_after_s = 1;
    return NULL;
}

/* ---- without anything to show ---- */

/*
 * A browser sends what any page asks it to, so a request to this host proves nothing about who wants it. A page of
 * another site is told by Sec-Fetch-Site, unless gateway.origins lists it or the person has opened a page of ours from
 * it; one whose name was made to point here (DNS rebinding) by the name of the host; what came through a proxy by the
 * fields it adds.
 */
static bool is_from_here(const struct auth *a, const struct auth_shown *shown) {
    bool elsewhere = shown->fetch_site.at && !httpd_span_is(shown->fetch_site, "same-origin") &&
                     !httpd_span_is(shown->fetch_site, "none");
    bool opened =
        shown->fetch_mode.at && httpd_span_is(shown->fetch_mode, "navigate") && httpd_span_is(shown->method, "GET");
    bool listed = shown->origin.at && auth_origin_is_listed(shown->origin, a->origins);
    return auth_peer_is_local(shown->peer) && !shown->forwarded && shown->host.at && auth_host_is_local(shown->host) &&
           (!elsewhere || opened || listed);
}

static struct auth_who *admit_nobody(struct auth *a, const struct auth_shown *shown, struct auth_refusal *no) {
    if (!a->anybody)
        return refuse(no, UNKNOWN, PL_M_ADMIT_MISSING,
                      "say who you are: an API key or a token behind `Authorization: Bearer`, or a key in `X-API-Key`");
    if (!a->open && !is_from_here(a, shown))
        return refuse(no, FORBIDDEN, PL_M_ADMIT_PLACE,
                      "without keys this gateway serves programs of its own host alone, at a name such as localhost, "
                      "with no proxy and no page of another site between; gateway.access lets in others");
    return auth_who_ref(a->anybody);
}

/* ---- keys, tokens, tickets ---- */

static struct auth_who *admit_key(struct auth *a, const struct auth_shown *shown, struct httpd_span key,
                                  struct auth_refusal *no) {
    uint8_t digest[AUTH_DIGEST_BYTES];
    if (!auth_key_is(key)) return failed(a, shown, no, "the key is not known here");
    if (auth_digest(digest, key.at, key.n)) return no_memory(no);
    struct auth_access *access = auth_access_now(a);
    struct auth_who *who = access ? auth_access_key(access, digest) : NULL;
    if (who) auth_who_ref(who);
    auth_access_free(access);
    return who ? who : failed(a, shown, no, "the key is not known here");
}

static struct auth_who *check_token(struct auth *a, const struct auth_shown *shown, struct httpd_span token,
                                    struct auth_refusal *no) {
    struct auth_access *access = auth_access_now(a);
    struct auth_who *who = NULL;
    enum auth_token_end end =
        access ? auth_token_read(&who, access, token, &a->topics, pl_wall_ms(a->clock)) : AUTH_TOKEN_UNKNOWN;
    if (who) who->serial = access->serial;
    auth_access_free(access);
    if (end == AUTH_TOKEN_OK) return who;
    if (end == AUTH_TOKEN_NO_MEMORY) return no_memory(no);
    if (end == AUTH_TOKEN_TIME)
        expired(no);
    else
        failed(a, shown, no, "the token is not taken here");
    if (no->status == UNKNOWN) /* so that the log is bounded by the rate too */
        PL_LOG(PL_LOG_INFO, "a token was refused", "why", auth_token_end_text(end), "peer", shown->peer);
    return NULL;
}

static struct auth_who *admit_token(struct auth *a, const struct auth_shown *shown, struct httpd_span token,
                                    struct auth_refusal *no) {
    uint8_t digest[AUTH_DIGEST_BYTES];
    uint64_t generation;
    if (token.n > AUTH_TOKEN_MAX) return failed(a, shown, no, "the token is too long");
    if (auth_digest(digest, token.at, token.n)) return no_memory(no);
    struct auth_who *who = auth_tokens_get(&a->tokens, digest, &generation);
    if (who) return who;
    who = check_token(a, shown, token, no);
    if (who) auth_tokens_put(&a->tokens, digest, who, generation);
    return who;
}

static struct auth_who *key_behind(const struct auth_access *access, const struct auth_ticket *t) {
    struct auth_who *who = auth_access_key(access, t->digest);
    return who && !strcmp(who->name, t->name) ? auth_who_ref(who) : NULL;
}

/* With the scopes that the token had, and what its issuer's entry allows now. */
static struct auth_who *token_behind(const struct auth *a, const struct auth_access *access,
                                     const struct auth_ticket *t) {
    const struct auth_issuer *issuer = auth_access_issuer(access, t->name);
    struct auth_who *who;
    if (!issuer || auth_who_new(&who, AUTH_BY_TOKEN, t->name, &a->topics)) return NULL;
    who->expires_ms = t->expires_ms;
    who->serial = access->serial;
    for (const char *at = t->scopes; *(at += strspn(at, " ")); at += strcspn(at, " ")) {
        if (auth_scopes_add(&who->scopes, at, strcspn(at, " "))) break; /* fewer scopes, and no harm */
    }
    if (!auth_allowance_copy(&who->allowance, &issuer->allowance)) return who;
    auth_who_free(who);
    return NULL;
}

/* Whom a ticket was given to, as they are now. NULL: their key or issuer is no longer there, or no memory. */
static struct auth_who *holder_of(struct auth *a, const struct auth_ticket *t) {
    if (t->kind == AUTH_BY_PLACE) return a->anybody ? auth_who_ref(a->anybody) : NULL;
    struct auth_access *access = auth_access_now(a);
    if (!access) return NULL;
    struct auth_who *who = t->kind == AUTH_BY_KEY ? key_behind(access, t) : token_behind(a, access, t);
    auth_access_free(access);
    return who;
}

static struct auth_who *admit_ticket(struct auth *a, const struct auth_shown *shown, struct auth_refusal *no) {
    struct auth_ticket t;
    if (!shown->stream) return failed(a, shown, no, "a ticket is for a stream of events alone");
    pouch_err e = auth_ticket_read(a->ring, shown->ticket, &t);
    if (e) return e == POUCH_E_NO_MEMORY ? no_memory(no) : failed(a, shown, no, "the ticket is not known here");
    if (t.kind == AUTH_BY_PLACE && !a->open && !is_from_here(a, shown)) {
        auth_ticket_clear(&t);
        return failed(a, shown, no, "the ticket is for programs of the gateway's own host");
    }
    bool late = pl_wall_ms(a->clock) >= t.until_ms;
    struct auth_who *holder = late ? NULL : holder_of(a, &t), *who = NULL;
    if (holder) who = auth_who_with_ticket(holder, t.id);
    auth_ticket_clear(&t);
    if (late) return expired(no);
    if (!holder) return failed(a, shown, no, "the ticket is not known here");
    auth_who_free(holder);
    return who ? who : no_memory(no);
}

/* ---- all of it ---- */

static bool take_bearer(struct httpd_span field, struct httpd_span *credential) {
    static const char scheme[] = "Bearer ";
    const size_t n = sizeof scheme - 1;
    if (field.n <= n || strncasecmp(field.at, scheme, n) != 0) return false;
    *credential = (struct httpd_span){field.at + n, field.n - n};
    return true;
}

static struct auth_who *identify(struct auth *a, const struct auth_shown *shown, struct auth_refusal *no) {
    struct httpd_span credential = shown->api_key;
    int things = (shown->authorization.at != NULL) + (shown->api_key.at != NULL) + (shown->ticket != NULL);
    if (!things) return admit_nobody(a, shown, no);
    if (things > 1) return failed(a, shown, no, "show one thing: a key, a token or a ticket");
    if (shown->ticket) return admit_ticket(a, shown, no);
    if (shown->api_key.at) return admit_key(a, shown, credential, no);
    if (!take_bearer(shown->authorization, &credential))
        return failed(a, shown, no, "write `Authorization: Bearer`, a blank, and the key or token");
    return auth_key_is(credential) ? admit_key(a, shown, credential, no) : admit_token(a, shown, credential, no);
}

/* A page that may not ask is refused whatever it shows: it may be a person's browser that shows it for them. */
static bool is_page_allowed(const struct auth *a, const struct auth_shown *shown, const struct auth_who *who) {
    const char *own = auth_who_behind(who)->allowance.origins;
    if (!shown->origin.at) return true;
    if (own) return auth_origin_is_listed(shown->origin, own);
    return auth_origin_is_own(shown->origin, shown->host) || auth_origin_is_listed(shown->origin, a->origins);
}

/* False: *no says why. */
static bool passes(struct auth *a, const struct auth_shown *shown, const struct auth_who *who,
                   struct auth_refusal *no) {
    if (who->expires_ms && pl_wall_ms(a->clock) >= who->expires_ms) {
        expired(no);
        return false;
    }
    if (!is_page_allowed(a, shown, who)) {
        refuse(no, FORBIDDEN, PL_M_ADMIT_ORIGIN, "pages of that origin may not use this: gateway.origins lets them");
        return false;
    }
    const char *name = auth_who_name(who);
    int64_t wait =
        auth_rate_take(&a->rates, auth_who_behind(who)->allowance.rate, name, strlen(name), pl_mono_us(a->clock));
    if (!wait) return true;
    refuse(no, TOO_MANY, PL_M_ADMIT_RATE, "more calls than the rate of this key allows: wait");
    no->retry_after_s = seconds_of(wait);
    return false;
}

struct auth_who *auth_admit(struct auth *a, const struct auth_shown *shown, struct auth_refusal *no) {
    *no = (struct auth_refusal){0};
    struct auth_who *who = identify(a, shown, no);
    if (!who || passes(a, shown, who, no)) return who;
    no->who = who;
    return NULL;
}

/* ---- giving tickets ---- */

static pouch_err put_scopes(const struct auth_scopes *s, struct auth_ticket *t) {
    struct pl_buf words;
    pouch_err e = POUCH_OK;
    pl_buf_init(&words, AUTH_TICKET_MAX);
    for (size_t i = 0; !e && i < s->n; i++) e = pl_buf_printf(&words, "%s%s", i ? " " : "", s->at[i].text);
    size_t n;
    t->scopes = pl_buf_take(&words, &n);
    return e;
}

pouch_err auth_ticket(struct auth *a, const struct auth_who *who, struct pl_buf *out, int64_t *expires_ms) {
    if (who->base) return pl_fail(POUCH_E_NOT_ALLOWED, "a ticket gets no ticket: come with a key or a token");
    struct auth_ticket t = {.kind = who->kind, .expires_ms = who->expires_ms};
    t.until_ms = pl_wall_ms(a->clock) + AUTH_TICKET_S * 1000;
    if (who->expires_ms && who->expires_ms < t.until_ms) t.until_ms = who->expires_ms;
    *expires_ms = t.until_ms;
    if (strlen(who->name) >= sizeof t.name) return pl_fail(POUCH_E_TOO_LARGE, "the name of the token is too long");
    strcpy(t.name, who->name);
    memcpy(t.digest, who->digest, sizeof t.digest);
    pouch_err e = pl_random(t.id, sizeof t.id);
    if (!e && who->kind == AUTH_BY_TOKEN) e = put_scopes(&who->scopes, &t);
    if (!e) e = auth_ticket_write(a->ring, &t, out);
    auth_ticket_clear(&t);
    return e;
}
