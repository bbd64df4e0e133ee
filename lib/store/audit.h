/*
 * What the back ends share about changes: who makes them, and what is said when two make one at once. Inside the room.
 */
#ifndef POUCH_STORE_AUDIT_H
#define POUCH_STORE_AUDIT_H

#include <store/store.h>

/* USER@HOST of this process. */
void pl_author_default(char author[PL_AUTHOR_MAX + 1]);

POUCH_MUST_CHECK pouch_err pl_author_check(const char *author);           /* CONFIG */
POUCH_MUST_CHECK pouch_err pl_audit_check(const struct pl_audit *change); /* CONFIG: kind, name or a state */

/*
 * Whether a change that expects a version (see pl_store_route_put()) may be made to what is of version `is` (0: not
 * there). If not, EXISTS or NOT_FOUND, and the text says who made the last change; last: NULL: nobody knows.
 */
POUCH_MUST_CHECK pouch_err pl_expected_check(const char *kind, const char *name, int64_t is, int64_t expected,
                                             const struct pl_audit *last);

#endif
