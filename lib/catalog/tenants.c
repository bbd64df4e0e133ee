/* Which tenants there are. */
#include <base/why.h>
#include <catalog/plan.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b) {
    return strcmp(((const struct pl_tenant_state *)a)->id, ((const struct pl_tenant_state *)b)->id);
}

/* Those of one tenant, which stand together, become one. */
static size_t join(struct pl_tenant_state *all, size_t n) {
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (at && !strcmp(all[at - 1].id, all[i].id)) {
            all[at - 1].listed = all[at - 1].listed || all[i].listed;
            all[at - 1].topics += all[i].topics;
        } else {
            all[at++] = all[i];
        }
    }
    return at;
}

static size_t patterns(const struct pl_catalog *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++) n += c->entries[i].pattern;
    return n;
}

pouch_err pl_tenant_states(const struct pl_catalog *c, const struct pl_actual *a, struct pl_tenant_state **tenants,
                           size_t *n) {
    size_t of = patterns(c), count = 0;
    struct pl_tenant_state *all = calloc(c->n_tenants + a->n + 1, sizeof *all);
    *tenants = all;
    *n = 0;
    if (!all) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the tenants");
    for (size_t i = 0; i < c->n_tenants; i++) {
        all[count].listed = true;
        strcpy(all[count++].id, c->tenants[i]);
    }
    for (size_t i = 0; i < a->n; i++) {
        pl_catalog_find(c, a->topics[i].name, all[count].id);
        if (all[count].id[0]) all[count++].topics = 1;
    }
    if (count) qsort(all, count, sizeof *all, by_id);
    *n = join(all, count);
    for (size_t i = 0; i < *n; i++) all[i].patterns = of;
    return POUCH_OK;
}

bool pl_tenant_exists(const struct pl_catalog *c, const struct pl_tenant_state *t) {
    return c->lists_tenants ? t->listed : 2 * t->topics > t->patterns;
}
