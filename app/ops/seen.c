#include <base/why.h>
#include <ops/seen.h>
#include <stdlib.h>

enum { FIRST_CAP = 1024 };

/* The row's slot, or the free one where it would be. */
static struct ops_seen_row *slot_of(const struct ops_seen *s, uint64_t id, int64_t at_us) {
    const uint64_t spread = UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (size_t)(id * spread >> 32) & (s->cap - 1);
    while (s->slots[i].at_us && (s->slots[i].id != id || s->slots[i].at_us != at_us)) i = (i + 1) & (s->cap - 1);
    return &s->slots[i];
}

/* Moves what is not older into a table of that size. */
static pouch_err rebuild(struct ops_seen *s, size_t cap, int64_t before_us) {
    struct ops_seen to = {.cap = cap};
    to.slots = calloc(cap, sizeof *to.slots);
    if (!to.slots) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu rows", cap);
    for (size_t i = 0; i < s->cap; i++) {
        const struct ops_seen_row *row = &s->slots[i];
        if (!row->at_us || row->at_us < before_us) continue;
        *slot_of(&to, row->id, row->at_us) = *row;
        to.n++;
    }
    free(s->slots);
    *s = to;
    return POUCH_OK;
}

pouch_err ops_seen_add(struct ops_seen *s, uint64_t id, int64_t at_us, bool *is_new) {
    pouch_err e = 2 * (s->n + 1) > s->cap ? rebuild(s, s->cap ? 2 * s->cap : FIRST_CAP, 0) : POUCH_OK;
    if (e) return e;
    struct ops_seen_row *row = slot_of(s, id, at_us);
    if (is_new) *is_new = !row->at_us;
    if (!row->at_us) s->n++;
    *row = (struct ops_seen_row){id, at_us};
    return POUCH_OK;
}

/* Where there is no memory for a smaller table, the one there is goes on. */
void ops_seen_forget(struct ops_seen *s, int64_t before_us) {
    size_t stay = 0, cap = FIRST_CAP;
    for (size_t i = 0; i < s->cap; i++) stay += s->slots[i].at_us && s->slots[i].at_us >= before_us;
    while (cap < 4 * stay) cap *= 2;
    if (s->n != stay && rebuild(s, cap, before_us)) return;
}

void ops_seen_free(struct ops_seen *s) {
    free(s->slots);
    *s = (struct ops_seen){0};
}
