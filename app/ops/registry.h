/* What the commands on routes and services share. */
#ifndef POUCH_OPS_REGISTRY_H
#define POUCH_OPS_REGISTRY_H

#include <admin/registry.h>
#include <ops/ops.h>
#include <ops/screen.h>

/* The store that the settings name, or else the default one. */
POUCH_MUST_CHECK pouch_err ops_registry_open(const struct ops_call *call, struct pl_store **store);

/* Tells the centers of changes that stand in the store; where that fails, says that they see them all the same. */
void ops_announce(const struct ops_call *call, const struct pl_announcement *told, size_t n);

/*
 * Tells the centers of a route that was put, and then whoever put it: what was done (NULL: its state says it), or,
 * as_it_was, that there was nothing to do. Gives the exit code.
 */
int ops_route_told(const struct ops_call *call, const struct pl_route_row *r, const char *done, bool as_it_was);

/* The version that the flag says a change is to find; -1: any. CONFIG. */
POUCH_MUST_CHECK pouch_err ops_expected(const struct ops_call *call, const char *flag, int64_t *expected);

/* What helps whoever was refused because what was to be changed is not what the flag says. */
void ops_advise_conflict(const char *kind, const char *name, const char *flag);

/* Writes a text of the registry, or several with ", " between them, on stdout; "-" where there is none. */
void ops_text_put(const struct ops_screen *screen, const char *text);
void ops_texts_put(const struct ops_screen *screen, char *const *texts, size_t n);

/* A route's targets on stdout, with their weights as --weight takes them. */
void ops_targets_put(const struct ops_screen *screen, const struct pl_route_row *r);

#endif
