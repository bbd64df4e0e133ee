#include <base/why.h>
#include <conf/entries.h>
#include <conf/seed.h>
#include <conf/value.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An empty variable is what a deployment leaves behind where it sets none. */
static pouch_err env_put(pouch_options *o, const char *name, const char *variable, const char *value,
                         enum pl_source source) {
    if (!value || !*value) return POUCH_OK;
    char origin[sizeof "environment " + PL_OPTION_ENV_MAX];
    snprintf(origin, sizeof origin, "environment %s", variable);
    return pl_entries_put(&o->entries, name, value, source, origin);
}

static pouch_err environment_read(pouch_options *o, const struct pl_option *row) {
    char own[PL_OPTION_ENV_MAX], *seed;
    pouch_err e = pl_seed_value(row, &seed);
    if (!e) e = env_put(o, row->name, row->seed_env, seed, PL_FROM_SEED_ENV);
    if (!e) e = env_put(o, row->name, own, getenv(pl_option_env(row, own)), PL_FROM_ENV);
    free(seed);
    return e;
}

pouch_options *pouch_options_new(void) {
    pouch_options *o = calloc(1, sizeof *o);
    if (!o) {
        pl_why_set("out of memory for options");
        return NULL;
    }
    pouch_err e = pl_seeds_read(&o->entries, o->compats);
    if (!e) e = pl_seed_security(&o->entries);
    for (const struct pl_option *row = pl_options; !e && row->name; row++) e = environment_read(o, row);
    if (!e) return o;
    pouch_options_free(o);
    return NULL;
}

void pouch_options_free(pouch_options *o) {
    if (!o) return;
    pl_entries_free(&o->entries);
    for (size_t i = 0; i < PL_COMPATS; i++) pl_entries_free(&o->compats[i]);
    free(o);
}

const struct pl_entry *pl_options_entry(const pouch_options *o, const char *name) {
    const struct pl_entry *entry = pl_entries_find(&o->entries, name);
    const struct pl_entry *compat = pl_entries_find(&o->entries, "compat"), *other = NULL;
    if (!compat || (entry && entry->source >= PL_FROM_SEED_ENV)) return entry;
    for (size_t i = 0; !other && i < PL_COMPATS; i++)
        if (!strcmp(compat->value, pl_compats[i])) other = pl_entries_find(&o->compats[i], name);
    return other ? other : entry;
}

static size_t kafka_count(const pouch_options *o) {
    size_t n = 0;
    for (size_t i = 0; i < o->entries.n; i++) n += pl_kafka_is(o->entries.at[i].name);
    return n;
}

pouch_err pouch_options_set(pouch_options *o, const char *name, const char *value) {
    char place[PL_VALUE_QUOTE_MAX];
    pouch_err e = pl_entry_check(pl_value_quote(name, place), name, value);
    if (e) return e;
    if (pl_kafka_is(name) && !pl_entries_find(&o->entries, name) && kafka_count(o) >= PL_KAFKA_MAX)
        return pl_fail(POUCH_E_CONFIG, "%s: more than %d kafka.* properties", place, PL_KAFKA_MAX);
    return pl_entries_put(&o->entries, name, value, PL_FROM_SET, "set");
}

static const char *shown(const struct pl_entry *entry) {
    return pl_kafka_secret(entry->name) ? "***" : entry->value;
}

const char *pouch_options_get(const pouch_options *o, const char *name) {
    const struct pl_entry *entry = pl_options_entry(o, name);
    if (entry) return shown(entry);
    const struct pl_option *row = pl_option_find(name);
    return row ? row->fallback : NULL;
}

const char *pl_option_origin(const pouch_options *o, const char *name) {
    const struct pl_entry *entry = pl_options_entry(o, name);
    if (entry) return entry->origin;
    return pl_option_find(name) ? "default" : NULL;
}

bool pl_option_kafka(const pouch_options *o, size_t i, const char **name, const char **value) {
    for (size_t k = 0; k < o->entries.n; k++) {
        const struct pl_entry *entry = &o->entries.at[k];
        if (!pl_kafka_is(entry->name) || i-- > 0) continue;
        *name = entry->name;
        *value = shown(entry);
        return true;
    }
    return false;
}
