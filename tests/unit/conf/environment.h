/* An environment without any variable that an option reads; include after support.h. */
#ifndef POUCH_TESTS_ENVIRONMENT_H
#define POUCH_TESTS_ENVIRONMENT_H

#include <conf/seed.h>
#include <stdio.h>
#include <stdlib.h>

static int no_environment(void **state) {
    (void)state;
    char own[PL_OPTION_ENV_MAX];
    for (const struct pl_option *row = pl_options; row->name; row++) {
        unsetenv(pl_option_env(row, own));
        if (row->seed_env) unsetenv(row->seed_env);
    }
    static const char *const of_a_store[] = {"PORT", "LOCAL_DATACENTER", "DATACENTER", "KEYSPACE"};
    for (size_t i = 0; i < sizeof of_a_store / sizeof of_a_store[0]; i++) {
        snprintf(own, sizeof own, "CASSANDRA_%s", of_a_store[i]);
        unsetenv(own);
    }
    for (const struct pl_seed *seed = pl_seeds; seed->variable; seed++) unsetenv(seed->variable);
    for (const char *const *name = pl_seed_security_variables; *name; name++) unsetenv(*name);
    return 0;
}

static inline pouch_options *new_options(void) {
    pouch_options *o = pouch_options_new();
    assert_non_null(o);
    return o;
}

#endif
