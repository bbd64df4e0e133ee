/* Header values and topic patterns. */
#include <stdio.h>
#include <support.h>

#include <wire/headers.h>

static void numbers_are_plain_decimals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0}, {"16", 16}, {"007", 7}, {"1795250537734", 1795250537734}, {"9223372036854775807", INT64_MAX}};
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "1.5", "0x1", "a", "9223372036854775808", "00000000000000000001"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t v = -1;
        assert_true(pl_header_number(&v, good[i].text, strlen(good[i].text)));
        assert_int_equal(v, good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t v = -1;
        assert_false(pl_header_number(&v, bad[i], strlen(bad[i])));
        assert_int_equal(v, -1);
    }
    int64_t v;
    assert_false(pl_header_number(&v, NULL, 0));
    assert_false(pl_header_number(&v, "1\0", 2));
}

static void branches_are_one_of_so_many(void **state) {
    (void)state;
    static const char *const bad[] = {"", "/", "1", "1/", "/2", "0/2", "3/2", "1/33", "1/2/3", "-1/2", "1 /2", "a/b"};
    unsigned i = 0, n = 0;
    assert_true(pl_header_branch(&i, &n, "2/16", 4));
    assert_int_equal(i, 2);
    assert_int_equal(n, 16);
    assert_true(pl_header_branch(&i, &n, "32/32", 5));
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
        assert_false(pl_header_branch(&i, &n, bad[k], strlen(bad[k])));
    assert_false(pl_header_branch(&i, &n, NULL, 0));
    assert_int_equal(i, 32);
}

static void patterns_match_at_either_end(void **state) {
    (void)state;
    static const struct {
        const char *patterns, *name;
        bool match;
    } rows[] = {
        {"*.replies,*-reply", "a.replies", true},
        {"*.replies,*-reply", "a-reply", true},
        {"*.replies,*-reply", ".replies", true},
        {"*.replies,*-reply", "a.repliesx", false},
        {"*.replies,*-reply", "replies", false},
        {"*.replies,*-reply", "", false},
        {"*.replies, *-reply", "a-reply", true},
        {"app.*", "app.x", true},
        {"app.*", "app.", true},
        {"app.*", "app", false},
        {"app.*", "x.app.y", false},
        {"exact", "exact", true},
        {"exact", "exac", false},
        {"exact", "exactly", false},
        {"*", "anything", true},
        {"*", "", true},
        {"", "a", false},
        {"", "", false},
        {",, ,", "a", false},
        {"a*b", "a*b", true},
        {"a*b", "axb", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (pl_pattern_match(rows[i].patterns, rows[i].name, strlen(rows[i].name)) != rows[i].match)
            fail_msg("\"%s\" and \"%s\"", rows[i].patterns, rows[i].name);
}

static void a_source_names_topic_partition_and_offset(void **state) {
    (void)state;
    char text[PL_SOURCE_MAX], topic[PL_NAME_MAX + 1], whole[PL_SOURCE_MAX];
    pl_source_write(text, "inbox", 0, 0);
    assert_string_equal(text, "inbox/0/0");
    memset(topic, 'x', PL_NAME_MAX);
    topic[PL_NAME_MAX] = 0;
    pl_source_write(text, topic, INT32_MAX, INT64_MAX);
    snprintf(whole, sizeof whole, "%s/2147483647/9223372036854775807", topic);
    assert_string_equal(text, whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_plain_decimals),
        cmocka_unit_test(branches_are_one_of_so_many),
        cmocka_unit_test(patterns_match_at_either_end),
        cmocka_unit_test(a_source_names_topic_partition_and_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
