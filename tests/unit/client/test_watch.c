/* Who is told that nobody reads a topic, and when: the clock and the looks are the test's. */
#include <support.h>

#include <client/watch.h>

enum { SECOND = 1000000 };

static struct pl_pending p;
static struct pl_watch *w;
static struct test_clock at;
static enum pl_audience there;
static int looks;
static char looked_at[PL_NAME_MAX + 1];

static enum pl_audience look(void *arg, const char *topic) {
    (void)arg;
    looks++;
    strcpy(looked_at, topic);
    return there;
}

static int set_up(void **state) {
    (void)state;
    test_clock_init(&at);
    at.mono_us = 1000 * (int64_t)SECOND;
    looks = 0;
    there = PL_AUDIENCE_UNKNOWN;
    assert_int_equal(pl_pending_init(&p, 100), POUCH_OK);
    w = pl_watch_new(&p, &at.clock);
    assert_non_null(w);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    struct pl_call *left[16];
    size_t n = pl_pending_close(&p, left, 16);
    for (size_t i = 0; i < n; i++) pl_pending_drop(&p, (struct pl_call *[]){left[i], left[i]}, 2);
    assert_int_equal(atomic_load(&p.open), 0);
    pl_watch_free(w);
    pl_pending_free(&p);
    return 0;
}

/* A call that is open for a minute, unless its topic is known to have no readers. */
static pouch_err ask(const char *topic) {
    static unsigned n;
    struct pl_call *call;
    bool sooner, wake;
    assert_int_equal(pl_pending_reserve(&p, &call, 1), POUCH_OK);
    memset(&call->id, 0, sizeof call->id);
    memcpy(&call->id, &(unsigned){++n}, sizeof n);
    call->timeout_ms = 60000;
    strcpy(call->topic, topic);
    assert_int_equal(pl_pending_open(&p, &call, 1, at.mono_us + 60 * (int64_t)SECOND, &sooner), POUCH_OK);
    pouch_err e = pl_watch_asked(w, topic, &wake);
    if (e) assert_true(pl_pending_withdraw(&p, call));
    return e;
}

/* What the keeper does until it would rest for long, for so many microseconds; how many calls were dismissed. */
static size_t pass(int64_t us) {
    struct pl_call *out[16];
    size_t total = 0;
    for (int64_t end = at.mono_us + us;;) {
        bool tell;
        int wait = pl_watch_tick(w, look, NULL, &tell);
        size_t n = pl_watch_claim(w, out, 16);
        assert_int_equal(n > 0, tell);
        for (size_t i = 0; i < n; i++) pl_pending_drop(&p, (struct pl_call *[]){out[i], out[i]}, 2);
        total += n;
        if (wait < 0 || at.mono_us >= end) return total;
        at.mono_us += wait ? wait * 1000 : 1;
    }
}

static void a_topic_that_nobody_reads_is_told_after_a_moment(void **state) {
    (void)state;
    there = PL_AUDIENCE_NONE;
    assert_int_equal(ask("orders"), POUCH_OK);
    int64_t before = at.mono_us;
    assert_int_equal(pass(SECOND), 1);
    assert_true(at.mono_us - before >= 300000);
    assert_int_equal(looks, 1);
    assert_string_equal(looked_at, "orders");
}

static void the_next_requests_are_refused_while_the_look_is_fresh(void **state) {
    (void)state;
    there = PL_AUDIENCE_NONE;
    assert_int_equal(ask("orders"), POUCH_OK);
    assert_int_equal(pass(SECOND), 1);
    assert_int_equal(ask("orders"), POUCH_E_NO_RESPONDERS);
    assert_non_null(strstr(pouch_why(), "orders"));
    at.mono_us += 2 * SECOND;
    there = PL_AUDIENCE_THERE;
    assert_int_equal(ask("orders"), POUCH_OK);
    assert_int_equal(pass(SECOND), 0);
    assert_int_equal(looks, 2);
    assert_int_equal(ask("orders"), POUCH_OK);
}

static void what_is_unknown_or_read_waits(void **state) {
    (void)state;
    static const enum pl_audience cases[] = {PL_AUDIENCE_UNKNOWN, PL_AUDIENCE_THERE};
    static const char *const names[] = {"unknown", "there"};
    for (int i = 0; i < 2; i++) {
        there = cases[i];
        looks = 0;
        assert_int_equal(ask(names[i]), POUCH_OK);
        assert_int_equal(pass(50 * (int64_t)SECOND), 0);
        assert_in_range(looks, 20, 60); /* every two seconds or so, of this one and the one before */
    }
}

static void groups_without_members_are_given_30_seconds(void **state) {
    (void)state;
    there = PL_AUDIENCE_AWAY;
    assert_int_equal(ask("orders"), POUCH_OK);
    assert_int_equal(pass(29 * (int64_t)SECOND), 0);
    assert_int_equal(pass(4 * SECOND), 1);
}

static void a_member_that_comes_starts_the_30_seconds_again(void **state) {
    (void)state;
    there = PL_AUDIENCE_AWAY;
    assert_int_equal(ask("orders"), POUCH_OK);
    assert_int_equal(pass(20 * (int64_t)SECOND), 0);
    there = PL_AUDIENCE_THERE;
    assert_int_equal(pass(3 * SECOND), 0);
    there = PL_AUDIENCE_AWAY;
    assert_int_equal(pass(25 * (int64_t)SECOND), 0);
    assert_int_equal(pass(10 * (int64_t)SECOND), 1);
}

static void looks_that_are_far_apart_do_not_add_up(void **state) {
    (void)state;
    struct pl_call *out[16];
    there = PL_AUDIENCE_AWAY;
    assert_int_equal(ask("orders"), POUCH_OK);
    assert_int_equal(pass(SECOND), 0);
    size_t n = pl_pending_expire(&p, INT64_MAX, out, 16);
    assert_int_equal(n, 1);
    pl_pending_drop(&p, (struct pl_call *[]){out[0], out[0]}, 2);
    at.mono_us += 60 * (int64_t)SECOND;
    assert_int_equal(ask("orders"), POUCH_OK);
    assert_int_equal(pass(25 * (int64_t)SECOND), 0);
}

/* A worker that comes after a look may be at the request already. */
static void a_look_ends_only_what_has_waited_before_it(void **state) {
    (void)state;
    there = PL_AUDIENCE_NONE;
    assert_int_equal(ask("orders"), POUCH_OK);
    at.mono_us += 200000;
    assert_int_equal(ask("orders"), POUCH_OK);
    assert_int_equal(pass(150000), 1);
    there = PL_AUDIENCE_THERE;
    assert_int_equal(pass(5 * SECOND), 0);
}

static void what_is_answered_at_once_costs_no_look(void **state) {
    (void)state;
    struct pl_call *out[1];
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ask("orders"), POUCH_OK);
        assert_int_equal(pass(150000), 0);
        assert_int_equal(pl_pending_expire(&p, INT64_MAX, out, 1), 1);
        pl_pending_drop(&p, (struct pl_call *[]){out[0], out[0]}, 2);
    }
    assert_int_equal(looks, 0);
}

static void a_topic_that_nothing_is_open_for_is_not_searched_for_until_it_is_asked(void **state) {
    (void)state;
    struct pl_call *out[1];
    there = PL_AUDIENCE_THERE;
    assert_int_equal(ask("orders"), POUCH_OK);
    assert_int_equal(pl_pending_expire(&p, INT64_MAX, out, 1), 1);
    pl_pending_drop(&p, (struct pl_call *[]){out[0], out[0]}, 2);
    assert_int_equal(ask("bank"), POUCH_OK);
    pass(SECOND);
    assert_false(w->topics[0].waits);
    assert_true(w->topics[1].waits);
    assert_int_equal(ask("orders"), POUCH_OK);
    pass(SECOND);
    assert_true(w->topics[0].waits);
    assert_string_equal(looked_at, "orders");
}

/* Who reads without a group is in no list. */
static void a_topic_that_was_answered_is_not_judged_by_an_empty_list(void **state) {
    (void)state;
    there = PL_AUDIENCE_NONE;
    assert_int_equal(ask("orders"), POUCH_OK);
    pl_watch_answered(w, "orders");
    assert_int_equal(pass(20 * (int64_t)SECOND), 0);
    assert_int_equal(ask("orders"), POUCH_OK);
}

static void only_its_own_calls_are_dismissed(void **state) {
    (void)state;
    there = PL_AUDIENCE_NONE;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask("orders"), POUCH_OK);
        at.mono_us++; /* so that the heap is in some order */
    }
    assert_int_equal(ask("bank"), POUCH_OK);
    pl_watch_answered(w, "bank");
    assert_int_equal(pass(SECOND), 5);
    assert_int_equal(atomic_load(&p.open), 1);
}

static bool is_known(const char *topic) {
    for (size_t i = 0; i < w->n; i++)
        if (!strcmp(w->topics[i].topic, topic)) return true;
    return false;
}

static void topics_are_bounded_and_the_one_asked_longest_ago_makes_room(void **state) {
    (void)state;
    char topic[16];
    bool wake;
    for (int i = 0; i < PL_WATCH_TOPICS; i++) {
        at.mono_us++;
        snprintf(topic, sizeof topic, "t%d", i);
        assert_int_equal(pl_watch_asked(w, topic, &wake), POUCH_OK);
    }
    at.mono_us++;
    assert_int_equal(pl_watch_asked(w, "t0", &wake), POUCH_OK);
    assert_int_equal(pl_watch_asked(w, "one more", &wake), POUCH_OK);
    assert_int_equal(w->n, PL_WATCH_TOPICS);
    assert_true(is_known("one more") && is_known("t0"));
    assert_false(is_known("t1"));
}

/* The keeper is woken once, and then comes by itself until no call is open. */
static void the_keeper_is_woken_when_it_rests(void **state) {
    (void)state;
    struct pl_call *out[1];
    bool wake;
    assert_int_equal(ask("orders"), POUCH_OK);
    assert_int_equal(pl_watch_asked(w, "orders", &wake), POUCH_OK);
    assert_false(wake);
    pass(0);
    assert_int_equal(pl_watch_asked(w, "orders", &wake), POUCH_OK);
    assert_false(wake);
    assert_int_equal(pl_pending_expire(&p, INT64_MAX, out, 1), 1);
    pl_pending_drop(&p, (struct pl_call *[]){out[0], out[0]}, 2);
    pass(0);
    assert_int_equal(pl_watch_asked(w, "orders", &wake), POUCH_OK);
    assert_true(wake);
}

#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON(a_topic_that_nobody_reads_is_told_after_a_moment),
        ON(the_next_requests_are_refused_while_the_look_is_fresh),
        ON(what_is_unknown_or_read_waits),
        ON(groups_without_members_are_given_30_seconds),
        ON(a_member_that_comes_starts_the_30_seconds_again),
        ON(looks_that_are_far_apart_do_not_add_up),
        ON(a_look_ends_only_what_has_waited_before_it),
        ON(what_is_answered_at_once_costs_no_look),
        ON(a_topic_that_nothing_is_open_for_is_not_searched_for_until_it_is_asked),
        ON(a_topic_that_was_answered_is_not_judged_by_an_empty_list),
        ON(only_its_own_calls_are_dismissed),
        ON(topics_are_bounded_and_the_one_asked_longest_ago_makes_room),
        ON(the_keeper_is_woken_when_it_rests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
