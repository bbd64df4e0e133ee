#include <base/idmap.h>
#include <base/why.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 16 };

struct pl_idmap_slot {
    struct pl_uuid id;
    void *value;
};

static size_t home(const struct pl_idmap *m, const struct pl_uuid *id) {
    size_t hash;
    memcpy(&hash, id->b, sizeof hash);
    return hash & m->mask;
}

/* The slot that holds id, or the empty one where it belongs. There is always an empty slot. */
static size_t find(const struct pl_idmap *m, const struct pl_uuid *id) {
    size_t i = home(m, id);
    while (m->slots[i].value && memcmp(&m->slots[i].id, id, sizeof *id)) i = (i + 1) & m->mask;
    return i;
}

static pouch_err allocate(struct pl_idmap *m, size_t slots) {
    m->slots = calloc(slots, sizeof *m->slots);
    if (!m->slots) return pl_fail(POUCH_E_NO_MEMORY, "out of memory: a map of %zu ids could not be had", slots);
    m->mask = slots - 1;
    return POUCH_OK;
}

pouch_err pl_idmap_init(struct pl_idmap *m, size_t max) {
    *m = (struct pl_idmap){.max = max};
    return allocate(m, FIRST_SLOTS);
}

void pl_idmap_free(struct pl_idmap *m) {
    free(m->slots);
    *m = (struct pl_idmap){0};
}

static pouch_err grow(struct pl_idmap *m) {
    struct pl_idmap wider = {.count = m->count, .max = m->max};
    pouch_err e = allocate(&wider, (m->mask + 1) * 2);
    if (e) return e;
    for (size_t i = 0; i <= m->mask; i++)
        if (m->slots[i].value) wider.slots[find(&wider, &m->slots[i].id)] = m->slots[i];
    free(m->slots);
    *m = wider;
    return POUCH_OK;
}

pouch_err pl_idmap_put(struct pl_idmap *m, const struct pl_uuid *id, void *value) {
    if (m->slots[find(m, id)].value) return pl_fail(POUCH_E_CONFIG, "this id is in use already; draw a new one");
    if (m->count >= m->max) return pl_fail(POUCH_E_OVERLOADED, "%zu ids are in use, the most allowed", m->count);
    if (m->count >= (m->mask + 1) / 4 * 3) { /* fuller than this, probes get long */
        pouch_err e = grow(m);
        if (e) return e;
    }
    m->slots[find(m, id)] = (struct pl_idmap_slot){*id, value};
    m->count++;
    return POUCH_OK;
}

void *pl_idmap_get(const struct pl_idmap *m, const struct pl_uuid *id) {
    return m->slots[find(m, id)].value;
}

/*
 * Every entry is reached from its home without crossing an empty slot. So an entry further
 * along moves into the hole, unless its home lies between the hole (excluded) and itself.
 */
static void close_hole(struct pl_idmap *m, size_t hole) {
    for (size_t i = (hole + 1) & m->mask; m->slots[i].value; i = (i + 1) & m->mask) {
        size_t from_home = (i - home(m, &m->slots[i].id)) & m->mask;
        size_t from_hole = (i - hole) & m->mask;
        if (from_home < from_hole) continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole].value = NULL;
}

void *pl_idmap_remove(struct pl_idmap *m, const struct pl_uuid *id) {
    size_t i = find(m, id);
    void *value = m->slots[i].value;
    if (!value) return NULL;
    close_hole(m, i);
    m->count--;
    m->last_removed = i;
    return value;
}

/* Looks on from the last removal, so that draining a map by any and remove walks it once. */
void *pl_idmap_any(const struct pl_idmap *m) {
    if (m->count == 0) return NULL;
    size_t i = m->last_removed;
    while (!m->slots[i].value) i = (i + 1) & m->mask;
    return m->slots[i].value;
}
