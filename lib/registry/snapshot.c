#include <base/why.h>
#include <registry/snapshot.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/*
 * Nobody changes a snapshot after it was made; only the count of its holders moves. One that awaits routes has none of
 * its own: they are those of its base, which it holds.
 */
struct pl_snapshot {
    atomic_size_t holders;
    struct pl_snapshot *base; /* NULL: it has routes of its own */
    struct pl_awaited_list awaited;
    struct pl_route_row *rows; /* owns the texts that the routes borrow */
    struct pl_registry_route *routes;
    size_t n;
    uint32_t *slots; /* open addressing, at most half full: index of a route + 1, 0 = empty */
    size_t mask;
    int64_t version;
};

static size_t hash(const char *name, size_t n) { /* FNV-1a */
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)name[i]) * 1099511628211u;
    return (size_t)(h ^ h >> 32);
}

static bool is_named(const struct pl_registry_route *r, const char *publisher, size_t n) {
    return strlen(r->publisher) == n && !memcmp(r->publisher, publisher, n);
}

/* The slot of that publisher, or the empty one where it would be. */
static size_t slot_of(const struct pl_snapshot *s, const char *publisher, size_t n) {
    size_t at = hash(publisher, n) & s->mask;
    while (s->slots[at] && !is_named(&s->routes[s->slots[at] - 1], publisher, n)) at = (at + 1) & s->mask;
    return at;
}

static uint32_t sum_of(const struct pl_route_row *row) {
    uint32_t sum = 0;
    for (size_t i = 0; row->weights && i < row->n_targets; i++) sum += row->weights[i];
    return sum;
}

static void fill(struct pl_snapshot *s) {
    for (size_t i = 0; i < s->n; i++) {
        const struct pl_route_row *row = &s->rows[i];
        s->routes[i] = (struct pl_registry_route){.id = row->id,
                                                  .publisher = row->publisher,
                                                  .targets = (const char *const *)row->targets,
                                                  .n_targets = row->n_targets,
                                                  .weights = row->weights,
                                                  .weight = sum_of(row),
                                                  .enabled = row->enabled,
                                                  .version = row->version};
        s->slots[slot_of(s, row->publisher, strlen(row->publisher))] = (uint32_t)i + 1;
    }
}

pouch_err pl_snapshot_new(struct pl_snapshot **out, struct pl_route_row *rows, size_t n, int64_t version) {
    size_t slots = 16;
    while (slots < 2 * n) slots *= 2;
    struct pl_snapshot *s = calloc(1, sizeof *s);
    if (s) {
        *s = (struct pl_snapshot){.holders = 1, .rows = rows, .n = n, .mask = slots - 1, .version = version};
        s->routes = calloc(n + 1, sizeof *s->routes);
        s->slots = calloc(slots, sizeof *s->slots);
    }
    if (!s || !s->routes || !s->slots) {
        if (s)
            pl_snapshot_drop(s);
        else
            pl_route_free(rows, n);
        return pl_fail(POUCH_E_NO_MEMORY, "no memory for %zu routes", n);
    }
    fill(s);
    *out = s;
    return POUCH_OK;
}

pouch_err pl_snapshot_awaiting(struct pl_snapshot **out, struct pl_snapshot *base, const struct pl_awaited_list *list) {
    struct pl_snapshot *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "no memory for the routes that were announced");
    pouch_err e = pl_awaited_copy(&s->awaited, list);
    if (e) {
        free(s);
        return e;
    }
    s->holders = 1;
    s->base = base;
    pl_snapshot_hold(base);
    *out = s;
    return POUCH_OK;
}

static const struct pl_snapshot *routes_of(const struct pl_snapshot *s) {
    return s->base ? s->base : s;
}

void pl_snapshot_hold(struct pl_snapshot *s) {
    atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);
}

void pl_snapshot_drop(const struct pl_snapshot *held) {
    struct pl_snapshot *s = (struct pl_snapshot *)held;
    if (!s || atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) > 1) return;
    pl_snapshot_drop(s->base);
    pl_awaited_clear(&s->awaited);
    pl_route_free(s->rows, s->n);
    free(s->routes);
    free(s->slots);
    free(s);
}

const struct pl_registry_route *pl_snapshot_find(const struct pl_snapshot *s, const char *publisher, size_t n) {
    const struct pl_snapshot *own = routes_of(s);
    uint32_t found = own->slots[slot_of(own, publisher, n)];
    return found ? &own->routes[found - 1] : NULL;
}

bool pl_snapshot_awaits(const struct pl_snapshot *s, const char *publisher, size_t n) {
    return s->awaited.n && pl_awaited_has(&s->awaited, publisher, n);
}

const struct pl_registry_route *pl_snapshot_all(const struct pl_snapshot *s) {
    return routes_of(s)->routes;
}

size_t pl_snapshot_routes(const struct pl_snapshot *s) {
    return routes_of(s)->n;
}

int64_t pl_snapshot_version(const struct pl_snapshot *s) {
    return routes_of(s)->version;
}
