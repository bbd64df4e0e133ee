#include <base/buf.h>
#include <base/why.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 64 };

void pl_buf_init(struct pl_buf *b, size_t max) {
    *b = (struct pl_buf){.max = max};
}

void pl_buf_free(struct pl_buf *b) {
    free(b->at);
    pl_buf_init(b, b->max);
}

void pl_buf_wipe(struct pl_buf *b) {
    if (b->at) explicit_bzero(b->at, b->cap);
    pl_buf_free(b);
}

void pl_buf_reset(struct pl_buf *b) {
    b->len = 0;
    if (b->at) b->at[0] = 0;
}

void pl_buf_recycle(struct pl_buf *b) {
    if (b->cap > PL_BUF_KEPT)
        pl_buf_free(b);
    else
        pl_buf_reset(b);
}

void pl_buf_recycle_secret(struct pl_buf *b) {
    if (b->cap > PL_BUF_KEPT) {
        pl_buf_wipe(b);
    } else if (b->at) {
        explicit_bzero(b->at, b->len);
        pl_buf_reset(b);
    }
}

/* Moves by hand and not by realloc(), which would leave a copy of a secret in freed memory. */
static pouch_err move_to(struct pl_buf *b, size_t cap) {
    char *at = malloc(cap);
    if (!at) return pl_fail(POUCH_E_NO_MEMORY, "out of memory: a buffer of %zu bytes could not be had", cap);
    if (b->at) {
        memcpy(at, b->at, b->len);
        explicit_bzero(b->at, b->cap);
        free(b->at);
    }
    at[b->len] = 0;
    b->at = at;
    b->cap = cap;
    return POUCH_OK;
}

pouch_err pl_buf_reserve(struct pl_buf *b, size_t n) {
    if (b->at && n < b->cap - b->len) return POUCH_OK;
    if (n > b->max - b->len || n == SIZE_MAX - b->len)
        return pl_fail(POUCH_E_TOO_LARGE, "%zu more bytes do not fit: %zu of at most %zu are in use", n, b->len,
                       b->max);
    size_t need = b->len + n + 1;
    size_t cap = b->cap ? b->cap : FIRST_CAP;
    while (cap < need) cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap - 1 > b->max) cap = b->max + 1;
    return move_to(b, cap);
}

pouch_err pl_buf_append(struct pl_buf *b, const void *p, size_t n) {
    pouch_err e = pl_buf_reserve(b, n);
    if (e) return e;
    if (n) memcpy(b->at + b->len, p, n);
    b->len += n;
    b->at[b->len] = 0;
    return POUCH_OK;
}

pouch_err pl_buf_puts(struct pl_buf *b, const char *text) {
    return pl_buf_append(b, text, strlen(text));
}

pouch_err pl_buf_putc(struct pl_buf *b, char c) {
    return pl_buf_append(b, &c, 1);
}

pouch_err pl_buf_printf(struct pl_buf *b, const char *format, ...) {
    va_list args;
    const size_t room = b->at ? b->cap - b->len : 0;
    va_start(args, format);
    int n = vsnprintf(room ? b->at + b->len : NULL, room, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < room) {
        b->len += (size_t)n;
        return POUCH_OK;
    }
    if (room) b->at[b->len] = 0;
    if (n < 0) return pl_fail(POUCH_E_TOO_LARGE, "a formatted text is too long or not of this locale");
    pouch_err e = pl_buf_reserve(b, (size_t)n);
    if (e) return e;
    va_start(args, format);
    vsnprintf(b->at + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
    return POUCH_OK;
}

char *pl_buf_take(struct pl_buf *b, size_t *n) {
    *n = b->len;
    char *at = b->at ? b->at : calloc(1, 1);
    pl_buf_init(b, b->max);
    return at;
}
