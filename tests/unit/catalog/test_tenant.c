/* Tenants: names, whose topics are whose, and the plans that begin and end one. */
#include <support.h>

#include <catalog/tenant.h>
#include <stdio.h>
#include <stdlib.h>

static struct pl_catalog *catalog(const char *text) {
    const struct pl_catalog_defaults defaults = {.replication = 1};
    struct pl_catalog *c = NULL;
    pouch_err e =
        text ? pl_catalog_parse(&c, "test.yaml", text, strlen(text), &defaults) : pl_catalog_read(&c, NULL, &defaults);
    if (e) fail_msg("%s", pouch_why());
    return c;
}

/* A cluster with these topics; names are a list ended by NULL. */
static void cluster(struct pl_actual *a, const char *const names[]) {
    size_t n = 0;
    while (names[n]) n++;
    *a = (struct pl_actual){calloc(n + 1, sizeof *a->topics), n, 3};
    for (size_t i = 0; i < n; i++)
        a->topics[i] = (struct pl_actual_topic){.name = strdup(names[i]), .partitions = 1, .replication = 1};
    pl_actual_sort(a);
}

static void assert_deletes(const struct pl_plan *p, const char *const names[], const char *tenant) {
    size_t n = 0;
    while (names[n]) n++;
    assert_int_equal(p->n, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(p->changes[i].kind, PL_CHANGE_DELETE);
        assert_int_equal(p->changes[i].hold, PL_HOLD_NONE);
        assert_string_equal(p->changes[i].topic, names[i]);
        assert_string_equal(p->changes[i].tenant, tenant);
    }
    assert_int_equal(pl_plan_open(p), n);
}

static const char *const hostile[] = {
    "",
    " ",
    ".",
    "..",
    "a.b",
    "x.y",
    ".a",
    "a.",
    "*",
    "a*",
    "?",
    "Acme",
    "ACME",
    "a_b",
    "a b",
    " a",
    "a ",
    "a\n",
    "a\tb",
    "\x01",
    "\x7f",
    "a/b",
    "../etc/passwd",
    "a\\b",
    "{tenant}",
    "a{tenant}",
    "%s",
    "%n%n",
    "$(id)",
    "`id`",
    "a;b",
    "a|b",
    "a,b",
    "a:b",
    "a=b",
    "a'b",
    "a\"b",
    "a#b",
    "a+b",
    "a@b",
    "\xc3\xa4",
    "\xd0\xb0",     /* a Cyrillic a */
    "\xef\xbd\x81", /* a wide a */
    "\xff",
    "a\xcc\x80",
    "internal.dlq",
    "platform.events",
    "__consumer_offsets",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", /* 65 */
};

/* acceptance: D2 D3 */
static void hostile_names_begin_and_end_nothing(void **state) {
    (void)state;
    struct pl_catalog *c = catalog(NULL);
    struct pl_actual a;
    cluster(&a, (const char *const[]){"chat.messages.a", "chat.messages.acme", "internal.dlq", "platform.events",
                                      "__consumer_offsets", NULL});
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct pl_plan p = {0};
        if (pl_tenant_may_begin(c, hostile[i]) != POUCH_E_CONFIG) fail_msg("begun: %s", hostile[i]);
        if (pl_tenant_end(&p, c, &a, hostile[i]) != POUCH_E_CONFIG) fail_msg("ended: %s", hostile[i]);
        assert_int_equal(p.n, 0);
    }
    pl_actual_free(&a);
    pl_catalog_free(c);
}

/* acceptance: D2 */
static void plain_names_may_begin_and_their_topics_are_topics(void **state) {
    (void)state;
    static const char *const names[] = {"a",
                                        "0",
                                        "-",
                                        "--",
                                        "a-b",
                                        "acme",
                                        "dlq",
                                        "internal",
                                        "platform",
                                        "events",
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    struct pl_catalog *c = catalog(NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        for (size_t k = 0; k < c->n; k++) {
            char topic[PL_TOPIC_NAME_SIZE], whose[PL_TENANT_MAX + 1];
            assert_int_equal(pl_tenant_may_begin(c, names[i]), POUCH_OK);
            if (!c->entries[k].pattern) continue;
            pl_catalog_topic(topic, &c->entries[k], names[i]);
            assert_true(strlen(topic) <= 249);
            assert_false(!strncmp(topic, "internal.", 9) || !strncmp(topic, "platform.", 9));
            assert_ptr_equal(pl_catalog_find(c, topic, whose), &c->entries[k]);
            assert_string_equal(whose, names[i]);
        }
    pl_catalog_free(c);
}

/* acceptance: D3 */
static void the_end_of_one_tenant_leaves_those_whose_names_begin_or_end_with_its_name(void **state) {
    (void)state;
    static const char *const names[] = {"a", "aa", "a-a", "a-", "-a", "ab", "ba"};
    enum { NAMES = sizeof names / sizeof names[0], PATTERNS = 5 };
    struct pl_catalog *c = catalog(NULL);
    char texts[NAMES * PATTERNS][PL_TOPIC_NAME_SIZE];
    const char *all[NAMES * PATTERNS + 8] = {"internal.dlq", "platform.a", "chat.messages", "presence", "a", "x.a"};
    size_t n = 6, at = 0;
    for (size_t i = 0; i < NAMES; i++)
        for (size_t k = 0; k < c->n; k++) {
            if (!c->entries[k].pattern) continue;
            pl_catalog_topic(texts[at], &c->entries[k], names[i]);
            all[n++] = texts[at++];
        }
    struct pl_actual a;
    cluster(&a, all);
    for (size_t i = 0; i < NAMES; i++) {
        struct pl_plan p = {0};
        assert_int_equal(pl_tenant_end(&p, c, &a, names[i]), POUCH_OK);
        const char *mine[PATTERNS + 1] = {0};
        for (size_t k = 0; k < PATTERNS; k++) mine[k] = texts[i * PATTERNS + k];
        assert_deletes(&p, mine, names[i]);
        pl_plan_free(&p);
    }
    pl_actual_free(&a);
    pl_catalog_free(c);
}

/* acceptance: D3 */
static void of_a_tenant_with_a_part_of_its_topics_that_part_is_deleted(void **state) {
    (void)state;
    struct pl_catalog *c = catalog(NULL);
    struct pl_actual a;
    struct pl_plan p = {0};
    cluster(&a, (const char *const[]){"chat.events.acme", "presence.acme", "presence.acme-2", NULL});
    assert_int_equal(pl_tenant_end(&p, c, &a, "acme"), POUCH_OK);
    assert_deletes(&p, (const char *const[]){"chat.events.acme", "presence.acme", NULL}, "acme");
    pl_plan_free(&p);
    assert_int_equal(pl_tenant_end(&p, c, &a, "acm"), POUCH_E_NOT_FOUND);
    assert_non_null(strstr(pouch_why(), "no tenant acm"));
    assert_int_equal(p.n, 0);
    pl_actual_free(&a);
    pl_catalog_free(c);
}

/* acceptance: D2 D3 */
static void a_topic_that_two_entries_give_is_nobodys(void **state) {
    (void)state;
    static const struct {
        const char *text, *tenant, *topic, *other;
    } rows[] = {
        {"topics:\n  x.{tenant}: {}\n  x.global: {}\n", "global", "x.global", "x.global (line 3)"},
        {"topics:\n  x.{tenant}.c: {}\n  x.b.{tenant}: {}\n", "b", "x.b.c", "x.b.{tenant} (line 3)"},
        {"topics:\n  x.{tenant}.c: {}\n  x.b.{tenant}: {}\n", "c", "x.b.c", "x.{tenant}.c (line 2)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_catalog *c = catalog(rows[i].text);
        struct pl_actual a;
        struct pl_plan p = {0};
        cluster(&a, (const char *const[]){rows[i].topic, NULL});
        assert_int_equal(pl_tenant_may_begin(c, rows[i].tenant), POUCH_E_CONFIG);
        if (!strstr(pouch_why(), rows[i].other)) fail_msg("%s", pouch_why());
        assert_int_equal(pl_tenant_may_begin(c, "else"), POUCH_OK);
        assert_int_equal(pl_tenant_end(&p, c, &a, rows[i].tenant), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), rows[i].topic));
        assert_int_equal(p.n, 0);
        pl_actual_free(&a);
        pl_catalog_free(c);
    }
}

/* acceptance: D2 */
static void no_pattern_leads_among_the_topics_of_the_platform(void **state) {
    (void)state;
    static const char *const names[] = {"internal.{tenant}", "platform.{tenant}", "internal.retry.{tenant}",
                                        "__x.{tenant}",      "{tenant}",          "{tenant}.x",
                                        "x{tenant}",         "x.{tenant}y"};
    const struct pl_catalog_defaults defaults = {.replication = 1};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[128];
        struct pl_catalog *c = NULL;
        int n = snprintf(text, sizeof text, "topics:\n  \"%s\": {}\n", names[i]);
        if (pl_catalog_parse(&c, "test.yaml", text, (size_t)n, &defaults) != POUCH_E_CONFIG) fail_msg("%s", names[i]);
        assert_non_null(strstr(pouch_why(), "test.yaml:2"));
    }
}

/* acceptance: D2 */
static void where_tenants_are_listed_no_other_begins(void **state) {
    (void)state;
    struct pl_catalog *c = catalog("tenants: [acme]\ntopics:\n  x.{tenant}: {}\n");
    assert_int_equal(pl_tenant_may_begin(c, "acme"), POUCH_OK);
    assert_int_equal(pl_tenant_may_begin(c, "acm"), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "test.yaml lists its tenants"));
    pl_catalog_free(c);
    c = catalog("topics:\n  x.y: {}\n");
    assert_int_equal(pl_tenant_may_begin(c, "acme"), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "{tenant}"));
    pl_catalog_free(c);
}

/* acceptance: D2 */
static void topics_of_a_tenant_are_called_by_the_part_before_its_name(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *word;
    } rows[] = {{"chat.messages.{tenant}", "messages"},
                {"presence.{tenant}", "presence"},
                {"x.{tenant}.in", "x"},
                {"a.events.{tenant}", "a.events.{tenant}"},
                {"b.events.{tenant}", "b.events.{tenant}"}};
    char text[512] = "topics:\n  fixed.presence: {}\n", *at = text + strlen(text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) at += sprintf(at, "  %s: {}\n", rows[i].pattern);
    struct pl_catalog *c = catalog(text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char word[PL_TOPIC_NAME_SIZE];
        pl_tenant_word(word, c, pl_catalog_entry(c, rows[i].pattern));
        assert_string_equal(word, rows[i].word);
    }
    pl_catalog_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_names_begin_and_end_nothing),
        cmocka_unit_test(plain_names_may_begin_and_their_topics_are_topics),
        cmocka_unit_test(the_end_of_one_tenant_leaves_those_whose_names_begin_or_end_with_its_name),
        cmocka_unit_test(of_a_tenant_with_a_part_of_its_topics_that_part_is_deleted),
        cmocka_unit_test(a_topic_that_two_entries_give_is_nobodys),
        cmocka_unit_test(no_pattern_leads_among_the_topics_of_the_platform),
        cmocka_unit_test(where_tenants_are_listed_no_other_begins),
        cmocka_unit_test(topics_of_a_tenant_are_called_by_the_part_before_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
