/* A coordinator that answers nothing for nearly a session, and what the member does until it answers. */
#include <support.h>

#include "group_fixture.h"

#include <bus/group_state.h>

enum { SILENT_MS = 600000 };

/* Of a session of 12 s a quarter is kept, so that a busy machine does not let it end before the member has noticed. */
static struct pl_property session[] = {{(char *)"session.timeout.ms", (char *)"12000"},
                                       {(char *)"heartbeat.interval.ms", (char *)"500"}};

static void join(struct member *m, struct fixture *f, const char *group, const char *topic) {
    struct pl_property *kafka = f->settings.kafka;
    size_t n = f->settings.n_kafka;
    f->settings.kafka = session;
    f->settings.n_kafka = sizeof session / sizeof session[0];
    member_join(m, f, group, topic);
    f->settings.kafka = kafka;
    f->settings.n_kafka = n;
}

static void fall_silent(struct fixture *f, bool silent) {
    assert_int_equal(rd_kafka_mock_broker_set_rtt(f->mock.cluster, 1, silent ? SILENT_MS : 0), 0);
}

static bool member_has_let_go(void *arg) {
    struct member *m = arg;
    member_take(m);
    return m->lost > 0;
}

static bool has_its_place(const struct member *m) {
    char *id = rd_kafka_memberid(m->group->rk);
    bool has = id && *id;
    rd_kafka_mem_free(m->group->rk, id);
    return has;
}

/* librdkafka's own loss of a session takes the id away before it calls the partitions back. */
static void partitions_are_let_go_and_the_place_is_kept(void **state) {
    struct fixture *f = *state;
    struct member m;
    test_mock_topic(&f->mock, "silent", 2);
    fixture_write(f, "silent", 2, 0, 10);
    join(&m, f, "g.silent", "silent");
    m.want = 20;
    test_until(member_has_taken, &m);
    fall_silent(f, true);
    test_until(member_has_let_go, &m);
    assert_true(m.group->withheld && has_its_place(&m));
    assert_int_equal(m.group->n_parts, 0);
    fall_silent(f, false);
    m.may_repeat = true;
    fixture_write(f, "silent", 2, 10, 10);
    m.want = 40;
    test_until(member_has_taken, &m);
    assert_int_equal(m.lost, 1);
    member_leave(&m);
    assert_int_equal(fixture_committed(f, "g.silent", "silent", 0), 20);
}

static void a_member_leaves_while_it_waits(void **state) {
    struct fixture *f = *state;
    struct member m;
    test_mock_topic(&f->mock, "left", 1);
    join(&m, f, "g.left", "left");
    test_until(member_has_joined, &m);
    fall_silent(f, true);
    test_until(member_has_let_go, &m);
    assert_true(m.group->withheld);
    member_leave(&m);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(partitions_are_let_go_and_the_place_is_kept),
        WITH_FIXTURE(a_member_leaves_while_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
