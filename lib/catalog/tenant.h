/*
 * One tenant: whether there may be such a one, what its topics are called, and the plan that ends it. To begin one is a
 * plan of its topics alone (struct pl_plan_options); which there are is told by pl_tenant_states(). No I/O.
 */
#ifndef POUCH_CATALOG_TENANT_H
#define POUCH_CATALOG_TENANT_H

#include <catalog/plan.h>

/*
 * CONFIG: no tenant's name; the catalogue lists its tenants, and this is none of them; it has no patterns; or a topic
 * of this tenant would be one that another entry of the catalogue gives, by its own name or for another tenant.
 */
POUCH_MUST_CHECK pouch_err pl_tenant_may_begin(const struct pl_catalog *c, const char *tenant);

/*
 * Adds to an empty plan the deletion of all topics of that tenant and of nobody else. NOT_FOUND: it has none. CONFIG:
 * no tenant's name, or one of the topics is another entry's too, so that it is not told whose it is; then the plan has
 * nothing.
 */
POUCH_MUST_CHECK pouch_err pl_tenant_end(struct pl_plan *p, const struct pl_catalog *c, const struct pl_actual *a,
                                         const char *tenant);

/*
 * What a pattern's topics are called among those of a tenant: the part before {tenant}, "messages" of
 * chat.messages.{tenant}; the whole pattern where another has the same.
 */
void pl_tenant_word(char out[PL_TOPIC_NAME_SIZE], const struct pl_catalog *c, const struct pl_catalog_entry *pattern);

#endif
