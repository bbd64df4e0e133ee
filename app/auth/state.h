/* Inside the room. */
#ifndef POUCH_AUTH_STATE_H
#define POUCH_AUTH_STATE_H

#include <auth/access.h>
#include <auth/audit.h>
#include <auth/rate.h>
#include <auth/streams.h>
#include <auth/tokens.h>
#include <base/wake.h>

struct auth {
    const struct pl_clock *clock;
    pouch_keyring *ring;
    struct auth_topics topics;
    char *origins;            /* gateway.origins; NULL: none but its own */
    char *path;               /* gateway.access; NULL: `anybody` is let in */
    struct auth_who *anybody; /* "local", or "anyone" with gateway.open */
    bool open;
    struct auth_rates rates;    /* of calls, by name */
    struct auth_rates failures; /* by address */
    struct auth_tokens tokens;
    struct auth_streams streams;
    struct auth_audit audit;

    pthread_mutex_t reload; /* held over a whole reload */
    pthread_mutex_t lock;   /* for the next two */
    struct auth_access *access;
    char stale[512]; /* why the file is not what holds; "": it is */

    struct pl_wake wake; /* for the thread that looks at the file and writes the audit log */
    pthread_t thread;
    atomic_bool ending, reopen;
    bool runs;
};

/* auth_new() with a clock, and without the thread where `follow` is false. */
POUCH_MUST_CHECK pouch_err auth_make(struct auth **a, const struct pl_settings *s, pouch_keyring *ring,
                                     const char *listen, const struct pl_clock *clock, bool follow);

/* With a reference; NULL: there is no file. */
struct auth_access *auth_access_now(struct auth *a);

/* The file is again the one that was read last. */
void auth_back(struct auth *a);

/* follow.c */
POUCH_MUST_CHECK pouch_err auth_follow(struct auth *a);
void auth_unfollow(struct auth *a);

#endif
