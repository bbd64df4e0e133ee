/* Where a group begins that has no offsets, for each setting and each state of the topic. */
#include <support.h>

#include "group_fixture.h"

#include <bus/group_state.h>
#include <pthread.h>
#include <stdatomic.h>

enum { MINUTE = 60000, OLD = 11 * MINUTE, YOUNG = 9 * MINUTE };

/* Records in each of two partitions, in this order. */
struct shape {
    int old_expired, old_open, young;
};

static const struct row {
    const char *name;
    enum pl_start start;
    struct shape shape;
    int taken; /* of each partition; -1: the group refuses */
    int refused;
} rows[] = {
    {"auto.empty", PL_START_AUTO, {0, 0, 0}, 0, 0},   {"auto.young", PL_START_AUTO, {0, 0, 5}, 5, 0},
    {"auto.expired", PL_START_AUTO, {4, 0, 3}, 7, 0}, {"auto.old", PL_START_AUTO, {0, 2, 3}, -1, 4},
    {"auto.mixed", PL_START_AUTO, {3, 2, 1}, -1, 4},  {"earliest.old", PL_START_EARLIEST, {1, 2, 3}, 6, 0},
    {"latest.old", PL_START_LATEST, {1, 2, 3}, 0, 0},
};

static void write_shape(struct fixture *f, const char *topic, const struct shape *s) {
    int64_t passed = pl_wall_ms(&pl_clock_system) - MINUTE, ahead = passed + 10 * MINUTE;
    for (int p = 0; p < 2; p++) {
        int value = 0;
        for (int i = 0; i < s->old_expired; i++) fixture_write_aged(f, topic, p, value++, OLD, passed);
        for (int i = 0; i < s->old_open; i++) fixture_write_aged(f, topic, p, value++, OLD, i % 2 ? ahead : 0);
        for (int i = 0; i < s->young; i++) fixture_write_aged(f, topic, p, value++, YOUNG, 0);
    }
    assert_int_equal(rd_kafka_flush(f->producer, TEST_UNTIL_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void check_refusal(struct member *m, const struct row *row) {
    char count[32];
    test_until(member_has_failed, m);
    assert_int_equal(pl_group_failed(m->group), POUCH_E_CONFIG);
    snprintf(count, sizeof count, " %d requests", row->refused);
    assert_non_null(strstr(pouch_why(), count));
    assert_non_null(strstr(pouch_why(), "--start earliest"));
    assert_non_null(strstr(pouch_why(), "--start latest"));
    assert_int_equal(member_total(m), 0);
}

static void check_begin(struct fixture *f, struct member *m, const struct row *row) {
    int written = row->shape.old_expired + row->shape.old_open + row->shape.young;
    for (int p = 0; p < 2; p++) m->next[p] = written - row->taken; /* joining may bring records already */
    test_until(member_has_joined, m);
    fixture_write(f, row->name, 2, written, 2);
    m->want = 2 * ((size_t)row->taken + 2);
    test_until(member_has_taken, m);
    assert_int_equal(member_total(m), m->want);
}

static void each_setting_begins_where_it_says_or_refuses(void **state) {
    struct fixture *f = *state;
    static struct member members[sizeof rows / sizeof rows[0]];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_mock_topic(&f->mock, rows[i].name, 2);
        write_shape(f, rows[i].name, &rows[i].shape);
        f->settings.start = rows[i].start;
        member_join(&members[i], f, rows[i].name, rows[i].name);
        if (rows[i].taken < 0)
            check_refusal(&members[i], &rows[i]);
        else
            check_begin(f, &members[i], &rows[i]);
        member_leave(&members[i]);
    }
}

static void latest_is_committed_so_that_nothing_is_lost_before_the_first_record(void **state) {
    struct fixture *f = *state;
    struct member m;
    test_mock_topic(&f->mock, "skip", 2);
    fixture_write(f, "skip", 2, 0, 10);
    f->settings.start = PL_START_LATEST;
    member_join(&m, f, "g.skip", "skip");
    test_until(member_has_joined, &m);
    member_leave(&m);
    assert_int_equal(fixture_committed(f, "g.skip", "skip", 0), 10);
    assert_int_equal(fixture_committed(f, "g.skip", "skip", 1), 10);

    fixture_write(f, "skip", 2, 10, 5);
    member_join(&m, f, "g.skip", "skip");
    m.next[0] = m.next[1] = 10;
    m.want = 10;
    test_until(member_has_taken, &m);
    member_leave(&m);
}

static void a_partition_that_is_new_to_the_group_begins_at_the_earliest(void **state) {
    struct fixture *f = *state;
    struct member m;
    test_mock_topic(&f->mock, "grown", 2);
    fixture_write(f, "grown", 2, 0, 10);
    fixture_commit(f, "g.grown", "grown", 0, 10);
    f->settings.start = PL_START_LATEST;
    member_join(&m, f, "g.grown", "grown");
    m.want = 10;
    test_until(member_has_taken, &m);
    assert_int_equal(m.seen[1], 10);
    member_leave(&m);
}

struct pair {
    struct member a, b;
};

static bool both_have_one(void *arg) {
    struct pair *p = arg;
    struct pl_partition *parts[PARTS_MAX];
    member_take(&p->a);
    member_take(&p->b);
    return pl_group_partitions(p->a.group, parts, PARTS_MAX) == 1 &&
           pl_group_partitions(p->b.group, parts, PARTS_MAX) == 1;
}

static bool both_have_taken_ten(void *arg) {
    struct pair *p = arg;
    member_take(&p->a);
    member_take(&p->b);
    return member_total(&p->a) + member_total(&p->b) >= 10;
}

/* If each decided for itself, the slower one would find the other's commit and take its own partition for a new one. */
static void members_that_start_together_begin_at_one_decision(void **state) {
    struct fixture *f = *state;
    static struct pair p;
    test_mock_topic(&f->mock, "together", 2);
    fixture_write(f, "together", 2, 0, 10);
    f->settings.start = PL_START_LATEST;
    member_join(&p.a, f, "g.together", "together");
    member_join(&p.b, f, "g.together", "together");
    for (int i = 0; i < 2; i++) p.a.next[i] = p.b.next[i] = 10;
    test_until(both_have_one, &p);
    fixture_write(f, "together", 2, 10, 5);
    test_until(both_have_taken_ten, &p);
    assert_int_equal(member_total(&p.a), 5);
    assert_int_equal(member_total(&p.b), 5);
    member_leave(&p.b);
    member_leave(&p.a);
}

static bool has_begun_nothing(void *arg) {
    struct member *m = arg;
    member_take(m);
    return m->group->pending != NULL;
}

static bool the_second_has_begun_nothing(void *arg) {
    struct pair *p = arg;
    member_take(&p->a);
    return has_begun_nothing(&p->b);
}

/* Else the first would be put out of the group when its time to join again is over, and the second be given all. */
static void a_member_that_cannot_begin_yet_lets_others_join(void **state) {
    enum { OFTEN = 1000 };
    static rd_kafka_resp_err_t refusals[OFTEN];
    struct fixture *f = *state;
    static struct pair p;
    test_mock_topic(&f->mock, "waiting", 2);
    fixture_write(f, "waiting", 2, 0, 10);
    for (int i = 0; i < OFTEN; i++) refusals[i] = RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
    rd_kafka_mock_push_request_errors_array(f->mock.cluster, TEST_API_OFFSET_COMMIT, OFTEN, refusals);
    member_join(&p.a, f, "g.waiting", "waiting");
    test_until(has_begun_nothing, &p.a);
    member_join(&p.b, f, "g.waiting", "waiting");
    test_until(the_second_has_begun_nothing, &p);
    assert_int_equal(p.b.group->pending->cnt, 1);
    rd_kafka_mock_clear_request_errors(f->mock.cluster, TEST_API_OFFSET_COMMIT);
    test_until(both_have_one, &p);
    member_leave(&p.b);
    member_leave(&p.a);
}

/* The broker goes at the moment it is asked to commit, and comes back when the member goes on, or at last. */
struct outage {
    struct fixture *fixture;
    struct member member;
    pthread_t thread;
    atomic_bool down, over;
    bool sat_out;
};

static bool commit_was_asked_for(void *arg) {
    struct outage *o = arg;
    size_t left;
    rd_kafka_mock_broker_error_stack_cnt(o->fixture->mock.cluster, 1, TEST_API_OFFSET_COMMIT, &left);
    return left == 0;
}

static void *break_and_mend(void *arg) {
    enum { AT_LAST_US = 60000000 };
    struct outage *o = arg;
    test_until(commit_was_asked_for, o);
    rd_kafka_mock_broker_set_down(o->fixture->mock.cluster, 1);
    atomic_store(&o->down, true);
    int64_t since = pl_mono_us(&pl_clock_system);
    while (!atomic_load(&o->over) && !o->sat_out) {
        poll(NULL, 0, 10);
        o->sat_out = pl_mono_us(&pl_clock_system) - since > AT_LAST_US;
    }
    rd_kafka_mock_broker_set_up(o->fixture->mock.cluster, 1);
    return NULL;
}

static bool broker_is_gone(void *arg) {
    struct outage *o = arg;
    member_take(&o->member);
    return atomic_load(&o->down);
}

static void a_decision_is_not_waited_for_while_there_is_no_broker(void **state) {
    static struct outage o;
    o.fixture = *state;
    test_mock_topic(&o.fixture->mock, "cut", 1);
    rd_kafka_mock_broker_push_request_error_rtts(o.fixture->mock.cluster, 1, TEST_API_OFFSET_COMMIT, 1,
                                                 RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 1000);
    member_join(&o.member, o.fixture, "g.cut", "cut");
    assert_int_equal(pthread_create(&o.thread, NULL, break_and_mend, &o), 0);
    test_until(broker_is_gone, &o);
    atomic_store(&o.over, true);
    pthread_join(o.thread, NULL);
    assert_false(o.sat_out);
    test_until(member_has_joined, &o.member);
    member_leave(&o.member);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(each_setting_begins_where_it_says_or_refuses),
        WITH_FIXTURE(latest_is_committed_so_that_nothing_is_lost_before_the_first_record),
        WITH_FIXTURE(members_that_start_together_begin_at_one_decision),
        WITH_FIXTURE(a_member_that_cannot_begin_yet_lets_others_join),
        WITH_FIXTURE(a_decision_is_not_waited_for_while_there_is_no_broker),
        WITH_FIXTURE(a_partition_that_is_new_to_the_group_begins_at_the_earliest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
