/* The targets of a route and their weights, as people give them. */
#ifndef POUCH_ADMIN_TARGETS_H
#define POUCH_ADMIN_TARGETS_H

#include <store/store.h>
#include <wire/envelope.h>

struct admin_weight {
    char target[PL_NAME_MAX + 1];
    uint32_t weight;
};

/* "stock=90". CONFIG: it is not of that form. */
POUCH_MUST_CHECK pouch_err admin_weight_read(struct admin_weight *w, const char *text);

/* The same of a target and a number apart. CONFIG. */
POUCH_MUST_CHECK pouch_err admin_weight_of(struct admin_weight *w, const char *target, const char *number);

struct admin_targets {
    const char *const *topics; /* may be those of the route */
    size_t n;
    const struct admin_weight *weights; /* of some of them */
    size_t n_weights;
    bool fan_out; /* what is there already does not keep its weight */
};

/*
 * Makes these the targets of a route. One that has no weight here keeps the one that it has; then either all have one
 * or none. A single target has none. CONFIG names the target that has none, or the weight that has no target; the route
 * is as it was. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err admin_targets_set(struct pl_route_row *r, const struct admin_targets *to);

#endif
