#include <admin/anytext.h>
#include <admin/registry.h>
#include <admin/when.h>
#include <base/why.h>
#include <stdlib.h>
#include <store/weights.h>
#include <string.h>

enum { ANNOUNCE_MS = 30000, PER_MS = 10 }; /* and a millisecond more for so many */

pouch_err admin_store_url(char **url, const char *named) {
    if (!named) return pl_store_default_url(url);
    *url = strdup(named);
    return *url ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store's URL");
}

pouch_err admin_store_open(struct pl_store **store, const char *named) {
    char *url = NULL;
    *store = NULL;
    pouch_err e = admin_store_url(&url, named);
    if (!e) e = pl_store_open(store, url);
    free(url);
    return e;
}

pouch_err admin_store_look(struct pl_store **store, const char *named) {
    char *url = NULL;
    *store = NULL;
    pouch_err e = admin_store_url(&url, named);
    if (!e) e = pl_store_look(store, url);
    free(url);
    return e == POUCH_E_NOT_FOUND ? POUCH_OK : e;
}

pouch_err admin_announce(const struct pl_settings *s, const struct pl_announcement *told, size_t n) {
    return pl_registry_announce(s, admin_client_id(s), told, n, ANNOUNCE_MS + (int)(n / PER_MS));
}

const char *admin_client_id(const struct pl_settings *s) {
    return s->client_id ? s->client_id : "pouch-cli";
}

static int by_publisher(const void *publisher, const void *row) {
    return strcmp(publisher, ((const struct pl_route_row *)row)->publisher);
}

static int by_name(const void *name, const void *row) {
    return strcmp(name, ((const struct pl_service_row *)row)->name);
}

struct pl_route_row *admin_route_in(struct pl_route_row *routes, size_t n, const char *publisher) {
    return n ? bsearch(publisher, routes, n, sizeof *routes, by_publisher) : NULL;
}

struct pl_service_row *admin_service_in(struct pl_service_row *services, size_t n, const char *name) {
    return n ? bsearch(name, services, n, sizeof *services, by_name) : NULL;
}

pouch_err admin_route_find(struct pl_store *store, const char *publisher, struct pl_route_row **row) {
    struct pl_route_row *all;
    size_t n;
    int64_t version;
    *row = NULL;
    pouch_err e = pl_store_routes(store, &all, &n, &version);
    if (e) return e;
    struct pl_route_row *found = admin_route_in(all, n, publisher);
    if (found && (*row = malloc(sizeof **row))) {
        **row = *found;
        *found = (struct pl_route_row){0};
    }
    pl_route_free(all, n);
    return !found || *row ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a route");
}

pouch_err admin_service_find(struct pl_store *store, const char *name, struct pl_service_row **row) {
    struct pl_service_row *all;
    size_t n;
    *row = NULL;
    pouch_err e = pl_store_services(store, &all, &n);
    if (e) return e;
    struct pl_service_row *found = admin_service_in(all, n, name);
    if (found && (*row = malloc(sizeof **row))) {
        **row = *found;
        *found = (struct pl_service_row){0};
    }
    pl_service_free(all, n);
    return !found || *row ? POUCH_OK : pl_fail(POUCH_E_NO_MEMORY, "out of memory for a service");
}

pouch_err admin_no_route(const char *publisher) {
    return pl_fail(POUCH_E_NOT_FOUND,
                   "there is no route for %s; `pouch route list` shows those there are, `pouch route add %s TARGET` "
                   "makes one",
                   publisher, publisher);
}

pouch_err admin_no_service(const char *name) {
    return pl_fail(POUCH_E_NOT_FOUND,
                   "there is no service %s; `pouch service list` shows those there are, `pouch service add %s` "
                   "registers one",
                   name, name);
}

/* One try. *as_it_was: there is nothing to change. */
static pouch_err put_enabled(struct pl_store *store, const char *publisher, bool enabled, int64_t expected,
                             struct pl_route_row **row, bool *as_it_was) {
    pouch_err e = admin_route_find(store, publisher, row);
    if (e) return e;
    if (!*row) return admin_no_route(publisher);
    int64_t version = (*row)->version;
    *as_it_was = (*row)->enabled == enabled && (expected < 0 || expected == version);
    (*row)->enabled = enabled;
    return *as_it_was ? POUCH_OK : pl_store_route_put(store, *row, expected < 0 ? version : expected);
}

pouch_err admin_route_enable(struct pl_store *store, const char *publisher, bool enabled, int64_t expected,
                             struct pl_route_row **row, bool *as_it_was) {
    for (int i = 1;; i++) {
        pouch_err e = put_enabled(store, publisher, enabled, expected, row, as_it_was);
        if (e != POUCH_E_EXISTS || expected >= 0 || i == ADMIN_TRIES) return e;
        pl_route_free(*row, *row != NULL);
    }
}

pouch_err admin_text_set(char **text, const char *to) {
    if (!to) return POUCH_OK;
    char *copy = strdup(to);
    if (!copy) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    free(*text);
    *text = copy;
    return POUCH_OK;
}

pouch_err admin_texts_set(char ***texts, size_t *n, const char *const from[], size_t n_from) {
    char **copies = calloc(n_from + 1, sizeof *copies);
    if (!copies) return pl_fail(POUCH_E_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < *n; i++) free((*texts)[i]);
    free(*texts);
    *texts = copies;
    pouch_err e = POUCH_OK;
    for (*n = 0; !e && *n < n_from; ++*n) e = admin_text_set(&copies[*n], from[*n]);
    return e;
}

void admin_texts_free(char **texts, size_t n) {
    for (size_t i = 0; i < n; i++) free(texts[i]);
    free(texts);
}

/* The publishers whose routes name the service, compacted to the front of their array in *n. */
pouch_err admin_publishers_of(struct pl_store *store, const char *service, char ***publishers, size_t *n) {
    struct pl_route_row *routes;
    size_t all;
    int64_t version;
    *n = 0;
    *publishers = NULL;
    pouch_err e = pl_store_routes(store, &routes, &all, &version);
    if (e) return e;
    *publishers = calloc(all + 1, sizeof **publishers);
    if (!*publishers) e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for %zu routes", all);
    for (size_t i = 0; !e && i < all; i++)
        if (routes[i].service && !strcmp(routes[i].service, service)) {
            e = admin_text_set(&(*publishers)[*n], routes[i].publisher);
            *n += !e;
        }
    pl_route_free(routes, all);
    return e;
}

json_t *admin_route_json(const struct pl_route_row *r) {
    char created[ADMIN_WHEN_TEXT], updated[ADMIN_WHEN_TEXT];
    return json_pack("{s:o,s:o,s:o,s:o,s:b,s:o,s:I,s:s,s:s}", "publisher", admin_anytext_of(r->publisher), "id",
                     admin_anytext_of(r->id), "targets", admin_texts_json(r->targets, r->n_targets), "weights",
                     r->weights ? pl_weights_json(r) : json_null(), "enabled", (int)r->enabled, "service",
                     admin_anytext_of(r->service), "version", (json_int_t)r->version, "created_at",
                     admin_when_text(created, r->created_ms), "updated_at", admin_when_text(updated, r->updated_ms));
}

json_t *admin_service_json(const struct pl_service_row *s) {
    char created[ADMIN_WHEN_TEXT], updated[ADMIN_WHEN_TEXT];
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:s,s:s}", "name", admin_anytext_of(s->name), "version",
                     admin_anytext_of(s->version), "description", admin_anytext_of(s->description), "endpoint",
                     admin_anytext_of(s->endpoint), "tags", admin_texts_json(s->tags, s->n_tags), "revision",
                     (json_int_t)s->revision, "created_at", admin_when_text(created, s->created_ms), "updated_at",
                     admin_when_text(updated, s->updated_ms));
}
