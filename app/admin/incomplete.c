#include <admin/anytext.h>
#include <admin/incomplete.h>

void admin_incomplete_look(struct admin_incomplete *i, const char *url, const char *spool, int64_t since_us,
                           int64_t until_us) {
    *i = (struct admin_incomplete){0};
    pl_waiting_count(&i->waiting, url, spool, since_us, until_us);
}

pouch_err admin_incomplete_ask(struct admin_incomplete *i, struct pl_store *store, int64_t since_us, int64_t until_us) {
    pouch_err e = pl_store_missing(store, since_us, until_us, &i->missing);
    if (i->waiting.to_us < since_us) i->waiting.rows = i->waiting.missing = 0;
    i->missing += i->waiting.missing;
    return e;
}

void admin_incomplete_free(struct admin_incomplete *i) {
    pl_waiting_free(&i->waiting);
}

bool admin_is_complete(const struct admin_incomplete *i) {
    return !i->missing && !i->waiting.rows;
}

json_t *admin_incomplete_json(json_t *object, const struct admin_incomplete *i) {
    if (object) object = admin_json_with(object, "complete", json_boolean(admin_is_complete(i)));
    if (object) object = admin_json_with(object, "missing", json_integer((json_int_t)i->missing));
    return object ? admin_json_with(object, "waiting", json_integer((json_int_t)i->waiting.rows)) : NULL;
}
