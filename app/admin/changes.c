#include <admin/anytext.h>
#include <admin/changes.h>
#include <admin/when.h>
#include <base/why.h>
#include <string.h>

json_t *admin_state_json(const char *text) {
    json_t *state = NULL;
    pouch_err e = text ? pl_json_read(&state, "a state", text, strlen(text)) : POUCH_OK;
    return state || e == POUCH_E_NO_MEMORY ? state : json_null();
}

struct found {
    json_t *rows; /* as they come: the newest first */
    pouch_err error;
};

static bool keep(const struct pl_audit *c, void *arg) {
    struct found *f = arg;
    char at[ADMIN_WHEN_TEXT];
    json_t *row =
        json_pack("{s:I,s:s,s:s,s:o,s:o,s:o,s:o}", "version", (json_int_t)c->version, "at",
                  admin_when_text(at, c->at_ms), "kind", c->kind, "name", admin_anytext_of(c->name), "who",
                  admin_anytext_of(c->who), "before", admin_state_json(c->before), "after", admin_state_json(c->after));
    f->rows = admin_array_with(f->rows, row);
    if (f->rows) return true;
    f->error = pl_fail(POUCH_E_NO_MEMORY, "out of memory for changes");
    return false;
}

static json_t *reversed(json_t *rows) {
    json_t *out = json_array();
    for (size_t i = json_array_size(rows); out && i-- > 0;)
        out = admin_array_with(out, json_incref(json_array_get(rows, i)));
    json_decref(rows);
    return out;
}

pouch_err admin_changes_read(struct pl_store *store, const struct pl_audit_query *q, json_t **changes) {
    struct found f = {.rows = json_array()};
    *changes = NULL;
    pouch_err e = f.rows ? pl_store_audit(store, q, keep, &f) : POUCH_OK;
    if (!e) e = f.error;
    if (!e) *changes = f.rows ? reversed(f.rows) : NULL;
    if (e) json_decref(f.rows);
    return e || *changes ? e : pl_fail(POUCH_E_NO_MEMORY, "out of memory for changes");
}
