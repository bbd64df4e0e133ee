/* Catalogue files: what they may say, and what is said about a bad one. */
#include <support.h>

#include <oom.h>

#include "made.h"

#include <base/why.h>

static const struct pl_catalog_config *config(const struct pl_catalog_entry *e, const char *name) {
    for (size_t i = 0; i < e->n_configs; i++)
        if (!strcmp(e->configs[i].name, name)) return &e->configs[i];
    return NULL;
}

static void assert_config(const struct pl_catalog *c, const char *topic, const char *name, const char *value) {
    const struct pl_catalog_entry *e = pl_catalog_entry(c, topic);
    assert_non_null(e);
    if (!value) {
        assert_null(config(e, name));
        return;
    }
    assert_non_null(config(e, name));
    assert_string_equal(config(e, name)->value, value);
}

/* acceptance: D6 D7 D8 */
static void the_built_in_catalogue_is_the_known_matrix(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int partitions, days;
        const char *cleanup, *strategy;
    } rows[] = {
        {"platform.events", 8, 30, "delete", "tenant_id"},
        {"platform.audit", 8, 365, "delete", "tenant_id"},
        {"platform.notifications", 4, 7, "delete", "tenant_id"},
        {"chat.messages.{tenant}", 16, 30, "delete", "conversation_id"},
        {"chat.events.{tenant}", 8, 7, "delete", "user_id"},
        {"presence.{tenant}", 4, 1, "compact", "user_id"},
        {"analytics.{tenant}", 8, 90, "delete", "random"},
        {"notifications.{tenant}", 4, 7, "delete", "user_id"},
        {"internal.dlq", 4, 30, "delete", "random"},
        {"internal.retry", 4, 7, "delete", "random"},
        {"internal.retry.1min", 4, 1, "delete", "random"},
        {"internal.retry.5min", 4, 1, "delete", "random"},
        {"internal.retry.30min", 4, 1, "delete", "random"},
    };
    const struct pl_catalog_defaults none = {0};
    struct pl_catalog *c;
    assert_int_equal(pl_catalog_read(&c, NULL, &none), POUCH_OK);
    assert_int_equal(c->n, sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < c->n; i++) {
        const struct pl_catalog_entry *e = pl_catalog_entry(c, rows[i].name);
        char ms[32];
        assert_non_null(e);
        snprintf(ms, sizeof ms, "%lld", rows[i].days * 86400000LL);
        assert_int_equal(e->partitions, rows[i].partitions);
        assert_int_equal(e->replication, 3);
        assert_string_equal(e->strategy, rows[i].strategy);
        assert_non_null(e->description);
        assert_string_equal(config(e, "retention.ms")->value, ms);
        assert_string_equal(config(e, "cleanup.policy")->value, rows[i].cleanup);
        assert_string_equal(config(e, "min.insync.replicas")->value, "2");
        assert_string_equal(config(e, "compression.type")->value, "snappy");
    }
    assert_true(pl_catalog_owns(c, "platform.other"));
    assert_false(pl_catalog_owns(c, "platformer"));
    pl_catalog_free(c);
}

static void a_topic_says_more_than_defaults_and_those_more_than_settings(void **state) {
    (void)state;
    struct pl_catalog *c =
        made_catalog("topics:\n"
                     "  a:\n"
                     "  b: {partitions: 7, retention: forever, cleanup: 'compact,delete', config: "
                     "{max.message.bytes: 9, segment.ms: 5}}\n"
                     "  c: {retention: ~, owner: me, min_insync: 1, compression: none}\n"
                     "defaults: {partitions: 5, retention: 2d, config: {segment.ms: 4}, owner: us}\n");
    assert_int_equal(pl_catalog_entry(c, "a")->partitions, 5);
    assert_int_equal(pl_catalog_entry(c, "b")->partitions, 7);
    assert_int_equal(pl_catalog_entry(c, "a")->replication, 3);
    assert_config(c, "a", "retention.ms", "172800000");
    assert_config(c, "b", "retention.ms", "-1");
    assert_config(c, "b", "cleanup.policy", "compact,delete");
    assert_config(c, "c", "retention.ms", "");
    assert_config(c, "a", "segment.ms", "4");
    assert_config(c, "b", "segment.ms", "5");
    assert_config(c, "b", "max.message.bytes", "9");
    assert_config(c, "a", "cleanup.policy", NULL);
    assert_config(c, "a", "min.insync.replicas", "2");
    assert_config(c, "c", "min.insync.replicas", "1");
    assert_config(c, "c", "compression.type", "uncompressed");
    assert_string_equal(pl_catalog_entry(c, "a")->owner, "us");
    assert_string_equal(pl_catalog_entry(c, "c")->owner, "me");
    pl_catalog_free(c);
    c = made_catalog("topics: {a: }");
    assert_int_equal(pl_catalog_entry(c, "a")->partitions, 3);
    assert_config(c, "a", "retention.ms", "1000");
    pl_catalog_free(c);
}

static void a_small_cluster_has_as_many_copies_as_it_can(void **state) {
    (void)state;
    static const char text[] =
        "topics:\n  a: {replication: 3, min_insync: 3}\n  b: {replication: 1}\n  c: {replication: 5, "
        "min_insync: 1}";
    static const struct {
        int most, copies[3];
        const char *insync[3];
    } rows[] = {{0, {3, 1, 5}, {"3", "1", "1"}},
                {1, {1, 1, 1}, {"1", "1", "1"}},
                {2, {2, 1, 2}, {"1", "1", "1"}},
                {4, {3, 1, 4}, {"3", "1", "1"}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct pl_catalog_defaults d = {.copies_most = rows[i].most};
        struct pl_catalog *c;
        assert_int_equal(pl_catalog_parse(&c, "t", text, strlen(text), &d), POUCH_OK);
        for (size_t j = 0; j < 3; j++) {
            assert_int_equal(c->entries[j].replication, rows[i].copies[j]);
            assert_string_equal(config(&c->entries[j], "min.insync.replicas")->value, rows[i].insync[j]);
        }
        pl_catalog_free(c);
    }
}

static const struct {
    const char *text, *why;
} bad[] = {
    {"- a", "topics.yaml:1: give topics:, by their names"},
    {"topics:\n  a:\n\ntopic: {}", "topics.yaml:4: topic: a catalogue has "},
    {"topics: [a]", "topics.yaml:1: topics: give topics by their names"},
    {"topics:\n  a: 3", "topics.yaml:2: a: give its members"},
    {"topics:\n  a b:", "topics.yaml:2: a b: no topic's name"},
    {"topics:\n  ..:", "topics.yaml:2: ..: no topic's name"},
    {"topics:\n  __mine:", "topics.yaml:2: __mine: names that begin with __ are Kafka's own"},
    {"topics:\n  x.{tenant}y:", "topics.yaml:2: x.{tenant}y: in a pattern"},
    {"topics:\n  '{tenant}.x':", "topics.yaml:2: {tenant}.x: in a pattern"},
    {"topics:\n  x.{tenant}.{tenant}:", "topics.yaml:2: x.{tenant}.{tenant}: in a pattern"},
    {"topics:\n  x-{tenant}:", "topics.yaml:2: x-{tenant}: in a pattern"},
    {"topics:\n  x.{user}:", "topics.yaml:2: x.{user}: no topic's name"},
    {"topics:\n  a:\n    partition: 3", "topics.yaml:3: partition of a: a topic has partitions"},
    {"topics:\n  a:\n    partitions: 0", "topics.yaml:3: partitions of a: give a number from 1 to 100000"},
    {"topics:\n  a:\n    partitions: 1e3", "topics.yaml:3: partitions of a: give a number"},
    {"topics:\n  a:\n    partitions: 99999999999999999999", "topics.yaml:3: partitions of a: give a number"},
    {"topics:\n  a:\n    partitions: [3]", "topics.yaml:3: partitions of a: give a number"},
    {"topics:\n  a:\n    replication: auto", "topics.yaml:3: replication of a: give a number from 1 to 100"},
    {"topics:\n  a:\n    retention: soon", "topics.yaml:3: retention of a: give a time such as 7d"},
    {"topics:\n  a:\n    retention: -1d", "topics.yaml:3: retention of a: give a time"},
    {"topics:\n  a:\n    retention: {}", "topics.yaml:3: retention of a: give one value"},
    {"topics:\n  a:\n    cleanup: never", "topics.yaml:3: cleanup of a: give delete, compact"},
    {"topics:\n  a:\n    compression: rar", "topics.yaml:3: compression of a: give producer"},
    {"topics:\n  a:\n    strategy: by_name", "topics.yaml:3: strategy of a: give conversation_id"},
    {"topics:\n  a:\n    min_insync: 4", "topics.yaml:2: a: min_insync is more than there are copies"},
    {"topics:\n  a:\n    config: [x]", "topics.yaml:3: config of a: give Kafka's names and values"},
    {"topics:\n  a:\n    config:\n      Max.Bytes: 1", "topics.yaml:4: Max.Bytes of a: no name of a topic's config"},
    {"topics:\n  a:\n    config:\n      retention.ms: 1", "topics.yaml:4: retention.ms of a: write retention: beside"},
    {"topics:\n  a:\n    config:\n      x: [1]", "topics.yaml:4: x of a: give one value"},
    {"topics:\n  a:\n    owner: \"a\\nb\"", "topics.yaml:3: owner of a: give one text"},
    {"topics:\n  a:\n  a:", "topics.yaml:3: a is given twice"},
    {"defaults:\n  partitions: x", "topics.yaml:2: partitions of defaults: give a number"},
    {"tenants:\n  - a\n  - B", "topics.yaml:3: tenants: 'B' is no tenant"},
    {"tenants:\n  - a.b", "topics.yaml:2: tenants: 'a.b' is no tenant"},
    {"tenants: [a, b, a]", "topics.yaml:1: tenants: a is in the list twice"},
    {"tenants: {a: b}", "topics.yaml:1: tenants: give a list"},
    {"tenants:\n  - [a]", "topics.yaml:2: tenants: give a list"},
    {"topics:\ntenants:\n#  - acme", "topics.yaml:2: tenants: give a list of names, or [] for nobody"},
    {"tenants: ''", "topics.yaml:1: tenants: give a list of names"},
    {"owns: ['*']", "topics.yaml:1: owns: '*' is no beginning of names"},
    {"owns: [platform]", "topics.yaml:1: owns: 'platform' is no beginning"},
    {"owns: [__consumer*]", "topics.yaml:1: owns: '__consumer*' is no beginning"},
    {"owns: [_*]", "topics.yaml:1: owns: '_*' is no beginning"},
};

static void a_bad_file_is_refused_with_file_line_and_key(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pl_catalog *c;
        pouch_err e = pl_catalog_parse(&c, "topics.yaml", bad[i].text, strlen(bad[i].text), &made_defaults);
        if (e != POUCH_E_CONFIG || strncmp(pouch_why(), bad[i].why, strlen(bad[i].why)))
            fail_msg("%s\n gives %d: %s\n not %s", bad[i].text, (int)e, pouch_why(), bad[i].why);
        assert_null(c);
    }
}

/* acceptance: D5 */
static void checking_tells_all_that_is_wrong_at_once(void **state) {
    (void)state;
    char path[] = "/tmp/pouch-catalog-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    fputs("topics:\n  a: {partitions: x, retention: y}\n  b: 3\n  c: {config: {X: 1, retention.ms: 2}}\nowns: ['*', "
          "a.*]\nwhat: 1\ntenants: [A]\n",
          f);
    fclose(f);
    struct pl_texts issues = {0};
    struct pl_catalog *c;
    assert_int_equal(pl_catalog_check(&c, path, &made_defaults, &issues), POUCH_OK);
    assert_null(c);
    assert_int_equal(issues.n, 8);
    pl_texts_free(&issues);
    remove(path);
}

/* acceptance: D5 */
static void what_works_worse_than_it_could_is_advised(void **state) {
    (void)state;
    static const struct {
        const char *text, *advice;
    } rows[] = {
        {"topics: {a: {replication: 1}}", "topics.yaml:1: a: it has one copy"},
        {"topics: {a: {replication: 3, min_insync: 3}}", "topics.yaml:1: a: min_insync is all of its copies"},
        {"topics: {a: {replication: 3, min_insync: 1}}", "topics.yaml:1: a: min_insync is 1"},
        {"topics: {a: {cleanup: compact}}", "topics.yaml:1: a: cleanup: compact keeps"},
        {"topics: {a: {cleanup: compact, retention: forever, strategy: random}}", "topics.yaml:1: a: compacting needs"},
        {"topics: {a: {partitions: 201}}", "topics.yaml:1: a: each partition costs"},
        {"topics: {a: {cleanup: 'compact,delete', partitions: 200, strategy: user_id}}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_catalog *c = made_catalog(rows[i].text);
        struct pl_texts advice = {0};
        assert_int_equal(pl_catalog_advice(c, &advice), POUCH_OK);
        assert_int_equal(advice.n, rows[i].advice ? 1 : 0);
        if (rows[i].advice) assert_memory_equal(advice.at[0], rows[i].advice, strlen(rows[i].advice));
        pl_texts_free(&advice);
        pl_catalog_free(c);
    }
}

static void a_tenants_topics_are_its_own_alone(void **state) {
    (void)state;
    struct pl_catalog *c = made_catalog("topics:\n  x.{tenant}:\n  x.fixed:\n  y.{tenant}.log:\n");
    static const struct {
        const char *topic, *entry, *tenant;
    } rows[] = {{"x.acme", "x.{tenant}", "acme"},
                {"x.acme-2", "x.{tenant}", "acme-2"},
                {"x.fixed", "x.fixed", ""},
                {"y.acme.log", "y.{tenant}.log", "acme"},
                {"x.acme.log", NULL, ""},
                {"x.", NULL, ""},
                {"x", NULL, ""},
                {"y..log", NULL, ""},
                {"y.log", NULL, ""},
                {"x.Acme", NULL, ""},
                {"z.acme", NULL, ""},
                {"y.acme.logs", NULL, ""},
                {"x.a_b", NULL, ""},
                {"", NULL, ""}};
    char tenant[PL_TENANT_MAX + 1];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct pl_catalog_entry *e = pl_catalog_find(c, rows[i].topic, tenant);
        assert_int_equal(e != NULL, rows[i].entry != NULL);
        if (e) assert_string_equal(e->name, rows[i].entry);
        assert_string_equal(tenant, rows[i].tenant);
    }
    char longest[PL_TENANT_MAX + 3], name[PL_TOPIC_NAME_SIZE];
    memset(longest, 'a', sizeof longest);
    longest[PL_TENANT_MAX + 1] = 0;
    assert_false(pl_tenant_valid(longest));
    longest[PL_TENANT_MAX] = 0;
    assert_true(pl_tenant_valid(longest));
    pl_catalog_topic(name, pl_catalog_entry(c, "y.{tenant}.log"), longest);
    assert_non_null(pl_catalog_find(c, name, tenant));
    assert_string_equal(tenant, longest);
    pl_catalog_free(c);
}

static bool reads(void) {
    const struct pl_catalog_defaults d = {0};
    struct pl_catalog *c;
    struct pl_texts advice = {0};
    pouch_err e = pl_catalog_read(&c, NULL, &d);
    if (!e) e = pl_catalog_advice(c, &advice);
    pl_catalog_free(c);
    pl_texts_free(&advice);
    if (e) assert_int_equal(e, POUCH_E_NO_MEMORY);
    return !e;
}

static void no_memory_is_told_and_nothing_is_left(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(test_oom_each(reads) > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_catalogue_is_the_known_matrix),
        cmocka_unit_test(a_topic_says_more_than_defaults_and_those_more_than_settings),
        cmocka_unit_test(a_small_cluster_has_as_many_copies_as_it_can),
        cmocka_unit_test(a_bad_file_is_refused_with_file_line_and_key),
        cmocka_unit_test(checking_tells_all_that_is_wrong_at_once),
        cmocka_unit_test(what_works_worse_than_it_could_is_advised),
        cmocka_unit_test(a_tenants_topics_are_its_own_alone),
        cmocka_unit_test(no_memory_is_told_and_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
