/*
 * The `access` list of a catalogue: principals, the roles that they have, and the ACLs which that takes.
 *
 *   access:
 *     - {principal: billing, role: client, topics: [orders], client_id: billing}
 *     - {principal: orders, role: worker, topics: [orders]}
 *     - {principal: reports, consume: ["chat.messages.{tenant}"], group: reports, host: 10.0.0.7}
 *
 * The catalogue owns what its principals are allowed: an ALLOW of one of them that follows from no entry is too much.
 * ACLs of others, and those that DENY, are nobody's business here. docs/security.md says which role takes which.
 */
#ifndef POUCH_CATALOG_ACCESS_H
#define POUCH_CATALOG_ACCESS_H

#include <catalog/plan.h>
#include <cluster/acls.h>
#include <conf/settings.h>
#include <yaml/yaml.h>

enum { PL_ACCESS_MAX = 10000, PL_ACCESS_TOPICS_MAX = 1000 }; /* entries; names in each of their lists */

/*
 * Reads the list; file stands for it in messages. CONFIG: file, line and key, and what to write instead; NO_MEMORY.
 * Freed with pl_access_free().
 */
POUCH_MUST_CHECK pouch_err pl_access_read(struct pl_access **a, const struct pl_yaml *list, const char *file);
void pl_access_free(struct pl_access *a); /* NULL is allowed */

/*
 * The ACLs that follow from all entries, into an empty list. Names that are settings (the inbox, the topics of dead
 * letters, retries and announcements) are those of s. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_access_expand(const struct pl_access *a, const struct pl_settings *s,
                                            struct pl_acls *wanted);

/* Both sides of a plan; the changes borrow from it, so it is freed after the plan. */
struct pl_access_look {
    struct pl_acls wanted, there;
};

/* Expands, and reads what the cluster has. As pl_access_expand() and pl_acls_read(); freed by the caller even so. */
POUCH_MUST_CHECK pouch_err pl_access_look(struct pl_access_look *l, const struct pl_access *a,
                                          const struct pl_settings *s, rd_kafka_t *rk, int timeout);
void pl_access_look_free(struct pl_access_look *l);

/*
 * Adds a GRANT for each binding that is missing, and a REVOKE, held unless told to prune, for each that is too much. A
 * plan of some tenants or topics alone gets neither. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_access_plan(struct pl_plan *p, const struct pl_access *a, const struct pl_access_look *l,
                                          const struct pl_plan_options *o);

/*
 * Makes the GRANTs and REVOKEs of a plan that are not held, grants first; what came of each is written down in it.
 * Errors as pl_plan_apply().
 */
POUCH_MUST_CHECK pouch_err pl_access_apply(struct pl_plan *p, rd_kafka_t *rk, int timeout);

#endif
