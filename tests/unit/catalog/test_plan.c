/* Plans: from a catalogue and a cluster to the changes between, and nothing else. */
#include <support.h>

#include <oom.h>

#include "made.h"

#include <base/why.h>

static const char *const two[] = {"acme", "zeta"};
static const struct pl_plan_options plain = {0}, prune = {.prune = true};

static struct pl_catalog *builtin(void) {
    struct pl_catalog *c;
    if (pl_catalog_read(&c, NULL, &made_defaults)) fail_msg("%s", pouch_why());
    return c;
}

static struct pl_plan made_plan(const struct pl_catalog *c, const struct pl_actual *a,
                                const struct pl_plan_options *o) {
    struct pl_plan p;
    if (pl_plan_make(&p, c, a, o)) fail_msg("%s", pouch_why());
    return p;
}

/* The one change of a plan that is to have one. */
static void assert_one(const struct pl_plan *p, enum pl_change_kind kind, enum pl_hold hold, const char *topic,
                       const char *config, const char *before, const char *after) {
    assert_int_equal(p->n, 1);
    const struct pl_change *c = &p->changes[0];
    assert_int_equal(c->kind, kind);
    assert_int_equal(c->hold, hold);
    assert_string_equal(c->topic, topic);
    const char *const is[] = {c->config, c->before, c->after}, *const to_be[] = {config, before, after};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(is[i] != NULL, to_be[i] != NULL);
        if (is[i]) assert_string_equal(is[i], to_be[i]);
    }
}

static void an_empty_cluster_gets_what_the_platform_needs_and_no_tenant(void **state) {
    (void)state;
    struct pl_catalog *c = builtin();
    const struct pl_actual none = {.brokers = 3};
    struct pl_plan p = made_plan(c, &none, &plain);
    assert_int_equal(p.n, 8);
    assert_int_equal(pl_plan_open(&p), 8);
    for (size_t i = 0; i < p.n; i++) {
        assert_int_equal(p.changes[i].kind, PL_CHANGE_CREATE);
        if (i) assert_true(strcmp(p.changes[i - 1].topic, p.changes[i].topic) < 0);
    }
    pl_plan_free(&p);
    pl_catalog_free(c);
}

/* acceptance: D2 */
static void a_cluster_as_the_catalogue_says_has_an_empty_plan(void **state) {
    (void)state;
    struct pl_catalog *c = builtin();
    struct pl_actual a = made_cluster(c, two, 2);
    made_topic(&a, "somebody.elses", 1, 1);
    made_topic(&a, "billing.replies", 1, 1);
    made_topic(&a, "platform.events.replies", 1, 1);
    pl_actual_sort(&a);
    for (size_t i = 0; i < 2; i++) {
        struct pl_plan p = made_plan(c, &a, i ? &prune : &plain);
        assert_int_equal(p.n, 0);
        assert_int_equal(p.as_they_were, 18);
        assert_int_equal(p.tenants, 2);
        pl_plan_free(&p);
    }
    pl_actual_free(&a);
    pl_catalog_free(c);
}

static void deleted(struct pl_actual *a) {
    made_remove(a, "chat.events.acme");
}
static void fewer_partitions(struct pl_actual *a) {
    made_find(a, "platform.audit")->partitions = 2;
}
static void more_partitions(struct pl_actual *a) {
    made_find(a, "platform.audit")->partitions = 20;
}
static void fewer_copies(struct pl_actual *a) {
    made_find(a, "platform.audit")->replication = 1;
}
static struct pl_actual_config *config_of(struct pl_actual *a, const char *topic, const char *name) {
    struct pl_actual_topic *t = made_find(a, topic);
    for (size_t i = 0; i < t->n_configs; i++)
        if (!strcmp(t->configs[i].name, name)) return &t->configs[i];
    fail_msg("%s has no %s", topic, name);
    return NULL;
}
static void set(struct pl_actual_config *c, const char *value, bool override) {
    free(c->value);
    c->value = strdup(value);
    c->override = override;
}
static void changed(struct pl_actual *a) {
    set(config_of(a, "presence.zeta", "cleanup.policy"), "delete", true);
}
static void taken_away(struct pl_actual *a) {
    set(config_of(a, "presence.zeta", "retention.ms"), "604800000", false);
}
static void another_override(struct pl_actual *a) {
    set(config_of(a, "analytics.acme", "segment.bytes"), "1000000", true);
}
static void untold_override(struct pl_actual *a) {
    set(config_of(a, "analytics.acme", "segment.bytes"), "", true);
}
static void one_too_many(struct pl_actual *a) {
    made_topic(a, "platform.old", 1, 3);
}
static void half_a_tenant(struct pl_actual *a) {
    made_topic(a, "analytics.web", 1, 3);
}

/* acceptance: D4 D5 */
static void each_kind_of_drift_is_found(void **state) {
    (void)state;
    static const struct {
        void (*drift)(struct pl_actual *a);
        enum pl_change_kind kind;
        enum pl_hold hold;
        const char *topic, *config, *before, *after;
    } rows[] = {
        {deleted, PL_CHANGE_CREATE, PL_HOLD_NONE, "chat.events.acme", NULL, NULL, NULL},
        {fewer_partitions, PL_CHANGE_GROW, PL_HOLD_NONE, "platform.audit", NULL, "2", "8"},
        {more_partitions, PL_CHANGE_SHRINK, PL_HOLD_BY_HAND, "platform.audit", NULL, "20", "8"},
        {fewer_copies, PL_CHANGE_REPLICATION, PL_HOLD_BY_HAND, "platform.audit", NULL, "1", "3"},
        {changed, PL_CHANGE_SET, PL_HOLD_NONE, "presence.zeta", "cleanup.policy", "delete", "compact"},
        {taken_away, PL_CHANGE_SET, PL_HOLD_NONE, "presence.zeta", "retention.ms", "604800000", "86400000"},
        {another_override, PL_CHANGE_RESET, PL_HOLD_PRUNE, "analytics.acme", "segment.bytes", "1000000", NULL},
        {untold_override, PL_CHANGE_RESET, PL_HOLD_PRUNE, "analytics.acme", "segment.bytes", NULL, NULL},
        {one_too_many, PL_CHANGE_DELETE, PL_HOLD_PRUNE, "platform.old", NULL, NULL, NULL},
        {half_a_tenant, PL_CHANGE_DELETE, PL_HOLD_BY_HAND, "analytics.web", NULL, NULL, NULL},
    };
    struct pl_catalog *c = builtin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_actual a = made_cluster(c, two, 2);
        rows[i].drift(&a);
        pl_actual_sort(&a);
        struct pl_plan p = made_plan(c, &a, &plain);
        assert_one(&p, rows[i].kind, rows[i].hold, rows[i].topic, rows[i].config, rows[i].before, rows[i].after);
        assert_int_equal(pl_plan_open(&p), rows[i].hold ? 0 : 1);
        pl_plan_free(&p);
        p = made_plan(c, &a, &prune);
        assert_int_equal(p.n, 1);
        assert_int_equal(p.changes[0].hold, rows[i].hold == PL_HOLD_PRUNE ? PL_HOLD_NONE : rows[i].hold);
        pl_plan_free(&p);
        pl_actual_free(&a);
    }
    pl_catalog_free(c);
}

static void values_are_the_same_when_they_mean_the_same(void **state) {
    (void)state;
    static const struct {
        const char *name, *a, *b;
        bool same;
    } rows[] = {
        {"cleanup.policy", "compact,delete", "delete,compact", true},
        {"cleanup.policy", "compact", "compact,delete", false},
        {"cleanup.policy", "delete", "compact", false},
        {"retention.ms", "1000", "01000", true},
        {"retention.ms", "9223372036854775807", "9223372036854775806", false},
        {"retention.ms", "-1", "1", false},
        {"min.cleanable.dirty.ratio", "0.5", "0.50", true},
        {"min.cleanable.dirty.ratio", "0.5", "0.6", false},
        {"preallocate", "true", "TRUE", true},
        {"preallocate", "true", "false", false},
        {"compression.type", "Snappy", "snappy", false},
        {"x", "", "0", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(pl_config_same(rows[i].name, rows[i].a, rows[i].b), rows[i].same);
        assert_int_equal(pl_config_same(rows[i].name, rows[i].b, rows[i].a), rows[i].same);
    }
}

static void what_kafka_sets_while_it_moves_replicas_is_no_difference(void **state) {
    (void)state;
    struct pl_catalog *c = made_catalog("topics: {a: }");
    struct pl_actual a = made_cluster(c, NULL, 0);
    made_config(&a.topics[0], "leader.replication.throttled.replicas", "0:1", true);
    made_config(&a.topics[0], "follower.replication.throttled.replicas", "0:2", true);
    pl_actual_sort(&a);
    struct pl_plan p = made_plan(c, &a, &prune);
    assert_int_equal(p.n, 0);
    pl_plan_free(&p);
    pl_actual_free(&a);
    pl_catalog_free(c);
}

static void a_config_left_to_the_broker_loses_its_override(void **state) {
    (void)state;
    struct pl_catalog *c = made_catalog("topics: {a: {retention: ~, config: {segment.ms: ~}}}");
    struct pl_actual a = made_cluster(c, NULL, 0);
    made_config(&a.topics[0], "retention.ms", "5", true);
    made_config(&a.topics[0], "segment.ms", "7", false);
    pl_actual_sort(&a);
    struct pl_plan p = made_plan(c, &a, &plain);
    assert_one(&p, PL_CHANGE_RESET, PL_HOLD_NONE, "a", "retention.ms", "5", NULL);
    assert_false(p.changes[0].surplus);
    pl_plan_free(&p);
    pl_actual_free(&a);
    pl_catalog_free(c);
}

static void listed_tenants_are_the_only_ones(void **state) {
    (void)state;
    struct pl_catalog *c = made_catalog("tenants: [acme, new]\ntopics:\n  x.{tenant}:\n  y.{tenant}:\n");
    struct pl_actual a = made_cluster(c, two, 2);
    struct pl_plan p = made_plan(c, &a, &plain);
    static const char *const topics[] = {"x.new", "y.new", "x.zeta", "y.zeta"};
    assert_int_equal(p.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(p.changes[i].topic, topics[i]);
        assert_int_equal(p.changes[i].kind, i < 2 ? PL_CHANGE_CREATE : PL_CHANGE_DELETE);
        assert_string_equal(p.changes[i].tenant, i < 2 ? "new" : "zeta");
    }
    pl_plan_free(&p);
    pl_actual_free(&a);
    pl_catalog_free(c);
}

/* acceptance: D2 */
static void patterns_that_are_new_cost_no_tenant_its_topics(void **state) {
    (void)state;
    struct pl_catalog *before = made_catalog("topics:\n  x.{tenant}:\n  y.{tenant}:\n");
    struct pl_catalog *after = made_catalog(
        "owns: [x.*]\ntopics:\n  x.{tenant}:\n  y.{tenant}:\n  z.{tenant}:\n  v.{tenant}:\n  w.{tenant}:\n");
    struct pl_actual a = made_cluster(before, two, 2);
    struct pl_plan p = made_plan(after, &a, &prune);
    assert_int_equal(p.n, 4);
    for (size_t i = 0; i < p.n; i++) {
        assert_int_equal(p.changes[i].kind, PL_CHANGE_DELETE);
        assert_int_equal(p.changes[i].hold, PL_HOLD_BY_HAND);
    }
    pl_plan_free(&p);
    pl_actual_free(&a);
    pl_catalog_free(after);
    pl_catalog_free(before);
}

static void more_topics_than_any_cluster_has_are_refused(void **state) {
    (void)state;
    enum { TENANTS = PL_CATALOG_WANTED_MAX / 2 };
    const char **named = calloc(TENANTS, sizeof *named);
    assert_non_null(named);
    for (size_t i = 0; i < TENANTS; i++) named[i] = "a";
    const struct pl_plan_options o = {.tenants = named, .n_tenants = TENANTS};
    const struct pl_actual none = {.brokers = 3};
    struct pl_catalog *c = made_catalog("topics:\n  x.{tenant}:\n  y.{tenant}:\n  z:\n");
    struct pl_plan p;
    assert_int_equal(pl_plan_make(&p, c, &none, &o), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "over 1000000 topics"));
    pl_catalog_free(c);
    free(named);
}

/* acceptance: D2 */
static void a_plan_of_one_tenant_is_about_its_topics_alone(void **state) {
    (void)state;
    static const char *const named[] = {"acme-2"};
    const struct pl_plan_options o = {.prune = true, .tenants = named, .n_tenants = 1};
    struct pl_catalog *c = builtin();
    struct pl_actual a = made_cluster(c, two, 2);
    made_remove(&a, "platform.audit");
    made_remove(&a, "presence.acme");
    struct pl_plan p = made_plan(c, &a, &o);
    assert_int_equal(p.n, 5);
    for (size_t i = 0; i < p.n; i++) {
        assert_int_equal(p.changes[i].kind, PL_CHANGE_CREATE);
        assert_string_equal(p.changes[i].tenant, "acme-2");
    }
    pl_plan_free(&p);
    static const char *const hostile[] = {"a.b"};
    const struct pl_plan_options refused = {.tenants = hostile, .n_tenants = 1};
    assert_int_equal(pl_plan_make(&p, c, &a, &refused), POUCH_E_CONFIG);
    pl_actual_free(&a);
    pl_catalog_free(c);
}

static void a_plan_of_some_topics_is_about_them_alone(void **state) {
    (void)state;
    static const char *const topics[] = {"presence.acme", "platform.audit"}, *const unknown[] = {"platform.other"};
    const struct pl_plan_options o = {.topics = topics, .n_topics = 2}, bad = {.topics = unknown, .n_topics = 1};
    struct pl_catalog *c = builtin();
    struct pl_actual a = made_cluster(c, two, 2);
    made_remove(&a, "platform.events");
    made_remove(&a, "presence.acme");
    struct pl_plan p = made_plan(c, &a, &o);
    assert_one(&p, PL_CHANGE_CREATE, PL_HOLD_NONE, "presence.acme", NULL, NULL, NULL);
    assert_int_equal(p.as_they_were, 1);
    pl_plan_free(&p);
    assert_int_equal(pl_plan_make(&p, c, &a, &bad), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "platform.other"));
    pl_actual_free(&a);
    pl_catalog_free(c);
}

static void two_entries_that_give_one_topic_are_refused(void **state) {
    (void)state;
    struct pl_catalog *c = made_catalog("tenants: [b, c]\ntopics:\n  a.{tenant}.c:\n  a.b.{tenant}:\n");
    const struct pl_actual none = {.brokers = 3};
    struct pl_plan p;
    assert_int_equal(pl_plan_make(&p, c, &none, &plain), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "a.b.c"));
    pl_catalog_free(c);
}

static void what_kafka_would_refuse_is_told_before_anything_is_made(void **state) {
    (void)state;
    struct pl_catalog *c = made_catalog("topics: {a: {replication: 3}, b: {replication: 1}}");
    struct pl_actual a = {.brokers = 1};
    struct pl_plan p = made_plan(c, &a, &plain);
    assert_int_equal(pl_plan_possible(&p, &a), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "--replication 1"));
    a.brokers = 3;
    assert_int_equal(pl_plan_possible(&p, &a), POUCH_OK);
    pl_plan_free(&p);
    pl_catalog_free(c);
}

/* ---- random clusters ---- */

static unsigned random_state = 12345;
static unsigned any(unsigned n) {
    random_state = random_state * 1103515245u + 12345u;
    return (random_state >> 16) % n;
}

static const char *const names[] = {
    "a.one",        "b.two",      "cleanup.policy", "compression.type", "d", "max.message.bytes", "min.insync.replicas",
    "retention.ms", "segment.ms", "z.last"};
enum { NAMES = sizeof names / sizeof names[0] };

static void random_topic(struct pl_actual *a, bool overridden[NAMES]) {
    struct pl_actual_topic *t = made_topic(a, "a", 1 + (int)any(6), 1 + (int)any(3));
    for (size_t i = 0; i < NAMES; i++) {
        char value[16];
        snprintf(value, sizeof value, "%u", any(4));
        overridden[i] = any(2);
        made_config(t, names[i], value, overridden[i]);
    }
    pl_actual_sort(a);
}

/* What the overrides are after the open changes of a plan. */
static void carry_out(const struct pl_plan *p, bool overridden[NAMES]) {
    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < NAMES; j++)
            if (!p->changes[i].hold && p->changes[i].config && !strcmp(p->changes[i].config, names[j]))
                overridden[j] = p->changes[i].kind == PL_CHANGE_SET;
}

static void no_override_is_ever_lost(void **state) {
    (void)state;
    struct pl_catalog *c =
        made_catalog("topics: {a: {partitions: 3, cleanup: delete, config: {max.message.bytes: 2}}}");
    for (size_t round = 0; round < 2000; round++) {
        struct pl_actual a = {.brokers = 3};
        bool before[NAMES], after[NAMES];
        random_topic(&a, before);
        memcpy(after, before, sizeof after);
        struct pl_plan p = made_plan(c, &a, &plain);
        carry_out(&p, after);
        for (size_t i = 0; i < NAMES; i++) assert_true(after[i] || !before[i]);
        for (size_t i = 0; i < p.n; i++) assert_true(p.changes[i].kind != PL_CHANGE_DELETE);
        pl_plan_free(&p);
        pl_actual_free(&a);
    }
    pl_catalog_free(c);
}

static struct pl_catalog *oom_catalog;
static struct pl_actual oom_actual;

static bool plans(void) {
    struct pl_plan p;
    pouch_err e = pl_plan_make(&p, oom_catalog, &oom_actual, &prune);
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    pl_plan_free(&p);
    return !e;
}

static void no_memory_is_told_and_nothing_is_left(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    oom_catalog = builtin();
    oom_actual = made_cluster(oom_catalog, two, 2);
    deleted(&oom_actual);
    changed(&oom_actual);
    half_a_tenant(&oom_actual);
    pl_actual_sort(&oom_actual);
    assert_true(test_oom_each(plans) > 10);
    pl_actual_free(&oom_actual);
    pl_catalog_free(oom_catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_cluster_gets_what_the_platform_needs_and_no_tenant),
        cmocka_unit_test(a_cluster_as_the_catalogue_says_has_an_empty_plan),
        cmocka_unit_test(each_kind_of_drift_is_found),
        cmocka_unit_test(values_are_the_same_when_they_mean_the_same),
        cmocka_unit_test(what_kafka_sets_while_it_moves_replicas_is_no_difference),
        cmocka_unit_test(a_config_left_to_the_broker_loses_its_override),
        cmocka_unit_test(listed_tenants_are_the_only_ones),
        cmocka_unit_test(patterns_that_are_new_cost_no_tenant_its_topics),
        cmocka_unit_test(more_topics_than_any_cluster_has_are_refused),
        cmocka_unit_test(a_plan_of_one_tenant_is_about_its_topics_alone),
        cmocka_unit_test(a_plan_of_some_topics_is_about_them_alone),
        cmocka_unit_test(two_entries_that_give_one_topic_are_refused),
        cmocka_unit_test(what_kafka_would_refuse_is_told_before_anything_is_made),
        cmocka_unit_test(no_override_is_ever_lost),
        cmocka_unit_test(no_memory_is_told_and_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
