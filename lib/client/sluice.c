#include <base/why.h>
#include <client/sluice.h>
#include <stdlib.h>
#include <string.h>

pouch_err pl_sluice_init(struct pl_sluice *g, size_t max_bytes, size_t max_count) {
    *g = (struct pl_sluice){.max_bytes = max_bytes, .max_count = max_count};
    g->last = &g->first;
    if (pthread_mutex_init(&g->lock, NULL)) return pl_fail(POUCH_E_NO_MEMORY, "no mutex for held requests");
    return POUCH_OK;
}

void pl_sluice_free(struct pl_sluice *g) {
    pthread_mutex_destroy(&g->lock);
}

bool pl_sluice_is_open(const struct pl_sluice *g) {
    return atomic_load_explicit(&g->open, memory_order_acquire);
}

static size_t copied_bytes(const struct pl_record *r) {
    size_t n = sizeof(struct pl_held) + r->n_headers * sizeof *r->headers;
    for (size_t i = 0; i < r->n_headers; i++) n += strlen(r->headers[i].name) + 1 + r->headers[i].n;
    return n + strlen(r->topic) + 1 + r->key_n + r->value_n;
}

/* Appends n bytes at *to, which moves on; where they lie now. */
static void *put(char **to, const void *from, size_t n) {
    char *at = *to;
    if (n) memcpy(at, from, n);
    *to += n;
    return at;
}

static struct pl_held *copy(const struct pl_record *r) {
    size_t bytes = copied_bytes(r);
    struct pl_held *h = malloc(bytes);
    if (!h) return NULL;
    struct pl_header *headers = (struct pl_header *)(h + 1);
    char *to = (char *)(headers + r->n_headers);
    *h = (struct pl_held){.record = *r, .bytes = bytes};
    for (size_t i = 0; i < r->n_headers; i++) {
        const struct pl_header *from = &r->headers[i];
        headers[i].name = put(&to, from->name, strlen(from->name) + 1);
        headers[i].value = from->value ? put(&to, from->value, from->n) : NULL;
        headers[i].n = from->n;
    }
    h->record.headers = headers;
    h->record.topic = put(&to, r->topic, strlen(r->topic) + 1);
    h->record.key = put(&to, r->key, r->key_n);
    h->record.value = put(&to, r->value, r->value_n);
    return h;
}

/* Under the lock. */
static void append(struct pl_sluice *g, struct pl_held *h) {
    *g->last = h;
    g->last = &h->next;
    g->bytes += h->bytes;
    g->count++;
}

pouch_err pl_sluice_hold(struct pl_sluice *g, const struct pl_record *r, int64_t give_up_us, bool *held) {
    struct pl_held *h = copy(r);
    if (!h) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a request that waits for the brokers");
    h->give_up_us = give_up_us;
    pthread_mutex_lock(&g->lock);
    bool is_open = pl_sluice_is_open(g);
    bool fits = g->count < g->max_count && h->bytes <= g->max_bytes - g->bytes;
    if (!is_open && fits) append(g, h);
    pthread_mutex_unlock(&g->lock);
    *held = !is_open && fits;
    if (*held) return POUCH_OK;
    free(h);
    if (is_open) return POUCH_OK;
    return pl_fail(POUCH_E_OVERLOADED, "requests of %zu bytes wait for the brokers already: send again later",
                   g->max_bytes);
}

struct pl_held *pl_sluice_first(struct pl_sluice *g) {
    pthread_mutex_lock(&g->lock);
    struct pl_held *h = g->first;
    pthread_mutex_unlock(&g->lock);
    return h;
}

void pl_sluice_pop(struct pl_sluice *g) {
    pthread_mutex_lock(&g->lock);
    struct pl_held *h = g->first;
    g->first = h->next;
    if (!g->first) g->last = &g->first;
    g->bytes -= h->bytes;
    g->count--;
    pthread_mutex_unlock(&g->lock);
    free(h);
}

void pl_sluice_sift(struct pl_sluice *g, pl_sluice_sift_fn *fn, void *arg) {
    pthread_mutex_lock(&g->lock);
    struct pl_held **at = &g->first, *h;
    while ((h = *at)) {
        if (!fn(h, arg)) {
            at = &h->next;
            continue;
        }
        *at = h->next;
        g->bytes -= h->bytes;
        g->count--;
        free(h);
    }
    g->last = at;
    pthread_mutex_unlock(&g->lock);
}

bool pl_sluice_open_if_empty(struct pl_sluice *g) {
    pthread_mutex_lock(&g->lock);
    if (!g->first) atomic_store_explicit(&g->open, true, memory_order_release);
    bool is_open = pl_sluice_is_open(g);
    pthread_mutex_unlock(&g->lock);
    return is_open;
}
