#include <admin/anytext.h>
#include <admin/hops.h>
#include <admin/rows.h>
#include <admin/when.h>
#include <base/why.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 64 };

static bool fail(struct admin_rows *rows) {
    rows->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu trace rows", rows->n + 1);
    return false;
}

static bool make_room(struct admin_rows *rows) {
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

bool admin_rows_add(const struct pl_trace *row, void *arg) {
    struct admin_rows *rows = arg;
    if (rows->n == rows->most) {
        rows->full = true;
        return false;
    }
    if (!make_room(rows)) return false;
    if (!row_copy(&rows->at[rows->n], row)) return fail(rows);
    rows->n++;
    return true;
}

void admin_rows_free(struct admin_rows *rows) {
    for (size_t i = 0; i < rows->n; i++) row_free(&rows->at[i]);
    free(rows->at);
    *rows = (struct admin_rows){.most = rows->most};
}

json_t *admin_row_json(const struct pl_trace *row) {
    char when[ADMIN_WHEN_TEXT], id[37];
    pl_uuid_format(id, &row->request_id);
    json_t *o = json_pack("{s:s,s:I,s:s,s:s,s:s,s:b}", "time", admin_when_text(when, row->at_us / 1000), "at_us",
                          (json_int_t)row->at_us, "by", admin_by_text(row->by), "message_type",
                          row->response ? "response" : "request", "request_id", id, "success", row->success);
    if (!o) return NULL;
    json_object_set_new(o, "took_us", row->took_us < 0 ? json_null() : json_integer(row->took_us));
    json_object_set_new(o, "publisher", admin_anytext_of(row->publisher));
    json_object_set_new(o, "topic", admin_anytext_of(row->topic));
    json_object_set_new(o, "partition", row->offset < 0 ? json_null() : json_integer(row->partition));
    json_object_set_new(o, "offset", row->offset < 0 ? json_null() : json_integer(row->offset));
    json_object_set_new(o, "target", admin_anytext_of(row->target));
    json_object_set_new(o, "route", admin_anytext_of(row->route));
    json_object_set_new(o, "code", admin_anytext_of(row->code));
    json_object_set_new(o, "error", admin_anytext_of(row->error));
    return o;
}
