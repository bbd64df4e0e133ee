/*
 * What a route or a service is, as JSON: how changes tell what was before and after. Neither version nor times are in
 * it. Every back end writes the same members in the same order.
 */
#ifndef POUCH_STORE_STATE_H
#define POUCH_STORE_STATE_H

#include <store/store.h>

/*
 * {"publisher","id","targets":[],"service","enabled"}, with weights also "weights":{}; freed with free(). NULL: out of
 * memory.
 */
char *pl_route_state(const struct pl_route_row *r);

/* {"name","version","description","endpoint","tags":[]} */
char *pl_service_state(const struct pl_service_row *r);

/*
 * The route that a state tells; *r is for pl_route_free(), as an array of one. INVALID_PAYLOAD: it tells none.
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_route_of_state(struct pl_route_row **r, const char *state);

#endif
