/*
 * The weights of a route's targets as one text, which is how both back ends keep them: a JSON object, topic to weight,
 * in the order of the targets. Where programs look that know of no weights, the route has one target, the heaviest:
 * they send it everything, and never one request to all.
 */
#ifndef POUCH_STORE_WEIGHTS_H
#define POUCH_STORE_WEIGHTS_H

#include <json/json.h>
#include <store/store.h>

/* CONFIG: one is too high, or all are 0. */
POUCH_MUST_CHECK pouch_err pl_weights_check(const struct pl_route_row *r);

/* Which target stands for all; of equal ones the first. The route has weights. */
size_t pl_weights_heaviest(const struct pl_route_row *r);

/* The weights as JSON, for a route that has some. NULL: out of memory. */
json_t *pl_weights_json(const struct pl_route_row *r);

/* The same as text, to be freed with free(); *text is NULL for a route without weights. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_weights_text(const struct pl_route_row *r, char **text);

/*
 * Makes the route's targets and weights what JSON says. INVALID_PAYLOAD: it is no object of 1 to PL_TARGETS_MAX
 * weights, and the route is as it was. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_weights_take(struct pl_route_row *r, const json_t *weights);

/*
 * The same from text, which is NULL where there are none, for a route as a table has it: what cannot be understood,
 * since another program wrote it, leaves the route as it is, with a warning. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_weights_read(struct pl_route_row *r, const char *text);

#endif
