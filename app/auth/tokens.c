#include <auth/tokens.h>
#include <string.h>

void auth_tokens_init(struct auth_tokens *t) {
    memset(t, 0, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
}

void auth_tokens_free(struct auth_tokens *t) {
    auth_tokens_forget(t);
    pthread_mutex_destroy(&t->lock);
}

/* A hash is as good as random, so any of its bytes say where. */
static struct auth_tokens_place *place_of(struct auth_tokens *t, const uint8_t digest[AUTH_DIGEST_BYTES]) {
    return &t->places[(digest[0] << 8 | digest[1]) % AUTH_TOKENS_KEPT];
}

struct auth_who *auth_tokens_get(struct auth_tokens *t, const uint8_t digest[AUTH_DIGEST_BYTES], uint64_t *generation) {
    struct auth_who *who = NULL;
    pthread_mutex_lock(&t->lock);
    struct auth_tokens_place *p = place_of(t, digest);
    if (p->who && !memcmp(p->digest, digest, AUTH_DIGEST_BYTES)) who = auth_who_ref(p->who);
    *generation = t->generation;
    pthread_mutex_unlock(&t->lock);
    return who;
}

void auth_tokens_put(struct auth_tokens *t, const uint8_t digest[AUTH_DIGEST_BYTES], struct auth_who *who,
                     uint64_t generation) {
    struct auth_who *old = NULL;
    pthread_mutex_lock(&t->lock);
    if (generation == t->generation) {
        struct auth_tokens_place *p = place_of(t, digest);
        old = p->who;
        p->who = auth_who_ref(who);
        memcpy(p->digest, digest, AUTH_DIGEST_BYTES);
    }
    pthread_mutex_unlock(&t->lock);
    auth_who_free(old);
}

void auth_tokens_forget(struct auth_tokens *t) {
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < AUTH_TOKENS_KEPT; i++) {
        auth_who_free(t->places[i].who);
        t->places[i].who = NULL;
    }
    t->generation++;
    pthread_mutex_unlock(&t->lock);
}
