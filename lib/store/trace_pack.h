/* Rows one after another in a block of memory, as they wait for the store. Inside the room. */
#ifndef POUCH_STORE_TRACE_PACK_H
#define POUCH_STORE_TRACE_PACK_H

#include <store/trace.h>

enum {
    PL_TRACE_ERROR_MAX = 1024,
    PL_TRACE_TEXTS = 6,
    PL_TRACE_PACK_VERSION = 1 /* of the layout, which spools keep */
};

struct pl_packing { /* what a row will take, found out before any lock is held */
    size_t bytes;
    uint16_t texts[PL_TRACE_TEXTS]; /* with the NUL; 0: NULL */
};

/* An error's text is cut at PL_TRACE_ERROR_MAX, any other text at 65,534 bytes. */
void pl_trace_measure(struct pl_packing *p, const struct pl_trace *row);
void pl_trace_pack(char *to, const struct pl_trace *row, const struct pl_packing *p);

/* Reads the row at `at`; its texts are borrowed from there. Where the next one begins. */
const char *pl_trace_unpack(const char *at, struct pl_trace *row);

/* Whether n bytes from somewhere else are that many whole rows, so that they can be unpacked. */
bool pl_trace_check(const char *at, size_t n, uint64_t rows);

#endif
