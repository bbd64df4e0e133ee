/* Partition strategies: keys from fields, and how many partitions a load takes. */
#include <support.h>

#include <pouch/partition.h>

static const pouch_strategy all[] = {POUCH_STRATEGY_RANDOM, POUCH_STRATEGY_CONVERSATION_ID, POUCH_STRATEGY_USER_ID,
                                     POUCH_STRATEGY_TENANT_ID};

/* acceptance: D9 */
static void strategies_are_known_by_their_names(void **state) {
    (void)state;
    static const char *const names[] = {"random", "conversation_id", "user_id", "tenant_id"};
    static const char *const wrong[] = {"", "Random", "user", "user_id ", "conversationId"};
    pouch_strategy s;
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(pouch_strategy_name(all[i]), names[i]);
        assert_int_equal(pouch_strategy_read(&s, names[i]), POUCH_OK);
        assert_int_equal(s, all[i]);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(pouch_strategy_read(&s, wrong[i]), POUCH_E_CONFIG);
        assert_non_null(strstr(pouch_why(), "random, conversation_id, user_id, tenant_id"));
    }
    assert_null(pouch_strategy_name((pouch_strategy)4));
    assert_null(pouch_strategy_name((pouch_strategy)-1));
}

/* acceptance: D9 */
static void the_key_is_the_field_that_the_strategy_names(void **state) {
    (void)state;
    const char *const fields[] = {
        "tenant_id", "tenant-123", "conversation_id", "conv-456", "user_id", "user-789", "more", "", NULL};
    static const char *const keys[] = {NULL, "conv-456", "user-789", "tenant-123"};
    for (size_t i = 0; i < 4; i++) {
        const char *key = "unset";
        assert_int_equal(pouch_partition_key(all[i], fields, &key), POUCH_OK);
        if (keys[i])
            assert_string_equal(key, keys[i]);
        else
            assert_null(key);
    }
}

/* acceptance: D9 */
static void a_field_that_is_missing_empty_or_there_twice_is_named(void **state) {
    (void)state;
    for (size_t i = 1; i < 4; i++) {
        const char *key, *name = pouch_strategy_name(all[i]);
        const char *const none[] = {NULL}, *const other[] = {"message_id", "m", NULL},
                          *const empty[] = {name, "", NULL}, *const twice[] = {name, "a", name, "a", NULL};
        const struct {
            const char *const *fields;
            const char *why;
        } rows[] = {{none, "missing"}, {other, "missing"}, {empty, "empty"}, {twice, "there twice"}};
        for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
            assert_int_equal(pouch_partition_key(all[i], rows[r].fields, &key), POUCH_E_CONFIG);
            assert_null(key);
            assert_non_null(strstr(pouch_why(), name));
            assert_non_null(strstr(pouch_why(), rows[r].why));
        }
    }
}

static void a_key_has_the_length_that_record_keys_may_have(void **state) {
    (void)state;
    char text[1026];
    const char *key, *const fields[] = {"user_id", text, NULL};
    memset(text, 'k', 1024);
    text[1024] = 0;
    assert_int_equal(pouch_partition_key(POUCH_STRATEGY_USER_ID, fields, &key), POUCH_OK);
    text[1024] = 'k';
    text[1025] = 0;
    assert_int_equal(pouch_partition_key(POUCH_STRATEGY_USER_ID, fields, &key), POUCH_E_CONFIG);
    assert_non_null(strstr(pouch_why(), "1024"));
    assert_int_equal(pouch_partition_key((pouch_strategy)9, fields, &key), POUCH_E_CONFIG);
}

/* acceptance: D10 */
static void partitions_grow_with_rate_keys_and_consumers_as_the_strategy_says(void **state) {
    (void)state;
    static const struct {
        int64_t rate, keys, consumers;
        int want[4]; /* in the order of `all` */
    } rows[] = {
        {0, 0, 0, {4, 4, 4, 4}},
        {1000, 500, 3, {4, 4, 4, 50}}, /* the example of the table that these come from, by conversation */
        {4000, 0, 1, {8, 4, 4, 4}},
        {4001, 0, 1, {9, 5, 5, 5}},
        {12000, 0, 0, {24, 12, 12, 12}},
        {0, 1200, 0, {4, 4, 4, 120}},
        {0, 1201, 0, {4, 4, 5, 121}},
        {0, 41, 0, {4, 4, 4, 5}},
        {100, 1000, 17, {17, 17, 17, 100}},
        {30000, 3000, 5, {60, 30, 30, 300}},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (size_t i = 0; i < 4; i++) {
            int n = 0;
            assert_int_equal(pouch_partitions_for(all[i], rows[r].rate, rows[r].keys, rows[r].consumers, &n), POUCH_OK);
            assert_int_equal(n, rows[r].want[i]);
        }
}

/* acceptance: D10 */
static void what_no_topic_can_have_is_refused(void **state) {
    (void)state;
    int n;
    assert_int_equal(pouch_partitions_for(POUCH_STRATEGY_TENANT_ID, 0, 1000000, 0, &n), POUCH_OK);
    assert_int_equal(n, POUCH_PARTITIONS_MAX);
    assert_int_equal(pouch_partitions_for(POUCH_STRATEGY_TENANT_ID, 0, 1000001, 0, &n), POUCH_E_CONFIG);
    assert_int_equal(pouch_partitions_for(POUCH_STRATEGY_RANDOM, INT64_MAX, INT64_MAX, 0, &n), POUCH_E_CONFIG);
    assert_int_equal(pouch_partitions_for(POUCH_STRATEGY_RANDOM, 0, 0, INT64_MAX, &n), POUCH_E_CONFIG);
    assert_int_equal(pouch_partitions_for(POUCH_STRATEGY_RANDOM, -1, 0, 0, &n), POUCH_E_CONFIG);
    assert_int_equal(pouch_partitions_for(POUCH_STRATEGY_RANDOM, 0, -1, 0, &n), POUCH_E_CONFIG);
    assert_int_equal(pouch_partitions_for(POUCH_STRATEGY_RANDOM, 0, 0, -1, &n), POUCH_E_CONFIG);
    assert_int_equal(pouch_partitions_for((pouch_strategy)4, 0, 0, 0, &n), POUCH_E_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strategies_are_known_by_their_names),
        cmocka_unit_test(the_key_is_the_field_that_the_strategy_names),
        cmocka_unit_test(a_field_that_is_missing_empty_or_there_twice_is_named),
        cmocka_unit_test(a_key_has_the_length_that_record_keys_may_have),
        cmocka_unit_test(partitions_grow_with_rate_keys_and_consumers_as_the_strategy_says),
        cmocka_unit_test(what_no_topic_can_have_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
