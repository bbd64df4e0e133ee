/* From the settings to a plan. */
#include <admin/registry.h>
#include <admin/topics.h>
#include <string.h>

pouch_err admin_topics_catalog(struct admin_topics *t, const struct pl_settings *s, int copies_most) {
    const struct pl_catalog_defaults d = {s->topic_partitions, s->topic_replication, (int64_t)s->topic_retention_ms,
                                          copies_most};
    t->settings = s;
    return pl_catalog_read(&t->catalog, s->topic_catalog, &d);
}

pouch_err admin_topics_open(struct admin_topics *t, const struct pl_settings *s, int copies_most) {
    pouch_err e = admin_topics_catalog(t, s, copies_most);
    if (!e) e = pl_cluster_open(&t->cluster, s, admin_client_id(s));
    if (!e) e = pl_cluster_reach(pl_cluster_handle(t->cluster));
    return e ? e : pl_actual_topics(&t->actual, pl_cluster_handle(t->cluster), ADMIN_TOPICS_MS);
}

void admin_topics_close(struct admin_topics *t) {
    pl_plan_free(&t->plan);
    pl_access_look_free(&t->look);
    pl_actual_free(&t->actual);
    pl_cluster_close(t->cluster);
    pl_catalog_free(t->catalog);
    *t = (struct admin_topics){0};
}

struct looked_at {
    const struct pl_catalog *catalog;
    const struct pl_plan_options *options;
};

static bool among(const char *text, const char *const list[], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!strcmp(text, list[i])) return true;
    return false;
}

/* Of others nobody wants to know how they are set. */
static bool matters(const char *topic, void *arg) {
    const struct looked_at *l = arg;
    const struct pl_plan_options *o = l->options;
    char tenant[PL_TENANT_MAX + 1];
    if (!pl_catalog_find(l->catalog, topic, tenant)) return false;
    if (o->tenants) return among(tenant, o->tenants, o->n_tenants);
    return !o->topics || among(topic, o->topics, o->n_topics);
}

static pouch_err plan_access(struct admin_topics *t, const struct pl_plan_options *o) {
    const struct pl_access *a = t->catalog->access;
    if (!a || o->tenants || o->topics) return POUCH_OK;
    pouch_err e = pl_access_look(&t->look, a, t->settings, pl_cluster_handle(t->cluster), ADMIN_TOPICS_MS);
    return e ? e : pl_access_plan(&t->plan, a, &t->look, o);
}

pouch_err admin_topics_plan(struct admin_topics *t, const struct pl_plan_options *o) {
    struct looked_at l = {t->catalog, o};
    pouch_err e = pl_actual_configs(&t->actual, pl_cluster_handle(t->cluster), matters, &l, ADMIN_TOPICS_MS);
    if (!e) e = pl_plan_make(&t->plan, t->catalog, &t->actual, o);
    return e ? e : plan_access(t, o);
}
