#include <base/why.h>
#include <events/ring.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKED_AT_MAX = 4096 }; /* under one holding of the lock */

struct events_item *events_item_new(int64_t offset, const char *channel, struct httpd_block *block) {
    size_t n = strlen(channel) + 1;
    struct events_item *i = malloc(sizeof *i + n);
    if (!i) return NULL;
    atomic_init(&i->refs, 1);
    i->offset = offset;
    i->block = block;
    i->hash = events_hash(channel);
    memcpy(i->channel, channel, n);
    return i;
}

void events_item_free(struct events_item *i) {
    if (atomic_fetch_sub_explicit(&i->refs, 1, memory_order_acq_rel) != 1) return;
    httpd_block_free(i->block);
    free(i);
}

static size_t bytes_of(const struct events_item *i) {
    return sizeof *i + httpd_block_size(i->block);
}

pouch_err events_ring_init(struct events_ring *r, size_t n, size_t max_bytes) {
    *r = (struct events_ring){.items = calloc(n, sizeof *r->items), .cap = n, .max_bytes = max_bytes};
    if (r->items && !pthread_mutex_init(&r->lock, NULL)) return POUCH_OK;
    free(r->items);
    r->items = NULL;
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for events");
}

static struct events_item *item_at(const struct events_ring *r, size_t i) {
    return r->items[(r->head + i) & (r->cap - 1)];
}

static void drop_oldest(struct events_ring *r) {
    struct events_item *i = item_at(r, 0);
    r->head = (r->head + 1) & (r->cap - 1);
    r->n--;
    r->bytes -= bytes_of(i);
    r->first = i->offset + 1;
    events_item_free(i);
}

void events_ring_free(struct events_ring *r) {
    if (!r->items) return;
    while (r->n) drop_oldest(r);
    pthread_mutex_destroy(&r->lock);
    free(r->items);
    r->items = NULL;
}

void events_ring_restart(struct events_ring *r, int64_t at) {
    pthread_mutex_lock(&r->lock);
    while (r->n) drop_oldest(r);
    r->first = r->next = at;
    pthread_mutex_unlock(&r->lock);
}

void events_ring_append(struct events_ring *r, struct events_item *item) {
    pthread_mutex_lock(&r->lock);
    while (r->n && (r->n == r->cap || r->bytes + bytes_of(item) > r->max_bytes)) drop_oldest(r);
    r->items[(r->head + r->n++) & (r->cap - 1)] = item;
    r->bytes += bytes_of(item);
    r->next = item->offset + 1;
    pthread_mutex_unlock(&r->lock);
}

void events_ring_advance(struct events_ring *r, int64_t next) {
    pthread_mutex_lock(&r->lock);
    if (next > r->next) r->next = next;
    pthread_mutex_unlock(&r->lock);
}

/* The first item whose offset is not before that. */
static size_t find(const struct events_ring *r, int64_t offset) {
    size_t low = 0, high = r->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (item_at(r, middle)->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Moves *cursor; how many were taken. */
static size_t take(struct events_ring *r, int64_t *cursor, int64_t until, const struct events_set *set,
                   struct events_item *out[], size_t max) {
    size_t i = find(r, *cursor), end = i + LOOKED_AT_MAX, n = 0;
    for (; i < r->n && i < end && n < max && item_at(r, i)->offset < until; i++) {
        struct events_item *item = item_at(r, i);
        *cursor = item->offset + 1;
        if (set && !events_set_has(set, item->channel, item->hash)) continue;
        atomic_fetch_add_explicit(&item->refs, 1, memory_order_relaxed);
        out[n++] = item;
    }
    int64_t rest = i < r->n ? item_at(r, i)->offset : r->next;
    if (rest > until) rest = until;
    if (rest > *cursor) *cursor = rest;
    return n;
}

bool events_ring_read(struct events_ring *r, int64_t *cursor, int64_t until, const struct events_set *set,
                      struct events_item *out[], size_t max, size_t *n) {
    pthread_mutex_lock(&r->lock);
    bool reaches = *cursor >= r->first;
    *n = reaches ? take(r, cursor, until, set, out, max) : 0;
    pthread_mutex_unlock(&r->lock);
    return reaches;
}

bool events_ring_reaches(struct events_ring *r, int64_t cursor) {
    return cursor >= events_ring_first(r);
}

int64_t events_ring_first(struct events_ring *r) {
    pthread_mutex_lock(&r->lock);
    int64_t first = r->first;
    pthread_mutex_unlock(&r->lock);
    return first;
}

int64_t events_ring_next(struct events_ring *r) {
    pthread_mutex_lock(&r->lock);
    int64_t next = r->next;
    pthread_mutex_unlock(&r->lock);
    return next;
}

bool events_ring_is_full(struct events_ring *r, int64_t *oldest) {
    pthread_mutex_lock(&r->lock);
    bool full = r->n > r->cap / 4 * 3 || r->bytes > r->max_bytes / 4 * 3;
    *oldest = r->n ? item_at(r, 0)->offset : r->next;
    pthread_mutex_unlock(&r->lock);
    return full;
}
