/*
 * The thread that takes a changed access file and writes the audit log. A file is looked at rather than watched, and
 * read once two looks agree on it, as with key files (crypto/keywatch.c).
 */
#include <auth/state.h>
#include <base/log.h>
#include <base/thread.h>
#include <base/why.h>
#include <crypto/keyfile.h>

enum { LOOK_US = 500 * 1000 };

/* What the file was like at the last look, and when it was refused. */
struct looks {
    struct pl_key_mark last, refused;
};

static struct pl_key_mark mark_in_force(struct auth *a) {
    struct auth_access *access = auth_access_now(a);
    struct pl_key_mark mark = access->mark;
    auth_access_free(access);
    return mark;
}

static void look(struct auth *a, struct looks *seen) {
    struct pl_key_mark now = pl_keyfile_look(a->path), in_force = mark_in_force(a);
    bool settled = pl_key_mark_same(&now, &seen->last);
    bool may_wait = now.inode && !now.regular; /* opening a pipe waits for its writer */
    seen->last = now;
    if (pl_key_mark_same(&now, &in_force)) {
        seen->refused = in_force; /* what was refused before may come again, and is to be told of then */
        auth_back(a);
    } else if (settled && !may_wait && !pl_key_mark_same(&now, &seen->refused) && auth_reload(a) == POUCH_E_CONFIG) {
        seen->refused = now;
    }
}

static void *follow(void *arg) {
    struct auth *a = arg;
    struct looks seen = {0};
    if (a->path) seen.last = seen.refused = mark_in_force(a);
    while (!atomic_load(&a->ending)) {
        pl_wake_wait(&a->wake, LOOK_US);
        if (a->path) look(a, &seen);
        auth_audit_write(&a->audit);
        if (atomic_exchange(&a->reopen, false)) auth_audit_reopen(&a->audit);
    }
    return NULL;
}

pouch_err auth_follow(struct auth *a) {
    pouch_err e = pl_wake_init(&a->wake);
    if (e) return e;
    a->runs = true; /* which the thread looks at too */
    e = pl_thread_start(&a->thread, "pouch-auth", follow, a);
    if (!e) return POUCH_OK;
    a->runs = false;
    pl_wake_free(&a->wake);
    return e;
}

void auth_unfollow(struct auth *a) {
    if (!a->runs) return;
    atomic_store(&a->ending, true);
    pl_wake_signal(&a->wake);
    pthread_join(a->thread, NULL);
    pl_wake_free(&a->wake);
    a->runs = false;
}
