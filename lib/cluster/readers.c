/* Who reads a topic: members of groups, counted by what they have assigned. */
#include <base/why.h>
#include <cluster/admin.h>
#include <cluster/cluster.h>
#include <cluster/until.h>
#include <stdlib.h>
#include <string.h>

struct census {
    const char *topic;
    int members;
    bool moving; /* a group or a coordinator that is not settled: its members cannot be counted now */
};

static bool reads(const rd_kafka_MemberDescription_t *m, const char *topic) {
    const rd_kafka_MemberAssignment_t *a = rd_kafka_MemberDescription_assignment(m);
    const rd_kafka_topic_partition_list_t *parts = a ? rd_kafka_MemberAssignment_partitions(a) : NULL;
    for (int i = 0; parts && i < parts->cnt; i++)
        if (strcmp(parts->elems[i].topic, topic) == 0) return true;
    return false;
}

static void count_group(struct census *c, const rd_kafka_ConsumerGroupDescription_t *g) {
    rd_kafka_resp_err_t e = rd_kafka_error_code(rd_kafka_ConsumerGroupDescription_error(g));
    if (e) {
        c->moving |= pl_kafka_class(e) == PL_KAFKA_TRANSIENT;
        return;
    }
    size_t n = rd_kafka_ConsumerGroupDescription_member_count(g);
    for (size_t i = 0; i < n; i++) c->members += reads(rd_kafka_ConsumerGroupDescription_member(g, i), c->topic);
    rd_kafka_consumer_group_state_t state = rd_kafka_ConsumerGroupDescription_state(g);
    if (state == RD_KAFKA_CONSUMER_GROUP_STATE_PREPARING_REBALANCE ||
        state == RD_KAFKA_CONSUMER_GROUP_STATE_COMPLETING_REBALANCE)
        c->moving = true;
}

static pouch_err count_groups(rd_kafka_t *rk, struct census *c, const char **groups, size_t n, int timeout) {
    struct pl_admin a;
    pouch_err err = pl_admin_begin(&a, rk, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, timeout);
    if (err) return err;
    rd_kafka_DescribeConsumerGroups(a.rk, groups, n, a.options, a.queue);
    err = pl_admin_wait(&a, "cannot describe the groups that may read", c->topic);
    if (!a.event) {
        c->moving = true;
        err = POUCH_OK;
    } else if (!err) {
        size_t n_groups;
        const rd_kafka_ConsumerGroupDescription_t **g = rd_kafka_DescribeConsumerGroups_result_groups(
            rd_kafka_event_DescribeConsumerGroups_result(a.event), &n_groups);
        for (size_t i = 0; i < n_groups; i++) count_group(c, g[i]);
    }
    pl_admin_end(&a);
    return err;
}

static bool may_have_members(const rd_kafka_ConsumerGroupListing_t *g) {
    rd_kafka_consumer_group_state_t state = rd_kafka_ConsumerGroupListing_state(g);
    return state != RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY && state != RD_KAFKA_CONSUMER_GROUP_STATE_DEAD &&
           !rd_kafka_ConsumerGroupListing_is_simple_consumer_group(g);
}

/* The ids live as long as the listing's event, so the groups are described before it goes. */
static pouch_err count_listed(rd_kafka_t *rk, struct census *c, const rd_kafka_event_t *listing, int timeout) {
    const rd_kafka_ListConsumerGroups_result_t *result =
        rd_kafka_event_ListConsumerGroups_result((rd_kafka_event_t *)listing);
    size_t n, n_errors, n_ids = 0;
    const rd_kafka_ConsumerGroupListing_t **groups = rd_kafka_ListConsumerGroups_result_valid(result, &n);
    const rd_kafka_error_t **errors = rd_kafka_ListConsumerGroups_result_errors(result, &n_errors);
    for (size_t i = 0; i < n_errors; i++) {
        rd_kafka_resp_err_t e = rd_kafka_error_code(errors[i]);
        if (pl_kafka_class(e) == PL_KAFKA_PERMANENT)
            return pl_kafka_fail(e, "cannot list the groups that may read", c->topic);
        c->moving = true;
    }
    const char **ids = calloc(n + 1, sizeof *ids);
    if (!ids) return pl_fail(POUCH_E_NO_MEMORY, "no memory to list %zu groups", n);
    for (size_t i = 0; i < n; i++)
        if (may_have_members(groups[i])) ids[n_ids++] = rd_kafka_ConsumerGroupListing_group_id(groups[i]);
    pouch_err err = n_ids ? count_groups(rk, c, ids, n_ids, timeout) : POUCH_OK;
    free(ids);
    return err;
}

pouch_err pl_topic_readers(rd_kafka_t *rk, const char *topic, int *members, int timeout) {
    struct census c = {.topic = topic};
    struct pl_admin a;
    bool mock;
    *members = -1;
    int64_t until_us = pl_until_us(timeout);
    pouch_err err = pl_cluster_mock(rk, &mock, timeout);
    if (err || mock) return err;
    err = pl_admin_begin(&a, rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, pl_left_ms(until_us));
    if (err) return err;
    rd_kafka_ListConsumerGroups(rk, a.options, a.queue);
    err = pl_admin_wait(&a, "cannot list the groups that may read", topic);
    if (!err) err = count_listed(rk, &c, a.event, pl_left_ms(until_us));
    pl_admin_end(&a);
    if (!err && (c.members || !c.moving)) *members = c.members;
    return err;
}
