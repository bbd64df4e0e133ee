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

static struct pl_ask_desk *desk_new(const struct pl_ask_desks *d) {
    struct pl_ask_desk *desk = calloc(1, sizeof *desk);
    if (!desk) return NULL;
    pl_buf_init(&desk->plain, d->max);
    pl_buf_init(&desk->envelope, d->max);
    return desk;
}

static void put_back(struct pl_ask_desks *d, struct pl_ask_desk *desk) {
    pthread_mutex_lock(&d->lock);
    desk->next = d->idle;
    d->idle = desk;
    pthread_mutex_unlock(&d->lock);
}

pouch_err pl_ask_desk_take(struct pl_ask_desks *d, struct pl_ask_desk **out) {
    pthread_mutex_lock(&d->lock);
    struct pl_ask_desk *desk = d->idle;
    if (desk) d->idle = desk->next;
    pthread_mutex_unlock(&d->lock);
    if (!desk) desk = desk_new(d);
    if (!desk) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a place to seal at");
    pouch_err e = pl_sealer_take(&desk->sealer, d->ring, d->over);
    if (e)
        put_back(d, desk);
    else
        *out = desk;
    return e;
}

void pl_ask_desk_give(struct pl_ask_desks *d, struct pl_ask_desk *desk) {
    pl_sealer_give(desk->sealer);
    desk->sealer = NULL;
    pl_buf_recycle_secret(&desk->plain);
    pl_buf_recycle(&desk->envelope);
    put_back(d, desk);
}
