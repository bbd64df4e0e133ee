/* What is kept of the latest events, and who is told of which. */
#include <support.h>

#include <events/events.h>
#include <events/ring.h>
#include <stdio.h>

static void put(struct events_ring *r, int64_t offset, const char *channel) {
    char text[32];
    snprintf(text, sizeof text, "data: %d\n\n", (int)offset);
    struct httpd_block *b = httpd_block_new(text, strlen(text));
    assert_non_null(b);
    struct events_item *item = events_item_new(offset, channel, b);
    assert_non_null(item);
    events_ring_append(r, item);
}

/* Reads all there is; the offsets, joined. */
static void expect(struct events_ring *r, int64_t from, int64_t until, const struct events_set *set,
                   const char *offsets, int64_t cursor_after) {
    struct events_item *items[3];
    char seen[256] = "";
    int64_t cursor = from, before;
    do {
        size_t n;
        before = cursor;
        assert_true(events_ring_read(r, &cursor, until, set, items, 3, &n));
        for (size_t i = 0; i < n; i++) {
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%d ", (int)items[i]->offset);
            events_item_free(items[i]);
        }
    } while (cursor > before);
    assert_string_equal(seen, offsets);
    assert_int_equal(cursor, cursor_after);
}

static void a_reader_gets_what_is_behind_its_position_once(void **state) {
    (void)state;
    struct events_ring r;
    struct events_set set = {0};
    const char *const odd[] = {"odd"};
    assert_int_equal(events_set_add(&set, odd, 1), POUCH_OK);
    assert_int_equal(events_ring_init(&r, 8, 100000), POUCH_OK);
    events_ring_restart(&r, 10);
    for (int i = 10; i < 17; i++)
        if (i != 13) put(&r, i, i % 2 ? "odd" : "even");
    events_ring_advance(&r, 20);
    expect(&r, 10, INT64_MAX, NULL, "10 11 12 14 15 16 ", 20);
    expect(&r, 12, INT64_MAX, NULL, "12 14 15 16 ", 20);
    expect(&r, 13, INT64_MAX, &set, "15 ", 20);
    expect(&r, 11, 15, &set, "11 ", 15);
    expect(&r, 17, INT64_MAX, NULL, "", 20);
    expect(&r, 25, INT64_MAX, NULL, "", 25);
    events_set_free(&set);
    events_ring_free(&r);
}

static void what_has_no_room_leaves_at_the_front_and_its_readers_are_told(void **state) {
    (void)state;
    struct events_ring r;
    struct events_item *items[3];
    size_t n;
    int64_t cursor = 0, oldest;
    assert_int_equal(events_ring_init(&r, 4, 100000), POUCH_OK);
    assert_true(events_ring_reaches(&r, 0));
    for (int i = 0; i < 4; i++) put(&r, i, "a");
    assert_true(events_ring_reaches(&r, 0));
    assert_true(events_ring_is_full(&r, &oldest));
    assert_int_equal(oldest, 0);
    put(&r, 4, "a");
    assert_false(events_ring_reaches(&r, 0));
    assert_false(events_ring_read(&r, &cursor, INT64_MAX, NULL, items, 3, &n));
    assert_int_equal(n, 0);
    expect(&r, 1, INT64_MAX, NULL, "1 2 3 4 ", 5);
    events_ring_free(&r);
}

static void bytes_are_bounded_too(void **state) {
    (void)state;
    struct events_ring r;
    assert_int_equal(events_ring_init(&r, 1024, 1000), POUCH_OK);
    for (int i = 0; i < 100; i++) put(&r, i, "a");
    assert_true(events_ring_first(&r) > 50);
    assert_int_equal(events_ring_next(&r), 100);
    assert_true(r.bytes <= 1000);
    events_ring_restart(&r, 7);
    assert_int_equal(events_ring_first(&r), 7);
    assert_int_equal(r.bytes, 0);
    events_ring_free(&r);
}

static void a_set_has_what_was_added_and_nothing_else(void **state) {
    (void)state;
    struct events_set set = {0};
    const char *const names[] = {"a", "b", "a", "user:1"}, *const all[] = {EVENTS_ALL};
    assert_int_equal(events_set_add(&set, names, 4), POUCH_OK);
    assert_int_equal(set.n, 3);
    for (int i = 0; i < 2000; i++) {
        char name[16];
        snprintf(name, sizeof name, "user:%d", i);
        assert_int_equal(events_set_has(&set, name, events_hash(name)), i == 1);
    }
    events_set_remove(&set, names, 1);
    assert_false(events_set_has(&set, "a", events_hash("a")));
    assert_true(events_set_has(&set, "b", events_hash("b")));
    assert_false(events_set_has(&set, "c", events_hash("b")));
    assert_int_equal(events_set_add(&set, all, 1), POUCH_OK);
    assert_true(events_set_has(&set, "anything", events_hash("anything")));
    events_set_remove(&set, NULL, 0);
    assert_false(events_set_has(&set, "anything", events_hash("anything")));
    events_set_free(&set);
}

static void names_that_cannot_be_and_too_many_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"", "a b", "a\n", "a*", "ä", "a,b"};
    struct events_set set = {0};
    char longest[EVENTS_CHANNEL_MAX + 2], name[16];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(events_set_add(&set, &bad[i], 1), POUCH_E_INVALID_PAYLOAD);
    memset(longest, 'x', sizeof longest);
    longest[EVENTS_CHANNEL_MAX + 1] = 0;
    assert_false(events_name_is_ok(longest));
    longest[EVENTS_CHANNEL_MAX] = 0;
    assert_true(events_name_is_ok(longest));
    for (int i = 0; i < EVENTS_CHANNELS_MAX; i++) {
        const char *one = name;
        snprintf(name, sizeof name, "c%d", i);
        assert_int_equal(events_set_add(&set, &one, 1), POUCH_OK);
    }
    const char *one = "more";
    assert_int_equal(events_set_add(&set, &one, 1), POUCH_E_INVALID_PAYLOAD);
    events_set_free(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_gets_what_is_behind_its_position_once),
        cmocka_unit_test(what_has_no_room_leaves_at_the_front_and_its_readers_are_told),
        cmocka_unit_test(bytes_are_bounded_too),
        cmocka_unit_test(a_set_has_what_was_added_and_nothing_else),
        cmocka_unit_test(names_that_cannot_be_and_too_many_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
