/* What the commands on routes and services share. */
#ifndef POUCH_OPS_REGISTRY_H
#define POUCH_OPS_REGISTRY_H

#include <json/json.h>
#include <ops/ops.h>
#include <ops/screen.h>
#include <registry/registry.h>
#include <store/store.h>

/* A service's version unless told. */
#define OPS_SERVICE_VERSION "1.0.0"

enum { OPS_TRIES = 10 }; /* others may change the same thing at the same moment */

/* The store that the settings name, or else the default one. */
POUCH_MUST_CHECK pouch_err ops_registry_open(const struct ops_call *call, struct pl_store **store);

/*
 * The row of that publisher, or name, as an array of one for pl_route_free() or pl_service_free(). NULL: there is none, and
 * that is no error.
 */
POUCH_MUST_CHECK pouch_err ops_route_find(struct pl_store *store, const char *publisher, struct pl_route_row **row);
POUCH_MUST_CHECK pouch_err ops_service_find(struct pl_store *store, const char *name, struct pl_service_row **row);

/* The row of that publisher, or name, among all of a store in their order; NULL: there is none. */
struct pl_route_row *ops_route_in(struct pl_route_row *routes, size_t n, const char *publisher);
struct pl_service_row *ops_service_in(struct pl_service_row *services, size_t n, const char *name);

/* NOT_FOUND, with the next step. */
POUCH_MUST_CHECK pouch_err ops_no_route(const char *publisher);
POUCH_MUST_CHECK pouch_err ops_no_service(const char *name);

/* Tells the centers of changes that stand in the store; where that fails, says that they see them all the same. */
void ops_announce(const struct ops_call *call, const struct pl_announcement *told, size_t n);

/*
 * Tells the centers of a route that was put, and then whoever put it: what was done (NULL: its state says it), or, as_it_was, that
 * there was nothing to do. Gives the exit code.
 */
int ops_route_told(const struct ops_call *call, const struct pl_route_row *r, const char *done, bool as_it_was);

/* The version that the flag says a change is to find; -1: any. CONFIG. */
POUCH_MUST_CHECK pouch_err ops_expected(const struct ops_call *call, const char *flag, int64_t *expected);

/* What helps whoever was refused because what was to be changed is not what the flag says. */
void ops_advise_conflict(const char *kind, const char *name, const char *flag);

/* Replaces *text by a copy; NULL is left out. NO_MEMORY: nothing changed. */
POUCH_MUST_CHECK pouch_err ops_text_set(char **text, const char *to);

/* Replaces a list by copies of n others. NO_MEMORY: the list has fewer. */
POUCH_MUST_CHECK pouch_err ops_texts_set(char ***texts, size_t *n, const char *const from[], size_t n_from);

/* NULL: out of memory. */
json_t *ops_texts_json(char *const *texts, size_t n);
json_t *ops_route_json(const struct pl_route_row *r);
json_t *ops_service_json(const struct pl_service_row *s);

/* Writes a text of the registry, or several with ", " between them, on stdout; "-" where there is none. */
void ops_text_put(const struct ops_screen *screen, const char *text);
void ops_texts_put(const struct ops_screen *screen, char *const *texts, size_t n);

#endif
