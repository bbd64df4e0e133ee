#include <base/why.h>
#include <conf/entries.h>
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
    char own[PL_OPTION_ENV_MAX];
    if (entry && entry->source == PL_FROM_ENV)
        snprintf(out, n, "%s (environment)", pl_option_env(row, own));
    else if (entry && entry->source == PL_FROM_SEED_ENV)
        snprintf(out, n, "%s (environment)", row->seed_env);
    else
        snprintf(out, n, "%s", row->name);
    return out;
}

static pouch_err row_read(struct pl_settings *s, const struct pl_option *row, const struct pl_entries *entries) {
    const struct pl_entry *entry = pl_entries_find(entries, row->name);
    const char *text = entry ? entry->value : row->fallback;
    if (!text) return POUCH_OK;
    char place[PL_OPTION_ENV_MAX + 32];
    int64_t number;
    pouch_err e = pl_value_check(row, place_of(row, entry, place, sizeof place), text, &number);
    return e ? e : field_store(s, row, text, number);
}

static pouch_err kafka_read(struct pl_settings *s, const struct pl_entries *entries) {
    s->kafka = calloc(entries->n + 1, sizeof *s->kafka);
    if (!s->kafka) return out_of_memory();
    for (size_t i = 0; i < entries->n; i++) {
        const struct pl_entry *entry = &entries->at[i];
        if (!pl_kafka_is(entry->name)) continue;
        struct pl_property *p = &s->kafka[s->n_kafka++];
        p->name = strdup(entry->name + sizeof PL_KAFKA_PREFIX - 1);
        p->value = strdup(entry->value);
        if (!p->name || !p->value) return out_of_memory();
    }
    return POUCH_OK;
}

pouch_err pl_settings_read(struct pl_settings *s, const pouch_options *o) {
    *s = (struct pl_settings){0};
    pouch_err e = POUCH_OK;
    for (const struct pl_option *row = pl_options; row->name && !e; row++) e = row_read(s, row, &o->entries);
    if (!e) e = kafka_read(s, &o->entries);
    if (e) pl_settings_free(s);
    return e;
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
    *s = (struct pl_settings){0};
}
