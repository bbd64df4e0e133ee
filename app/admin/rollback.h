/* Making a route again what it was. */
#ifndef POUCH_ADMIN_ROLLBACK_H
#define POUCH_ADMIN_ROLLBACK_H

#include <store/store.h>

/*
 * Makes the publisher's route what it was in a version, or, with 0, before its last change. expected: the version that
 * it is to be of, as pl_store_route_put() has it; 0: it was removed. *row, which is for pl_route_free() as an array of
 * one, is what it is then; *as_it_was: it was so already, and nothing is changed. NOT_FOUND: it was not there, or there
 * is no such version. EXISTS: it is of another version, or somebody else has changed it in the meantime.
 * INVALID_PAYLOAD: what is kept of it tells no route. The store's errors.
 */
POUCH_MUST_CHECK pouch_err admin_rollback(struct pl_store *store, const char *publisher, int64_t version,
                                          int64_t expected, struct pl_route_row **row, bool *as_it_was);

#endif
