/* Lists of ACLs: order, sameness, words. */
#include <support.h>

#include <cluster/acls.h>

static const struct pl_acl base = {.principal = "User:a",
                                   .on = RD_KAFKA_RESOURCE_TOPIC,
                                   .name = "orders",
                                   .operation = RD_KAFKA_ACL_OPERATION_READ,
                                   .host = "*"};

/* One that differs from base in one thing, for each thing. */
static struct pl_acl other(int i) {
    struct pl_acl acl = base;
    if (i == 0) acl.principal = "User:b";
    if (i == 1) acl.on = RD_KAFKA_RESOURCE_GROUP;
    if (i == 2) acl.name = "payments";
    if (i == 3) acl.prefixed = true;
    if (i == 4) acl.operation = RD_KAFKA_ACL_OPERATION_WRITE;
    if (i == 5) acl.host = "10.0.0.7";
    if (i == 6) acl.deny = true;
    return acl;
}
enum { OTHERS = 7 };

static void whatever_differs_makes_another_binding(void **state) {
    (void)state;
    assert_int_equal(pl_acl_compare(&base, &base), 0);
    for (int i = 0; i < OTHERS; i++)
        for (int k = 0; k < OTHERS; k++) {
            struct pl_acl a = other(i), b = other(k);
            assert_int_equal(pl_acl_compare(&a, &b) == 0, i == k);
            assert_int_equal(pl_acl_compare(&a, &b) < 0, pl_acl_compare(&b, &a) > 0);
            assert_true(pl_acl_compare(&a, &base) != 0);
        }
}

static void a_list_has_each_once_and_in_order(void **state) {
    (void)state;
    struct pl_acls list = {0};
    for (int round = 0; round < 3; round++)
        for (int i = OTHERS - 1; i >= 0; i--) {
            struct pl_acl acl = other(i);
            assert_int_equal(pl_acls_add(&list, &acl), POUCH_OK);
        }
    pl_acls_sort(&list);
    assert_int_equal(list.n, OTHERS);
    for (size_t i = 1; i < list.n; i++) assert_true(pl_acl_compare(&list.at[i - 1], &list.at[i]) < 0);
    for (int i = 0; i < OTHERS; i++) {
        struct pl_acl acl = other(i);
        assert_true(pl_acls_have(&list, &acl));
    }
    assert_false(pl_acls_have(&list, &base));
    pl_acls_free(&list);
    assert_false(pl_acls_have(&list, &base));
}

static void a_binding_is_told_in_words(void **state) {
    (void)state;
    static const struct {
        struct pl_acl acl;
        const char *words;
    } rows[] = {
        {{"User:a", RD_KAFKA_RESOURCE_TOPIC, false, "orders", RD_KAFKA_ACL_OPERATION_READ, "*", false},
         "READ on topic orders for User:a"},
        {{"User:a", RD_KAFKA_RESOURCE_TOPIC, true, "orders.", RD_KAFKA_ACL_OPERATION_WRITE, "10.0.0.7", false},
         "WRITE on topics orders.* for User:a from 10.0.0.7"},
        {{"User:a", RD_KAFKA_RESOURCE_TOPIC, false, "*", RD_KAFKA_ACL_OPERATION_READ, "*", true},
         "DENY READ on all topics for User:a"},
        {{"User:a", RD_KAFKA_RESOURCE_GROUP, false, "*", RD_KAFKA_ACL_OPERATION_READ, "*", false},
         "READ on all groups for User:a"},
        {{"User:a", RD_KAFKA_RESOURCE_GROUP, true, "g-", RD_KAFKA_ACL_OPERATION_READ, "*", false},
         "READ on groups g-* for User:a"},
        {{"User:a", RD_KAFKA_RESOURCE_BROKER, false, PL_ACL_CLUSTER, RD_KAFKA_ACL_OPERATION_ALTER, "*", false},
         "ALTER on the cluster for User:a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[PL_ACL_TEXT];
        assert_string_equal(pl_acl_text(&rows[i].acl, text), rows[i].words);
    }
}

static void words_that_are_too_long_are_cut(void **state) {
    (void)state;
    char name[2000], text[PL_ACL_TEXT];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    struct pl_acl acl = base;
    acl.name = acl.principal = acl.host = name;
    assert_true(strlen(pl_acl_text(&acl, text)) < PL_ACL_TEXT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_differs_makes_another_binding),
        cmocka_unit_test(a_list_has_each_once_and_in_order),
        cmocka_unit_test(a_binding_is_told_in_words),
        cmocka_unit_test(words_that_are_too_long_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
