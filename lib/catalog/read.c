/* From a file to a catalogue: its outline, tenants and owned names. */
#include <base/why.h>
#include <catalog/access.h>
#include <catalog/state.h>
#include <stdlib.h>
#include <string.h>
#include <wire/envelope.h>

enum { OWNS_MAX = 1000 };

static pouch_err no_memory(void) {
    return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a catalogue");
}

/* ---- texts ---- */

pouch_err pl_texts_add(struct pl_texts *t, const char *text) {
    if (t->n == PL_TEXTS_MAX) return POUCH_OK;
    char **at = reallocarray(t->at, t->n + 1, sizeof *at);
    if (!at) return no_memory();
    t->at = at;
    if (!(at[t->n] = strdup(text))) return no_memory();
    t->n++;
    return POUCH_OK;
}

void pl_texts_free(struct pl_texts *t) {
    for (size_t i = 0; i < t->n; i++) free(t->at[i]);
    free(t->at);
    *t = (struct pl_texts){0};
}

pouch_err pl_catalog_issue(struct pl_catalog_reader *r, pouch_err e) {
    return e == POUCH_E_CONFIG && r->issues ? pl_texts_add(r->issues, pouch_why()) : e;
}

pouch_err pl_catalog_bad(const struct pl_catalog_reader *r, const struct pl_yaml *node, const char *what) {
    return pl_fail(POUCH_E_CONFIG, "%s:%u: %.249s: %s", r->file, node->line, node->key, what);
}

/* ---- lists ---- */

/* A list of texts, or the one text that it would have, into *texts in order. check: what an item must be. */
static pouch_err read_list(struct pl_catalog_reader *r, const struct pl_yaml *node, size_t most,
                           pouch_err (*check)(const char *text), char ***texts, size_t *n) {
    bool one = node->kind == PL_YAML_SCALAR && node->text[0];
    const struct pl_yaml *items = one ? node : node->items;
    size_t count = one ? 1 : node->n;
    if (node->kind == PL_YAML_MAP) return pl_catalog_bad(r, node, "give a list of names");
    if (count > most) return pl_catalog_bad(r, node, "the list is too long");
    if (!(*texts = calloc(count + 1, sizeof **texts))) return no_memory();
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < count; i++) {
        if (items[i].kind != PL_YAML_SCALAR)
            e = pl_fail(POUCH_E_CONFIG, "%s:%u: %s: give a list of names", r->file, items[i].line, node->key);
        else if ((e = check(items[i].text)) == POUCH_E_CONFIG)
            e = pl_fail(e, "%s:%u: %s: %s", r->file, items[i].line, node->key, pouch_why());
        else if (!e && !((*texts)[*n] = strdup(items[i].text)))
            e = no_memory();
        else if (!e)
            ++*n;
        e = pl_catalog_issue(r, e);
    }
    return e;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static pouch_err read_tenants(struct pl_catalog_reader *r, const struct pl_yaml *node) {
    struct pl_catalog *c = r->catalog;
    if (node->kind == PL_YAML_SCALAR &&
        !node->text[0]) /* nobody, said by mistake, would make all that tenants have too much */
        return pl_catalog_bad(
            r, node, "give a list of names, or [] for nobody; without the key tenants are found in the cluster");
    c->lists_tenants = true;
    pouch_err e = read_list(r, node, PL_CATALOG_TENANTS_MAX, pl_tenant_check, &c->tenants, &c->n_tenants);
    if (e || c->n_tenants < 2) return e;
    qsort(c->tenants, c->n_tenants, sizeof *c->tenants, by_text);
    for (size_t i = 1; !e && i < c->n_tenants; i++)
        if (!strcmp(c->tenants[i - 1], c->tenants[i]))
            e = pl_catalog_issue(r, pl_fail(POUCH_E_CONFIG, "%s:%u: tenants: %s is in the list twice", r->file,
                                            node->line, c->tenants[i]));
    return e;
}

/* Something must stand before the star, or all that a cluster has would be the catalogue's. */
static pouch_err check_owned(const char *text) {
    size_t n = strlen(text);
    bool kafkas = !strncmp(text, "__", 2) || !strcmp(text, "_*");
    if (n > 1 && text[n - 1] == '*' && !kafkas && pl_name_valid(text, n - 1)) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "'%.64s' is no beginning of names; they look like platform.*", text);
}

static pouch_err read_owns(struct pl_catalog_reader *r, const struct pl_yaml *node) {
    return read_list(r, node, OWNS_MAX, check_owned, &r->catalog->owns, &r->catalog->n_owns);
}

/* ---- topics ---- */

static pouch_err read_topic(struct pl_catalog_reader *r, struct pl_catalog_entry *e, const struct pl_yaml *node) {
    pouch_err err = pl_entry_begin(e, &r->base);
    if (!err) err = pl_entry_read(r, e, node, true);
    return err ? err : pl_entry_end(r, e, node);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct pl_catalog_entry *)a)->name, ((const struct pl_catalog_entry *)b)->name);
}

static pouch_err read_topics(struct pl_catalog_reader *r, const struct pl_yaml *node) {
    struct pl_catalog *c = r->catalog;
    size_t patterns = 0;
    bool none = node->kind == PL_YAML_SCALAR && !node->text[0];
    if (node->kind != PL_YAML_MAP && !none) return pl_catalog_bad(r, node, "give topics by their names, one a line");
    if (node->n > PL_CATALOG_TOPICS_MAX) return pl_catalog_bad(r, node, "more than 10000 topics");
    if (!(c->entries = calloc(node->n + 1, sizeof *c->entries))) return no_memory();
    for (size_t i = 0; i < node->n; i++) {
        struct pl_catalog_entry *made = &c->entries[c->n];
        pouch_err e = read_topic(r, made, &node->items[i]);
        if (!e) c->n++;
        if (!e && made->pattern && ++patterns > PL_CATALOG_PATTERNS_MAX)
            e = pl_catalog_bad(r, node, "more than 1000 patterns");
        else if (e)
            pl_entry_free(made);
        e = pl_catalog_issue(r, e);
        if (e) return e;
    }
    qsort(c->entries, c->n, sizeof *c->entries, by_name);
    return POUCH_OK;
}

/* ---- the whole ---- */

static pouch_err read_defaults(struct pl_catalog_reader *r, const struct pl_yaml *node) {
    return pl_entry_read(r, &r->base, node, false);
}

static pouch_err read_access(struct pl_catalog_reader *r, const struct pl_yaml *node) {
    return pl_access_read(&r->catalog->access, node, r->file);
}

/* In the order they are read, which is not the file's: topics begin with what defaults: says. */
static const struct {
    const char *key;
    pouch_err (*read)(struct pl_catalog_reader *r, const struct pl_yaml *node);
} parts[] = {{"defaults", read_defaults},
             {"tenants", read_tenants},
             {"owns", read_owns},
             {"topics", read_topics},
             {"access", read_access}};
enum { PARTS = sizeof parts / sizeof parts[0] };

static pouch_err check_keys(struct pl_catalog_reader *r, const struct pl_yaml *tree) {
    if (tree->kind != PL_YAML_MAP)
        return pl_fail(POUCH_E_CONFIG, "%s:%u: give topics:, by their names; `pouch topic catalog` prints an example",
                       r->file, tree->line);
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < tree->n; i++) {
        bool known = false;
        for (size_t j = 0; j < PARTS; j++) known = known || !strcmp(tree->items[i].key, parts[j].key);
        if (!known)
            e = pl_catalog_issue(r, pl_catalog_bad(r, &tree->items[i],
                                                   "a catalogue has topics, defaults, tenants, owns and access, and "
                                                   "nothing else"));
    }
    return e;
}

static pouch_err read_parts(struct pl_catalog_reader *r, const struct pl_yaml *tree) {
    pouch_err e = check_keys(r, tree);
    for (size_t i = 0; !e && i < PARTS; i++) {
        const struct pl_yaml *node = pl_yaml_get(tree, parts[i].key);
        if (node) e = pl_catalog_issue(r, parts[i].read(r, node));
    }
    return e;
}

static pouch_err take_tree(struct pl_catalog **c, const char *file, const struct pl_yaml *tree,
                           const struct pl_catalog_defaults *d, struct pl_texts *issues) {
    struct pl_catalog_reader r = {
        .file = file, .catalog = calloc(1, sizeof *r.catalog), .settings = d, .issues = issues};
    if (!r.catalog) return no_memory();
    r.catalog->file = strdup(file);
    pouch_err e = r.catalog->file ? read_parts(&r, tree) : no_memory();
    pl_entry_free(&r.base);
    if (e || (issues && issues->n))
        pl_catalog_free(r.catalog);
    else
        *c = r.catalog;
    return e;
}

pouch_err pl_catalog_parse(struct pl_catalog **c, const char *file, const char *text, size_t n,
                           const struct pl_catalog_defaults *d) {
    struct pl_yaml *tree;
    *c = NULL;
    pouch_err e = pl_yaml_parse(&tree, file, text, n);
    if (!e) e = take_tree(c, file, tree, d, NULL);
    pl_yaml_free(tree);
    return e;
}

pouch_err pl_catalog_check(struct pl_catalog **c, const char *path, const struct pl_catalog_defaults *d,
                           struct pl_texts *issues) {
    static const char builtin[] = "(built-in catalogue)";
    struct pl_yaml *tree = NULL;
    *c = NULL;
    pouch_err e = path ? pl_yaml_read(&tree, path)
                       : pl_yaml_parse(&tree, builtin, pl_catalog_builtin, strlen(pl_catalog_builtin));
    if (!e) e = take_tree(c, path ? path : builtin, tree, d, issues);
    pl_yaml_free(tree);
    return e;
}

pouch_err pl_catalog_read(struct pl_catalog **c, const char *path, const struct pl_catalog_defaults *d) {
    return pl_catalog_check(c, path, d, NULL);
}

static void free_texts(char **texts, size_t n) {
    for (size_t i = 0; i < n; i++) free(texts[i]);
    free(texts);
}

void pl_catalog_free(struct pl_catalog *c) {
    if (!c) return;
    for (size_t i = 0; i < c->n; i++) pl_entry_free(&c->entries[i]);
    free(c->entries);
    free_texts(c->tenants, c->n_tenants);
    free_texts(c->owns, c->n_owns);
    pl_access_free(c->access);
    free(c->file);
    free(c);
}
