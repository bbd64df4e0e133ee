/* Records that wait: copied whole, in order, within bounds. */
#include <support.h>

#include <client/sluice.h>
#include <stdio.h>
#include <stdlib.h>

enum { BYTES = 4096, COUNT = 3 };

static struct pl_sluice g;

static int set_up(void **state) {
    (void)state;
    assert_int_equal(pl_sluice_init(&g, BYTES, COUNT), POUCH_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    while (pl_sluice_first(&g)) pl_sluice_pop(&g);
    assert_int_equal(g.bytes, 0);
    assert_int_equal(g.count, 0);
    pl_sluice_free(&g);
    return 0;
}

static pouch_err hold(const char *topic, size_t value_n, int64_t give_up, bool *held) {
    static const char value[2 * BYTES];
    const struct pl_record r = {.topic = topic, .key = "k", .key_n = 1, .value = value, .value_n = value_n};
    return pl_sluice_hold(&g, &r, give_up, held);
}

static void a_held_record_is_a_whole_copy(void **state) {
    (void)state;
    char topic[] = "orders", key[] = "key", value[] = "value", name[] = "mine", header[] = "yes";
    const struct pl_header headers[] = {{name, header, 3}, {name, NULL, 0}, {name, header, 0}};
    const struct pl_record r = {.topic = topic,
                                .key = key,
                                .key_n = 3,
                                .value = value,
                                .value_n = 5,
                                .headers = headers,
                                .n_headers = 3,
                                .arg = &g};
    bool held;
    assert_int_equal(pl_sluice_hold(&g, &r, 7, &held), POUCH_OK);
    assert_true(held);
    topic[0] = key[0] = value[0] = name[0] = header[0] = '!';
    const struct pl_held *h = pl_sluice_first(&g);
    assert_int_equal(h->give_up_us, 7);
    assert_string_equal(h->record.topic, "orders");
    assert_memory_equal(h->record.key, "key", 3);
    assert_memory_equal(h->record.value, "value", 5);
    assert_int_equal(h->record.n_headers, 3);
    assert_string_equal(h->record.headers[0].name, "mine");
    assert_memory_equal(h->record.headers[0].value, "yes", 3);
    assert_null(h->record.headers[1].value);
    assert_non_null(h->record.headers[2].value);
    assert_int_equal(h->record.headers[2].n, 0);
    assert_ptr_equal(h->record.arg, &g);
}

static void records_leave_in_the_order_they_came(void **state) {
    (void)state;
    bool held;
    assert_int_equal(hold("a", 1, 0, &held), POUCH_OK);
    assert_int_equal(hold("b", 1, 0, &held), POUCH_OK);
    assert_string_equal(pl_sluice_first(&g)->record.topic, "a");
    pl_sluice_pop(&g);
    assert_int_equal(hold("c", 1, 0, &held), POUCH_OK);
    assert_string_equal(pl_sluice_first(&g)->record.topic, "b");
    pl_sluice_pop(&g);
    assert_string_equal(pl_sluice_first(&g)->record.topic, "c");
    pl_sluice_pop(&g);
    assert_null(pl_sluice_first(&g));
    assert_int_equal(hold("d", 1, 0, &held), POUCH_OK);
    assert_string_equal(pl_sluice_first(&g)->record.topic, "d");
}

static void count_and_bytes_are_bounded(void **state) {
    (void)state;
    bool held;
    assert_int_equal(hold("a", BYTES, 0, &held), POUCH_E_OVERLOADED);
    assert_false(held);
    assert_int_equal(hold("a", BYTES / 2, 0, &held), POUCH_OK);
    assert_int_equal(hold("b", BYTES / 2, 0, &held), POUCH_E_OVERLOADED);
    assert_int_equal(hold("b", 1, 0, &held), POUCH_OK);
    assert_int_equal(hold("c", 1, 0, &held), POUCH_OK);
    assert_int_equal(hold("d", 1, 0, &held), POUCH_E_OVERLOADED);
    assert_false(held);
}

static void it_opens_only_when_nothing_waits_and_holds_nothing_after(void **state) {
    (void)state;
    bool held;
    assert_int_equal(hold("a", 1, 0, &held), POUCH_OK);
    assert_false(pl_sluice_open_if_empty(&g));
    assert_false(pl_sluice_is_open(&g));
    pl_sluice_pop(&g);
    assert_true(pl_sluice_open_if_empty(&g));
    assert_true(pl_sluice_is_open(&g));
    assert_int_equal(hold("b", 1, 0, &held), POUCH_OK);
    assert_false(held);
    assert_null(pl_sluice_first(&g));
}

static bool is_named_in(const struct pl_held *h, void *names) {
    return strchr(names, h->record.topic[0]);
}

static void what_is_sifted_out_makes_room_wherever_it_was(void **state) {
    (void)state;
    static const struct {
        const char *out, *left;
    } rows[] = {{"", "abc"}, {"a", "bc"}, {"b", "ac"}, {"c", "ab"}, {"ac", "b"}, {"abc", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool held;
        for (const char *name = "abc"; *name; name++)
            assert_int_equal(hold((const char[]){*name, 0}, 1, 0, &held), POUCH_OK);
        pl_sluice_sift(&g, is_named_in, (void *)rows[i].out);
        for (size_t n = strlen(rows[i].out); n; n--) assert_int_equal(hold("d", 1, 0, &held), POUCH_OK);
        assert_int_equal(hold("e", 1, 0, &held), POUCH_E_OVERLOADED);
        for (const char *name = rows[i].left; *name; name++) {
            assert_int_equal(pl_sluice_first(&g)->record.topic[0], *name);
            pl_sluice_pop(&g);
        }
        while (pl_sluice_first(&g)) pl_sluice_pop(&g);
    }
}

#define AT_GATE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        AT_GATE(a_held_record_is_a_whole_copy),
        AT_GATE(records_leave_in_the_order_they_came),
        AT_GATE(count_and_bytes_are_bounded),
        AT_GATE(what_is_sifted_out_makes_room_wherever_it_was),
        AT_GATE(it_opens_only_when_nothing_waits_and_holds_nothing_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
