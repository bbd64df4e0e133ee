/*
 * A body in chunks (RFC 9112, section 7.1), taken apart. Strict as the head is: no bare CR or LF, no sign or prefix
 * before a size, no folded trailer. Extensions and trailers are passed over, and bounded. No I/O and no memory.
 */
#ifndef POUCH_HTTPD_CHUNK_H
#define POUCH_HTTPD_CHUNK_H

#include <httpd/head.h>
#include <stdint.h>

enum { HTTPD_CHUNK_EXTRA_MAX = 4 * 1024 }; /* bytes of all the extensions and trailers of a body */

struct httpd_chunks {
    uint64_t room; /* bytes of content that may still come; set at first, with all else zero */
    uint64_t left; /* of the chunk */
    unsigned digits, extra;
    int state;
};

/*
 * Takes bytes from the front of at[0 .. n), *used of them, up to the end of a run of content, which is then in *data,
 * or of all. 0: go on behind them; 200: the body is whole; 413: the content passes its room; 431: too much beside it;
 * 400.
 */
int httpd_chunks_read(struct httpd_chunks *c, const char *at, size_t n, size_t *used, struct httpd_span *data);

#endif
