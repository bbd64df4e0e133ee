/* JSON Web Tokens (RFC 7519, in the compact form of RFC 7515, read as RFC 8725 advises). Inside the room. */
#ifndef POUCH_AUTH_TOKEN_H
#define POUCH_AUTH_TOKEN_H

#include <auth/access.h>
#include <httpd/head.h>

enum { AUTH_TOKEN_MAX = 8 * 1024 };

/* Why a token is not taken; for the log and the metric. Who sent it is told "wrong" or "expired" alone. */
enum auth_token_end {
    AUTH_TOKEN_OK,
    AUTH_TOKEN_MALFORMED, /* not three parts, too long, or not JSON */
    AUTH_TOKEN_UNKNOWN,   /* no issuer's entry has that algorithm and key id */
    AUTH_TOKEN_FORGED,    /* the signature is not theirs */
    AUTH_TOKEN_ELSEWHERE, /* issuer or audience are others */
    AUTH_TOKEN_TIME,      /* it has expired, is not valid yet, or does not say until when */
    AUTH_TOKEN_NOBODY,    /* no subject, or a claim that is none */
    AUTH_TOKEN_NO_MEMORY,
};
const char *auth_token_end_text(enum auth_token_end end);

/* Checks it and makes who it stands for. */
enum auth_token_end auth_token_read(struct auth_who **who, const struct auth_access *access, struct httpd_span token,
                                    const struct auth_topics *topics, int64_t now_ms);

#endif
