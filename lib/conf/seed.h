/* What a seed system's variables say about an option, as the text that the option takes. Inside the room. */
#ifndef POUCH_CONF_SEED_H
#define POUCH_CONF_SEED_H

#include <conf/settings.h>

/*
 * A copy of the variable that the row names as seed_env; NULL in *value when it is unset or empty. That of the store is
 * a URL, put together from all that splp's variables say of a Cassandra. NO_MEMORY; TOO_LARGE: longer than any URL is.
 */
POUCH_MUST_CHECK pouch_err pl_seed_value(const struct pl_option *row, char **value);

#endif
