#include <admin/anytext.h>
#include <admin/trace.h>
#include <stdlib.h>

/* What is missing from the time that the rows are from, or waits: hops of this request may be among that. */
static pouch_err find_missing(struct admin_trace *t, struct pl_store *store) {
    int64_t since_us = INT64_MAX, until_us = 0;
    for (size_t i = 0; i < t->rows.n; i++) {
        const struct pl_trace *row = &t->rows.at[i];
        int64_t took_us = row->took_us > 0 ? row->took_us : 0;
        int64_t began_us = row->response ? row->at_us - took_us : row->at_us;
        if (began_us < since_us) since_us = began_us;
        if (began_us + took_us > until_us) until_us = began_us + took_us;
    }
    if (!t->rows.n) {
        since_us = 0;
        until_us = INT64_MAX - 1;
    }
    return admin_incomplete_ask(&t->incomplete, store, since_us, until_us + 1);
}

pouch_err admin_trace_read(struct admin_trace *t, const struct pl_uuid *id, struct pl_store *store, const char *url,
                           const char *spool) {
    *t = (struct admin_trace){.rows = {.most = ADMIN_TRACE_ROWS}};
    pl_uuid_format(t->request_id, id);
    admin_incomplete_look(&t->incomplete, url, spool, 0, INT64_MAX);
    pouch_err e = pl_store_by_request(store, id, admin_rows_add, &t->rows);
    if (!e) e = t->rows.error;
    return e ? e : find_missing(t, store);
}

void admin_trace_free(struct admin_trace *t) {
    admin_rows_free(&t->rows);
    admin_incomplete_free(&t->incomplete);
}

json_t *admin_trace_hops_json(const struct admin_trace *t) {
    struct admin_hop *hops = calloc(t->rows.n + 1, sizeof *hops);
    json_t *all = hops ? json_array() : NULL;
    size_t n = hops ? admin_hops_of(hops, t->rows.at, t->rows.n) : 0;
    for (size_t i = 0; all && i < n; i++) all = admin_array_with(all, admin_hop_json(&hops[i]));
    free(hops);
    return all;
}

json_t *admin_trace_json(const struct admin_trace *t) {
    json_t *rows = json_array();
    for (size_t i = 0; rows && i < t->rows.n; i++) rows = admin_array_with(rows, admin_row_json(&t->rows.at[i]));
    return admin_incomplete_json(
        json_pack("{s:s,s:o,s:o}", "request_id", t->request_id, "rows", rows, "hops", admin_trace_hops_json(t)),
        &t->incomplete);
}
