/*
 * The head of an HTTP/1.1 request: from its first byte to the empty line. Strict: what RFC 9112 calls malformed is
 * refused, and so is what it allows a server to repair (a bare LF, a folded line), because a
 * proxy in front may have repaired it otherwise, and then the two would not agree where a request ends.
 * No I/O and no memory.
 */
#ifndef POUCH_HTTPD_HEAD_H
#define POUCH_HTTPD_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTPD_LINE_MAX = 8 * 1024, HTTPD_FIELDS_BYTES_MAX = 16 * 1024, HTTPD_FIELDS_MAX = 100 };
enum { HTTPD_HEAD_MAX = HTTPD_LINE_MAX + HTTPD_FIELDS_BYTES_MAX + 4 }; /* the line's end, and the last one */

struct httpd_span {
    const char *at;
    size_t n;
};

/* Where the search for a head's end has got to. All zero at first, and again for the next head. */
struct httpd_search {
    size_t start; /* of the request line: empty lines before it are skipped */
    size_t line;  /* of the line that is not whole yet */
    size_t seen;  /* bytes that need not be looked at again */
    size_t end;   /* of the head, once it is whole */
    size_t fields;
};

/*
 * Looks on in the bytes of a connection, of which there are n by now. 0: more is needed; 200: the head is whole; else
 * the status to refuse it with.
 */
int httpd_search(struct httpd_search *s, const char *at, size_t n);

struct httpd_field {
    struct httpd_span name, value;
};

struct httpd_head {
    struct httpd_span method, path, query; /* without the "?" */
    struct httpd_span host; /* of the target, else of the field Host; n is 0 in HTTP/1.0 without either */
    struct httpd_field fields[HTTPD_FIELDS_MAX];
    size_t n_fields;
    bool old;        /* HTTP/1.0 */
    bool last;       /* the client closes after it, or speaks HTTP/1.0 */
    bool content;    /* bytes follow that belong to this request */
    bool chunked;    /* and say themselves where they end */
    bool expects;    /* the client waits for 100 (Continue) before it sends them */
    uint64_t length; /* of the content, unless it is chunked */
};

/* Takes a whole head apart: at[0 .. n), as httpd_search() found it. 200, or the status to refuse it with. */
int httpd_head_read(struct httpd_head *h, const char *at, size_t n);

bool httpd_span_is(struct httpd_span s, const char *text);

/* What a token may consist of, the names of fields and methods for example. */
bool httpd_is_token_char(char c);

/* The first field of that name, whatever its case; NULL: none. */
const struct httpd_span *httpd_head_field(const struct httpd_head *h, const char *name);

#endif
