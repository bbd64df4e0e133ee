/* The tasks that ended last. */
#include <support.h>

#include <oom.h>
#include <plain/recent.h>

static struct pl_uuid id_of(uint32_t i) {
    struct pl_uuid id = {{0}};
    uint32_t spread = i * 2654435761u;
    for (int k = 0; k < 16; k++) id.b[k] = (uint8_t)(spread >> (k % 4 * 8)) ^ (uint8_t)k;
    return id;
}

static void note(struct plain_recent *r, uint32_t i, enum plain_end end) {
    struct pl_uuid id = id_of(i);
    plain_recent_note(r, &id, end);
}

static enum plain_end find(const struct plain_recent *r, uint32_t i) {
    struct pl_uuid id = id_of(i);
    return plain_recent_find(r, &id);
}

static void the_last_ones_are_known_and_older_ones_forgotten(void **state) {
    (void)state;
    struct plain_recent r;
    assert_int_equal(plain_recent_init(&r), POUCH_OK);
    for (uint32_t i = 0; i < 3 * PLAIN_RECENT; i++) note(&r, i, i % 2 ? PLAIN_ANSWERED : PLAIN_TIMED_OUT);
    for (uint32_t i = 0; i < 2 * PLAIN_RECENT; i++) assert_int_equal(find(&r, i), PLAIN_UNKNOWN);
    for (uint32_t i = 2 * PLAIN_RECENT; i < 3 * PLAIN_RECENT; i++)
        assert_int_equal(find(&r, i), i % 2 ? PLAIN_ANSWERED : PLAIN_TIMED_OUT);
    assert_int_equal(r.by_id.count, PLAIN_RECENT);
    plain_recent_free(&r);
}

static void an_id_that_is_used_again_takes_one_place(void **state) {
    (void)state;
    struct plain_recent r;
    assert_int_equal(plain_recent_init(&r), POUCH_OK);
    note(&r, 1, PLAIN_TIMED_OUT);
    note(&r, 1, PLAIN_ANSWERED);
    assert_int_equal(find(&r, 1), PLAIN_ANSWERED);
    assert_int_equal(r.by_id.count, 1);
    plain_recent_free(&r);
}

static void without_memory_it_knows_less(void **state) {
    (void)state;
    struct plain_recent r;
    if (!test_oom_works()) skip();
    test_oom_after(0);
    assert_int_equal(plain_recent_init(&r), POUCH_E_NO_MEMORY);
    test_oom_after(-1);
    assert_int_equal(plain_recent_init(&r), POUCH_OK);
    test_oom_after(0);
    for (uint32_t i = 0; i < 2000; i++) note(&r, i, PLAIN_ANSWERED);
    test_oom_after(-1);
    assert_true(r.by_id.count < 2000);
    note(&r, 5000, PLAIN_TIMED_OUT);
    assert_int_equal(find(&r, 5000), PLAIN_TIMED_OUT);
    plain_recent_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_ones_are_known_and_older_ones_forgotten),
        cmocka_unit_test(an_id_that_is_used_again_takes_one_place),
        cmocka_unit_test(without_memory_it_knows_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
