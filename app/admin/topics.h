/* A catalogue's topics: what is to be, what there is, and the changes between. */
#ifndef POUCH_ADMIN_TOPICS_H
#define POUCH_ADMIN_TOPICS_H

#include <catalog/access.h>
#include <catalog/plan.h>
#include <cluster/cluster.h>
#include <json/json.h>

enum { ADMIN_TOPICS_MS = 30000 };

/* How an apply is written down: the kind of change, and its name. */
#define ADMIN_AUDIT_TOPIC   "topic"
#define ADMIN_AUDIT_CATALOG "catalog"

struct admin_topics {                   /* all zero: nothing is open */
    const struct pl_settings *settings; /* borrowed */
    struct pl_catalog *catalog;
    struct pl_cluster *cluster;
    struct pl_actual actual;
    struct pl_access_look look;
    struct pl_plan plan;
};

/*
 * Reads the catalogue that the settings name, and what topics the cluster has, without their configs. copies_most as in
 * struct pl_catalog_defaults. Errors of all of them; closed even so.
 */
POUCH_MUST_CHECK pouch_err admin_topics_open(struct admin_topics *t, const struct pl_settings *s, int copies_most);
void admin_topics_close(struct admin_topics *t);

/* The same without a cluster. */
POUCH_MUST_CHECK pouch_err admin_topics_catalog(struct admin_topics *t, const struct pl_settings *s, int copies_most);

/* Reads the configs of the catalogue's topics, and the ACLs where it speaks of any, and makes t->plan. */
POUCH_MUST_CHECK pouch_err admin_topics_plan(struct admin_topics *t, const struct pl_plan_options *o);

/* ---- topic_plan.c ---- */

/*
 * The words of a change: "chat.events.acme: 8 partitions, 3 copies, …", as the table and the audit have it. NULL: out
 * of memory.
 */
char *admin_change_text(const struct pl_change *c);

/*
 * A change, all of a plan as an array, and with how many topics were as they are to be. applied: with what came of
 * each. NULL: no memory.
 */
json_t *admin_change_json(const struct pl_change *c, bool applied);
json_t *admin_changes_of_plan_json(const struct pl_plan *p, bool applied);
json_t *admin_plan_json(const struct pl_plan *p, bool applied);

/* ---- tenant.c ---- */

/* Whether the cluster has the topic: as it was found, and as the plan has changed it since. */
bool admin_tenant_has(const struct admin_topics *t, const char *topic);

/* {"tenant_id", "topics": {"messages": "chat.messages.acme", …}, "missing": [names]}. NULL: out of memory. */
json_t *admin_tenant_json(const struct admin_topics *t, const char *tenant);

/* "complete", "partial", or "orphan": there are topics of a tenant that there is not. */
const char *admin_tenant_word(const struct pl_catalog *c, const struct pl_tenant_state *s);

/* admin_tenant_json() with state and listed. NULL: out of memory. */
json_t *admin_tenant_state_json(const struct admin_topics *t, const struct pl_tenant_state *s);

/* ---- topic_health.c ---- */

/* What is wrong with a topic. */
enum { ADMIN_ILLS = 4, ADMIN_ILL_TEXT = 96 };
struct admin_ills {
    char text[ADMIN_ILLS][ADMIN_ILL_TEXT];
    size_t n;
};

struct pl_shape_topic;
void admin_topic_look(const struct pl_shape_topic *t, struct admin_ills *ills);

/* {"name","healthy","partitions","replication_factor","issues":[…]}. NULL: no memory. */
json_t *admin_topic_health_json(const struct pl_shape_topic *t, const struct admin_ills *ills);

/*
 * One of a cluster: {"topic","partitions","replication"}, with all also "partition":[…] and "config":{…}. NULL: no
 * memory.
 */
json_t *admin_topic_json(const struct pl_topic_info *t, bool all);

#endif
