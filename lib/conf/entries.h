/* The values that somebody gave, and who. Inside the room, but for the fuzzer. */
#ifndef POUCH_CONF_ENTRIES_H
#define POUCH_CONF_ENTRIES_H

#include <conf/settings.h>

#define PL_KAFKA_PREFIX "kafka."
enum { PL_KAFKA_MAX = 256 };           /* properties; librdkafka has about 170 */
enum { PL_KAFKA_VALUE_MAX = 1 << 20 }; /* bytes of one: a bundle of certificates */

/* From weak to strong. */
enum pl_source { PL_FROM_FILE, PL_FROM_SEED_ENV, PL_FROM_ENV, PL_FROM_SET };

struct pl_entry {
    char *name;   /* of an option, or "kafka.NAME" */
    char *value;  /* checked, but from the environment */
    char *origin; /* as pl_option_origin() tells it */
    char *wrong;  /* NULL; a variable says nothing that can be used, and why: for whoever reads the settings */
    enum pl_source source;
};

/* In the order in which the names first came; a name is there once. One owner, no locking. */
struct pl_entries {
    struct pl_entry *at;
    size_t n, cap;
};

/* What the setting compat may be besides none. */
enum { PL_COMPATS = 2 };
extern const char *const pl_compats[PL_COMPATS];

struct pouch_options {
    struct pl_entries entries;
    struct pl_entries compats[PL_COMPATS]; /* in place of weaker ones, with that compat */
    pouch_validate_fn *validate;           /* NULL: none */
    void *validate_arg;
};

/* The entry in force, NULL: the default holds. */
const struct pl_entry *pl_options_entry(const pouch_options *o, const char *name);

struct pl_entry *pl_entries_find(const struct pl_entries *e, const char *name); /* NULL: not there */

/*
 * Takes value and origin in place of weaker or equal ones of that name; stronger ones stay. NO_MEMORY: nothing changed.
 */
POUCH_MUST_CHECK pouch_err pl_entries_put(struct pl_entries *e, const char *name, const char *value,
                                          enum pl_source source, const char *origin);

/* Says of an entry that is there that it cannot be used. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_entries_refuse(struct pl_entries *e, const char *name, const char *wrong);

/* Puts all of `from` into e, all or nothing, and leaves `from` empty after success. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_entries_merge(struct pl_entries *e, struct pl_entries *from);
void pl_entries_free(struct pl_entries *e); /* wipes the values: a property may be a secret */

/* Whether the name is "kafka." and a property; whether that one is a secret. */
bool pl_kafka_is(const char *name);
bool pl_kafka_secret(const char *name);

/*
 * Checks a value for any name, option or property. CONFIG: not allowed there, or no such
 * option, and then the nearest name is offered. place stands in front of the message.
 */
POUCH_MUST_CHECK pouch_err pl_entry_check(const char *place, const char *name, const char *value);
POUCH_MUST_CHECK pouch_err pl_entry_unknown(const char *place, const char *name);

/* What pouch_options_load() does with a file's text; path stands for the file. */
POUCH_MUST_CHECK pouch_err pl_options_parse(pouch_options *o, const char *path, const char *text, size_t n);

#endif
