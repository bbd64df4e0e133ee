/* The dedupe window: who comes first, who waits, what is remembered, for how long and how much of it. */
#include <support.h>

#include <metrics/metrics.h>
#include <oom.h>
#include <worker/dedupe.h>

enum { WINDOW_MS = 60000, MOST = 8, BYTES = 1 << 16 };

static const char work[] = "calculate", other_work[] = "get-user";
static struct test_clock clock;
static struct pl_dedupe *window;

static void open_window(size_t max, size_t max_bytes) {
    const struct pl_dedupe_bounds bounds = {WINDOW_MS, max, max_bytes};
    test_clock_init(&clock);
    assert_int_equal(pl_dedupe_new(&window, &bounds, &clock.clock), POUCH_OK);
}

static int set_up(void **state) {
    (void)state;
    open_window(MOST, BYTES);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    assert_null(pl_dedupe_close(window));
    pl_dedupe_free(window);
    return 0;
}

static struct pl_dedupe_key key_of(unsigned n) {
    struct pl_dedupe_key key = {.topic = work};
    memcpy(key.id.b, &n, sizeof n);
    memcpy(key.tag, &n, sizeof n);
    return key;
}

static void pass(int64_t ms) {
    clock.mono_us += ms * 1000;
    clock.wall_ms += ms;
}

static enum pl_dedupe_verdict enter(struct pl_dedupe_key key, struct pl_dedupe_entry **entry) {
    static struct pl_dedupe_waiter waiter;
    return pl_dedupe_enter(window, &key, &waiter, entry);
}

static struct pl_dedupe_entry *first(struct pl_dedupe_key key) {
    struct pl_dedupe_entry *entry;
    assert_int_equal(enter(key, &entry), PL_DEDUPE_FIRST);
    assert_non_null(entry);
    return entry;
}

static void handle(struct pl_dedupe_key key, const char *reply) {
    assert_null(pl_dedupe_end(window, first(key), true, reply, strlen(reply)));
}

/* Whether the request has ended with that reply. */
static bool is_known(struct pl_dedupe_key key, const char *wanted) {
    struct pl_dedupe_entry *entry;
    size_t n;
    enum pl_dedupe_verdict v = enter(key, &entry);
    if (v == PL_DEDUPE_FIRST) assert_null(pl_dedupe_end(window, entry, false, NULL, 0));
    if (v != PL_DEDUPE_ENDED) return false;
    const void *reply = pl_dedupe_reply(entry, &n);
    assert_int_equal(n, strlen(wanted));
    if (n) assert_memory_equal(reply, wanted, n);
    pl_dedupe_release(window, entry);
    return true;
}

static void a_request_that_has_ended_is_known_with_its_answer_for_the_time_of_the_window(void **state) {
    (void)state;
    handle(key_of(1), "sealed");
    handle(key_of(2), "");
    pass(WINDOW_MS - 1);
    assert_true(is_known(key_of(1), "sealed"));
    assert_true(is_known(key_of(2), ""));
    assert_false(is_known(key_of(3), ""));
    pass(1);
    assert_false(is_known(key_of(1), "sealed"));
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_ENTRIES), 0);
}

static void an_answer_being_read_outlives_the_window(void **state) {
    struct pl_dedupe_entry *entry;
    size_t n;
    (void)state;
    handle(key_of(1), "sealed");
    assert_int_equal(enter(key_of(1), &entry), PL_DEDUPE_ENDED);
    pass(WINDOW_MS);
    assert_false(is_known(key_of(1), "sealed"));
    assert_memory_equal(pl_dedupe_reply(entry, &n), "sealed", 6);
    pl_dedupe_release(window, entry);
}

static void one_that_is_not_done_is_handled_again(void **state) {
    (void)state;
    pl_dedupe_end(window, first(key_of(1)), false, "half", 4);
    handle(key_of(1), "whole");
    assert_true(is_known(key_of(1), "whole"));
}

static void those_that_come_meanwhile_wait_for_the_end_of_the_first(void **state) {
    struct pl_dedupe_waiter waiters[5];
    struct pl_dedupe_entry *entry, *mine = first(key_of(1));
    const struct pl_dedupe_key key = key_of(1);
    (void)state;
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(pl_dedupe_enter(window, &key, &waiters[i], &entry), PL_DEDUPE_WAITS);
    size_t n = 0;
    for (struct pl_dedupe_waiter *w = pl_dedupe_end(window, mine, true, "x", 1); w; w = w->next) n++;
    assert_int_equal(n, 5);
    assert_true(is_known(key, "x"));
}

static void who_only_joins_enters_nothing(void **state) {
    struct pl_dedupe_waiter waiter;
    struct pl_dedupe_entry *entry;
    const struct pl_dedupe_key key = key_of(1);
    struct pl_dedupe_key forged = key;
    forged.id.b[15] ^= 1;
    size_t n;
    (void)state;
    assert_int_equal(pl_dedupe_join(window, &key, &waiter, &entry), PL_DEDUPE_UNKNOWN);
    assert_null(entry);
    struct pl_dedupe_entry *mine = first(key);
    assert_int_equal(pl_dedupe_waiting(window, mine), 0);
    assert_int_equal(pl_dedupe_join(window, &key, &waiter, &entry), PL_DEDUPE_WAITS);
    assert_int_equal(pl_dedupe_waiting(window, mine), 1);
    assert_int_equal(pl_dedupe_join(window, &forged, &waiter, &entry), PL_DEDUPE_RELABELLED);
    assert_ptr_equal(pl_dedupe_end(window, mine, true, "x", 1), &waiter);
    assert_int_equal(pl_dedupe_join(window, &key, &waiter, &entry), PL_DEDUPE_ENDED);
    assert_int_equal(pl_dedupe_waiting(window, entry), 0);
    assert_memory_equal(pl_dedupe_reply(entry, &n), "x", 1);
    pl_dedupe_release(window, entry);
    assert_null(pl_dedupe_close(window));
    assert_int_equal(pl_dedupe_join(window, &key, &waiter, &entry), PL_DEDUPE_UNKNOWN);
}

static void a_closed_window_gives_back_who_waits_and_knows_nothing(void **state) {
    struct pl_dedupe_waiter waiter;
    struct pl_dedupe_entry *entry, *mine = first(key_of(1));
    const struct pl_dedupe_key key = key_of(1);
    (void)state;
    assert_int_equal(pl_dedupe_enter(window, &key, &waiter, &entry), PL_DEDUPE_WAITS);
    assert_ptr_equal(pl_dedupe_close(window), &waiter);
    assert_null(waiter.next);
    assert_int_equal(pl_dedupe_enter(window, &key, &waiter, &entry), PL_DEDUPE_FIRST);
    assert_null(entry);
    assert_null(pl_dedupe_end(window, mine, true, "x", 1));
}

static void a_tag_under_another_request_id_is_relabelled(void **state) {
    struct pl_dedupe_entry *entry, *mine;
    struct pl_dedupe_key key = key_of(1), forged = key;
    (void)state;
    forged.id.b[15] ^= 1;
    mine = first(key);
    assert_int_equal(enter(forged, &entry), PL_DEDUPE_RELABELLED);
    assert_null(pl_dedupe_end(window, mine, true, "x", 1));
    assert_int_equal(enter(forged, &entry), PL_DEDUPE_RELABELLED);
    assert_null(entry);
}

static void topics_have_nothing_to_do_with_each_other(void **state) {
    struct pl_dedupe_key here = key_of(1), there = here;
    (void)state;
    there.topic = other_work;
    handle(here, "here");
    handle(there, "there");
    assert_true(is_known(here, "here"));
    assert_true(is_known(there, "there"));
}

static void the_oldest_goes_when_there_are_too_many(void **state) {
    int64_t before = pl_metric_get(PL_M_DEDUPE_FORGOTTEN);
    (void)state;
    for (unsigned i = 0; i <= MOST; i++) handle(key_of(i), "x");
    assert_false(is_known(key_of(0), "x"));
    for (unsigned i = 1; i <= MOST; i++) assert_true(is_known(key_of(i), "x"));
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_FORGOTTEN), before + 1);
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_ENTRIES), MOST);
}

static void the_oldest_go_when_their_answers_are_too_large(void **state) {
    static char large[BYTES / 2 + 1], larger[BYTES];
    int64_t before = pl_metric_get(PL_M_DEDUPE_FORGOTTEN);
    (void)state;
    handle(key_of(0), "x");
    handle(key_of(1), "x");
    pl_dedupe_end(window, first(key_of(2)), true, large, sizeof large);
    assert_true(is_known(key_of(0), "x"));
    pl_dedupe_end(window, first(key_of(3)), true, large, sizeof large);
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_ENTRIES), 1);
    pl_dedupe_end(window, first(key_of(4)), true, larger, sizeof larger);
    assert_false(is_known(key_of(4), ""));
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_FORGOTTEN), before + 4);
}

static void without_memory_a_request_is_handled_and_not_remembered(void **state) {
    struct pl_dedupe_entry *entry;
    (void)state;
    if (!test_oom_works()) skip();
    test_oom_after(0);
    enum pl_dedupe_verdict v = enter(key_of(1), &entry);
    test_oom_after(-1);
    assert_int_equal(v, PL_DEDUPE_FIRST);
    assert_null(entry);
    entry = first(key_of(1));
    test_oom_after(0);
    assert_null(pl_dedupe_end(window, entry, true, "x", 1));
    test_oom_after(-1);
    assert_false(is_known(key_of(1), "x"));
}

/* ---- keeping ---- */

static void what_ended_is_saved_once_and_in_order(void **state) {
    struct pl_dedupe_entry *out[MOST];
    (void)state;
    for (unsigned i = 0; i < 5; i++) handle(key_of(i), "x");
    assert_int_equal(pl_dedupe_unsaved(window, out, 3), 3);
    for (unsigned i = 0; i < 3; i++) assert_memory_equal(pl_dedupe_key_of(out[i])->tag, key_of(i).tag, PL_DEDUPE_TAG);
    assert_int_equal(pl_dedupe_ended_ms(out[0]), clock.wall_ms);
    pl_dedupe_saved(window, out, 3, (const int64_t[]){7, 8, 9});
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_UNSAVED), 2);
    assert_int_equal(pl_dedupe_unsaved(window, out, MOST), 2);
    pl_dedupe_saved(window, out, 2, NULL);
    assert_int_equal(pl_dedupe_unsaved(window, out, MOST), 2);
    pl_dedupe_saved(window, out, 2, (const int64_t[]){10, 11});
    assert_int_equal(pl_dedupe_unsaved(window, out, MOST), 0);
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_UNSAVED), 0);
    handle(key_of(5), "x");
    assert_int_equal(pl_dedupe_unsaved(window, out, MOST), 1);
    pl_dedupe_saved(window, out, 1, NULL);
}

static void what_is_forgotten_is_told_by_its_number(void **state) {
    struct pl_dedupe_entry *out[2];
    (void)state;
    assert_int_equal(pl_dedupe_expire(window), 0);
    handle(key_of(1), "x");
    handle(key_of(2), "x");
    assert_int_equal(pl_dedupe_unsaved(window, out, 2), 2);
    pl_dedupe_saved(window, out, 1, (const int64_t[]){5});
    pass(WINDOW_MS); /* over while the other one is still being written */
    assert_int_equal(pl_dedupe_expire(window), 5);
    pl_dedupe_saved(window, out + 1, 1, (const int64_t[]){6});
    assert_int_equal(pl_dedupe_expire(window), 6);
    assert_int_equal(pl_metric_get(PL_M_DEDUPE_UNSAVED), 0);
}

static void what_others_answered_is_known_for_what_is_left_of_its_time(void **state) {
    struct pl_dedupe_key key = key_of(1), late = key_of(2), ahead = key_of(3);
    (void)state;
    pl_dedupe_learn(window, &key, clock.wall_ms - 1000, 1, "x", 1);
    pl_dedupe_learn(window, &late, clock.wall_ms - WINDOW_MS, 2, "x", 1);
    pl_dedupe_learn(window, &ahead, clock.wall_ms + 3600000, 3, "x", 1);
    assert_true(is_known(key, "x"));
    assert_false(is_known(late, "x"));
    assert_true(is_known(ahead, "x"));
    assert_int_equal(pl_dedupe_expire(window), 2);
    pass(WINDOW_MS - 1000);
    assert_false(is_known(key, "x"));
    pass(1000);
    assert_false(is_known(ahead, "x")); /* no younger than new, wherever its clock was */
    assert_int_equal(pl_dedupe_unsaved(window, (struct pl_dedupe_entry *[1]){NULL}, 1), 0);
}

static void what_is_in_hand_or_known_is_not_learned_again(void **state) {
    struct pl_dedupe_key key = key_of(1);
    (void)state;
    struct pl_dedupe_entry *mine = first(key);
    pl_dedupe_learn(window, &key, clock.wall_ms, 1, "theirs", 6);
    assert_null(pl_dedupe_end(window, mine, true, "mine", 4));
    pl_dedupe_learn(window, &key, clock.wall_ms, 1, "theirs", 6);
    assert_true(is_known(key, "mine"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_request_that_has_ended_is_known_with_its_answer_for_the_time_of_the_window),
        TEST(an_answer_being_read_outlives_the_window),
        TEST(one_that_is_not_done_is_handled_again),
        TEST(those_that_come_meanwhile_wait_for_the_end_of_the_first),
        TEST(who_only_joins_enters_nothing),
        TEST(a_closed_window_gives_back_who_waits_and_knows_nothing),
        TEST(a_tag_under_another_request_id_is_relabelled),
        TEST(topics_have_nothing_to_do_with_each_other),
        TEST(the_oldest_goes_when_there_are_too_many),
        TEST(the_oldest_go_when_their_answers_are_too_large),
        TEST(without_memory_a_request_is_handled_and_not_remembered),
        TEST(what_ended_is_saved_once_and_in_order),
        TEST(what_is_forgotten_is_told_by_its_number),
        TEST(what_others_answered_is_known_for_what_is_left_of_its_time),
        TEST(what_is_in_hand_or_known_is_not_learned_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
