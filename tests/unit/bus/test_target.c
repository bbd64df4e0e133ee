/* Which targets have room, and which have stalled. */
#include <support.h>

#include <bus/target.h>
#include <stdio.h>

enum { MOST = 4, MOST_BYTES = 1000, ROOM = 4 * MOST, ROOM_BYTES = 4 * MOST_BYTES, SECOND = 1000000 };

struct fixture {
    struct pl_targets targets;
    struct pl_target *bad, *good;
    int64_t now_us;
    const struct pl_target *crowded; /* somebody waits for room at it */
    size_t stalled;                  /* times that one was found to have stalled */
};

static int set_up(void **state) {
    static struct fixture f;
    f = (struct fixture){.now_us = 10 * SECOND};
    pl_targets_init(&f.targets, sizeof(struct pl_target), ROOM, ROOM_BYTES, "*.replies");
    f.bad = pl_target_of(&f.targets, "bad");
    f.good = pl_target_of(&f.targets, "good");
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    pl_targets_free(&f->targets);
    return 0;
}

static bool crowded(const struct pl_target *target, void *arg) {
    return ((struct fixture *)arg)->crowded == target;
}

static void found(struct pl_target *target, void *arg) {
    struct fixture *f = arg;
    assert_ptr_equal(target, f->bad);
    f->stalled++;
}

static void look(struct fixture *f) {
    pl_targets_look(&f->targets, crowded, found, f);
}

/* Deliveries to other topics, each step after the one before. */
static void others_deliver(struct fixture *f, int64_t us, int64_t step) {
    for (int64_t end = f->now_us + us; f->now_us < end;) {
        f->now_us += step;
        pl_targets_alive(&f->targets, f->now_us);
    }
}

static void a_name_has_one_target(void **state) {
    struct fixture *f = *state;
    assert_ptr_equal(pl_target_of(&f->targets, "bad"), f->bad);
    assert_ptr_not_equal(f->bad, f->good);
    for (int i = 0; i < 5000; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        struct pl_target *t = pl_target_of(&f->targets, name);
        assert_string_equal(t->name, name);
        assert_ptr_equal(pl_target_of(&f->targets, name), t);
    }
}

/* acceptance: B14 */
static void a_target_for_replies_is_known_by_its_name(void **state) {
    struct fixture *f = *state;
    assert_true(pl_target_of(&f->targets, "me.replies")->takes_replies);
    assert_false(f->good->takes_replies);
}

static void one_target_holds_at_most_a_quarter(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < MOST; i++) {
        assert_false(pl_target_full(&f->targets, f->bad, 1));
        pl_target_enter(&f->targets, f->bad, 1);
    }
    assert_true(pl_target_full(&f->targets, f->bad, 1));
    assert_false(pl_target_full(&f->targets, f->good, ROOM_BYTES + 1)); /* one it takes always */
    pl_target_leave(&f->targets, f->bad, 1, true);
    assert_false(pl_target_full(&f->targets, f->bad, 1));
    while (f->bad->in_flight) pl_target_leave(&f->targets, f->bad, 1, true);
    pl_target_enter(&f->targets, f->good, MOST_BYTES - 1);
    assert_false(pl_target_full(&f->targets, f->good, 1));
    assert_true(pl_target_full(&f->targets, f->good, 2));
}

/* Records of so many bytes, until it is full. */
static size_t fill(struct fixture *f, struct pl_target *t, size_t bytes) {
    while (!pl_target_full(&f->targets, t, bytes)) pl_target_enter(&f->targets, t, bytes);
    return t->in_flight;
}

static void those_that_are_full_leave_room_for_one_more(void **state) {
    struct fixture *f = *state;
    enum { WIDE = 1024, BYTES = 1000, FULL = 16 };
    static const size_t rooms[][2] = {{WIDE, SIZE_MAX / 4}, {SIZE_MAX / 4, WIDE * BYTES}};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        pl_targets_free(&f->targets);
        pl_targets_init(&f->targets, sizeof(struct pl_target), rooms[i][0], rooms[i][1], "");
        size_t share = WIDE / 4;
        for (int n = 0; n < FULL; n++) {
            char name[16];
            snprintf(name, sizeof name, "t%d", n);
            size_t holds = fill(f, pl_target_of(&f->targets, name), BYTES);
            assert_true(holds > 0 && holds <= share);
            share = holds;
        }
        assert_true(f->targets.in_flight < WIDE);
    }
}

static void one_that_takes_nothing_for_long_while_others_do_has_stalled(void **state) {
    struct fixture *f = *state;
    others_deliver(f, SECOND, 1000);
    pl_target_enter(&f->targets, f->bad, 1);
    others_deliver(f, PL_TARGET_STALL_US - 1000, 1000);
    look(f);
    assert_int_equal(f->stalled, 0);
    others_deliver(f, 1000, 1000);
    look(f);
    assert_int_equal(f->stalled, 1);
    assert_true(f->bad->stalled && !f->good->stalled);
    look(f);
    assert_int_equal(f->stalled, 1); /* told once */
}

static void one_that_somebody_waits_for_has_stalled_sooner(void **state) {
    struct fixture *f = *state;
    others_deliver(f, SECOND, 1000);
    pl_target_enter(&f->targets, f->bad, 1);
    f->crowded = f->bad;
    others_deliver(f, PL_TARGET_CROWDED_US - 1000, 1000);
    look(f);
    assert_int_equal(f->stalled, 0);
    others_deliver(f, 1000, 1000);
    look(f);
    assert_int_equal(f->stalled, 1);
}

static void a_broker_that_was_away_stalls_nobody(void **state) {
    struct fixture *f = *state;
    others_deliver(f, SECOND, 1000);
    pl_target_enter(&f->targets, f->bad, 1);
    f->now_us += 600 * (int64_t)SECOND; /* nothing is delivered at all */
    others_deliver(f, SECOND, 1000);
    look(f);
    assert_int_equal(f->stalled, 0);
}

static void one_that_takes_something_now_and_then_has_not_stalled(void **state) {
    struct fixture *f = *state;
    pl_target_enter(&f->targets, f->bad, 1);
    pl_target_enter(&f->targets, f->bad, 1);
    for (int i = 0; i < 10; i++) {
        others_deliver(f, PL_TARGET_STALL_US - 1000, 1000);
        pl_target_leave(&f->targets, f->bad, 1, true);
        pl_target_enter(&f->targets, f->bad, 1);
        look(f);
    }
    assert_int_equal(f->stalled, 0);
}

static void what_it_takes_or_its_last_report_ends_the_stall(void **state) {
    struct fixture *f = *state;
    for (int stored = 0; stored < 2; stored++) {
        pl_target_enter(&f->targets, f->bad, 1);
        if (stored) pl_target_enter(&f->targets, f->bad, 1); /* one more is still to be reported */
        others_deliver(f, PL_TARGET_STALL_US + SECOND, 1000);
        look(f);
        assert_true(f->bad->stalled);
        assert_int_equal(f->targets.stalled, 1);
        pl_target_leave(&f->targets, f->bad, 1, stored);
        assert_false(f->bad->stalled);
        assert_int_equal(f->targets.stalled, 0);
    }
}

static void one_that_was_idle_does_not_stall_on_its_first_record(void **state) {
    struct fixture *f = *state;
    others_deliver(f, 60 * (int64_t)SECOND, 1000);
    pl_target_enter(&f->targets, f->bad, 1);
    look(f);
    assert_int_equal(f->stalled, 0);
}

/* Stalls, and is given up by the producer: its last report says that nothing was stored. */
static void doubt(struct fixture *f) {
    pl_target_enter(&f->targets, f->bad, 1);
    others_deliver(f, PL_TARGET_STALL_US + SECOND, 1000);
    look(f);
    assert_int_equal(pl_target_state(f->bad), PL_BREAKER_OPEN);
    pl_target_leave(&f->targets, f->bad, 1, false);
    assert_int_equal(pl_target_state(f->bad), PL_BREAKER_HALF_OPEN);
    assert_int_equal(f->bad->since_us, f->now_us);
}

/* acceptance: A24 */
static void one_in_doubt_is_tried_with_one_record(void **state) {
    struct fixture *f = *state;
    doubt(f);
    for (size_t stalls = 1; stalls < 4; stalls++) {
        assert_int_equal(f->bad->stalls, stalls);
        assert_false(pl_target_refuses(f->bad));
        pl_target_enter(&f->targets, f->bad, 1);
        assert_true(pl_target_refuses(f->bad));
        others_deliver(f, PL_TARGET_CROWDED_US, 1000);
        look(f);
        assert_int_equal(pl_target_state(f->bad), PL_BREAKER_OPEN);
        assert_true(pl_target_refuses(f->bad));
        pl_target_leave(&f->targets, f->bad, 1, false);
    }
    pl_target_enter(&f->targets, f->bad, 1);
    pl_target_leave(&f->targets, f->bad, 1, true);
    assert_int_equal(pl_target_state(f->bad), PL_BREAKER_CLOSED);
    assert_int_equal(f->bad->stalls, 0);
    assert_int_equal(f->targets.doubted, 0);
    pl_target_enter(&f->targets, f->bad, 1);
    assert_false(pl_target_refuses(f->bad));
}

static void what_was_not_counted_and_is_stored_ends_the_doubt(void **state) {
    struct fixture *f = *state;
    doubt(f);
    pl_target_took(&f->targets, f->bad);
    assert_int_equal(pl_target_state(f->bad), PL_BREAKER_CLOSED);
}

static void few_in_doubt_are_kept_and_all_others_forgotten(void **state) {
    struct fixture *f = *state;
    size_t before = f->targets.known;
    for (int i = 0; i < 2 * PL_TARGET_DOUBTS; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        f->bad = pl_target_of(&f->targets, name);
        assert_ptr_equal(pl_target_find(&f->targets, name), f->bad);
        doubt(f);
        pl_target_forget(&f->targets, f->bad);
    }
    assert_int_equal(f->targets.known, before + PL_TARGET_DOUBTS);
    assert_int_equal(f->targets.doubted, PL_TARGET_DOUBTS);
    assert_non_null(pl_target_find(&f->targets, "t0"));
    pl_target_forget(&f->targets, f->good);
    assert_null(pl_target_find(&f->targets, "good"));
    assert_int_equal(f->targets.known, before + PL_TARGET_DOUBTS - 1);
}

struct seen {
    size_t n;
    const struct pl_target *first;
};

static void see(const struct pl_target *target, void *arg) {
    struct seen *seen = arg;
    if (!seen->n++) seen->first = target;
}

static void those_that_are_refused_are_told_first(void **state) {
    struct fixture *f = *state;
    struct seen seen = {0};
    doubt(f);
    pl_targets_each(&f->targets, see, &seen);
    assert_int_equal(seen.n, 2);
    assert_ptr_equal(seen.first, f->bad);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_name_has_one_target, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_target_for_replies_is_known_by_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_target_holds_at_most_a_quarter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_that_are_full_leave_room_for_one_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_takes_nothing_for_long_while_others_do_has_stalled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_somebody_waits_for_has_stalled_sooner, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broker_that_was_away_stalls_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_takes_something_now_and_then_has_not_stalled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_it_takes_or_its_last_report_ends_the_stall, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_was_idle_does_not_stall_on_its_first_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_in_doubt_is_tried_with_one_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_counted_and_is_stored_ends_the_doubt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(few_in_doubt_are_kept_and_all_others_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_that_are_refused_are_told_first, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
