/* Names of topics and tenants, and which belongs to which. */
#include <base/why.h>
#include <catalog/catalog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t mark_length = sizeof PL_TENANT_MARK - 1;

static bool tenant_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static bool tenant_text(const char *at, size_t n) {
    if (n < 1 || n > PL_TENANT_MAX) return false;
    for (size_t i = 0; i < n; i++)
        if (!tenant_letter(at[i])) return false;
    return true;
}

bool pl_tenant_valid(const char *id) {
    return tenant_text(id, strnlen(id, PL_TENANT_MAX + 1));
}

pouch_err pl_tenant_check(const char *id) {
    if (pl_tenant_valid(id)) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "'%.64s' is no tenant: 1 to %d characters of a-z, 0-9 and '-' are allowed", id,
                   PL_TENANT_MAX);
}

void pl_catalog_topic(char out[PL_TOPIC_NAME_SIZE], const struct pl_catalog_entry *e, const char *tenant) {
    const char *mark = e->pattern ? strstr(e->name, PL_TENANT_MARK) : NULL;
    if (!mark)
        snprintf(out, PL_TOPIC_NAME_SIZE, "%s", e->name);
    else
        snprintf(out, PL_TOPIC_NAME_SIZE, "%.*s%s%s", (int)(mark - e->name), e->name, tenant, mark + mark_length);
}

static int by_name(const void *key, const void *entry) {
    return strcmp(key, ((const struct pl_catalog_entry *)entry)->name);
}

const struct pl_catalog_entry *pl_catalog_entry(const struct pl_catalog *c, const char *name) {
    return c->n ? bsearch(name, c->entries, c->n, sizeof *c->entries, by_name) : NULL;
}

/* Whether topic is the pattern's, and whose. */
static bool matches(const struct pl_catalog_entry *e, const char *topic, char tenant[PL_TENANT_MAX + 1]) {
    const char *mark = strstr(e->name, PL_TENANT_MARK), *after = mark + mark_length;
    size_t before = (size_t)(mark - e->name), behind = strlen(after), n = strlen(topic);
    if (n <= before + behind || memcmp(topic, e->name, before) || strcmp(topic + n - behind, after)) return false;
    size_t length = n - before - behind;
    if (!tenant_text(topic + before, length)) return false;
    memcpy(tenant, topic + before, length);
    tenant[length] = 0;
    return true;
}

const struct pl_catalog_entry *pl_catalog_find(const struct pl_catalog *c, const char *topic,
                                               char tenant[PL_TENANT_MAX + 1]) {
    tenant[0] = 0;
    const struct pl_catalog_entry *e = pl_catalog_entry(c, topic);
    for (size_t i = 0; !e && i < c->n; i++)
        if (c->entries[i].pattern && matches(&c->entries[i], topic, tenant)) e = &c->entries[i];
    return e;
}

bool pl_catalog_owns(const struct pl_catalog *c, const char *topic) {
    for (size_t i = 0; i < c->n_owns; i++)
        if (!strncmp(topic, c->owns[i], strlen(c->owns[i]) - 1)) return true;
    return false;
}
