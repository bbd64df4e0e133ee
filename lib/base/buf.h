/*
 * Bytes that grow up to a ceiling. After a failed append the buffer is as it was before.
 * One owner, no locking. A buffer that may hold a secret is freed with pl_buf_wipe().
 */
#ifndef POUCH_BASE_BUF_H
#define POUCH_BASE_BUF_H

#include <pouch/error.h>
#include <stddef.h>
#include <stdint.h>

struct pl_buf {
    char *at;   /* NUL-terminated whenever non-NULL: at[len] == 0 */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated, the NUL's included */
    size_t max; /* len never passes this */
};

void pl_buf_init(struct pl_buf *b, size_t max); /* allocates nothing */
void pl_buf_free(struct pl_buf *b);             /* ready for use again, same max */
void pl_buf_wipe(struct pl_buf *b);             /* overwrites all of cap, then frees */
void pl_buf_reset(struct pl_buf *b);            /* len = 0, keeps the memory */

/* Empties b for its next use; what has grown beyond PL_BUF_KEPT is freed. The second overwrites what was in it. */
enum { PL_BUF_KEPT = 64 * 1024 };
void pl_buf_recycle(struct pl_buf *b);
void pl_buf_recycle_secret(struct pl_buf *b);

/* Room for n more bytes beyond len. TOO_LARGE past max, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_buf_reserve(struct pl_buf *b, size_t n);
POUCH_MUST_CHECK pouch_err pl_buf_append(struct pl_buf *b, const void *p, size_t n);
POUCH_MUST_CHECK pouch_err pl_buf_puts(struct pl_buf *b, const char *text);
POUCH_MUST_CHECK pouch_err pl_buf_putc(struct pl_buf *b, char c);
POUCH_MUST_CHECK pouch_err pl_buf_printf(struct pl_buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The bytes leave the buffer: the caller frees the result. NULL when nothing was ever appended and memory ran out. */
char *pl_buf_take(struct pl_buf *b, size_t *n);

#endif
