#include <admin/anytext.h>
#include <admin/topics.h>
#include <catalog/tenant.h>
#include <string.h>

bool admin_tenant_has(const struct admin_topics *t, const char *topic) {
    bool there = pl_actual_find(&t->actual, topic) != NULL;
    for (size_t i = 0; i < t->plan.n; i++) {
        const struct pl_change *c = &t->plan.changes[i];
        if (c->made && !strcmp(c->topic, topic)) there = c->kind != PL_CHANGE_DELETE;
    }
    return there;
}

json_t *admin_tenant_json(const struct admin_topics *t, const char *tenant) {
    char topic[PL_TOPIC_NAME_SIZE], word[PL_TOPIC_NAME_SIZE];
    json_t *topics = json_object(), *missing = json_array();
    for (size_t i = 0; i < t->catalog->n; i++) {
        const struct pl_catalog_entry *e = &t->catalog->entries[i];
        if (!e->pattern) continue;
        pl_catalog_topic(topic, e, tenant);
        pl_tenant_word(word, t->catalog, e);
        if (admin_tenant_has(t, topic))
            topics = admin_json_with(topics, word, json_string(topic));
        else
            missing = admin_array_with(missing, json_string(topic));
    }
    return json_pack("{s:s,s:o,s:o}", "tenant_id", tenant, "topics", topics, "missing", missing);
}

const char *admin_tenant_word(const struct pl_catalog *c, const struct pl_tenant_state *s) {
    if (!pl_tenant_exists(c, s)) return "orphan";
    return s->topics == s->patterns ? "complete" : "partial";
}

json_t *admin_tenant_state_json(const struct admin_topics *t, const struct pl_tenant_state *s) {
    json_t *o = admin_tenant_json(t, s->id);
    if (o) o = admin_json_with(o, "state", json_string(admin_tenant_word(t->catalog, s)));
    return o ? admin_json_with(o, "listed", json_boolean(s->listed)) : NULL;
}
