/* A publisher that sends more than it may. */
#include <support.h>

#include "fixture.h"

#include <center/status.h>

enum { BURST = 5, SENT = 40 };

struct sent {
    struct fixture f;
    char ids[SENT][ID_TEXT];
    size_t routed, told, letters;
};

static size_t ends_of(const struct sent *s, const char *topic) {
    size_t n = 0;
    for (size_t i = 0; i < SENT; i++) n += seen_on(&s->f, topic, s->ids[i], 0) != NULL;
    return n;
}

static bool have_ended(void *arg) {
    struct sent *s = arg;
    tap(&s->f);
    s->routed = ends_of(s, "one");
    s->told = ends_of(s, REPLIES);
    s->letters = ends_of(s, LETTERS);
    return s->routed + s->told >= SENT && s->routed + s->letters >= SENT;
}

/* acceptance: B4 */
static void what_is_over_the_rate_is_answered_at_once_and_becomes_a_dead_letter(void **state) {
    (void)state;
    static struct sent s;
    struct fixture *f = &s.f;
    char other[BURST][ID_TEXT];
    fixture_start(f, 1);
    add_route(f, "p", true, TARGETS("one"));
    add_route(f, "q", true, TARGETS("two"));
    int64_t began = pl_mono_us(&pl_clock_system);
    start_center(f, (const char *const[]){"center.publisher_rate", "1", "center.publisher_burst", "5", NULL});
    for (size_t i = 0; i < SENT; i++) ask(f, (struct request){.publisher = "p"}, s.ids[i]);
    for (size_t i = 0; i < BURST; i++) ask(f, (struct request){.publisher = "q"}, other[i]);
    for (size_t i = 0; i < BURST; i++) find(f, "two", other[i]);
    stop_center(f);
    int64_t seconds = (pl_mono_us(&pl_clock_system) - began) / 1000000;
    test_until(have_ended, &s);
    assert_int_equal(s.routed + s.letters, SENT);
    assert_int_equal(s.told, s.letters);
    assert_true(s.routed >= BURST && s.routed <= BURST + (size_t)seconds + 1);
    assert_int_equal(pl_metric_get(PL_M_CENTER_LIMITED), s.letters);
    for (size_t i = 0; i < SENT; i++)
        if (seen_on(f, LETTERS, s.ids[i], 0)) {
            assert_told(f, s.ids[i], "overloaded");
            assert_non_null(
                strstr(header_of(assert_letter(f, s.ids[i], "overloaded"), PL_H_DLQ_REASON), "center.publisher_rate"));
        }
    assert_int_equal(committed(f), SENT + BURST);
    fixture_stop(f);
}

static bool tells_both(void *center) {
    struct center_report r;
    center_report_read(center, &r);
    if (r.n_publishers != 2 || r.n_targets != 2) return false;
    return r.publishers[0].routed + r.publishers[0].failed + r.publishers[1].routed + r.publishers[1].failed == 4;
}

static void the_status_tells_how_many_each_publisher_sent_and_each_target_got(void **state) {
    (void)state;
    struct fixture f;
    struct center_report r;
    char id[ID_TEXT];
    fixture_start(&f, 1);
    add_route(&f, "p", true, TARGETS("one"));
    add_route(&f, "q", true, TARGETS("two"));
    start_center(&f, NULL);
    for (int i = 0; i < 3; i++) ask(&f, (struct request){.publisher = "p"}, id);
    ask(&f, (struct request){.publisher = "nobody"}, id);
    ask(&f, (struct request){.publisher = "q"}, id);
    test_until(tells_both, f.center);
    center_report_read(f.center, &r);
    size_t p = strcmp(r.publishers[0].publisher, "p") != 0, one = strcmp(r.targets[0].topic, "one") != 0;
    assert_string_equal(r.publishers[p].publisher, "p");
    assert_int_equal(r.publishers[p].routed, 3);
    assert_int_equal(r.publishers[!p].routed, 1);
    assert_string_equal(r.targets[one].topic, "one");
    assert_int_equal(r.targets[one].routed, 3);
    assert_int_equal(r.targets[!one].routed, 1);
    stop_center(&f);
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_over_the_rate_is_answered_at_once_and_becomes_a_dead_letter),
        cmocka_unit_test(the_status_tells_how_many_each_publisher_sent_and_each_target_got),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
