/*
 * From what is to be (a catalogue) and what is (a cluster) to the changes that lead from one to the other. No I/O: the
 * same catalogue, cluster and options always give the same plan.
 */
#ifndef POUCH_CATALOG_PLAN_H
#define POUCH_CATALOG_PLAN_H

#include <catalog/actual.h>
#include <catalog/catalog.h>

enum pl_change_kind {
    PL_CHANGE_CREATE,      /* a topic */
    PL_CHANGE_GROW,        /* its partitions */
    PL_CHANGE_SET,         /* a config */
    PL_CHANGE_RESET,       /* a config, to the broker's default */
    PL_CHANGE_REPLICATION, /* differs */
    PL_CHANGE_SHRINK,      /* more partitions than there are to be */
    PL_CHANGE_DELETE,      /* a topic that is too much */
    PL_CHANGE_GRANT,       /* an ACL */
    PL_CHANGE_REVOKE,      /* an ACL that is too much */
    PL_CHANGE_KINDS
};

/* Why a difference is told and not made. */
enum pl_hold {
    PL_HOLD_NONE,
    PL_HOLD_PRUNE,   /* it removes something: only when told to */
    PL_HOLD_BY_HAND, /* another command or Kafka's own tools make it, or nothing does */
};

struct pl_change {
    enum pl_change_kind kind;
    enum pl_hold hold;
    char *topic;                          /* of an ACL: what it is on, as text */
    char *config;                         /* SET, RESET: its name; GRANT, REVOKE: the binding in words; else NULL */
    char *before, *after;                 /* values as text; NULL: there is, or will be, none */
    const struct pl_catalog_entry *entry; /* what the catalogue says of the topic; NULL: nothing */
    char tenant[PL_TENANT_MAX + 1];       /* ""; of a pattern's topic, whose it is */
    void *acl;                            /* GRANT, REVOKE: as access.h has it; borrowed */
    bool surplus;                         /* RESET: the catalogue does not say the config; it is another's */
    bool made;                            /* by pl_plan_apply() */
    char *why;                            /* it could not be made, and why; NULL */
};

struct pl_plan {
    struct pl_change *changes; /* topics in order; of each: what it is, then its configs; removals last */
    size_t n, cap;
    size_t as_they_were; /* topics that are as they are to be */
    size_t tenants;      /* that there are, or that were named */
};

/* tenants and topics are not given both. */
struct pl_plan_options {
    bool prune; /* what is too much is removed: topics, overrides of configs, ACLs */
    const char *const *
        tenants; /* only these, whether listed or there or neither, and nothing that is too much; NULL: all there are */
    size_t n_tenants;
    const char *const *topics; /* only these topics, by name; NULL: all */
    size_t n_topics;
};

/*
 * CONFIG: two entries give the same topic, or a topic was named that the catalogue does not have. NO_MEMORY. On failure
 * p is empty.
 */
POUCH_MUST_CHECK pouch_err pl_plan_make(struct pl_plan *p, const struct pl_catalog *c, const struct pl_actual *a,
                                        const struct pl_plan_options *o);
void pl_plan_free(struct pl_plan *p);

/* One more change, which takes copies of the texts; for ACLs, and for what a tenant's end removes. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_plan_add(struct pl_plan *p, const struct pl_change *change);

/* How many changes apply would make. */
size_t pl_plan_open(const struct pl_plan *p);

/* Whether a config of Kafka's has the same meaning in both texts: numbers, true and false, lists in any order. */
bool pl_config_same(const char *name, const char *a, const char *b);

/*
 * CONFIG: the plan makes a topic with more copies than brokers are up, so that Kafka would refuse it: which, and what
 * to do. Asked before anything is made.
 */
POUCH_MUST_CHECK pouch_err pl_plan_possible(const struct pl_plan *p, const struct pl_actual *a);

/* ---- tenants that there are: tenants.c ---- */

struct pl_tenant_state {
    char id[PL_TENANT_MAX + 1];
    bool listed;     /* in the catalogue */
    size_t topics;   /* that it has */
    size_t patterns; /* of as many that the catalogue has */
};

/*
 * Every tenant that the catalogue lists or that has topics, in order. A catalogue that lists none: a tenant is whoever
 * has the topics of more than half of the patterns; who has fewer is not completed by a plan, and its topics are told
 * and kept. *tenants is the caller's, also after an error. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_tenant_states(const struct pl_catalog *c, const struct pl_actual *a,
                                            struct pl_tenant_state **tenants, size_t *n);
bool pl_tenant_exists(const struct pl_catalog *c, const struct pl_tenant_state *t);

#endif
