#include <base/why.h>
#include <ops/anytext.h>
#include <ops/common.h>
#include <ops/registry.h>
#include <ops/rows.h>
#include <ops/when.h>
#include <stdlib.h>
#include <string.h>

enum { ANNOUNCE_MS = 3000, PER_MS = 10 }; /* and a millisecond more for so many */
enum { TOLD_MAX = 64 * 1024 };

pouch_err ops_registry_open(const struct ops_call *call, struct pl_store **store) {
    char *url = NULL;
    pouch_err e = ops_rows_store(call, store, &url);
    free(url);
    return e;
}

static int by_publisher(const void *publisher, const void *row) {
    return strcmp(publisher, ((const struct pl_route_row *)row)->publisher);
}

static int by_name(const void *name, const void *row) {
    return strcmp(name, ((const struct pl_service_row *)row)->name);
}

struct pl_route_row *ops_route_in(struct pl_route_row *routes, size_t n, const char *publisher) {
    return n ? bsearch(publisher, routes, n, sizeof *routes, by_publisher) : NULL;
}

struct pl_service_row *ops_service_in(struct pl_service_row *services, size_t n, const char *name) {
    return n ? bsearch(name, services, n, sizeof *services, by_name) : NULL;
}

pouch_err ops_route_find(struct pl_store *store, const char *publisher, struct pl_route_row **row) {
    struct pl_route_row *all;
    size_t n;
    int64_t version;
    *row = NULL;
    pouch_err e = pl_store_routes(store, &all, &n, &version);
    if (e) return e;
    struct pl_route_row *found = ops_route_in(all, n, publisher);
    if (found && (*row = malloc(sizeof **row))) {
        **row = *found;
        *found = (struct pl_route_row){0};
    }
    pl_route_free(all, n);
    return !found || *row ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
}

pouch_err ops_service_find(struct pl_store *store, const char *name, struct pl_service_row **row) {
    struct pl_service_row *all;
    size_t n;
    *row = NULL;
    pouch_err e = pl_store_services(store, &all, &n);
    if (e) return e;
    struct pl_service_row *found = ops_service_in(all, n, name);
    if (found && (*row = malloc(sizeof **row))) {
        **row = *found;
        *found = (struct pl_service_row){0};
    }
    pl_service_free(all, n);
    return !found || *row ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a service");
}

pouch_err ops_no_route(const char *publisher) {
    return pl_fail(POUCH_E_NOT_FOUND,
                   "there is no route for %s; `pouch route list` shows those there are, `pouch route add %s TARGET` "
                   "makes one",
                   publisher, publisher);
}

pouch_err ops_no_service(const char *name) {
    return pl_fail(POUCH_E_NOT_FOUND,
                   "there is no service %s; `pouch service list` shows those there are, `pouch service add %s` "
                   "registers one",
                   name, name);
}

void ops_announce(const struct ops_call *call, const struct pl_announcement *told, size_t n) {
    struct pl_settings s;
    pouch_err e = n ? pl_settings_read(&s, call->options) : POUCH_OK;
    if (!e && n) {
        e = pl_registry_announce(&s, s.client_id ? s.client_id : "pouch-cli", told, n, ANNOUNCE_MS + (int)(n / PER_MS));
        pl_settings_free(&s);
    }
    if (e)
        ops_say("the change is stored, and centers see it within 10 s; it was not announced to them: %s", pouch_why());
}

int ops_route_told(const struct ops_call *call, const struct pl_route_row *r, const char *done, bool as_it_was) {
    const struct pl_announcement a = {.publisher = r->publisher, .version = r->version, .enabled = r->enabled};
    if (!as_it_was) ops_announce(call, &a, 1);
    if (call->output != OPS_TABLE) return ops_print_json(ops_route_json(r));
    if (as_it_was) done = "is so already";
    struct pl_buf targets;
    pl_buf_init(&targets, TOLD_MAX);
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < r->n_targets; i++) e = pl_buf_printf(&targets, "%s%s", i ? ", " : "", r->targets[i]);
    ops_say("route %s %s%s%s: %s", r->publisher, done ? done : "", done ? ", " : "",
            r->enabled ? "enabled" : "disabled", e || !targets.len ? "-" : targets.at);
    pl_buf_free(&targets);
    return OPS_EXIT_OK;
}

pouch_err ops_expected(const struct ops_call *call, const char *flag, int64_t *expected) {
    return ops_number(call, flag, -1, 1, INT64_MAX, expected);
}

void ops_advise_conflict(const char *kind, const char *name, const char *flag) {
    ops_say("see what it is now with pouch %s show %s, and what was changed with pouch %s history %s; then give %s "
            "what it is of now",
            kind, name, kind, name, flag);
}

pouch_err ops_text_set(char **text, const char *to) {
    if (!to) return POUCH_OK;
    char *copy = strdup(to);
    if (!copy) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    free(*text);
    *text = copy;
    return POUCH_OK;
}

pouch_err ops_texts_set(char ***texts, size_t *n, const char *const from[], size_t n_from) {
    char **copies = calloc(n_from + 1, sizeof *copies);
    if (!copies) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < *n; i++) free((*texts)[i]);
    free(*texts);
    *texts = copies;
    pouch_err e = POUCH_OK;
    for (*n = 0; !e && *n < n_from; ++*n) e = ops_text_set(&copies[*n], from[*n]);
    return e;
}

json_t *ops_texts_json(char *const *texts, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++) list = ops_array_with(list, ops_anytext_of(texts[i]));
    return list;
}

void ops_text_put(const struct ops_screen *screen, const char *text) {
    ops_screen_column(stdout, screen, text ? text : "-", 0);
}

void ops_texts_put(const struct ops_screen *screen, char *const *texts, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (i) fputs(", ", stdout);
        ops_text_put(screen, texts[i]);
    }
    if (!n) putchar('-');
}

json_t *ops_route_json(const struct pl_route_row *r) {
    char created[OPS_WHEN_TEXT], updated[OPS_WHEN_TEXT];
    return json_pack("{s:o,s:o,s:o,s:b,s:o,s:I,s:s,s:s}", "publisher", ops_anytext_of(r->publisher), "id",
                     ops_anytext_of(r->id), "targets", ops_texts_json(r->targets, r->n_targets), "enabled",
                     (int)r->enabled, "service", ops_anytext_of(r->service), "version", (json_int_t)r->version,
                     "created_at", ops_when_text(created, r->created_ms), "updated_at",
                     ops_when_text(updated, r->updated_ms));
}

json_t *ops_service_json(const struct pl_service_row *s) {
    char created[OPS_WHEN_TEXT], updated[OPS_WHEN_TEXT];
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:s,s:s}", "name", ops_anytext_of(s->name), "version",
                     ops_anytext_of(s->version), "description", ops_anytext_of(s->description), "endpoint",
                     ops_anytext_of(s->endpoint), "tags", ops_texts_json(s->tags, s->n_tags), "revision",
                     (json_int_t)s->revision, "created_at", ops_when_text(created, s->created_ms), "updated_at",
                     ops_when_text(updated, s->updated_ms));
}
