#include <base/why.h>
#include <catalog/expand.h>
#include <stdlib.h>
#include <string.h>

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the topics of a catalogue");
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_wanted *)a)->name, ((const struct pl_wanted *)b)->name);
}

static int named(const void *name, const void *wanted) {
    return strcmp(name, ((const struct pl_wanted *)wanted)->name);
}

/* Of two patterns, one may give for some tenant what the other gives for another. */
static pouch_err check_once(const struct pl_wanted_list *w, const struct pl_catalog *c) {
    for (size_t i = 1; i < w->n; i++) {
        const struct pl_wanted *a = &w->at[i - 1], *b = &w->at[i];
        if (!strcmp(a->name, b->name))
            return pl_fail(POUCH_E_CONFIG,
                           "%s: the topic %s comes from %s (line %u) and from %s (line %u); rename one of them",
                           c->file, a->name, a->entry->name, a->entry->line, b->entry->name, b->entry->line);
    }
    return POUCH_OK;
}

static pouch_err add(struct pl_wanted_list *w, const struct pl_catalog_entry *e, const char *tenant) {
    char name[PL_TOPIC_NAME_SIZE];
    pl_catalog_topic(name, e, tenant);
    char *copy = strdup(name);
    if (!copy) return no_memory();
    w->at[w->n++] = (struct pl_wanted){copy, e, tenant};
    return POUCH_OK;
}

pouch_err pl_wanted_make(struct pl_wanted_list *w, const struct pl_catalog *c, const char *const *tenants, size_t n,
                         bool own) {
    size_t patterns = 0;
    for (size_t i = 0; i < c->n; i++) patterns += c->entries[i].pattern;
    *w = (struct pl_wanted_list){0};
    if (patterns * n + c->n > PL_CATALOG_WANTED_MAX)
        return pl_fail(POUCH_E_CONFIG,
                       "%s: %zu patterns for %zu tenants are over %d topics; make several catalogues of it", c->file,
                       patterns, n, PL_CATALOG_WANTED_MAX);
    w->at = calloc(patterns * n + c->n + 1, sizeof *w->at);
    pouch_err err = w->at ? POUCH_OK : no_memory();
    for (size_t i = 0; !err && i < c->n; i++) {
        const struct pl_catalog_entry *e = &c->entries[i];
        if (!e->pattern && own) err = add(w, e, "");
        for (size_t j = 0; !err && e->pattern && j < n; j++) err = add(w, e, tenants[j]);
    }
    if (w->n) qsort(w->at, w->n, sizeof *w->at, by_name);
    if (!err) err = check_once(w, c);
    if (err) pl_wanted_free(w);
    return err;
}

pouch_err pl_wanted_only(struct pl_wanted_list *w, const struct pl_catalog *c, const char *const *topics, size_t n) {
    bool *keep = calloc(w->n + 1, sizeof *keep);
    if (!keep) return no_memory();
    pouch_err err = POUCH_OK;
    for (size_t i = 0; !err && i < n; i++) {
        const struct pl_wanted *found = w->n ? bsearch(topics[i], w->at, w->n, sizeof *w->at, named) : NULL;
        if (found)
            keep[found - w->at] = true;
        else
            err = pl_fail(POUCH_E_CONFIG,
                          "%s has no topic %.249s, nor is it one of a tenant that there is; `pouch topic plan` without "
                          "topics shows them all",
                          c->file, topics[i]);
    }
    size_t kept = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (keep[i])
            w->at[kept++] = w->at[i];
        else
            free(w->at[i].name);
    }
    w->n = kept;
    free(keep);
    return err;
}

void pl_wanted_free(struct pl_wanted_list *w) {
    for (size_t i = 0; i < w->n; i++) free(w->at[i].name);
    free(w->at);
    *w = (struct pl_wanted_list){0};
}
