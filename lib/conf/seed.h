/*
 * What other systems' variables say about options and properties, as the text that those take. Inside the room, but for
 * the documents.
 */
#ifndef POUCH_CONF_SEED_H
#define POUCH_CONF_SEED_H

#include <conf/entries.h>

/*
 * A copy of the variable that the row names as seed_env; NULL in *value when it is unset or empty. That of the store is
 * a URL, put together from all that splp's variables say of a Cassandra. NO_MEMORY; TOO_LARGE: longer than any URL is.
 */
POUCH_MUST_CHECK pouch_err pl_seed_value(const struct pl_option *row, char **value);

/* How the text of a variable becomes the value. */
enum pl_seed_form {
    PL_SEED_PLAIN,    /* as it is */
    PL_SEED_DAYS,     /* days, for a duration */
    PL_SEED_ONE_MORE, /* tries after the first, for tries in all */
    PL_SEED_ACKS,     /* says what holds anyway, or asks for what is not to be had */
    PL_SEED_DOUBLING, /* the same */
    PL_SEED_PORT,     /* a port, of every address */
};

/*
 * A variable of CAAS's services, or of task-executor. The others than seed_env names, since these are not the options'
 * own words.
 */
struct pl_seed {
    const char *variable;
    const char *name;   /* an option, or "kafka.NAME" */
    const char *compat; /* read with that compat alone, because it says not whose it is; NULL: always */
    enum pl_seed_form form;
    struct pl_option like; /* what its text may be, where no option says so; its name is not used */
};
extern const struct pl_seed pl_seeds[]; /* ended by a NULL variable */

/*
 * Puts what they say into entries, those of a compat into compats, by its place in pl_compats. A bad text is put as
 * such. NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_seeds_read(struct pl_entries *entries, struct pl_entries compats[PL_COMPATS]);

/*
 * Puts what the variables of SASL and TLS say into entries:
 *
 *   KAFKA_SSL_ENABLED    KAFKA_SSL_CA, _CERTIFICATE, _KEY: files; _KEY_PASSWORD or _KEY_PASSWORD_FILE
 *   KAFKA_SASL_ENABLED   KAFKA_SASL_MECHANISM, _USERNAME, _PASSWORD or _PASSWORD_FILE
 *
 * Those of what is not switched on are not looked at. A bad text, or a file that cannot be read, is put as such.
 * NO_MEMORY.
 */
POUCH_MUST_CHECK pouch_err pl_seed_security(struct pl_entries *entries);

/* CONFIG: SASL was switched on by its variable, and nothing in entries says who we are. */
POUCH_MUST_CHECK pouch_err pl_seed_security_check(const struct pl_entries *entries);

/* The file that the password in force came from; NULL: none. */
const char *pl_seed_password_file(const struct pl_entries *entries);

/* The variables that pl_seed_security() reads, ended by NULL. */
extern const char *const pl_seed_security_variables[];

/* The variable's text, NULL when it is unset or empty. */
const char *pl_seed_known(const char *variable);

/* Puts a value, or, with wrong, why there is none, as said by the variable. NO_MEMORY. */
POUCH_MUST_CHECK pouch_err pl_seed_put(struct pl_entries *e, const char *name, const char *variable, const char *value,
                                       const char *wrong);

#endif
