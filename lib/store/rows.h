/* What a route or a service must be to be kept, whichever the back end. Inside the room. */
#ifndef POUCH_STORE_ROWS_H
#define POUCH_STORE_ROWS_H

#include <store/store.h>

POUCH_MUST_CHECK pouch_err pl_route_check(const struct pl_route_row *r);     /* CONFIG */
POUCH_MUST_CHECK pouch_err pl_service_check(const struct pl_service_row *r); /* CONFIG */

#endif
