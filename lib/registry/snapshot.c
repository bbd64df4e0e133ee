#include <base/why.h>
#include <registry/snapshot.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Nobody changes a snapshot after it was made; only the count of its holders moves. */
struct pl_snapshot {
    atomic_size_t holders;
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

static void fill(struct pl_snapshot *s) {
    for (size_t i = 0; i < s->n; i++) {
        const struct pl_route_row *row = &s->rows[i];
        s->routes[i] = (struct pl_registry_route){.id = row->id,
                                                  .publisher = row->publisher,
                                                  .targets = (const char *const *)row->targets,
                                                  .n_targets = row->n_targets,
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

void pl_snapshot_hold(struct pl_snapshot *s) {
    atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);
}

void pl_snapshot_drop(const struct pl_snapshot *held) {
    struct pl_snapshot *s = (struct pl_snapshot *)held;
    if (!s || atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) > 1) return;
    pl_route_free(s->rows, s->n);
    free(s->routes);
    free(s->slots);
    free(s);
}

const struct pl_registry_route *pl_snapshot_find(const struct pl_snapshot *s, const char *publisher, size_t n) {
    uint32_t found = s->slots[slot_of(s, publisher, n)];
    return found ? &s->routes[found - 1] : NULL;
}

const struct pl_registry_route *pl_snapshot_all(const struct pl_snapshot *s) {
    return s->routes;
}

size_t pl_snapshot_routes(const struct pl_snapshot *s) {
    return s->n;
}

int64_t pl_snapshot_version(const struct pl_snapshot *s) {
    return s->version;
}
