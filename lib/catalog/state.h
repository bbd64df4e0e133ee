/* Reading a catalogue: what its parts share. Inside the room. */
#ifndef POUCH_CATALOG_STATE_H
#define POUCH_CATALOG_STATE_H

#include <catalog/catalog.h>
#include <yaml/yaml.h>

struct pl_catalog_reader {
    const char *file;
    struct pl_catalog *catalog;
    struct pl_catalog_entry base; /* what defaults: says; partitions and replication 0: nothing */
    const struct pl_catalog_defaults *settings;
    struct pl_texts *issues; /* all that is wrong; NULL: the first ends the reading */
};

/* CONFIG is kept as an issue where they are collected, so that the reading goes on. */
POUCH_MUST_CHECK pouch_err pl_catalog_issue(struct pl_catalog_reader *r, pouch_err e);

/* "FILE:LINE: KEY: what", of a node with a key. */
POUCH_MUST_CHECK pouch_err pl_catalog_bad(const struct pl_catalog_reader *r, const struct pl_yaml *node,
                                          const char *what);

/* ---- entry.c ---- */

/*
 * Adds what the node's members say to an entry; it becomes its name too, but for defaults: (where name is false).
 * CONFIG, NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_entry_read(struct pl_catalog_reader *r, struct pl_catalog_entry *e,
                                         const struct pl_yaml *node, bool name);

/* Begins an entry with what defaults: says. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_entry_begin(struct pl_catalog_entry *e, const struct pl_catalog_entry *base);

/* Fills in what nothing has said, and checks what must fit together. CONFIG, NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_entry_end(struct pl_catalog_reader *r, struct pl_catalog_entry *e,
                                        const struct pl_yaml *node);
void pl_entry_free(struct pl_catalog_entry *e);

/* The value of a config, NULL: the entry does not say it. */
const char *pl_entry_config(const struct pl_catalog_entry *e, const char *name);

#endif
