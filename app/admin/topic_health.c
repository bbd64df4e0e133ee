/* Topics as the brokers tell of them. */
#include <admin/anytext.h>
#include <admin/topics.h>
#include <cluster/shape.h>
#include <stdio.h>

static void add(struct admin_ills *ills, int n, int of, const char *what) {
    if (n) snprintf(ills->text[ills->n++], ADMIN_ILL_TEXT, "%d of %d partitions %s", n, of, what);
}

void admin_topic_look(const struct pl_shape_topic *t, struct admin_ills *ills) {
    ills->n = 0;
    if (!t->partitions) snprintf(ills->text[ills->n++], ADMIN_ILL_TEXT, "it has no partitions; it may be going");
    add(ills, t->offline, t->partitions, "have no leader: they take and give nothing");
    add(ills, t->under_min_insync, t->partitions, "are under min.insync.replicas: acks=all is refused");
    add(ills, t->under_replicated, t->partitions, "have fewer copies in sync than they should");
}

json_t *admin_topic_health_json(const struct pl_shape_topic *t, const struct admin_ills *ills) {
    json_t *issues = json_array();
    for (size_t i = 0; i < ills->n; i++) issues = admin_array_with(issues, json_string(ills->text[i]));
    return json_pack("{s:o,s:b,s:i,s:i,s:o}", "name", admin_anytext_of(t->name), "healthy", (int)!ills->n, "partitions",
                     t->partitions, "replication_factor", t->replication, "issues", issues);
}

static json_t *partition_json(const struct pl_topic_partition_info *p, bool offsets) {
    json_t *o = json_pack("{s:i,s:i,s:i,s:i}", "id", (int)p->id, "leader", (int)p->leader, "replicas", p->replicas,
                          "in_sync", p->in_sync);
    if (o && offsets) {
        json_object_set_new(o, "low", json_integer(p->low));
        json_object_set_new(o, "high", json_integer(p->high));
    }
    return o;
}

json_t *admin_topic_json(const struct pl_topic_info *t, bool all) {
    json_t *o = json_pack("{s:o,s:i,s:i}", "topic", admin_anytext_of(t->name), "partitions", (int)t->n_partitions,
                          "replication", t->replication);
    if (!o || !all) return o;
    json_t *parts = json_array(), *set = json_object();
    for (size_t i = 0; i < t->n_partitions; i++) json_array_append_new(parts, partition_json(&t->partitions[i], true));
    for (char **c = t->configs; c && *c; c += 2) json_object_set_new(set, c[0], admin_anytext_of(c[1]));
    json_object_set_new(o, "partition", parts);
    json_object_set_new(o, "config", set);
    return o;
}
