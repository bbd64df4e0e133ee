#include <base/why.h>
#include <bus/watermark.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 16 };

static size_t slot(const struct pl_watermark *w, uint64_t ticket) {
    return (size_t)ticket & (w->cap - 1);
}

/* A ring of twice the size; every open ticket moves to the slot it has there. */
static pouch_err grow(struct pl_watermark *w) {
    size_t cap = w->cap ? w->cap * 2 : FIRST_CAP;
    int64_t *offsets = malloc(cap * sizeof *offsets);
    uint8_t *done = malloc(cap);
    if (!offsets || !done) {
        free(offsets);
        free(done);
        return pl_fail(POUCH_E_NO_MEMORY, "no memory to follow %zu records of a partition", cap);
    }
    for (uint64_t t = w->head; t != w->tail; t++) {
        offsets[t & (cap - 1)] = w->offsets[slot(w, t)];
        done[t & (cap - 1)] = w->done[slot(w, t)];
    }
    free(w->offsets);
    free(w->done);
    w->offsets = offsets;
    w->done = done;
    w->cap = cap;
    return POUCH_OK;
}

pouch_err pl_watermark_init(struct pl_watermark *w, size_t max) {
    memset(w, 0, sizeof *w);
    w->max = max;
    return grow(w);
}

void pl_watermark_free(struct pl_watermark *w) {
    free(w->offsets);
    free(w->done);
    memset(w, 0, sizeof *w);
}

size_t pl_watermark_open(const struct pl_watermark *w) {
    return (size_t)(w->tail - w->head);
}

bool pl_watermark_full(const struct pl_watermark *w) {
    return pl_watermark_open(w) >= w->max;
}

pouch_err pl_watermark_take(struct pl_watermark *w, int64_t offset, uint64_t *ticket) {
    if (pl_watermark_full(w))
        return pl_fail(POUCH_E_OVERLOADED, "%zu records of one partition are open, which is the bound", w->max);
    if (pl_watermark_open(w) == w->cap) {
        pouch_err err = grow(w);
        if (err) return err;
    }
    w->offsets[slot(w, w->tail)] = offset;
    w->done[slot(w, w->tail)] = 0;
    *ticket = w->tail++;
    return POUCH_OK;
}

bool pl_watermark_done(struct pl_watermark *w, uint64_t ticket, int64_t *commit) {
    if (ticket < w->head || ticket >= w->tail) return false;
    w->done[slot(w, ticket)] = 1;
    if (ticket != w->head) return false;
    while (w->head != w->tail && w->done[slot(w, w->head)]) *commit = w->offsets[slot(w, w->head++)] + 1;
    return true;
}
