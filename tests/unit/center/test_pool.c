/* How many records a center takes at once. */
#include <support.h>

#include <center/state.h>
#include <stdlib.h>

enum { IN_FLIGHT = 10000, LARGE = 1024 * 1024 };

static struct center *set_up(void) {
    struct center *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->settings.center_in_flight = c->legs_room = IN_FLIGHT;
    c->items = calloc(IN_FLIGHT, sizeof *c->items);
    assert_non_null(c->items);
    return c;
}

static void tear_down(struct center *c) {
    free(c->items);
    free(c);
}

/* Takes as often as there is room, none of them ending. */
static void fill(struct center *c, size_t bytes) {
    rd_kafka_message_t m = {.len = bytes};
    const struct pl_taken taken = {.message = &m, .bytes = bytes};
    for (size_t n; (n = center_room(c));)
        while (n--) center_item_new(c, &taken);
}

static void small_records_are_taken_up_to_their_number(void **state) {
    (void)state;
    struct center *c = set_up();
    assert_int_equal(center_room(c), CENTER_BATCH);
    fill(c, 256);
    assert_int_equal(c->items_used, IN_FLIGHT);
    tear_down(c);
}

static void large_records_are_taken_up_to_their_bytes(void **state) {
    (void)state;
    struct center *c = set_up();
    c->usual_bytes = LARGE;
    fill(c, LARGE);
    assert_true(c->bytes >= CENTER_BYTES_MOST);
    assert_true(c->bytes <= CENTER_BYTES_MOST + 2 * LARGE);
    tear_down(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_records_are_taken_up_to_their_number),
        cmocka_unit_test(large_records_are_taken_up_to_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
