/* Destinations: what they take and what rooms then find in them. */
#include <support.h>

#include <stdlib.h>
#include <wire/dest.h>

static void a_dest_is_a_topic_or_a_publisher(void **state) {
    (void)state;
    pouch_dest *t = pouch_dest_topic("calculate"), *p = pouch_dest_publisher("bank.a");
    assert_non_null(t);
    assert_non_null(p);
    assert_string_equal(t->topic, "calculate");
    assert_null(t->publisher);
    assert_string_equal(p->publisher, "bank.a");
    assert_null(p->topic);
    assert_null(t->key);
    assert_int_equal(t->n_headers, 0);
    assert_int_equal(t->iv_bytes, 0);
    pouch_dest_free(t);
    pouch_dest_free(p);
    pouch_dest_free(NULL);
}

static void what_is_no_name_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {NULL, "", ".", "..", "a b", "a/b", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(pouch_dest_topic(bad[i]));
        assert_non_null(strstr(pouch_why(), "a topic name is 1 to 249"));
        assert_null(pouch_dest_publisher(bad[i]));
        assert_non_null(strstr(pouch_why(), "a publisher name is 1 to 249"));
    }
}

static void a_key_is_copied_and_bounded(void **state) {
    (void)state;
    pouch_dest *d = pouch_dest_topic("t");
    char key[PL_DEST_KEY_MAX + 2];
    memset(key, 'k', sizeof key);
    key[PL_DEST_KEY_MAX + 1] = 0;
    assert_int_equal(pouch_dest_set_key(d, key), POUCH_E_CONFIG);
    assert_null(d->key);
    key[PL_DEST_KEY_MAX] = 0;
    assert_int_equal(pouch_dest_set_key(d, key), POUCH_OK);
    assert_int_equal(d->key_n, PL_DEST_KEY_MAX);
    assert_int_equal(pouch_dest_set_key(d, "again"), POUCH_OK);
    assert_string_equal(d->key, "again");
    assert_int_equal(d->key_n, 5);
    pouch_dest_free(d);
}

static void headers_are_copied_in_order(void **state) {
    (void)state;
    pouch_dest *d = pouch_dest_topic("t");
    char value[] = {'a', 0, 'b'};
    assert_int_equal(pouch_dest_add_header(d, "x", value, sizeof value), POUCH_OK);
    value[0] = 'z';
    assert_int_equal(pouch_dest_add_header(d, "x", NULL, 0), POUCH_OK);
    assert_int_equal(pouch_dest_add_header(d, "traceparent", "", 0), POUCH_OK);
    assert_int_equal(d->n_headers, 3);
    assert_string_equal(d->headers[0].name, "x");
    assert_int_equal(d->headers[0].n, 3);
    assert_memory_equal(d->headers[0].value, "a\0b", 3);
    assert_string_equal(d->headers[1].name, "x");
    assert_null(d->headers[1].value);
    assert_non_null(d->headers[2].value);
    assert_int_equal(d->headers[2].n, 0);
    pouch_dest_free(d);
}

static void headers_are_bounded_and_ours_are_ours(void **state) {
    (void)state;
    static char large[PL_DEST_HEADER_BYTES_MAX + 2];
    pouch_dest *d = pouch_dest_topic("t");
    memset(large, 'h', sizeof large - 1);
    assert_int_equal(pouch_dest_add_header(d, "", "v", 1), POUCH_E_CONFIG);
    assert_int_equal(pouch_dest_add_header(d, "pouch-deadline", "1", 1), POUCH_E_CONFIG);
    assert_int_equal(pouch_dest_add_header(d, "x", large, PL_DEST_HEADER_BYTES_MAX + 1), POUCH_E_CONFIG);
    assert_int_equal(pouch_dest_add_header(d, large, "v", 1), POUCH_E_CONFIG);
    assert_int_equal(d->n_headers, 0);
    for (int i = 0; i < PL_DEST_HEADERS_MAX; i++)
        assert_int_equal(pouch_dest_add_header(d, "x", large, PL_DEST_HEADER_BYTES_MAX), POUCH_OK);
    assert_int_equal(pouch_dest_add_header(d, "x", "v", 1), POUCH_E_CONFIG);
    pouch_dest_free(d);
}

static void an_iv_has_12_or_16_bytes(void **state) {
    (void)state;
    pouch_dest *d = pouch_dest_topic("t");
    for (int bytes = -1; bytes <= 17; bytes++)
        assert_int_equal(pouch_dest_set_iv_bytes(d, bytes), bytes == 12 || bytes == 16 ? POUCH_OK : POUCH_E_CONFIG);
    assert_int_equal(d->iv_bytes, 16);
    pouch_dest_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dest_is_a_topic_or_a_publisher),      cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(a_key_is_copied_and_bounded),           cmocka_unit_test(headers_are_copied_in_order),
        cmocka_unit_test(headers_are_bounded_and_ours_are_ours), cmocka_unit_test(an_iv_has_12_or_16_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
