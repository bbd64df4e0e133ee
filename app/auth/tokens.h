/*
 * Tokens that were found good, by their hash, so that a signature is checked once and not with each request. A table of
 * a fixed size: one that meets another takes its place. Any thread.
 */
#ifndef POUCH_AUTH_TOKENS_H
#define POUCH_AUTH_TOKENS_H

#include <auth/who.h>
#include <pthread.h>

enum { AUTH_TOKENS_KEPT = 1024 };

struct auth_tokens {
    pthread_mutex_t lock;
    uint64_t generation; /* how often all were forgotten */
    struct auth_tokens_place {
        uint8_t digest[AUTH_DIGEST_BYTES];
        struct auth_who *who; /* NULL: empty */
    } places[AUTH_TOKENS_KEPT];
};

void auth_tokens_init(struct auth_tokens *t);
void auth_tokens_free(struct auth_tokens *t);

/* With a reference; NULL: not there. *generation is for auth_tokens_put(). */
struct auth_who *auth_tokens_get(struct auth_tokens *t, const uint8_t digest[AUTH_DIGEST_BYTES], uint64_t *generation);

/* Unless all were forgotten since that generation: what was checked then may not hold any more. */
void auth_tokens_put(struct auth_tokens *t, const uint8_t digest[AUTH_DIGEST_BYTES], struct auth_who *who,
                     uint64_t generation);
void auth_tokens_forget(struct auth_tokens *t);

#endif
