#include <base/nearest.h>
#include <base/why.h>
#include <conf/entries.h>
#include <conf/value.h>
#include <stdlib.h>
#include <string.h>

static void entry_clear(struct pl_entry *entry) {
    if (entry->value) explicit_bzero(entry->value, strlen(entry->value));
    free(entry->name);
    free(entry->value);
    free(entry->origin);
    free(entry->wrong);
    *entry = (struct pl_entry){0};
}

static pouch_err out_of_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory while setting options");
}

static pouch_err entries_reserve(struct pl_entries *e, size_t more) {
    if (e->n + more <= e->cap) return POUCH_OK;
    size_t cap = e->n + more + 16;
    struct pl_entry *at = reallocarray(e->at, cap, sizeof *at);
    if (!at) return out_of_memory();
    e->at = at;
    e->cap = cap;
    return POUCH_OK;
}

struct pl_entry *pl_entries_find(const struct pl_entries *e, const char *name) {
    for (size_t i = 0; i < e->n; i++)
        if (!strcmp(e->at[i].name, name)) return &e->at[i];
    return NULL;
}

/* Moves a whole entry in; there is room for it. */
static void entries_place(struct pl_entries *e, struct pl_entry *entry) {
    struct pl_entry *old = pl_entries_find(e, entry->name);
    if (!old) {
        e->at[e->n++] = *entry;
    } else if (old->source > entry->source) {
        entry_clear(entry);
    } else {
        entry_clear(old);
        *old = *entry;
    }
}

pouch_err pl_entries_put(struct pl_entries *e, const char *name, const char *value, enum pl_source source,
                         const char *origin) {
    pouch_err failed = entries_reserve(e, 1);
    if (failed) return failed;
    struct pl_entry entry = {strdup(name), strdup(value), strdup(origin), NULL, source};
    if (!entry.name || !entry.value || !entry.origin) {
        entry_clear(&entry);
        return out_of_memory();
    }
    entries_place(e, &entry);
    return POUCH_OK;
}

pouch_err pl_entries_refuse(struct pl_entries *e, const char *name, const char *wrong) {
    struct pl_entry *entry = pl_entries_find(e, name);
    return !entry || (entry->wrong = strdup(wrong)) ? POUCH_OK : out_of_memory();
}

pouch_err pl_entries_merge(struct pl_entries *e, struct pl_entries *from) {
    pouch_err failed = entries_reserve(e, from->n);
    if (failed) return failed;
    for (size_t i = 0; i < from->n; i++) entries_place(e, &from->at[i]);
    from->n = 0;
    pl_entries_free(from);
    return POUCH_OK;
}

void pl_entries_free(struct pl_entries *e) {
    for (size_t i = 0; i < e->n; i++) entry_clear(&e->at[i]);
    free(e->at);
    *e = (struct pl_entries){0};
}

bool pl_kafka_is(const char *name) {
    const size_t prefix = sizeof PL_KAFKA_PREFIX - 1;
    return !strncmp(name, PL_KAFKA_PREFIX, prefix) && name[prefix];
}

bool pl_kafka_secret(const char *name) {
    static const char *const marks[] = {"password", "passphrase", "secret", "key.pem", "sasl.oauthbearer.config"};
    for (size_t i = 0; pl_kafka_is(name) && i < sizeof marks / sizeof marks[0]; i++)
        if (strcasestr(name, marks[i])) return true;
    return false;
}

pouch_err pl_entry_unknown(const char *place, const char *name) {
    struct pl_nearest meant;
    pl_nearest_begin(&meant, name, strlen(name), strlen(name) / 3 + 1);
    for (const struct pl_option *row = pl_options; row->name; row++)
        pl_nearest_offer(&meant, row->name, strlen(row->name));
    if (meant.name) return pl_fail(POUCH_E_CONFIG, "%s: no such option; did you mean %s?", place, meant.name);
    return pl_fail(POUCH_E_CONFIG, "%s: no such option; properties of librdkafka are written kafka.NAME", place);
}

pouch_err pl_entry_check(const char *place, const char *name, const char *value) {
    const struct pl_option *row = pl_option_find(name);
    int64_t number;
    if (row) return pl_value_check(row, place, value, &number);
    if (!pl_kafka_is(name)) return pl_entry_unknown(place, name);
    if (strnlen(value, PL_KAFKA_VALUE_MAX + 1) <= PL_KAFKA_VALUE_MAX) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "%s: longer than %d bytes", place, PL_KAFKA_VALUE_MAX);
}
