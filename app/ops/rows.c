#include <admin/hops.h>
#include <admin/registry.h>
#include <admin/when.h>
#include <base/why.h>
#include <ops/anytext.h>
#include <ops/common.h>
#include <ops/csv.h>
#include <ops/rows.h>
#include <ops/waterfall.h>
#include <stdlib.h>
#include <string.h>

/* A payload is an envelope, thus JSON; what a foreign writer of the store put there may be anything. */
int ops_row_print(const struct pl_trace *row) {
    bool shown = row->payload && pl_json_valid(row->payload, row->payload_n);
    struct pl_span envelope = {shown ? row->payload : NULL, shown ? row->payload_n : 0};
    return ops_anytext_print(admin_row_json(row), "envelope", envelope);
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
    char when[ADMIN_WHEN_TEXT], id[37];
    pl_uuid_format(id, &row->request_id);
    bool from_record = row->offset >= 0;
    ops_csv_text(stdout, 0, admin_when_text(when, row->at_us / 1000));
    ops_csv_number(stdout, 1, row->at_us);
    ops_csv_text(stdout, 2, admin_by_text(row->by));
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
    pouch_err e = admin_store_url(url, pouch_options_get(call->options, "store"));
    return e ? e : pl_store_open(store, *url);
}
