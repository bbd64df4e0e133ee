#include <base/why.h>
#include <client/desk.h>
#include <stdlib.h>

pouch_err pl_ask_desks_init(struct pl_ask_desks *d, pouch_keyring *ring, enum pl_over_limit over, size_t max) {
    *d = (struct pl_ask_desks){.over = over, .max = max};
    if (pthread_mutex_init(&d->lock, NULL)) return pl_fail(POUCH_E_NO_MEMORY, "no mutex for the client's sealers");
    d->ring = pl_keyring_ref(ring);
    return POUCH_OK;
}

static void desk_free(struct pl_ask_desk *desk) {
    pl_buf_wipe(&desk->plain);
    pl_buf_free(&desk->envelope);
    pl_sealer_free(desk->sealer);
    free(desk);
}

void pl_ask_desks_free(struct pl_ask_desks *d) {
    while (d->idle) {
        struct pl_ask_desk *desk = d->idle;
        d->idle = desk->next;
        desk_free(desk);
    }
    pouch_keyring_free(d->ring);
    pthread_mutex_destroy(&d->lock);
}

static pouch_err desk_new(struct pl_ask_desks *d, struct pl_ask_desk **desk) {
    struct pl_ask_desk *fresh = calloc(1, sizeof *fresh);
    if (!fresh) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a sealer");
    pl_buf_init(&fresh->plain, d->max);
    pl_buf_init(&fresh->envelope, d->max);
    pouch_err e = pl_sealer_new(&fresh->sealer, d->ring, d->over);
    if (e) {
        free(fresh);
        return e;
    }
    *desk = fresh;
    return POUCH_OK;
}

pouch_err pl_ask_desk_take(struct pl_ask_desks *d, struct pl_ask_desk **desk) {
    pthread_mutex_lock(&d->lock);
    *desk = d->idle;
    if (*desk) d->idle = (*desk)->next;
    pthread_mutex_unlock(&d->lock);
    return *desk ? POUCH_OK : desk_new(d, desk);
}

void pl_ask_desk_give(struct pl_ask_desks *d, struct pl_ask_desk *desk) {
    pl_buf_recycle_secret(&desk->plain);
    pl_buf_recycle(&desk->envelope);
    pthread_mutex_lock(&d->lock);
    desk->next = d->idle;
    d->idle = desk;
    pthread_mutex_unlock(&d->lock);
}
