/*
 * Whether anybody may read a topic. Only a sure no counts: what cannot be seen, described or read is unknown.
 *
 * Groups of all types are listed, so that one of a kind that this librdkafka cannot describe (share groups, those of
 * the newer consumer protocol, which look dead to it) is seen to be there. Readers without a group show nowhere.
 */
#include <base/why.h>
#include <cluster/admin.h>
#include <cluster/cluster.h>
#include <cluster/until.h>
#include <string.h>

enum { GROUPS_MAX = 500 }; /* whose commits are asked for; of more it is not known */

struct look {
    rd_kafka_t *rk;
    const char *topic;
    int partitions;
    int64_t until_us;
    struct pl_admin admin; /* for the commits */
    size_t asked;          /* groups */
    bool unclear, away;
};

/* ---- what members say, in Kafka's own encoding ---- */

struct cursor {
    const uint8_t *at;
    size_t n;
};

static bool take_number(struct cursor *c, size_t bytes, uint32_t *out) {
    if (c->n < bytes) return false;
    *out = 0;
    for (size_t i = 0; i < bytes; i++) *out = *out << 8 | c->at[i];
    c->at += bytes;
    c->n -= bytes;
    return true;
}

static bool skip(struct cursor *c, uint64_t n) {
    if (c->n < n) return false;
    c->at += n;
    c->n -= (size_t)n;
    return true;
}

/* Whether the topic is among those of a subscription, or, with their partitions, of an assignment. */
static bool names_topic(const void *data, int data_n, const char *topic, bool with_partitions) {
    struct cursor c = {data, data && data_n > 0 ? (size_t)data_n : 0};
    size_t topic_n = strlen(topic);
    uint32_t version, topics, n, partitions;
    if (!take_number(&c, 2, &version) || !take_number(&c, 4, &topics)) return false;
    for (uint32_t i = 0; i < topics; i++) {
        if (!take_number(&c, 2, &n) || c.n < n) return false;
        if (n == topic_n && !memcmp(c.at, topic, n)) return true;
        if (!skip(&c, n)) return false;
        if (with_partitions && (!take_number(&c, 4, &partitions) || !skip(&c, (uint64_t)partitions * 4))) return false;
    }
    return false;
}

/* ---- groups ---- */

static bool is_one_of(const char *word, const char *const words[]) {
    for (size_t i = 0; words[i]; i++)
        if (!strcmp(word, words[i])) return true;
    return false;
}

/* Whether a member has a partition of the topic. One that has subscribed to it without having any may get one soon. */
static bool has_reader(struct look *l, const struct rd_kafka_group_info *g) {
    for (int i = 0; i < g->member_cnt; i++) {
        const struct rd_kafka_group_member_info *m = &g->members[i];
        if (names_topic(m->member_assignment, m->member_assignment_size, l->topic, true)) return true;
        if (names_topic(m->member_metadata, m->member_metadata_size, l->topic, false)) l->unclear = true;
    }
    return false;
}

/* Groups of these types only elect a leader among themselves. */
static bool never_reads(const struct rd_kafka_group_info *g) {
    static const char *const types[] = {"connect", "sr", NULL};
    return is_one_of(g->protocol_type, types);
}

static bool can_be_told(const struct rd_kafka_group_info *g) {
    static const char *const types[] = {"consumer", "", NULL}, *const states[] = {"Stable", "Empty", NULL};
    return !g->err && is_one_of(g->protocol_type, types) && is_one_of(g->state, states);
}

/* ---- commits ---- */

static void ask_commits(struct look *l, const struct rd_kafka_group_info *g) {
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(l->partitions);
    for (int i = 0; i < l->partitions; i++) rd_kafka_topic_partition_list_add(partitions, l->topic, i);
    rd_kafka_ListConsumerGroupOffsets_t *question = rd_kafka_ListConsumerGroupOffsets_new(g->group, partitions);
    rd_kafka_AdminOptions_set_opaque(l->admin.options, (void *)g);
    rd_kafka_ListConsumerGroupOffsets(l->admin.rk, &question, 1, l->admin.options, l->admin.queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(question);
    rd_kafka_topic_partition_list_destroy(partitions);
    l->asked++;
}

static bool has_commit(const rd_kafka_topic_partition_list_t *offsets) {
    for (int i = 0; offsets && i < offsets->cnt; i++)
        if (offsets->elems[i].offset >= 0) return true;
    return false;
}

/*
 * A group that has read the topic, and has nobody who does now: away when it has no members. One that never had any is
 * a name for commits of somebody who reads without being a member; one that has some reads other topics, or is about to
 * read this one.
 */
static void hear_commits(struct look *l, const rd_kafka_event_t *event) {
    const struct rd_kafka_group_info *g = rd_kafka_event_opaque((rd_kafka_event_t *)event);
    const rd_kafka_ListConsumerGroupOffsets_result_t *result =
        rd_kafka_event_ListConsumerGroupOffsets_result((rd_kafka_event_t *)event);
    size_t n = 0;
    const rd_kafka_group_result_t **groups = result && !rd_kafka_event_error((rd_kafka_event_t *)event)
                                                 ? rd_kafka_ListConsumerGroupOffsets_result_groups(result, &n)
                                                 : NULL;
    if (n != 1 || rd_kafka_group_result_error(groups[0])) {
        l->unclear = true;
    } else if (has_commit(rd_kafka_group_result_partitions(groups[0]))) {
        bool is_away = !strcmp(g->state, "Empty") && *g->protocol_type;
        l->away = l->away || is_away;
        l->unclear = l->unclear || !is_away;
    }
}

static pouch_err look_at_commits(struct look *l, const struct rd_kafka_group_list *list) {
    pouch_err e = pl_admin_begin(&l->admin, l->rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, pl_left_ms(l->until_us));
    if (e) return e;
    for (int i = 0; i < list->group_cnt; i++)
        if (!never_reads(&list->groups[i])) ask_commits(l, &list->groups[i]);
    while (l->asked && !l->unclear) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(l->admin.queue, pl_left_ms(l->until_us));
        l->unclear = !event;
        if (event) hear_commits(l, event);
        if (event) rd_kafka_event_destroy(event);
        l->asked--;
    }
    pl_admin_end(&l->admin);
    return POUCH_OK;
}

/* ---- what we may see ---- */

/*
 * A broker leaves out of its list the groups that one may not describe, and does not say so. Whoever may list ACLs may
 * describe the cluster, and so sees them all; where there are no ACLs everybody does.
 */
static pouch_err sees_all(struct look *l, bool *all) {
    char why[128];
    struct pl_admin a;
    *all = false;
    rd_kafka_AclBindingFilter_t *filter =
        rd_kafka_AclBindingFilter_new(RD_KAFKA_RESOURCE_GROUP, "pouch", RD_KAFKA_RESOURCE_PATTERN_LITERAL, NULL, NULL,
                                      RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, why, sizeof why);
    if (!filter) return pl_fail(POUCH_E_CONFIG, "cannot ask for ACLs: %s", why);
    pouch_err e = pl_admin_begin(&a, l->rk, RD_KAFKA_ADMIN_OP_DESCRIBEACLS, pl_left_ms(l->until_us));
    if (!e) {
        rd_kafka_DescribeAcls(l->rk, filter, a.options, a.queue);
        *all = !pl_admin_wait(&a, "cannot list the ACLs of", "groups") ||
               (a.event && rd_kafka_event_error(a.event) == RD_KAFKA_RESP_ERR_SECURITY_DISABLED);
        pl_admin_end(&a);
    }
    rd_kafka_AclBinding_destroy(filter);
    return e;
}

/* ---- all of it ---- */

static pouch_err look_at_groups(struct look *l, const struct rd_kafka_group_list *list, enum pl_audience *audience) {
    bool all = false;
    l->unclear = list->group_cnt > GROUPS_MAX;
    for (int i = 0; i < list->group_cnt; i++) {
        const struct rd_kafka_group_info *g = &list->groups[i];
        if (never_reads(g)) continue;
        if (has_reader(l, g)) {
            *audience = PL_AUDIENCE_THERE;
            return POUCH_OK;
        }
        l->unclear = l->unclear || !can_be_told(g);
    }
    pouch_err e = l->unclear ? POUCH_OK : look_at_commits(l, list);
    if (!e && !l->unclear) e = sees_all(l, &all);
    if (!e && all) *audience = l->away ? PL_AUDIENCE_AWAY : PL_AUDIENCE_NONE;
    return e;
}

pouch_err pl_topic_audience(rd_kafka_t *rk, const char *topic, enum pl_audience *audience, int timeout) {
    struct look l = {.rk = rk, .topic = topic, .until_us = pl_until_us(timeout)};
    const struct rd_kafka_group_list *list;
    bool mock;
    *audience = PL_AUDIENCE_UNKNOWN;
    pouch_err e = pl_cluster_mock(rk, &mock, timeout);
    if (e || mock) return e;
    if ((e = pl_topic_partitions(rk, topic, &l.partitions, pl_left_ms(l.until_us)))) return e;
    rd_kafka_resp_err_t error = rd_kafka_list_groups(rk, NULL, &list, pl_left_ms(l.until_us));
    if (error && error != RD_KAFKA_RESP_ERR__PARTIAL)
        return pl_kafka_fail(error, "cannot list the groups that may read", topic);
    if (!error) e = look_at_groups(&l, list, audience);
    rd_kafka_group_list_destroy(list);
    return e;
}
