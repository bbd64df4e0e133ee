/* Which groups there are, what they have committed and what their members have assigned; then where partitions end. */
#include <base/why.h>
#include <bus/kafka.h>
#include <cluster/admin.h>
#include <cluster/cluster.h>
#include <cluster/lag_state.h>
#include <cluster/until.h>
#include <stdlib.h>
#include <string.h>
#include <wire/scan.h>

/* Each broker lists its own groups, and librdkafka waits for one that is gone as long as it may. */
enum { LIST_LEAST_MS = 1000, LIST_SHARE = 5, UNDER_WAY_MAX = 64 };

static const char unknown[] = "Unknown";
static const char dead[] = "Dead";

struct survey {
    rd_kafka_t *rk;
    struct pl_lag_report *report;
    int64_t until_us;
};

/* ---- which groups ---- */

static pouch_err name_group(struct pl_lag_report *r, const char *group, const char *state) {
    const char *name = pl_names_keep(r->texts, group);
    if (!name) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the names of groups");
    r->groups[r->n++] = (struct pl_group_lag){.group = name, .state = state};
    return POUCH_OK;
}

static int by_group(const void *a, const void *b) {
    return strcmp(((const struct pl_group_lag *)a)->group, ((const struct pl_group_lag *)b)->group);
}

static pouch_err take_listing(struct pl_lag_report **r, const rd_kafka_event_t *event) {
    const rd_kafka_ListConsumerGroups_result_t *result =
        rd_kafka_event_ListConsumerGroups_result((rd_kafka_event_t *)event);
    size_t n, n_errors, most;
    const rd_kafka_ConsumerGroupListing_t **groups = rd_kafka_ListConsumerGroups_result_valid(result, &n);
    const rd_kafka_error_t **errors = rd_kafka_ListConsumerGroups_result_errors(result, &n_errors);
    for (size_t i = 0; i < n_errors; i++)
        if (pl_kafka_class(rd_kafka_error_code(errors[i])) == PL_KAFKA_PERMANENT)
            return pl_kafka_fail(rd_kafka_error_code(errors[i]), "cannot list the groups", NULL);
    most = n < PL_LAG_GROUPS_MAX ? n : PL_LAG_GROUPS_MAX;
    pouch_err e = pl_lag_new(r, most);
    for (size_t i = 0; i < most && !e; i++)
        e = name_group(*r, rd_kafka_ConsumerGroupListing_group_id(groups[i]),
                       rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(groups[i])));
    if (e) return e;
    (*r)->left_out = n - most;
    (*r)->partial = n_errors > 0;
    qsort((*r)->groups, (*r)->n, sizeof *(*r)->groups, by_group);
    return POUCH_OK;
}

static pouch_err list_groups(rd_kafka_t *rk, struct pl_lag_report **r, int timeout) {
    struct pl_admin a;
    pouch_err e = pl_admin_begin(&a, rk, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, timeout);
    if (e) return e;
    rd_kafka_ListConsumerGroups(rk, a.options, a.queue);
    e = pl_admin_wait(&a, "cannot list the groups", NULL);
    if (!e) e = take_listing(r, a.event);
    pl_admin_end(&a);
    return e;
}

/*
 * A broker gives back what is no UTF-8 as something else, and librdkafka ends the program over a name that it did not
 * ask for.
 */
pouch_err pl_lag_group_check(const char *group) {
    const char *at = group, *end = group + strlen(group);
    for (size_t n; at < end && (n = pl_utf8_length(at, end));) at += n;
    if (at > group && at == end) return POUCH_OK;
    return pl_fail(POUCH_E_CONFIG, "'%.64s' cannot be a group's name: that is UTF-8, and not empty", group);
}

static bool is_named(const struct pl_lag_report *r, const char *group) {
    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->groups[i].group, group)) return true;
    return false;
}

/* Each once: librdkafka refuses questions that name one twice. */
static pouch_err take_names(struct pl_lag_report **r, const char *const *groups, size_t n) {
    if (n > PL_LAG_GROUPS_MAX)
        return pl_fail(POUCH_E_CONFIG, "the lag of %zu groups at once is more than the %d that can be asked for", n,
                       PL_LAG_GROUPS_MAX);
    pouch_err e = pl_lag_new(r, n);
    for (size_t i = 0; i < n && !e; i++) {
        e = pl_lag_group_check(groups[i]);
        if (!e && !is_named(*r, groups[i])) e = name_group(*r, groups[i], unknown);
    }
    return e;
}

/* ---- their members ---- */

static void take_error(struct pl_group_lag *g, rd_kafka_resp_err_t e, const char *what) {
    if (e == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
        g->state = dead;
    else if (e)
        pl_outcome_set(&g->outcome, pl_kafka_fail(e, what, g->group));
}

/* Groups of the newer protocol look dead to this librdkafka; what the list said of them stands. */
static pouch_err take_description(struct survey *s, struct pl_group_lag *g,
                                  const rd_kafka_ConsumerGroupDescription_t *d) {
    const char *state = rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(d));
    pouch_err e = POUCH_OK;
    take_error(g, rd_kafka_error_code(rd_kafka_ConsumerGroupDescription_error(d)), "cannot describe the group");
    if (g->outcome.error) return POUCH_OK;
    if (strcmp(state, dead) != 0 || g->state == unknown) g->state = state;
    g->members = rd_kafka_ConsumerGroupDescription_member_count(d);
    for (size_t i = 0; i < g->members && !e; i++) {
        const rd_kafka_MemberAssignment_t *a =
            rd_kafka_MemberDescription_assignment(rd_kafka_ConsumerGroupDescription_member(d, i));
        if (a) e = pl_lag_add(s->report, g, rd_kafka_MemberAssignment_partitions(a), false);
    }
    return e;
}

static pouch_err ask_description(struct pl_admin *a, const struct pl_group_lag *g) {
    const char *id = g->group;
    rd_kafka_DescribeConsumerGroups(a->rk, &id, 1, a->options, a->queue);
    return POUCH_OK;
}

static pouch_err hear_description(struct survey *s, struct pl_group_lag *g, rd_kafka_event_t *event) {
    size_t n;
    const rd_kafka_ConsumerGroupDescription_t **d =
        rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event), &n);
    return n == 1 ? take_description(s, g, d[0]) : POUCH_OK;
}

/* ---- their offsets ---- */

static pouch_err ask_offsets(struct pl_admin *a, const struct pl_group_lag *g) {
    rd_kafka_ListConsumerGroupOffsets_t *question = rd_kafka_ListConsumerGroupOffsets_new(g->group, NULL);
    if (!question) return pl_fail(POUCH_E_NO_MEMORY, "no memory to ask for the offsets of %s", g->group);
    rd_kafka_ListConsumerGroupOffsets(a->rk, &question, 1, a->options, a->queue);
    rd_kafka_ListConsumerGroupOffsets_destroy(question);
    return POUCH_OK;
}

static pouch_err hear_offsets(struct survey *s, struct pl_group_lag *g, rd_kafka_event_t *event) {
    static const char what[] = "cannot read the offsets of the group";
    const rd_kafka_ListConsumerGroupOffsets_result_t *result = rd_kafka_event_ListConsumerGroupOffsets_result(event);
    size_t n = 0;
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &n);
    if (n != 1) {
        take_error(g, RD_KAFKA_RESP_ERR__BAD_MSG, what);
        return POUCH_OK;
    }
    take_error(g, rd_kafka_error_code(rd_kafka_group_result_error(groups[0])), what);
    return g->outcome.error ? POUCH_OK : pl_lag_add(s->report, g, rd_kafka_group_result_partitions(groups[0]), true);
}

/* ---- asking each group ---- */

struct step {
    rd_kafka_admin_op_t op;
    const char *what; /* that cannot be done */
    pouch_err (*ask)(struct pl_admin *a, const struct pl_group_lag *g);
    pouch_err (*hear)(struct survey *s, struct pl_group_lag *g, rd_kafka_event_t *event);
};

static const struct step members = {RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, "cannot describe the group",
                                    ask_description, hear_description};
static const struct step offsets = {RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, "cannot read the offsets of the group",
                                    ask_offsets, hear_offsets};

/* A coordinator that is away is waited for until the time is over, so that a step may take half of what is left. */
static int half_left_ms(const struct survey *s) {
    int left = pl_left_ms(s->until_us);
    return left > 1 ? left / 2 : 1;
}

static pouch_err ask(const struct step *step, struct pl_admin *a, struct pl_group_lag *g) {
    rd_kafka_AdminOptions_set_opaque(a->options, g);
    pouch_err e = step->ask(a, g);
    g->awaited = !e;
    return e;
}

static pouch_err hear(struct survey *s, const struct step *step, rd_kafka_event_t *event) {
    struct pl_group_lag *g = rd_kafka_event_opaque(event);
    g->awaited = false;
    take_error(g, rd_kafka_event_error(event), step->what);
    pouch_err e = rd_kafka_event_error(event) ? POUCH_OK : step->hear(s, g, event);
    rd_kafka_event_destroy(event);
    return e;
}

/* So many at a time, that a thousand groups are no thousand requests under way. */
static pouch_err ask_each(struct survey *s, const struct step *step, struct pl_admin *a) {
    const struct pl_lag_report *r = s->report;
    int64_t until_us = pl_until_us(a->timeout);
    size_t next = 0, under_way = 0;
    pouch_err e = POUCH_OK;
    while (!e && (next < r->n || under_way)) {
        if (next < r->n && under_way < UNDER_WAY_MAX) {
            struct pl_group_lag *g = &r->groups[next++];
            if (g->outcome.error) continue;
            e = ask(step, a, g);
            under_way += !e;
            continue;
        }
        rd_kafka_event_t *event = pl_is_past(until_us) ? NULL : rd_kafka_queue_poll(a->queue, pl_left_ms(until_us));
        if (!event) break;
        e = hear(s, step, event);
        under_way--;
    }
    for (size_t i = 0; i < r->n; i++)
        if (!r->groups[i].outcome.error && (i >= next || r->groups[i].awaited))
            take_error(&r->groups[i], RD_KAFKA_RESP_ERR__TIMED_OUT, step->what);
    return e;
}

static pouch_err take_step(struct survey *s, const struct step *step) {
    struct pl_admin a;
    pouch_err e = pl_admin_begin(&a, s->rk, step->op, half_left_ms(s));
    if (e) return e;
    e = ask_each(s, step, &a);
    pl_admin_end(&a);
    return e;
}

/* ---- all of it ---- */

static bool is_missing(const struct pl_group_lag *g) {
    return !g->outcome.error && !g->n && !g->members && !strcmp(g->state, dead);
}

static void mark_missing(struct pl_lag_report *r) {
    for (size_t i = 0; i < r->n; i++)
        if (is_missing(&r->groups[i]))
            pl_outcome_set(&r->groups[i].outcome,
                           pl_fail(POUCH_E_NOT_FOUND, "there is no group %s", r->groups[i].group));
}

static int list_ms(const struct survey *s) {
    int left = pl_left_ms(s->until_us), share = left / LIST_SHARE;
    return pl_at_most(left, share > LIST_LEAST_MS ? share : LIST_LEAST_MS);
}

static pouch_err look(struct survey *s, const char *const *groups, size_t n) {
    pouch_err e = n ? take_names(&s->report, groups, n) : list_groups(s->rk, &s->report, list_ms(s));
    if (!e) e = take_step(s, &members);
    if (!e) e = take_step(s, &offsets);
    if (e) return e;
    mark_missing(s->report);
    e = pl_lag_ask_edges(s->rk, s->report, s->until_us);
    if (!e) pl_lag_sum(s->report);
    return e;
}

pouch_err pl_lag_read(rd_kafka_t *rk, const char *const *groups, size_t n, struct pl_lag_report **out, int timeout) {
    struct survey s = {.rk = rk, .until_us = pl_until_us(timeout)};
    bool mock;
    *out = NULL;
    pouch_err e = pl_cluster_mock(rk, &mock, timeout);
    if (!e && mock) e = pl_fail(POUCH_E_NOT_ALLOWED, "the embedded broker does not tell what groups have committed");
    if (!e) e = look(&s, groups, n);
    if (e)
        pl_lag_free(s.report);
    else
        *out = s.report;
    return e;
}
