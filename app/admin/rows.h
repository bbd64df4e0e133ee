/* Trace rows kept beyond the walk that found them, and as JSON. */
#ifndef POUCH_ADMIN_ROWS_H
#define POUCH_ADMIN_ROWS_H

#include <json/json.h>
#include <store/store.h>

/* A growing list; its rows' texts and payloads are its own. */
struct admin_rows {
    struct pl_trace *at;
    size_t n, cap, most; /* no more than `most` are taken */
    bool full;           /* there was one more */
    pouch_err error;
};

/*
 * Takes a copy; false when there is no room or no memory. The visit of pl_store_by_request() and _by_time(), arg is the
 * list.
 */
bool admin_rows_add(const struct pl_trace *row, void *rows);
void admin_rows_free(struct admin_rows *rows);

/* One of them, without the payload. NULL: no memory. */
json_t *admin_row_json(const struct pl_trace *row);

#endif
