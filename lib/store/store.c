#include <base/folder.h>
#include <base/why.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/audit.h>
#include <store/backend.h>
#include <store/cassandra.h>
#include <store/rows.h>
#include <string.h>

static const struct pl_store_kind *const kinds[] = {&pl_store_sqlite, &pl_store_cassandra};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

pouch_err pl_store_kind_of(const struct pl_store_kind **kind, const char **where, const char *url) {
    for (size_t i = 0; i < KINDS; i++) {
        size_t n = strlen(kinds[i]->scheme);
        if (strncmp(url, kinds[i]->scheme, n)) continue;
        *kind = kinds[i];
        *where = url + n;
        return POUCH_OK;
    }
    const char *colon = strchr(url, ':'); /* what follows is not shown: it may have a password in it */
    return pl_fail(
        POUCH_E_CONFIG,
        "store %.*s: not a store this program knows; give sqlite:///FOLDER or cassandra://HOST,HOST/KEYSPACE",
        colon && colon - url < 32 ? (int)(colon - url) + 1 : 32, url);
}

static pouch_err open_store(struct pl_store **s, const char *url, bool as_it_is) {
    const struct pl_store_kind *kind;
    const char *where;
    pouch_err e = pl_store_kind_of(&kind, &where, url);
    if (!e) e = kind->open(s, where, as_it_is);
    if (!e) pl_author_default((*s)->author);
    return e;
}

pouch_err pl_store_open(struct pl_store **s, const char *url) {
    return open_store(s, url, false);
}

pouch_err pl_store_look(struct pl_store **s, const char *url) {
    return open_store(s, url, true);
}

void pl_store_close(struct pl_store *s) {
    if (s) s->kind->close(s);
}

pouch_err pl_store_default_url(char **url) {
    char *folder;
    pouch_err e = pl_folder_state(&folder);
    if (e == POUCH_E_CONFIG)
        return pl_fail(POUCH_E_CONFIG, "where to keep the store cannot be told, since there is no home and no "
                                       "/var/lib/pouch to write to: give --store sqlite:///FOLDER");
    if (e) return e;
    int n = asprintf(url, "sqlite://%s", folder);
    free(folder);
    return n < 0 ? pl_fail(POUCH_E_NO_MEMORY, "out of memory for a store's URL") : POUCH_OK;
}

pouch_err pl_store_version(struct pl_store *s, int64_t *version) {
    return s->kind->version(s, version);
}

pouch_err pl_store_routes(struct pl_store *s, struct pl_route_row **routes, size_t *n, int64_t *version) {
    return s->kind->routes(s, routes, n, version);
}

pouch_err pl_store_route_put(struct pl_store *s, struct pl_route_row *r, int64_t expected) {
    pouch_err e = pl_route_check(r);
    return e ? e : s->kind->route_put(s, r, expected);
}

pouch_err pl_store_route_remove(struct pl_store *s, const char *publisher, int64_t expected, int64_t *version) {
    return s->kind->route_remove(s, publisher, expected, version);
}

pouch_err pl_store_services(struct pl_store *s, struct pl_service_row **services, size_t *n) {
    return s->kind->services(s, services, n);
}

pouch_err pl_store_service_put(struct pl_store *s, struct pl_service_row *r, int64_t expected) {
    pouch_err e = pl_service_check(r);
    if (e) return e;
    pl_tags_sort(r->tags, r->n_tags);
    return s->kind->service_put(s, r, expected);
}

pouch_err pl_store_service_remove(struct pl_store *s, const char *name, int64_t expected, int64_t *revision) {
    return s->kind->service_remove(s, name, expected, revision);
}

pouch_err pl_store_set_author(struct pl_store *s, const char *author) {
    pouch_err e = pl_author_check(author);
    if (!e) snprintf(s->author, sizeof s->author, "%s", author);
    return e;
}

pouch_err pl_store_audit_put(struct pl_store *s, const char *kind, const char *name, const char *before,
                             const char *after) {
    const struct pl_audit change = {.kind = kind, .name = name, .who = s->author, .before = before, .after = after};
    pouch_err e = pl_audit_check(&change);
    return e ? e : s->kind->audit_put(s, &change);
}

pouch_err pl_store_audit(struct pl_store *s, const struct pl_audit_query *q, pl_audit_visit *fn, void *arg) {
    return s->kind->audit(s, q, fn, arg);
}

pouch_err pl_store_by_request(struct pl_store *s, const struct pl_uuid *id, pl_trace_visit *fn, void *arg) {
    return s->kind->by_request(s, id, fn, arg);
}

pouch_err pl_store_by_time(struct pl_store *s, const struct pl_trace_query *q, pl_trace_visit *fn, void *arg) {
    return s->kind->by_time(s, q, fn, arg);
}

pouch_err pl_store_missing(struct pl_store *s, int64_t since_us, int64_t until_us, uint64_t *rows) {
    return s->kind->missing(s, since_us, until_us, rows);
}

pouch_err pl_store_expire(struct pl_store *s, int64_t before_us) {
    return s->kind->expire(s, before_us);
}

static pouch_err read_store(const char *url, struct pl_route_row **routes, size_t *n_routes,
                            struct pl_service_row **services, size_t *n_services) {
    struct pl_store *s;
    int64_t version;
    pouch_err e = pl_store_open(&s, url);
    if (e) return e;
    e = pl_store_routes(s, routes, n_routes, &version);
    if (!e && (e = pl_store_services(s, services, n_services))) {
        pl_route_free(*routes, *n_routes);
        *routes = NULL;
        *n_routes = 0;
    }
    pl_store_close(s);
    return e;
}

pouch_err pl_store_import(const char *url, struct pl_route_row **routes, size_t *n_routes,
                          struct pl_service_row **services, size_t *n_services) {
    const struct pl_store_kind *kind;
    const char *where;
    bool ours = true;
    pouch_err e = pl_store_kind_of(&kind, &where, url);
    if (!e && kind == &pl_store_cassandra)
        e = pl_cassandra_import(where, &ours, routes, n_routes, services, n_services);
    return e || !ours ? e : read_store(url, routes, n_routes, services, n_services);
}
