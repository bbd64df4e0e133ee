/* Changes of routes, services and keys, as the store has kept them, for people and as JSON. */
#ifndef POUCH_OPS_CHANGES_H
#define POUCH_OPS_CHANGES_H

#include <json/json.h>
#include <ops/ops.h>
#include <store/store.h>

/* Flags of the commands that list changes: for their tables. */
#define OPS_CHANGES_FLAGS                                                           \
    {"--since", 0, "T", false, "from then on: a time ago (10m, 2h) or RFC 3339"}, { \
        "--limit", 0, "N", false, "the newest N (100)"                              \
    }

/*
 * Lists what the flags --since and --limit ask for of a kind and a name (NULL: all), the newest last. *n: how many. Gives
 * the exit code.
 */
int ops_changes_list(const struct ops_call *call, struct pl_store *store, const char *kind, const char *name,
                     size_t *n);

/*
 * Writes on one line what differs between two states: the members that changed; all of them where one of
 * the states is NULL or null.
 */
void ops_difference_put(FILE *out, const json_t *before, const json_t *after);

#endif
