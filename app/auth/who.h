/* Somebody. Inside the room. */
#ifndef POUCH_AUTH_WHO_H
#define POUCH_AUTH_WHO_H

#include <auth/rate.h>
#include <auth/scope.h>
#include <stdatomic.h>

enum { AUTH_DIGEST_BYTES = 32, AUTH_TICKET_ID_BYTES = 16, AUTH_NAME_MAX = 256 };

enum auth_kind { AUTH_BY_PLACE /* "local", "anyone" */, AUTH_BY_KEY, AUTH_BY_TOKEN };

/* What an entry of the access file, or the settings, allow beyond scopes. */
struct auth_allowance {
    struct auth_rate rate; /* of calls */
    size_t streams;        /* open at a time, at each gateway; 0: any number */
    char *origins;         /* of the only pages that may show it; NULL: any that gateway.origins lets in */
};

/* `to` has none yet. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err auth_allowance_copy(struct auth_allowance *to, const struct auth_allowance *from);

/* Which topics may be sent to, as patterns, and which of them by nobody. */
struct auth_topics {
    char *open; /* gateway.topics */
    char *ours;
};

/* Never changes once others can see it, but for refs. */
struct auth_who {
    _Atomic size_t refs;
    enum auth_kind kind;
    char *name;
    const struct auth_topics *topics; /* borrowed until auth_free() */
    struct auth_scopes scopes;
    struct auth_allowance allowance;
    int64_t expires_ms;                /* 0: never */
    uint8_t digest[AUTH_DIGEST_BYTES]; /* of a key: SHA-256 of its text */
    uint64_t serial;                   /* of a token: that of the access file which let it in */
    struct auth_who *base;             /* of who came with a ticket: whom it was given to, whose are all of the above */
    uint8_t ticket[AUTH_TICKET_ID_BYTES]; /* and which ticket */
};

/* NO_MEMORY. */
POUCH_MUST_CHECK pouch_err auth_who_new(struct auth_who **who, enum auth_kind kind, const char *name,
                                        const struct auth_topics *topics);
/* Somebody with a ticket that was given to base, which stays the caller's. NULL: no memory. */
struct auth_who *auth_who_with_ticket(struct auth_who *base, const uint8_t ticket[AUTH_TICKET_ID_BYTES]);

/* Whom a ticket was given to, or who itself. */
const struct auth_who *auth_who_behind(const struct auth_who *who);

#endif
