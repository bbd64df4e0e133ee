#include <base/why.h>
#include <ops/anytext.h>
#include <ops/common.h>
#include <ops/csv.h>
#include <ops/rows.h>
#include <ops/waterfall.h>
#include <ops/when.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 64 };

static bool fail(struct ops_rows *rows) {
    rows->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu trace rows", rows->n + 1);
    return false;
}

static bool make_room(struct ops_rows *rows) {
    if (rows->n < rows->cap) return true;
    size_t cap = rows->cap ? 2 * rows->cap : FIRST;
    struct pl_trace *at = reallocarray(rows->at, cap, sizeof *at);
    if (!at) return fail(rows);
    rows->at = at;
    rows->cap = cap;
    return true;
}

/* Every text of a row; the payload is apart. */
enum { TEXTS = 6 };
static void texts_of(struct pl_trace *row, const char **texts[TEXTS]) {
    const char **const all[TEXTS] = {&row->publisher, &row->topic, &row->target, &row->route, &row->code, &row->error};
    memcpy(texts, all, sizeof all);
}

static void row_free(struct pl_trace *row) {
    const char **texts[TEXTS];
    texts_of(row, texts);
    for (size_t i = 0; i < TEXTS; i++) free((void *)*texts[i]);
    free((void *)row->payload);
}

static bool row_copy(struct pl_trace *to, const struct pl_trace *from) {
    const char **texts[TEXTS];
    bool whole = true;
    *to = *from;
    texts_of(to, texts);
    for (size_t i = 0; i < TEXTS; i++) {
        const char *text = *texts[i];
        *texts[i] = text ? strdup(text) : NULL;
        whole = whole && (!text || *texts[i]);
    }
    to->payload = from->payload ? malloc(from->payload_n + 1) : NULL;
    if (to->payload) memcpy((void *)to->payload, from->payload, from->payload_n);
    if (whole && (to->payload || !from->payload)) return true;
    row_free(to);
    return false;
}

bool ops_rows_add(const struct pl_trace *row, void *arg) {
    struct ops_rows *rows = arg;
    if (rows->n == rows->most) {
        rows->full = true;
        return false;
    }
    if (!make_room(rows)) return false;
    if (!row_copy(&rows->at[rows->n], row)) return fail(rows);
    rows->n++;
    return true;
}

void ops_rows_free(struct ops_rows *rows) {
    for (size_t i = 0; i < rows->n; i++) row_free(&rows->at[i]);
    free(rows->at);
    *rows = (struct ops_rows){.most = rows->most};
}

static json_t *row_json(const struct pl_trace *row) {
    char when[OPS_WHEN_TEXT], id[37];
    pl_uuid_format(id, &row->request_id);
    json_t *o = json_pack("{s:s,s:I,s:s,s:s,s:s,s:b}", "time", ops_when_text(when, row->at_us / 1000), "at_us",
                          (json_int_t)row->at_us, "by", ops_by_text(row->by), "message_type",
                          row->response ? "response" : "request", "request_id", id, "success", row->success);
    if (!o) return NULL;
    json_object_set_new(o, "took_us", row->took_us < 0 ? json_null() : json_integer(row->took_us));
    json_object_set_new(o, "publisher", ops_anytext_of(row->publisher));
    json_object_set_new(o, "topic", ops_anytext_of(row->topic));
    json_object_set_new(o, "partition", row->offset < 0 ? json_null() : json_integer(row->partition));
    json_object_set_new(o, "offset", row->offset < 0 ? json_null() : json_integer(row->offset));
    json_object_set_new(o, "target", ops_anytext_of(row->target));
    json_object_set_new(o, "route", ops_anytext_of(row->route));
    json_object_set_new(o, "code", ops_anytext_of(row->code));
    json_object_set_new(o, "error", ops_anytext_of(row->error));
    return o;
}

/* A payload is an envelope, thus JSON; what a foreign writer of the store put there may be anything. */
int ops_row_print(const struct pl_trace *row) {
    bool shown = row->payload && pl_json_valid(row->payload, row->payload_n);
    struct pl_span envelope = {shown ? row->payload : NULL, shown ? row->payload_n : 0};
    return ops_anytext_print(row_json(row), "envelope", envelope);
}

/* As in the JSON. */
static const char *const names[] = {"time",    "at_us",     "by",    "message_type", "request_id", "success",
                                    "took_us", "publisher", "topic", "partition",    "offset",     "target",
                                    "route",   "code",      "error", "envelope"};

void ops_row_csv_names(void) {
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) ops_csv_text(stdout, i, names[i]);
    ops_csv_end(stdout);
}

void ops_row_csv(const struct pl_trace *row) {
    char when[OPS_WHEN_TEXT], id[37];
    pl_uuid_format(id, &row->request_id);
    bool from_record = row->offset >= 0;
    ops_csv_text(stdout, 0, ops_when_text(when, row->at_us / 1000));
    ops_csv_number(stdout, 1, row->at_us);
    ops_csv_text(stdout, 2, ops_by_text(row->by));
    ops_csv_text(stdout, 3, row->response ? "response" : "request");
    ops_csv_text(stdout, 4, id);
    ops_csv_text(stdout, 5, row->success ? "true" : "false");
    row->took_us < 0 ? ops_csv_text(stdout, 6, NULL) : ops_csv_number(stdout, 6, row->took_us);
    ops_csv_text(stdout, 7, row->publisher);
    ops_csv_text(stdout, 8, row->topic);
    from_record ? ops_csv_number(stdout, 9, row->partition) : ops_csv_text(stdout, 9, NULL);
    from_record ? ops_csv_number(stdout, 10, row->offset) : ops_csv_text(stdout, 10, NULL);
    ops_csv_text(stdout, 11, row->target);
    ops_csv_text(stdout, 12, row->route);
    ops_csv_text(stdout, 13, row->code);
    ops_csv_text(stdout, 14, row->error);
    ops_csv_bytes(stdout, 15, row->payload, row->payload_n);
    ops_csv_end(stdout);
}

pouch_err ops_rows_store(const struct ops_call *call, struct pl_store **store, char **url) {
    const char *named = pouch_options_get(call->options, "store");
    *url = named ? strdup(named) : NULL;
    if (named && !*url) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store's URL");
    pouch_err e = named ? POUCH_OK : pl_store_default_url(url);
    return e ? e : pl_store_open(store, *url);
}
