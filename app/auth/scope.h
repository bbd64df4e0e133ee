/* Scopes: ACTION:OBJECT, each a name or the beginning of one and "*". Inside the room. No I/O. */
#ifndef POUCH_AUTH_SCOPE_H
#define POUCH_AUTH_SCOPE_H

#include <auth/auth.h>

enum { AUTH_SCOPES_MAX = 64, AUTH_SCOPE_MAX = 320 /* bytes */ };

struct auth_scope {
    char *text;         /* as it was given */
    uint32_t actions;   /* a bit for each */
    const char *object; /* in the text, or "" */
    size_t n;           /* of the object, without the star */
    bool open_ended;    /* it had one, or there was no object */
};

/* One owner; shared once it is filled. All zero: none. */
struct auth_scopes {
    struct auth_scope *at;
    size_t n;
};

/* INVALID_PAYLOAD: it is no scope, and why. TOO_LARGE: there are AUTH_SCOPES_MAX. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err auth_scopes_add(struct auth_scopes *s, const char *text, size_t n);
void auth_scopes_free(struct auth_scopes *s);

bool auth_scopes_allow(const struct auth_scopes *s, enum auth_action action, const char *object); /* NULL: all */
bool auth_scopes_allow_some(const struct auth_scopes *s, enum auth_action action);

#endif
