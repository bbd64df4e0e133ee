/*
 * Topics as code: a catalogue says which topics there are to be, for the platform and for every tenant. A topic whose
 * name has {tenant} in it is a pattern: each tenant has one. Nothing here talks to Kafka.
 */
#ifndef POUCH_CATALOG_CATALOG_H
#define POUCH_CATALOG_CATALOG_H

#include <pouch/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PL_TENANT_MAX = 64,
    PL_CATALOG_TOPICS_MAX = 10000,
    PL_CATALOG_PATTERNS_MAX = 1000,
    PL_CATALOG_TENANTS_MAX = 100000,
    PL_CATALOG_WANTED_MAX = 1000000, /* topics of all tenants together */
    PL_CATALOG_CONFIGS_MAX = 64,     /* of one entry */
};

/* "{tenant}" in a pattern. */
#define PL_TENANT_MARK "{tenant}"

/* A topic's setting by Kafka's name. value "": there is to be none, so that the broker's default holds. */
struct pl_catalog_config {
    char *name, *value;
};

struct pl_catalog_entry {
    char *name;                        /* "platform.audit", or a pattern: "chat.messages.{tenant}" */
    unsigned line;                     /* in the file */
    bool pattern;                      /* for each tenant */
    int partitions;                    /* 0: the broker's default, and any number is right */
    int replication;                   /* always known */
    struct pl_catalog_config *configs; /* in the order of their names, each once */
    size_t n_configs;
    char *strategy, *schema, *owner, *description; /* NULL: the catalogue says none */
};

struct pl_access; /* who may do what: access.h */

struct pl_catalog {
    char *file;                       /* for messages */
    struct pl_catalog_entry *entries; /* in the order of their names */
    size_t n;
    bool lists_tenants; /* tenants are those of the file, and no others; else those whose topics there are */
    char **tenants;     /* in order, each once */
    size_t n_tenants;
    char **owns; /* "platform.*": what is there and not in the catalogue is too much */
    size_t n_owns;
    struct pl_access *access; /* NULL: the catalogue says nothing of it */
};

/* For what a catalogue does not say: the settings. */
struct pl_catalog_defaults {
    int partitions;       /* 0: the broker's default */
    int replication;      /* 0: PL_CATALOG_REPLICATION */
    int64_t retention_ms; /* 0: the broker's default */
    int copies_most; /* no topic has more copies, whatever the catalogue says: the cluster is small. 0: as it says */
};
enum { PL_CATALOG_REPLICATION = 3 };

/* The catalogue that is used when no file is named, as the text of a file. */
extern const char pl_catalog_builtin[];

/*
 * Reads the file at path; NULL: the built-in one. CONFIG: file, line and key in pouch_why(), and what to write instead.
 * NO_MEMORY. Freed with pl_catalog_free().
 */
POUCH_MUST_CHECK pouch_err pl_catalog_read(struct pl_catalog **c, const char *path,
                                           const struct pl_catalog_defaults *d);

/* The same from memory; file stands for it in messages. */
POUCH_MUST_CHECK pouch_err pl_catalog_parse(struct pl_catalog **c, const char *file, const char *text, size_t n,
                                            const struct pl_catalog_defaults *d);
void pl_catalog_free(struct pl_catalog *c); /* NULL is allowed */

/* Texts for a person, at most PL_TEXTS_MAX: more are not kept. All zero: none. */
enum { PL_TEXTS_MAX = 1000 };
struct pl_texts {
    char **at;
    size_t n;
};
POUCH_MUST_CHECK pouch_err pl_texts_add(struct pl_texts *t, const char *text); /* NO_MEMORY */
void pl_texts_free(struct pl_texts *t);

/*
 * Reads like pl_catalog_read() and goes on after what is wrong, so that all of it is told at once, in issues. *c is
 * NULL when there are any. An error: the file cannot be read as YAML at all, which is an issue too, or NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_catalog_check(struct pl_catalog **c, const char *path,
                                            const struct pl_catalog_defaults *d, struct pl_texts *issues);

/* What is allowed, and works worse than it could. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_catalog_advice(const struct pl_catalog *c, struct pl_texts *advice);

/* ---- tenants: names.c ---- */

/*
 * [a-z0-9-]{1,64}: no dot, so that a tenant's name is always one whole part of a topic's, and none catches another's
 * topics.
 */
bool pl_tenant_valid(const char *id);

/* CONFIG with the rule in pouch_why(). */
POUCH_MUST_CHECK pouch_err pl_tenant_check(const char *id);

/* The name of a pattern's topic for a valid tenant, or an entry's own; always a valid topic name. */
enum { PL_TOPIC_NAME_SIZE = 250 };
void pl_catalog_topic(char out[PL_TOPIC_NAME_SIZE], const struct pl_catalog_entry *e, const char *tenant);

/*
 * The entry that a topic belongs to, NULL: none. Of a pattern, its tenant is written to tenant, else "". What an entry
 * names itself is no tenant's.
 */
const struct pl_catalog_entry *pl_catalog_find(const struct pl_catalog *c, const char *topic,
                                               char tenant[PL_TENANT_MAX + 1]);

/* The entry of that very name or pattern, NULL: none. */
const struct pl_catalog_entry *pl_catalog_entry(const struct pl_catalog *c, const char *name);

/* Whether the catalogue owns all names like this one. */
bool pl_catalog_owns(const struct pl_catalog *c, const char *topic);

#endif
