#include <base/why.h>
#include <stdlib.h>
#include <store/recent.h>
#include <string.h>

enum { SLOTS = 2 * PL_RECENT_LEAST };

/* A hash table; an id is its own hash, and 0 a free slot. */
struct generation {
    uint64_t ids[SLOTS];
    size_t n;
};

/* When the young one is full it becomes the old one, and what was in that is forgotten. */
struct pl_recent {
    struct generation at[2];
    int young;
};

pouch_err pl_recent_new(struct pl_recent **out) {
    *out = calloc(1, sizeof **out);
    return *out ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for the ids of %d rows", PL_RECENT_LEAST);
}

void pl_recent_free(struct pl_recent *r) {
    free(r);
}

void pl_recent_clear(struct pl_recent *r) {
    memset(r, 0, sizeof *r);
}

static uint64_t *slot_of(struct generation *g, uint64_t id) {
    size_t i = id & (SLOTS - 1);
    while (g->ids[i] && g->ids[i] != id) i = (i + 1) & (SLOTS - 1);
    return &g->ids[i];
}

bool pl_recent_again(struct pl_recent *r, uint64_t id) {
    id += !id;
    struct generation *young = &r->at[r->young], *old = &r->at[!r->young];
    uint64_t *slot = slot_of(young, id);
    if (*slot) return true;
    bool again = *slot_of(old, id) != 0;
    if (young->n == PL_RECENT_LEAST) {
        r->young = !r->young;
        memset(old, 0, sizeof *old);
        young = old;
        slot = slot_of(young, id);
    }
    *slot = id;
    young->n++;
    return again;
}
