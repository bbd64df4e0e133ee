/* Carrying a plan out. */
#ifndef POUCH_CATALOG_APPLY_H
#define POUCH_CATALOG_APPLY_H

#include <catalog/plan.h>
#include <cluster/outcome.h>

/*
 * Makes all changes of the plan to topics that are not held, in batches: topics made, partitions added, configs changed
 * (the topic's others stay), topics deleted; each change is written down as made or with why not. What was written is
 * seen in the cluster when this returns. A change that cannot be made does not stop the others: after all were tried,
 * the first error is returned, and how many there were. NO_BROKER ends it at once. timeout in ms is of each call;
 * progress, which counts changes, may be NULL.
 */
POUCH_MUST_CHECK pouch_err pl_plan_apply(struct pl_plan *p, rd_kafka_t *rk, const struct pl_progress *progress,
                                         int timeout);

#endif
