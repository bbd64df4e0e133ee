/* Every topic that there is to be, by name. Inside the room. */
#ifndef POUCH_CATALOG_EXPAND_H
#define POUCH_CATALOG_EXPAND_H

#include <catalog/plan.h>

struct pl_wanted {
    char *name;
    const struct pl_catalog_entry *entry;
    const char *tenant; /* "": the entry's own; borrowed from the caller's list */
};

struct pl_wanted_list {
    struct pl_wanted *at; /* in the order of their names, each once */
    size_t n;
};

/*
 * The patterns of n tenants, and with own also what the catalogue names itself. CONFIG: two entries give the same
 * topic, or it would be over PL_CATALOG_WANTED_MAX. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_wanted_make(struct pl_wanted_list *w, const struct pl_catalog *c,
                                          const char *const *tenants, size_t n, bool own);

/* Keeps only topics. CONFIG: one of them is not there. */
POUCH_MUST_CHECK pouch_err pl_wanted_only(struct pl_wanted_list *w, const struct pl_catalog *c,
                                          const char *const *topics, size_t n);
void pl_wanted_free(struct pl_wanted_list *w);

#endif
