#include <base/why.h>
#include <stdlib.h>
#include <worker/desk.h>

static pouch_err desk_init(struct pl_desk *desk, pouch_keyring *ring, enum pl_over_limit over, size_t value_max) {
    pl_buf_init(&desk->plain, value_max);
    pl_buf_init(&desk->text, PL_ERROR_TEXT_MAX);
    pl_parcel_init(&desk->parcel, value_max);
    return pl_sealer_new(&desk->sealer, ring, over);
}

static void desk_free(struct pl_desk *desk) {
    pl_sealer_free(desk->sealer);
    pl_buf_wipe(&desk->plain);
    pl_buf_free(&desk->text);
    pl_parcel_free(&desk->parcel);
}

pouch_err pl_desks_init(struct pl_desks *d, size_t n, pouch_keyring *ring, enum pl_over_limit over, size_t value_max) {
    *d = (struct pl_desks){.all = calloc(n, sizeof *d->all)};
    if (!d->all) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu places to seal at", n);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, NULL);
    for (; d->n < n; d->n++) {
        struct pl_desk *desk = &d->all[d->n];
        pouch_err e = desk_init(desk, ring, over, value_max);
        if (e) {
            pl_desks_free(d);
            return e;
        }
        desk->next = d->free;
        d->free = desk;
    }
    return POUCH_OK;
}

void pl_desks_free(struct pl_desks *d) {
    if (!d->all) return;
    for (size_t i = 0; i < d->n; i++) desk_free(&d->all[i]);
    free(d->all);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    *d = (struct pl_desks){0};
}

struct pl_desk *pl_desk_take(struct pl_desks *d) {
    pthread_mutex_lock(&d->lock);
    while (!d->free && !d->closed) pthread_cond_wait(&d->changed, &d->lock);
    struct pl_desk *desk = d->closed ? NULL : d->free;
    if (desk) {
        d->free = desk->next;
        d->out++;
    }
    pthread_mutex_unlock(&d->lock);
    return desk;
}

void pl_desk_clear(struct pl_desk *desk) {
    pl_buf_recycle_secret(&desk->plain);
    pl_buf_recycle(&desk->text);
    pl_parcel_reset(&desk->parcel);
}

void pl_desk_give(struct pl_desks *d, struct pl_desk *desk) {
    pl_desk_clear(desk);
    pthread_mutex_lock(&d->lock);
    bool waited_for = !d->free || d->closed;
    desk->next = d->free;
    d->free = desk;
    d->out--;
    if (waited_for) pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

bool pl_desks_send(struct pl_desks *d, const struct pouch_job *j) {
    for (size_t i = 0; i < d->n; i++)
        if (atomic_load_explicit(&d->all[i].sending, memory_order_acquire) == j) return true;
    return false;
}

void pl_desks_close(struct pl_desks *d) {
    pthread_mutex_lock(&d->lock);
    d->closed = true;
    pthread_cond_broadcast(&d->changed);
    while (d->out > 0) pthread_cond_wait(&d->changed, &d->lock);
    pthread_mutex_unlock(&d->lock);
}
