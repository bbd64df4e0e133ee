/* What differs in one topic. Inside the room. */
#ifndef POUCH_CATALOG_COMPARE_H
#define POUCH_CATALOG_COMPARE_H

#include <catalog/expand.h>

/* Adds the changes that make the topic t as w says. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_topic_compare(struct pl_plan *p, const struct pl_wanted *w,
                                            const struct pl_actual_topic *t, bool prune);

#endif
