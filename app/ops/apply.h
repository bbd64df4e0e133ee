/* pouch route apply: from a file and a store to the steps that make the store as the file says. */
#ifndef POUCH_OPS_APPLY_H
#define POUCH_OPS_APPLY_H

#include <store/store.h>
#include <yaml/yaml.h>

enum ops_apply { OPS_APPLY_ADD, OPS_APPLY_CHANGE, OPS_APPLY_REMOVE, OPS_APPLY_KINDS };

struct ops_step {
    enum ops_apply what;
    struct pl_route_row *route; /* as it is to be; NULL: it is a service */
    struct pl_service_row *service;
    bool own;             /* the row is this step's, not the plan's */
    const char *name;     /* of the row */
    int64_t expected;     /* version that is to be found */
    char *before, *after; /* states; NULL: not there */
    int64_t made;         /* version that it got; 0: not made */
};

struct ops_plan {                /* all zero: empty */
    struct pl_route_row *routes; /* what the store has; rows that the file names are made as it says */
    struct pl_service_row *services;
    size_t n_routes, n_services;
    struct ops_step *steps; /* services before routes, removals last */
    size_t n, cap, as_they_were;
};

/*
 * What differs between the store and the tree, which was read from file. prune: what the file does not name is
 * removed. CONFIG: what the file says cannot be: file, line and name are told. The store's errors. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err ops_plan_make(struct ops_plan *p, struct pl_store *store, const char *file,
                                         const struct pl_yaml *tree, bool prune);
void ops_plan_free(struct ops_plan *p);

/* Makes one step. EXISTS, NOT_FOUND: somebody else has changed it since the plan was made. */
POUCH_MUST_CHECK pouch_err ops_step_make(struct ops_step *step, struct pl_store *store);

/* ---- apply_file.c: what a file says of one thing, over what the row has. CONFIG, NO_MEMORY. ---- */

POUCH_MUST_CHECK pouch_err ops_apply_route(struct pl_route_row *r, const char *file, const struct pl_yaml *node);
POUCH_MUST_CHECK pouch_err ops_apply_service(struct pl_service_row *r, const char *file, const struct pl_yaml *node);

/* The document's outline: a map with routes, services, or both, each a map by name. */
POUCH_MUST_CHECK pouch_err ops_apply_outline(const char *file, const struct pl_yaml *tree);

/* CONFIG for a document that names nothing, where what is not named would be removed. */
POUCH_MUST_CHECK pouch_err ops_apply_refuse_empty(const char *file, const struct pl_yaml *tree);

#endif
