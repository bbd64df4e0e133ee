/* What a route or a service must be to be kept, whichever the back end. */
#ifndef POUCH_STORE_ROWS_H
#define POUCH_STORE_ROWS_H

#include <store/store.h>

POUCH_MUST_CHECK pouch_err pl_route_check(const struct pl_route_row *r);     /* CONFIG */
POUCH_MUST_CHECK pouch_err pl_service_check(const struct pl_service_row *r); /* CONFIG */

/* A service's tags are a set: kept and told in the order of their bytes, in which Cassandra tells those of a set. */
void pl_tags_sort(char **tags, size_t n);

void pl_route_clear(struct pl_route_row *r); /* frees its texts */

POUCH_MUST_CHECK pouch_err pl_name_check(const char *name, const char *what); /* CONFIG */

/* 1 to max bytes of UTF-8 without control characters. */
bool pl_text_valid(const char *text, size_t max);

#endif
