/*
 * The thread of a ring that is followed: it takes a changed file, and keeps the counts of what was sealed.
 *
 * A key file is looked at rather than watched through inotify: a look tells the same on network file systems and where
 * a link in the path is what changes, as with Kubernetes' secrets. A change is read once two looks agree on it, so that
 * a file which an editor writes in place is not read half way.
 */
#include <base/log.h>
#include <base/thread.h>
#include <base/why.h>
#include <crypto/keyfile.h>
#include <crypto/ring.h>
#include <time.h>

enum { LOOK_MS = 500 };

pouch_err pl_keyring_renew(pouch_keyring *ring) {
    pouch_err e = pouch_keyring_reload(ring);
    if (e) {
        PL_LOG(PL_LOG_ERROR, "the key ring stays as it was", "file", ring->path, "why", pouch_why());
        return e;
    }
    if (!ring->path) {
        PL_LOG(PL_LOG_INFO, "the key is that of ENCRYPTION_KEY, which only a restart reads again");
        return POUCH_OK;
    }
    struct pl_key_use first;
    pl_keyring_uses(ring, &first, 1);
    PL_LOG(PL_LOG_INFO, "the key ring was read again", "file", ring->path, "kid", *first.kid ? first.kid : NULL, "key",
           first.fingerprint);
    return POUCH_OK;
}

/* Waits for the next look; false: it is the end. */
static bool wait_for_look(struct pl_keywatch *w) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&w->lock);
    while (!w->ending && !pthread_cond_timedwait(&w->changed, &w->lock, &until)) continue;
    bool ending = w->ending;
    pthread_mutex_unlock(&w->lock);
    return !ending;
}

static struct pl_key_mark mark_in_force(pouch_keyring *ring) {
    uint64_t generation;
    struct pl_keyset *set = pl_keyring_set(ring, &generation);
    struct pl_key_mark mark = set->mark;
    pl_keyset_unref(set);
    return mark;
}

/* What the file was like at the last look, and when it was refused. */
struct looks {
    struct pl_key_mark last, refused;
};

static void look(pouch_keyring *ring, struct looks *seen) {
    struct pl_key_mark now = pl_keyfile_look(ring->path), in_force = mark_in_force(ring);
    bool settled = pl_key_mark_same(&now, &seen->last);
    bool is_known = pl_key_mark_same(&now, &in_force) || pl_key_mark_same(&now, &seen->refused);
    bool may_wait = now.inode && !now.regular; /* opening a pipe waits for its writer */
    seen->last = now;
    /* Memory may be there again at the next look; a bad file is told of once. */
    if (settled && !is_known && !may_wait && pl_keyring_renew(ring) == POUCH_E_CONFIG) seen->refused = now;
}

static void *follow(void *arg) {
    pouch_keyring *ring = arg;
    struct pl_key_mark begin = mark_in_force(ring);
    struct looks seen = {begin, begin};
    while (wait_for_look(&ring->watch)) {
        if (begin.regular) look(ring, &seen);
        pl_key_counts_save();
    }
    return NULL;
}

static pouch_err start(pouch_keyring *ring) {
    struct pl_keywatch *w = &ring->watch;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&w->lock, NULL);
    w->ending = false;
    pouch_err e = pl_thread_start(&w->thread, "pouch-keys", follow, ring);
    if (!e) return POUCH_OK;
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
    return e;
}

pouch_err pouch_keyring_follow(pouch_keyring *ring, const char *counts) {
    pl_key_counts_keep(counts);
    pouch_err e = POUCH_OK;
    pthread_mutex_lock(&ring->lock);
    if (!ring->watch.runs) e = start(ring);
    if (!e) ring->watch.runs = true;
    pthread_mutex_unlock(&ring->lock);
    return e;
}

void pl_keyring_unfollow(pouch_keyring *ring) {
    struct pl_keywatch *w = &ring->watch;
    if (!w->runs) return;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->changed);
}
