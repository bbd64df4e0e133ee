/*
 * Targets of requests: percent-decoding, and paths that fit a route's. Strict: what decodes to a NUL or is no UTF-8 is
 * refused, and in a path also what a proxy or a handler could take for another path. No I/O and no memory.
 */
#ifndef POUCH_HTTPD_TARGET_H
#define POUCH_HTTPD_TARGET_H

#include <httpd/head.h>

/*
 * Decodes a segment of a path into out, which has room for s.n + 1, with a NUL behind it. False: a malformed escape,
 * no UTF-8, a control character, "/" in disguise, "." or "..".
 */
bool httpd_decode_segment(struct httpd_span s, char *out);

/* Decodes a name or a value of a query, in which "+" is a blank. False: a malformed escape, a NUL or no UTF-8. */
bool httpd_decode_query(struct httpd_span s, char *out);

/* False: a segment that httpd_decode_segment() refuses. */
bool httpd_path_is_sound(struct httpd_span path);

/*
 * Whether a sound path fits a route's, as in httpd/httpd.h. If so, values[0 .. *n) are the segments for its braces, not
 * decoded; there are at most `max`.
 */
bool httpd_path_fits(struct httpd_span path, const char *route, struct httpd_span *values, size_t max, size_t *n);

/* Whether a route's path can be matched at all: segments, braces whole and named, at most `max` of them. */
bool httpd_route_is_sound(const char *route, size_t max);

/* The name in the braces number i of a route's path; n is 0: there are not so many. */
struct httpd_span httpd_route_name(const char *route, size_t i);

/* The next parameter in *query, which then begins behind it; empty ones are passed over. False: there are none left. */
bool httpd_query_next(struct httpd_span *query, struct httpd_span *name, struct httpd_span *value);

#endif
