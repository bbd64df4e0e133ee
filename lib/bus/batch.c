#include <base/why.h>
#include <bus/batch.h>
#include <string.h>

/* So that each struct pl_held is aligned as malloc() aligns the first. */
enum { ALIGN = 16 };

static size_t padded(size_t n) {
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t held_bytes(const struct pl_held *h) {
    return padded(sizeof *h + h->key_n + h->value_n);
}

pouch_err pl_batch_init(struct pl_batch *b, size_t max_bytes) {
    *b = (struct pl_batch){0};
    pl_buf_init(&b->held, max_bytes);
    return pthread_mutex_init(&b->lock, NULL) ? pl_fail(POUCH_E_NO_MEMORY, "no memory for a topic's batch") : POUCH_OK;
}

void pl_batch_free(struct pl_batch *b) {
    pl_buf_free(&b->held);
    pthread_mutex_destroy(&b->lock);
}

static pouch_err hold(struct pl_buf *held, const struct pl_record *r, rd_kafka_headers_t *headers) {
    struct pl_held h = {r->arg, headers, r->key_n, r->value_n, r->key != NULL, r->value != NULL};
    pouch_err e = pl_buf_reserve(held, held_bytes(&h));
    if (e == POUCH_E_TOO_LARGE)
        return pl_fail(POUCH_E_OVERLOADED, "%zu bytes wait for %s already: the broker is slower than what is sent",
                       held->len, r->topic);
    if (e) return e;
    char *at = held->at + held->len;
    memcpy(at, &h, sizeof h);
    if (r->key_n) memcpy(at + sizeof h, r->key, r->key_n);
    if (r->value_n) memcpy(at + sizeof h + r->key_n, r->value, r->value_n);
    held->len += held_bytes(&h);
    return POUCH_OK;
}

pouch_err pl_batch_enter(struct pl_batch *b, const struct pl_record *r, rd_kafka_headers_t *headers, size_t *held) {
    pouch_err e = POUCH_OK;
    pthread_mutex_lock(&b->lock);
    size_t before = b->held.len;
    if (b->under_way)
        e = hold(&b->held, r, headers);
    else
        b->under_way = 1;
    *held = b->held.len - before;
    pthread_mutex_unlock(&b->lock);
    return e;
}

static size_t count(const struct pl_buf *records) {
    const void *key, *value;
    size_t n = 0, at = 0;
    while (pl_held_next(records, &at, &key, &value)) n++;
    return n;
}

bool pl_batch_leave(struct pl_batch *b, size_t n, struct pl_buf *out) {
    pthread_mutex_lock(&b->lock);
    b->under_way -= n < b->under_way ? n : b->under_way;
    bool flush = b->under_way == 0 && b->held.len > 0;
    if (flush) {
        struct pl_buf full = b->held;
        b->held = *out;
        *out = full;
        b->under_way = count(out);
    }
    pthread_mutex_unlock(&b->lock);
    return flush;
}

bool pl_batch_cancel(struct pl_batch *b, size_t n) {
    pthread_mutex_lock(&b->lock);
    b->under_way -= n;
    bool stranded = b->under_way == 0 && b->held.len > 0;
    pthread_mutex_unlock(&b->lock);
    return stranded;
}

struct pl_held *pl_held_next(const struct pl_buf *records, size_t *at, const void **key, const void **value) {
    if (*at == records->len) return NULL;
    char *start = records->at + *at;
    struct pl_held *h = (struct pl_held *)(void *)start;
    *key = h->has_key ? start + sizeof *h : NULL;
    *value = h->has_value ? start + sizeof *h + h->key_n : NULL;
    *at += held_bytes(h);
    return h;
}
