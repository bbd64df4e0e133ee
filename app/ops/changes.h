/* Changes of routes, services and keys, as the store has kept them, for people and as JSON. */
#ifndef POUCH_OPS_CHANGES_H
#define POUCH_OPS_CHANGES_H

#include <json/json.h>
#include <ops/ops.h>

/* Flags of the commands that list changes: for their tables. */
#define OPS_CHANGES_FLAGS                                                           \
    {"--since", 0, "T", false, "from then on: a time ago (10m, 2h) or RFC 3339"}, { \
        "--limit", 0, "N", false, "the newest N (100)"                              \
    }

/*
 * Runs a command that lists the changes of one thing, the newest last: of that kind, named by the argument, as --since
 * and --limit ask for. none: fails when nothing was ever changed of that name. Gives the exit code.
 */
int ops_history(const struct ops_call *call, const char *kind, pouch_err (*none)(const char *name));

/*
 * Writes on one line what differs between two states: the members that changed; all of them where one of
 * the states is NULL or null.
 */
void ops_difference_put(FILE *out, const json_t *before, const json_t *after);

#endif
