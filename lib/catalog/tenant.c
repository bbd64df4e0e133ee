#include <base/why.h>
#include <catalog/tenant.h>
#include <stdio.h>
#include <string.h>

/* Another entry that gives this topic too, by its own name or for some tenant. NULL: none. */
static const struct pl_catalog_entry *other_entry(const struct pl_catalog *c, const struct pl_catalog_entry *entry,
                                                  const char *topic) {
    char tenant[PL_TENANT_MAX + 1];
    for (size_t i = 0; i < c->n; i++) {
        const struct pl_catalog alone = {.entries = &c->entries[i], .n = 1};
        if (&c->entries[i] != entry && pl_catalog_find(&alone, topic, tenant)) return &c->entries[i];
    }
    return NULL;
}

static pouch_err check_alone(const struct pl_catalog *c, const struct pl_catalog_entry *entry, const char *topic) {
    const struct pl_catalog_entry *other = other_entry(c, entry, topic);
    return other
               ? pl_fail(POUCH_E_CONFIG,
                         "%s: %s comes from %s (line %u) and from %s (line %u), so it is not told whose it is; rename "
                         "one of the two",
                         c->file, topic, entry->name, entry->line, other->name, other->line)
               : POUCH_OK;
}

static bool is_listed(const struct pl_catalog *c, const char *tenant) {
    for (size_t i = 0; i < c->n_tenants; i++)
        if (!strcmp(c->tenants[i], tenant)) return true;
    return false;
}

pouch_err pl_tenant_may_begin(const struct pl_catalog *c, const char *tenant) {
    char topic[PL_TOPIC_NAME_SIZE];
    size_t patterns = 0;
    pouch_err e = pl_tenant_check(tenant);
    if (!e && c->lists_tenants && !is_listed(c, tenant))
        e = pl_fail(POUCH_E_CONFIG, "%s lists its tenants, and %s is none of them; add it to tenants: first", c->file,
                    tenant);
    for (size_t i = 0; !e && i < c->n; i++) {
        if (!c->entries[i].pattern) continue;
        patterns++;
        pl_catalog_topic(topic, &c->entries[i], tenant);
        e = check_alone(c, &c->entries[i], topic);
    }
    if (!e && !patterns)
        e = pl_fail(POUCH_E_CONFIG, "%s has no topics for tenants: none with " PL_TENANT_MARK " in its name", c->file);
    return e;
}

static pouch_err add_topics(struct pl_plan *p, const struct pl_catalog *c, const struct pl_actual *a,
                            const char *tenant) {
    char topic[PL_TOPIC_NAME_SIZE];
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < c->n; i++) {
        struct pl_change change = {.kind = PL_CHANGE_DELETE, .topic = topic, .entry = &c->entries[i]};
        pl_catalog_topic(topic, change.entry, tenant);
        if (!change.entry->pattern || !pl_actual_find(a, topic)) continue;
        snprintf(change.tenant, sizeof change.tenant, "%s", tenant);
        e = check_alone(c, change.entry, topic);
        if (!e) e = pl_plan_add(p, &change);
    }
    return e;
}

pouch_err pl_tenant_end(struct pl_plan *p, const struct pl_catalog *c, const struct pl_actual *a, const char *tenant) {
    pouch_err e = pl_tenant_check(tenant);
    if (!e) e = add_topics(p, c, a, tenant);
    if (e)
        pl_plan_free(p);
    else if (!p->n)
        e = pl_fail(POUCH_E_NOT_FOUND, "there is no tenant %s: no topic of %s is its", tenant, c->file);
    return e;
}

/* The part before the mark, without its dots. */
static size_t part_before(const struct pl_catalog_entry *e, const char **at) {
    const char *mark = strstr(e->name, PL_TENANT_MARK);
    const char *end = mark > e->name ? mark - 1 : mark;
    const char *dot = memrchr(e->name, '.', (size_t)(end - e->name));
    *at = dot ? dot + 1 : e->name;
    return (size_t)(end - *at);
}

void pl_tenant_word(char out[PL_TOPIC_NAME_SIZE], const struct pl_catalog *c, const struct pl_catalog_entry *pattern) {
    const char *word, *other;
    size_t n = part_before(pattern, &word);
    bool alone = n > 0;
    for (size_t i = 0; alone && i < c->n; i++) {
        const struct pl_catalog_entry *e = &c->entries[i];
        alone = e == pattern || !e->pattern || part_before(e, &other) != n || memcmp(other, word, n) != 0;
    }
    snprintf(out, PL_TOPIC_NAME_SIZE, "%.*s", alone ? (int)n : PL_TOPIC_NAME_SIZE, alone ? word : pattern->name);
}
