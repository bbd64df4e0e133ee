/* Changes of routes, services and keys, as the store has kept them. */
#ifndef POUCH_ADMIN_CHANGES_H
#define POUCH_ADMIN_CHANGES_H

#include <json/json.h>
#include <store/store.h>

/*
 * An array of what the query asks for, the newest last: {"version","at","kind","name","who","before","after"}. The
 * store's errors.
 */
POUCH_MUST_CHECK pouch_err admin_changes_read(struct pl_store *store, const struct pl_audit_query *q, json_t **changes);

/* A state as JSON; null for none, and for what others wrote that is no JSON. NULL: out of memory. */
json_t *admin_state_json(const char *text);

#endif
