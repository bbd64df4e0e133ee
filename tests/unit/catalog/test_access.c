/* The access list of a catalogue: what may stand in it, which ACLs follow, and what is too much. */
#include <support.h>

#include <base/why.h>
#include <catalog/access.h>
#include <stdio.h>
#include <stdlib.h>

static pouch_err read_list(struct pl_access **a, const char *text) {
    struct pl_yaml *tree;
    assert_int_equal(pl_yaml_parse(&tree, "c.yaml", text, strlen(text)), POUCH_OK);
    pouch_err e = pl_access_read(a, tree, "c.yaml");
    pl_yaml_free(tree);
    return e;
}

static struct pl_settings settings(void) {
    return (struct pl_settings){.inbox = (char *)"inbox",
                                .dlq_topic = (char *)"dead",
                                .routes_topic = (char *)"routes",
                                .gateway_events_topic = (char *)"events",
                                .retry_tiers = (char *)"1min"};
}

static void expand(struct pl_acls *wanted, const char *text) {
    struct pl_access *a;
    struct pl_settings s = settings();
    *wanted = (struct pl_acls){0};
    if (read_list(&a, text)) fail_msg("%s", pouch_why());
    assert_int_equal(pl_access_expand(a, &s, wanted), POUCH_OK);
    pl_access_free(a);
}

/* The ACLs that follow, as lines in their order. */
static void assert_expands(const char *text, const char *const lines[]) {
    struct pl_acls wanted;
    expand(&wanted, text);
    size_t n = 0;
    for (; lines[n]; n++) {
        char words[PL_ACL_TEXT];
        if (n == wanted.n) fail_msg("no %s", lines[n]);
        assert_string_equal(pl_acl_text(&wanted.at[n], words), lines[n]);
    }
    assert_int_equal(wanted.n, n);
    pl_acls_free(&wanted);
}

/* acceptance: D16 */
static void names_and_beginnings_are_granted_as_they_are_written(void **state) {
    (void)state;
    static const char *const lines[] = {
        "WRITE on all topics for User:CN=a,O=b",  "READ on topics chat.messages.* for User:CN=a,O=b",
        "READ on topic orders for User:CN=a,O=b", "READ on topics orders.* for User:CN=a,O=b",
        "READ on group g for User:CN=a,O=b",      NULL};
    assert_expands("- principal: User:CN=a,O=b\n"
                   "  produce: '*'\n"
                   "  consume: [orders, orders.*, 'chat.messages.{tenant}']\n"
                   "  group: g\n",
                   lines);
}

/* acceptance: D16 */
static void a_right_may_hold_from_one_address(void **state) {
    (void)state;
    static const char *const lines[] = {"WRITE on topic orders for User:a from 10.0.0.7", NULL};
    assert_expands("- {principal: a, produce: orders, host: 10.0.0.7}\n", lines);
}

static void the_same_right_from_two_entries_is_one(void **state) {
    (void)state;
    static const char *const lines[] = {"WRITE on topic orders for User:a", NULL};
    assert_expands("- {principal: a, produce: orders}\n- {principal: User:a, produce: [orders, orders]}\n", lines);
}

static void who_may_do_nothing_any_more_is_named_all_the_same(void **state) {
    (void)state;
    static const char *const lines[] = {NULL};
    assert_expands("- principal: gone\n", lines);
}

static bool wants(const struct pl_acls *wanted, const char *line) {
    char words[PL_ACL_TEXT];
    for (size_t i = 0; i < wanted->n; i++)
        if (!strcmp(pl_acl_text(&wanted->at[i], words), line)) return true;
    return false;
}

/* acceptance: D16 */
static void roles_meet_in_the_topics_for_replies(void **state) {
    (void)state;
    struct pl_acls wanted;
    expand(&wanted, "- {principal: shop, role: client, client_id: shop-*}\n"
                    "- {principal: till, role: client, topics: [orders]}\n"
                    "- {principal: stock, role: worker, topics: [orders, returns]}\n"
                    "- {principal: hub, role: center, topics: [orders], group: hubs}\n"
                    "- {principal: hub, role: redeliver, topics: [orders, inbox]}\n");
    static const char *const lines[] = {
        "WRITE on topic inbox for User:shop",
        "CREATE on topics shop-* for User:shop",
        "WRITE on topic orders for User:till",
        "READ on topic till.replies for User:till",
        "WRITE on topics shop-* for User:stock",
        "WRITE on topic till.replies for User:stock",
        "WRITE on topic orders.replies for User:stock",
        "READ on topic returns for User:stock",
        "READ on group orders.workers for User:stock",
        "WRITE on topic dead for User:stock",
        "WRITE on topics internal.retry.* for User:stock",
        "READ on group pouch-retries for User:hub",
        "READ on topic inbox for User:hub",
        "READ on group hubs for User:hub",
        "WRITE on topic orders for User:hub",
        "WRITE on topic till.replies for User:hub",
        "WRITE on topic inbox for User:hub",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!wants(&wanted, lines[i])) fail_msg("no %s", lines[i]);
    assert_false(wants(&wanted, "WRITE on topic inbox for User:till"));
    assert_false(wants(&wanted, "READ on group pouch-retries for User:stock"));
    pl_acls_free(&wanted);
}

/* acceptance: D16 */
static void a_gateway_has_its_replies_its_answers_and_the_events(void **state) {
    (void)state;
    struct pl_acls wanted;
    expand(&wanted, "- {principal: web, role: gateway, topics: [orders]}\n"
                    "- {principal: edge, role: gateway, client_id: edge}\n"
                    "- {principal: stock, role: worker, topics: [orders]}\n");
    static const char *const lines[] = {
        "WRITE on topic orders for User:web",
        "WRITE on topic inbox for User:edge",
        "READ on topic pouch-gateway.replies for User:web",
        "CREATE on topic edge.async-replies for User:edge",
        "WRITE on topic edge.async-replies for User:edge",
        "READ on group edge.async-replies for User:edge",
        "CREATE on topic events.gateways for User:web",
        "WRITE on topic events for User:web",
        "READ on group pouch-events.events for User:web",
        "WRITE on topic pouch-gateway.replies for User:stock",
        "WRITE on topic pouch-gateway.async-replies for User:stock",
        "WRITE on topic edge.async-replies for User:stock",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!wants(&wanted, lines[i])) fail_msg("no %s", lines[i]);
    assert_false(wants(&wanted, "READ on topic orders for User:web"));
    assert_false(wants(&wanted, "WRITE on topic edge.async-replies for User:web"));
    pl_acls_free(&wanted);
}

static void mistakes_are_told_with_their_line(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"a: b\n", "c.yaml:1: access: wants a list"},
        {"- a\n", "c.yaml:1: access: wants maps with a principal"},
        {"- {role: client}\n", "c.yaml:1: access: names no principal; write principal: NAME"},
        {"- principal: a\n  role: boss\n",
         "c.yaml:2: role: 'boss' is none of client, worker, center, gateway, redeliver, operator"},
        {"- principal: a\n  topic: b\n", "c.yaml:2: access: 'topic' is no member; there are principal, role,"},
        {"- principal: a\n  produce: [b, 'c d']\n", "c.yaml:2: produce: 'c d' is no topic's name; where several"},
        {"- principal: a\n  produce: ['*.replies']\n", "c.yaml:2: produce: '*.replies' is no topic's name"},
        {"- principal: a\n  produce: ['{tenant}']\n", "c.yaml:2: produce: '{tenant}' is no topic's name"},
        {"- principal: a\n  produce: [{b: c}]\n", "c.yaml:2: produce: wants names of topics"},
        {"- principal: a\n  topics: b\n", "c.yaml:1: access: topics go with a role"},
        {"- principal: a\n  role: worker\n", "c.yaml:1: access: a worker has topics"},
        {"- principal: a\n  role: worker\n  topics: [b.*]\n", "c.yaml:1: access: the group of a worker of b.* is not"},
        {"- principal: CN=a\n  role: client\n",
         "c.yaml:1: access: 'CN=a' cannot be in a topic's name; write client_id"},
        {"- principal: ''\n", "c.yaml:1: principal: wants a text of 1 to 200 bytes"},
        {"- principal: [a]\n", "c.yaml:1: principal: wants a text of 1 to 200 bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pl_access *a;
        assert_int_equal(read_list(&a, rows[i][0]), POUCH_E_CONFIG);
        assert_null(a);
        if (strncmp(pouch_why(), rows[i][1], strlen(rows[i][1]))) fail_msg("%s, not %s", pouch_why(), rows[i][1]);
    }
}

/* ---- plans ---- */

static struct pl_acl acl(const char *principal, const char *topic, rd_kafka_AclOperation_t operation, bool deny) {
    return (struct pl_acl){principal, RD_KAFKA_RESOURCE_TOPIC, false, topic, operation, "*", deny};
}

static void make_look(struct pl_access_look *l, const struct pl_access *a, const struct pl_acl *there, size_t n) {
    struct pl_settings s = settings();
    *l = (struct pl_access_look){0};
    assert_int_equal(pl_access_expand(a, &s, &l->wanted), POUCH_OK);
    for (size_t i = 0; i < n; i++) assert_int_equal(pl_acls_add(&l->there, &there[i]), POUCH_OK);
    pl_acls_sort(&l->there);
}

/* acceptance: D16 */
static void what_is_missing_is_granted_and_what_is_too_much_waits_for_prune(void **state) {
    (void)state;
    const struct pl_acl there[] = {
        acl("User:a", "kept", RD_KAFKA_ACL_OPERATION_WRITE, false),
        acl("User:a", "old", RD_KAFKA_ACL_OPERATION_WRITE, false),
        acl("User:a", "shut", RD_KAFKA_ACL_OPERATION_WRITE, true), /* somebody meant that */
        acl("User:other", "old", RD_KAFKA_ACL_OPERATION_WRITE, false),
    };
    for (int prune = 0; prune < 2; prune++) {
        struct pl_access *a;
        struct pl_access_look l;
        struct pl_plan p = {0};
        const struct pl_plan_options o = {.prune = prune};
        assert_int_equal(read_list(&a, "- {principal: a, produce: [kept, new]}\n"), POUCH_OK);
        make_look(&l, a, there, sizeof there / sizeof there[0]);
        assert_int_equal(pl_access_plan(&p, a, &l, &o), POUCH_OK);
        assert_int_equal(p.n, 2);
        assert_int_equal(p.changes[0].kind, PL_CHANGE_GRANT);
        assert_string_equal(p.changes[0].topic, "topic new");
        assert_string_equal(p.changes[0].config, "WRITE on topic new for User:a");
        assert_int_equal(p.changes[0].hold, PL_HOLD_NONE);
        assert_int_equal(p.changes[1].kind, PL_CHANGE_REVOKE);
        assert_string_equal(p.changes[1].config, "WRITE on topic old for User:a");
        assert_int_equal(p.changes[1].hold, prune ? PL_HOLD_NONE : PL_HOLD_PRUNE);
        pl_plan_free(&p);
        pl_access_look_free(&l);
        pl_access_free(a);
    }
}

static void a_plan_of_some_topics_has_no_acls(void **state) {
    (void)state;
    struct pl_access *a;
    struct pl_access_look l;
    struct pl_plan p = {0};
    const char *const topics[] = {"new"};
    const struct pl_plan_options o = {.topics = topics, .n_topics = 1};
    assert_int_equal(read_list(&a, "- {principal: a, produce: [new]}\n"), POUCH_OK);
    make_look(&l, a, NULL, 0);
    assert_int_equal(pl_access_plan(&p, a, &l, &o), POUCH_OK);
    assert_int_equal(p.n, 0);
    pl_plan_free(&p);
    pl_access_look_free(&l);
    pl_access_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_beginnings_are_granted_as_they_are_written),
        cmocka_unit_test(a_right_may_hold_from_one_address),
        cmocka_unit_test(the_same_right_from_two_entries_is_one),
        cmocka_unit_test(who_may_do_nothing_any_more_is_named_all_the_same),
        cmocka_unit_test(roles_meet_in_the_topics_for_replies),
        cmocka_unit_test(a_gateway_has_its_replies_its_answers_and_the_events),
        cmocka_unit_test(mistakes_are_told_with_their_line),
        cmocka_unit_test(what_is_missing_is_granted_and_what_is_too_much_waits_for_prune),
        cmocka_unit_test(a_plan_of_some_topics_has_no_acls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
