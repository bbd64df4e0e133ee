#include <base/why.h>
#include <conf/entries.h>
#include <conf/seed.h>
#include <conf/value.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field_of(struct pl_settings *s, const struct pl_option *row) {
    return (char *)s + row->at;
}

static pouch_err out_of_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for settings");
}

static pouch_err field_store(struct pl_settings *s, const struct pl_option *row, const char *text, int64_t number) {
    void *field = field_of(s, row);
    switch (row->field) {
    case PL_FIELD_TEXT: return (*(char **)field = strdup(text)) ? POUCH_OK : out_of_memory();
    case PL_FIELD_BOOL: *(bool *)field = number != 0; break;
    case PL_FIELD_INT: *(int *)field = row->kind == PL_KIND_CHOICE ? atoi(text) : (int)number; break;
    case PL_FIELD_ENUM: *(enum pl_start *)field = (enum pl_start)number; break;
    case PL_FIELD_SIZE: *(size_t *)field = (size_t)number; break;
    }
    return POUCH_OK;
}

/* Where to look when the value in force is bad; only one from the environment can be, the others were checked. */
static const char *place_of(const struct pl_option *row, const struct pl_entry *entry, char *out, size_t n) {
    static const char environment[] = "environment ";
    const size_t skip = sizeof environment - 1;
    if (entry && !strncmp(entry->origin, environment, skip))
        snprintf(out, n, "%s (environment)", entry->origin + skip);
    else
        snprintf(out, n, "%s", row->name);
    return out;
}

static pouch_err row_read(struct pl_settings *s, const struct pl_option *row, const pouch_options *o) {
    const struct pl_entry *entry = pl_options_entry(o, row->name);
    const char *text = entry ? entry->value : row->fallback;
    if (!text) return POUCH_OK;
    if (entry && entry->wrong) return pl_fail(POUCH_E_CONFIG, "%s", entry->wrong);
    char place[PL_OPTION_ENV_MAX + 32];
    int64_t number;
    pouch_err e = pl_value_check(row, place_of(row, entry, place, sizeof place), text, &number);
    return e ? e : field_store(s, row, text, number);
}

static pouch_err property_copy(struct pl_settings *s, const struct pl_entry *entry) {
    if (entry->wrong) return pl_fail(POUCH_E_CONFIG, "%s", entry->wrong);
    struct pl_property *p = &s->kafka[s->n_kafka++];
    p->name = strdup(entry->name + sizeof PL_KAFKA_PREFIX - 1);
    p->value = strdup(entry->value);
    return p->name && p->value ? POUCH_OK : out_of_memory();
}

/* Stronger ones last: a property may have two names, and librdkafka takes what it is told last. */
static pouch_err kafka_read(struct pl_settings *s, const struct pl_entries *entries) {
    pouch_err e = POUCH_OK;
    s->kafka = calloc(entries->n + 1, sizeof *s->kafka);
    if (!s->kafka) return out_of_memory();
    for (int source = PL_FROM_FILE; source <= PL_FROM_SET; source++)
        for (size_t i = 0; !e && i < entries->n; i++)
            if ((int)entries->at[i].source == source && pl_kafka_is(entries->at[i].name))
                e = property_copy(s, &entries->at[i]);
    return e ? e : pl_seed_security_check(entries);
}

static pouch_err password_file_read(struct pl_settings *s, const struct pl_entries *entries) {
    const char *path = pl_seed_password_file(entries);
    if (path && !(s->password_file = strdup(path))) return out_of_memory();
    return POUCH_OK;
}

pouch_err pl_settings_read(struct pl_settings *s, const pouch_options *o) {
    *s = (struct pl_settings){.validate = o->validate, .validate_arg = o->validate_arg};
    pouch_err e = POUCH_OK;
    for (const struct pl_option *row = pl_options; row->name && !e; row++) e = row_read(s, row, o);
    if (!e) e = kafka_read(s, &o->entries);
    if (!e) e = password_file_read(s, &o->entries);
    if (e) pl_settings_free(s);
    return e;
}

pouch_err pl_settings_suggest(struct pl_settings *s, const char *name, const char *value) {
    struct pl_property *all = calloc(s->n_kafka + 1, sizeof *all), first = {strdup(name), strdup(value)};
    if (!all || !first.name || !first.value) {
        free(first.name);
        free(first.value);
        free(all);
        return out_of_memory();
    }
    all[0] = first;
    if (s->n_kafka) memcpy(all + 1, s->kafka, s->n_kafka * sizeof *all);
    free(s->kafka);
    s->kafka = all;
    s->n_kafka++;
    return POUCH_OK;
}

pouch_err pl_settings_insist(struct pl_settings *out, const struct pl_settings *s, const struct pl_property own[],
                             size_t n) {
    *out = *s;
    out->kafka = calloc(s->n_kafka + n, sizeof *out->kafka);
    if (!out->kafka) return out_of_memory();
    if (s->n_kafka) memcpy(out->kafka, s->kafka, s->n_kafka * sizeof *out->kafka);
    memcpy(out->kafka + s->n_kafka, own, n * sizeof *own);
    out->n_kafka += n;
    return POUCH_OK;
}

void pl_settings_free(struct pl_settings *s) {
    for (const struct pl_option *row = pl_options; row->name; row++)
        if (row->field == PL_FIELD_TEXT) free(*(char **)field_of(s, row));
    for (size_t i = 0; i < s->n_kafka; i++) {
        struct pl_property *p = &s->kafka[i];
        if (p->value) explicit_bzero(p->value, strlen(p->value));
        free(p->name);
        free(p->value);
    }
    free(s->kafka);
    free(s->password_file);
    *s = (struct pl_settings){0};
}
