#include <base/why.h>
#include <bus/producer.h>
#include <stdlib.h>
#include <string.h>
#include <worker/parcel.h>

pouch_err pl_headers_add(struct pl_headers *h, const char *name, const void *value, size_t n) {
    if (h->n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 8;
        struct pl_header *at = reallocarray(h->at, cap, sizeof *at);
        if (!at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu record headers", cap);
        h->at = at;
        h->cap = cap;
    }
    h->at[h->n++] = (struct pl_header){name, value, n};
    return POUCH_OK;
}

const struct pl_header *pl_headers_find(const struct pl_headers *h, const char *name) {
    for (size_t i = 0; i < h->n; i++)
        if (!strcmp(h->at[i].name, name)) return &h->at[i];
    return NULL;
}

void pl_headers_free(struct pl_headers *h) {
    free(h->at);
    *h = (struct pl_headers){0};
}

const char *pl_buf_keep(struct pl_buf *b, const void *p, size_t n) {
    char *at = b->at + b->len;
    if (n) memcpy(at, p, n);
    at[n] = 0;
    b->len += n + 1;
    return at;
}

void pl_buf_swap(struct pl_buf *a, struct pl_buf *b) {
    struct pl_buf t = *a;
    *a = *b;
    *b = t;
}

/* A parcel's text holds a topic, a key of 1 KiB, 32 headers of 4 KiB and those of the request. */
enum { TEXT_MAX = 16 * 1024 * 1024 };

void pl_parcel_init(struct pl_parcel *p, size_t value_max) {
    memset(p, 0, sizeof *p);
    pl_buf_init(&p->value, value_max);
    pl_buf_init(&p->text, TEXT_MAX);
}

void pl_parcel_reset(struct pl_parcel *p) {
    pl_buf_recycle(&p->value);
    pl_buf_recycle(&p->text);
    p->headers.n = 0;
    p->topic = NULL;
    p->key = NULL;
    p->key_n = 0;
    p->goes = PL_BY_KEY;
}

void pl_parcel_free(struct pl_parcel *p) {
    pl_buf_free(&p->value);
    pl_buf_free(&p->text);
    pl_headers_free(&p->headers);
}

size_t pl_parcel_size(const struct pl_parcel *p) {
    size_t n = p->value.len + p->key_n;
    for (size_t i = 0; i < p->headers.n; i++) n += strlen(p->headers.at[i].name) + p->headers.at[i].n + PL_HEADER_BYTES;
    return n;
}

void pl_parcel_swap(struct pl_parcel *a, struct pl_parcel *b) {
    struct pl_parcel t = *a;
    *a = *b;
    *b = t;
}
