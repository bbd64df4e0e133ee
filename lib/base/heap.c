#include <base/heap.h>
#include <base/why.h>
#include <stdlib.h>

enum { CHILDREN = 4, FIRST_CAP = 16 };

void pl_heap_init(struct pl_heap *h) {
    *h = (struct pl_heap){0};
}

void pl_heap_free(struct pl_heap *h) {
    free(h->nodes);
    pl_heap_init(h);
}

static void put_at(struct pl_heap *h, struct pl_heap_node *n, size_t i) {
    h->nodes[i] = n;
    n->place = i + 1;
}

static size_t soonest_child(const struct pl_heap *h, size_t i) {
    size_t first = i * CHILDREN + 1, best = first;
    for (size_t c = first + 1; c < first + CHILDREN && c < h->count; c++)
        if (h->nodes[c]->due < h->nodes[best]->due) best = c;
    return best;
}

/* Slot i is free. n goes there, or above it where a parent is later, or below it where a child is sooner. */
static void settle(struct pl_heap *h, struct pl_heap_node *n, size_t i) {
    while (i > 0 && n->due < h->nodes[(i - 1) / CHILDREN]->due) {
        put_at(h, h->nodes[(i - 1) / CHILDREN], i);
        i = (i - 1) / CHILDREN;
    }
    while (i * CHILDREN + 1 < h->count) {
        size_t child = soonest_child(h, i);
        if (h->nodes[child]->due >= n->due) break;
        put_at(h, h->nodes[child], i);
        i = child;
    }
    put_at(h, n, i);
}

pouch_err pl_heap_reserve(struct pl_heap *h, size_t cap) {
    if (cap <= h->cap) return POUCH_OK;
    struct pl_heap_node **nodes = reallocarray(h->nodes, cap, sizeof(struct pl_heap_node *));
    if (!nodes) return pl_fail(POUCH_E_NO_MEMORY, "out of memory: %zu deadlines could not be kept", cap);
    h->nodes = nodes;
    h->cap = cap;
    return POUCH_OK;
}

pouch_err pl_heap_add(struct pl_heap *h, struct pl_heap_node *n, int64_t due) {
    if (h->count == h->cap) {
        pouch_err e = pl_heap_reserve(h, h->cap ? h->cap * 2 : FIRST_CAP);
        if (e) return e;
    }
    n->due = due;
    settle(h, n, h->count++);
    return POUCH_OK;
}

void pl_heap_remove(struct pl_heap *h, struct pl_heap_node *n) {
    if (n->place == 0) return;
    size_t i = n->place - 1;
    struct pl_heap_node *last = h->nodes[--h->count];
    n->place = 0;
    if (last != n) settle(h, last, i);
}

struct pl_heap_node *pl_heap_first(const struct pl_heap *h) {
    return h->count ? h->nodes[0] : NULL;
}
