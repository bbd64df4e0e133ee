/* From principals and roles to the ACLs that Kafka wants. docs/security.md has the same table in words. */
#include <base/why.h>
#include <catalog/access_state.h>
#include <stdio.h>
#include <string.h>

/* As lib/letter calls them. */
#define RETRY_TOPICS "internal.retry."
#define RETRY_GROUP  "pouch-retries"

/* As app/events and app/async call them; the client id of a gateway is what it calls itself. */
#define GATEWAY_ID    "pouch-gateway"
#define ASYNC_REPLIES ".async-replies"
#define COPIERS       "pouch-events."

/* What a right is on. */
enum object {
    TOPICS,          /* those of the entry */
    TOPICS_OR_INBOX, /* those of the entry, without any the center's inbox */
    TOPICS_REPLIES,  /* TOPIC.replies of each of them */
    OWN_REPLIES,     /* CLIENT.replies */
    OWN_LATER,       /* CLIENT.async-replies, where requests are noted too */
    OWN_LATER_GROUP,
    CLIENTS_REPLIES, /* those of all clients and gateways of the catalogue */
    OWN_GROUP,
    CLIENTS_GROUP, /* it commits nothing, but librdkafka asks for its coordinator */
    INBOX,
    ANNOUNCEMENTS,
    DEAD_LETTERS,
    RETRIES,
    RETRIES_GROUP,
    EVENTS, /* and what gateways tell each other of them */
    EVENTS_READER,
    EVENTS_COPIERS,
    PRODUCED, /* what the entry names besides */
    CONSUMED,
    EVERY_TOPIC,
    EVERY_GROUP,
    THE_CLUSTER,
};

enum {
    READ = RD_KAFKA_ACL_OPERATION_READ,
    WRITE = RD_KAFKA_ACL_OPERATION_WRITE,
    CREATE = RD_KAFKA_ACL_OPERATION_CREATE,
    DELETE = RD_KAFKA_ACL_OPERATION_DELETE,
    ALTER = RD_KAFKA_ACL_OPERATION_ALTER,
    DESCRIBE = RD_KAFKA_ACL_OPERATION_DESCRIBE,
    DESCRIBE_CONFIGS = RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS,
    ALTER_CONFIGS = RD_KAFKA_ACL_OPERATION_ALTER_CONFIGS,
};

/* READ, WRITE, ALTER and DELETE bring DESCRIBE with them, ALTER_CONFIGS DESCRIBE_CONFIGS. */
static const struct {
    enum pl_role role; /* NONE: whatever the role */
    enum object object;
    int operations[8]; /* ended by 0 */
} rights[] = {
    {PL_ROLE_CLIENT, TOPICS_OR_INBOX, {WRITE}},
    {PL_ROLE_CLIENT, OWN_REPLIES, {CREATE, READ}},
    {PL_ROLE_CLIENT, CLIENTS_GROUP, {DESCRIBE}},

    {PL_ROLE_WORKER, TOPICS, {READ}},
    {PL_ROLE_WORKER, OWN_GROUP, {READ}},
    {PL_ROLE_WORKER, CLIENTS_REPLIES, {WRITE}},
    {PL_ROLE_WORKER, TOPICS_REPLIES, {WRITE}},
    {PL_ROLE_WORKER, DEAD_LETTERS, {WRITE}},
    {PL_ROLE_WORKER, RETRIES, {WRITE}},

    {PL_ROLE_CENTER, INBOX, {READ}},
    {PL_ROLE_CENTER, OWN_GROUP, {READ}},
    {PL_ROLE_CENTER, TOPICS, {WRITE}},
    {PL_ROLE_CENTER, CLIENTS_REPLIES, {WRITE}},
    {PL_ROLE_CENTER, ANNOUNCEMENTS, {READ}},
    {PL_ROLE_CENTER, DEAD_LETTERS, {WRITE}},
    {PL_ROLE_CENTER, RETRIES, {WRITE}},

    {PL_ROLE_GATEWAY, TOPICS_OR_INBOX, {WRITE}},
    {PL_ROLE_GATEWAY, OWN_REPLIES, {CREATE, READ}},
    {PL_ROLE_GATEWAY, OWN_LATER, {CREATE, READ, WRITE}},
    {PL_ROLE_GATEWAY, OWN_LATER_GROUP, {READ}},
    {PL_ROLE_GATEWAY, CLIENTS_GROUP, {DESCRIBE}},
    {PL_ROLE_GATEWAY, EVENTS, {CREATE, READ, WRITE}},
    {PL_ROLE_GATEWAY, EVENTS_READER, {DESCRIBE}},
    {PL_ROLE_GATEWAY, EVENTS_COPIERS, {READ}},

    {PL_ROLE_REDELIVER, RETRIES, {READ, WRITE}},
    {PL_ROLE_REDELIVER, RETRIES_GROUP, {READ}},
    {PL_ROLE_REDELIVER, TOPICS, {WRITE}},
    {PL_ROLE_REDELIVER, DEAD_LETTERS, {WRITE}},

    {PL_ROLE_OPERATOR, EVERY_TOPIC, {READ, WRITE, CREATE, DELETE, ALTER, ALTER_CONFIGS}},
    {PL_ROLE_OPERATOR, EVERY_GROUP, {DESCRIBE}},
    {PL_ROLE_OPERATOR, THE_CLUSTER, {ALTER, DESCRIBE_CONFIGS}},

    {PL_ROLE_NONE, PRODUCED, {WRITE}},
    {PL_ROLE_NONE, CONSUMED, {READ}},
};

struct expansion {
    const struct pl_access *access;
    const struct pl_access_entry *entry;
    const struct pl_settings *settings;
    struct pl_acls *wanted;
    const int *operations;
};

/* name: "orders", "orders.*", "*", "chat.messages.{tenant}"; tail goes after it. */
static pouch_err grant(struct expansion *x, rd_kafka_ResourceType_t on, const char *name, const char *tail) {
    char text[PL_ACL_TEXT];
    const size_t n = strcspn(name, "*{");
    const bool prefixed = name[n] && n;
    snprintf(text, sizeof text, "%.*s%s", (int)(prefixed ? n : strlen(name)), name, prefixed ? "" : tail);
    pouch_err e = POUCH_OK;
    for (const int *operation = x->operations; !e && *operation; operation++) {
        const struct pl_acl acl = {.principal = x->entry->principal,
                                   .on = on,
                                   .prefixed = prefixed,
                                   .name = text,
                                   .operation = (rd_kafka_AclOperation_t)*operation,
                                   .host = x->entry->host};
        e = pl_acls_add(x->wanted, &acl);
    }
    return e;
}

static pouch_err grant_topics(struct expansion *x, const struct pl_names *names, const char *tail) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < names->n; i++) e = grant(x, RD_KAFKA_RESOURCE_TOPIC, names->at[i], tail);
    return e;
}

static const char *client_id(const struct pl_access_entry *client) {
    if (client->client_id) return client->client_id;
    return client->role == PL_ROLE_GATEWAY ? GATEWAY_ID : client->principal + sizeof "User:" - 1;
}

static pouch_err grant_replies(struct expansion *x, const struct pl_access_entry *client) {
    return grant(x, RD_KAFKA_RESOURCE_TOPIC, client_id(client), ".replies");
}

static pouch_err grant_later(struct expansion *x, const struct pl_access_entry *gateway) {
    return grant(x, RD_KAFKA_RESOURCE_TOPIC, client_id(gateway), ASYNC_REPLIES);
}

static pouch_err grant_clients_replies(struct expansion *x) {
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < x->access->n; i++) {
        const struct pl_access_entry *one = &x->access->entries[i];
        if (one->role == PL_ROLE_CLIENT || one->role == PL_ROLE_GATEWAY) e = grant_replies(x, one);
        if (!e && one->role == PL_ROLE_GATEWAY) e = grant_later(x, one);
    }
    return e;
}

/* Unless the entry names another, what workers and centers call their group themselves. */
static pouch_err grant_group(struct expansion *x) {
    char group[PL_ACL_TEXT];
    const struct pl_access_entry *entry = x->entry;
    if (entry->group) return grant(x, RD_KAFKA_RESOURCE_GROUP, entry->group, "");
    if (entry->role == PL_ROLE_CENTER)
        snprintf(group, sizeof group, "pouch-center.%s", x->settings->inbox);
    else
        snprintf(group, sizeof group, "%s.workers", entry->topics.at[0]);
    return grant(x, RD_KAFKA_RESOURCE_GROUP, group, "");
}

static pouch_err grant_events(struct expansion *x) {
    const char *topic = x->settings->gateway_events_topic;
    pouch_err e = grant(x, RD_KAFKA_RESOURCE_TOPIC, topic, "");
    return e ? e : grant(x, RD_KAFKA_RESOURCE_TOPIC, topic, ".gateways");
}

static pouch_err grant_consumed(struct expansion *x) {
    pouch_err e = grant_topics(x, &x->entry->consume, "");
    const bool own = x->entry->role == PL_ROLE_NONE && x->entry->group;
    return e || !own ? e : grant(x, RD_KAFKA_RESOURCE_GROUP, x->entry->group, "");
}

static pouch_err grant_on(struct expansion *x, enum object object) {
    const struct pl_settings *s = x->settings;
    const bool retries = strcmp(s->retry_tiers, "off") != 0;
    switch (object) {
    case TOPICS: return grant_topics(x, &x->entry->topics, "");
    case TOPICS_OR_INBOX:
        return x->entry->topics.n ? grant_topics(x, &x->entry->topics, "")
                                  : grant(x, RD_KAFKA_RESOURCE_TOPIC, s->inbox, "");
    case TOPICS_REPLIES: return grant_topics(x, &x->entry->topics, ".replies");
    case OWN_REPLIES: return grant_replies(x, x->entry);
    case OWN_LATER: return grant_later(x, x->entry);
    case OWN_LATER_GROUP: return grant(x, RD_KAFKA_RESOURCE_GROUP, client_id(x->entry), ASYNC_REPLIES);
    case CLIENTS_REPLIES: return grant_clients_replies(x);
    case OWN_GROUP: return grant_group(x);
    case CLIENTS_GROUP: return grant(x, RD_KAFKA_RESOURCE_GROUP, client_id(x->entry), "");
    case INBOX: return grant(x, RD_KAFKA_RESOURCE_TOPIC, s->inbox, "");
    case ANNOUNCEMENTS: return grant(x, RD_KAFKA_RESOURCE_TOPIC, s->routes_topic, "");
    case DEAD_LETTERS: return grant(x, RD_KAFKA_RESOURCE_TOPIC, s->dlq_topic, "");
    case RETRIES: return retries ? grant(x, RD_KAFKA_RESOURCE_TOPIC, RETRY_TOPICS "*", "") : POUCH_OK;
    case RETRIES_GROUP: return retries ? grant(x, RD_KAFKA_RESOURCE_GROUP, RETRY_GROUP, "") : POUCH_OK;
    case EVENTS: return grant_events(x);
    case EVENTS_READER: return grant(x, RD_KAFKA_RESOURCE_GROUP, client_id(x->entry), ".events");
    case EVENTS_COPIERS: return grant(x, RD_KAFKA_RESOURCE_GROUP, COPIERS, s->gateway_events_topic);
    case PRODUCED: return grant_topics(x, &x->entry->produce, "");
    case CONSUMED: return grant_consumed(x);
    case EVERY_TOPIC: return grant(x, RD_KAFKA_RESOURCE_TOPIC, "*", "");
    case EVERY_GROUP: return grant(x, RD_KAFKA_RESOURCE_GROUP, "*", "");
    case THE_CLUSTER: return grant(x, RD_KAFKA_RESOURCE_BROKER, PL_ACL_CLUSTER, "");
    }
    return POUCH_OK;
}

pouch_err pl_access_expand(const struct pl_access *a, const struct pl_settings *s, struct pl_acls *wanted) {
    struct expansion x = {.access = a, .settings = s, .wanted = wanted};
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < a->n; i++)
        for (size_t k = 0; !e && k < sizeof rights / sizeof rights[0]; k++) {
            if (rights[k].role != PL_ROLE_NONE && rights[k].role != a->entries[i].role) continue;
            x.entry = &a->entries[i];
            x.operations = rights[k].operations;
            e = grant_on(&x, rights[k].object);
        }
    if (e)
        pl_acls_free(wanted);
    else
        pl_acls_sort(wanted);
    return e;
}
