/* Routes and services: found, changed, told, and as JSON. */
#ifndef POUCH_ADMIN_REGISTRY_H
#define POUCH_ADMIN_REGISTRY_H

#include <json/json.h>
#include <registry/registry.h>
#include <store/store.h>

/* A service's version unless told. */
#define ADMIN_SERVICE_VERSION "1.0.0"

enum { ADMIN_TRIES = 10 }; /* others may change the same thing at the same moment */

/*
 * The URL of the store that is named, or of the default one where that is NULL; for free(), also after an error.
 * NO_MEMORY, CONFIG.
 */
POUCH_MUST_CHECK pouch_err admin_store_url(char **url, const char *named);

/* Opens that store; _look: as it is, and NULL where there is none yet. */
POUCH_MUST_CHECK pouch_err admin_store_open(struct pl_store **store, const char *named);
POUCH_MUST_CHECK pouch_err admin_store_look(struct pl_store **store, const char *named);

/* The name that connections for looking and changing go by, unless there is another. */
const char *admin_client_id(const struct pl_settings *s);

/* Tells the centers of changes that stand in the store: pl_registry_announce() with the time that so many take. */
POUCH_MUST_CHECK pouch_err admin_announce(const struct pl_settings *s, const struct pl_announcement *told, size_t n);

/*
 * The row of that publisher, or name, as an array of one for pl_route_free() or pl_service_free(). NULL: there is none,
 * and that is no error.
 */
POUCH_MUST_CHECK pouch_err admin_route_find(struct pl_store *store, const char *publisher, struct pl_route_row **row);
POUCH_MUST_CHECK pouch_err admin_service_find(struct pl_store *store, const char *name, struct pl_service_row **row);

/* The row of that publisher, or name, among all of a store in their order; NULL: there is none. */
struct pl_route_row *admin_route_in(struct pl_route_row *routes, size_t n, const char *publisher);
struct pl_service_row *admin_service_in(struct pl_service_row *services, size_t n, const char *name);

/* NOT_FOUND, with the next step. */
POUCH_MUST_CHECK pouch_err admin_no_route(const char *publisher);
POUCH_MUST_CHECK pouch_err admin_no_service(const char *name);

/*
 * Enables a route, or disables it; expected: as pl_store_route_put() has it, or -1: as it is, also when others change
 * it meanwhile. *row as of admin_route_find(), also after an error; *as_it_was: there was nothing to change. NOT_FOUND,
 * EXISTS; the store's errors.
 */
POUCH_MUST_CHECK pouch_err admin_route_enable(struct pl_store *store, const char *publisher, bool enabled,
                                              int64_t expected, struct pl_route_row **row, bool *as_it_was);

/* The publishers whose routes name the service, for admin_texts_free(), also after an error. */
POUCH_MUST_CHECK pouch_err admin_publishers_of(struct pl_store *store, const char *service, char ***publishers,
                                               size_t *n);

void admin_texts_free(char **texts, size_t n); /* NULL allowed, of none */

/* Replaces *text by a copy; NULL is left out. NO_MEMORY: nothing changed. */
POUCH_MUST_CHECK pouch_err admin_text_set(char **text, const char *to);

/* Replaces a list by copies of n others. NO_MEMORY: the list has fewer. */
POUCH_MUST_CHECK pouch_err admin_texts_set(char ***texts, size_t *n, const char *const from[], size_t n_from);

/* NULL: out of memory. */
json_t *admin_route_json(const struct pl_route_row *r);
json_t *admin_service_json(const struct pl_service_row *s);

#endif
