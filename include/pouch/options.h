/*
 * Settings. One table (docs/configuration.md is made from it) stands behind the file, the
 * environment and the command line; every value is checked when it is set.
 */
#ifndef POUCH_OPTIONS_H
#define POUCH_OPTIONS_H

#include <pouch/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pouch_options pouch_options;

/*
 * Settings at their defaults, then overridden by the environment (POUCH_* first, then the
 * documented names such as KAFKA_BROKERS; an empty one counts as absent). They are checked
 * when a client or worker is made from the options, so that a bad one is an error and not
 * a NULL here.
 * NULL: out of memory. Free with pouch_options_free().
 */
POUCH_API pouch_options *pouch_options_new(void);

/*
 * Reads a YAML file. What the environment or pouch_options_set() has set stays: the order
 * is set > environment > file > default, whatever the order of the calls.
 * CONFIG: unreadable, not YAML, an unknown key, a bad value; pouch_why() names file, line and key,
 * and nothing of the file is taken.
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_options_load(pouch_options *o, const char *path);

/*
 * Sets one option by its name in the table ("client.id"), or "kafka.<name>" for any property
 * of librdkafka. The text is copied. CONFIG: unknown name or bad value (the name, the value
 * unless secret, and what is allowed are in pouch_why()).
 */
POUCH_API POUCH_MUST_CHECK pouch_err pouch_options_set(pouch_options *o, const char *name, const char *value);

/*
 * The value in force as text, borrowed until the next call on o. NULL for an option that is
 * unset and has no default, and for an unknown name. Secrets come as "***".
 */
POUCH_API const char *pouch_options_get(const pouch_options *o, const char *name);

/* NULL is allowed. Clients and workers keep their own copy, so o may be freed once they exist. */
POUCH_API void pouch_options_free(pouch_options *o);

#ifdef __cplusplus
}
#endif
#endif
