/* The table of open calls: who holds an entry, and when it ends. */
#include <support.h>

#include <oom.h>

#include <client/pending.h>
#include <metrics/metrics.h>

static struct pl_pending p;
static bool sooner;

static int set_up(void **state) {
    (void)state;
    assert_int_equal(pl_pending_init(&p, 100), POUCH_OK);
    return 0;
}

/* What is still open here would be a leak in a client: each test leaves the table empty. */
static int tear_down(void **state) {
    (void)state;
    assert_int_equal(atomic_load(&p.open), 0);
    assert_int_equal(pl_metric_get(PL_M_PENDING), 0);
    pl_pending_free(&p);
    return 0;
}

static struct pl_uuid id_of(unsigned i) {
    struct pl_uuid id = {{0}};
    for (int k = 0; k < 16; k++) id.b[k] = (uint8_t)(i * 2654435761u >> (k % 4 * 8)) ^ (uint8_t)k;
    return id;
}

static struct pl_call *open_one(unsigned i, int64_t due) {
    struct pl_call *call;
    assert_int_equal(pl_pending_reserve(&p, &call, 1), POUCH_OK);
    call->id = id_of(i);
    assert_int_equal(pl_pending_open(&p, &call, 1, due, &sooner), POUCH_OK);
    return call;
}

static void drop(struct pl_call *call) {
    pl_pending_drop(&p, &call, 1);
}

static void a_call_is_claimed_once(void **state) {
    (void)state;
    struct pl_call *call = open_one(1, 10);
    struct pl_uuid ids[2] = {id_of(1), id_of(2)};
    bool known[2];
    pl_pending_known(&p, ids, known, 2);
    assert_true(known[0]);
    assert_false(known[1]);
    assert_ptr_equal(pl_pending_claim(&p, &ids[0]), call);
    assert_null(pl_pending_claim(&p, &ids[0]));
    assert_null(pl_pending_claim(&p, &ids[1]));
    drop(call);
    drop(call);
}

static void an_answer_claims_its_call_but_for_one_of_a_gather(void **state) {
    (void)state;
    struct pl_call *plain = open_one(1, 10), *part = open_one(2, 10);
    struct pl_uuid ids[2] = {id_of(1), id_of(2)};
    int gather;
    part->gather = (struct pouch_gather *)&gather;
    assert_ptr_equal(pl_pending_answered(&p, &ids[0]), plain);
    assert_null(pl_pending_answered(&p, &ids[0]));
    assert_ptr_equal(pl_pending_answered(&p, &ids[1]), part);
    assert_ptr_equal(pl_pending_answered(&p, &ids[1]), part);
    assert_false(pl_pending_branch_failed(&p, &ids[1], 1, 2));
    assert_ptr_equal(pl_pending_claim(&p, &ids[1]), part);
    assert_null(pl_pending_answered(&p, &ids[1]));
    for (int i = 0; i < 2; i++) {
        drop(plain);
        drop(part);
    }
}

/* Made at due less their timeout, which is a second here. */
static void calls_are_found_by_topic_and_age(void **state) {
    (void)state;
    enum { CALLS = 60, SECOND = 1000000 };
    static const char *const names[] = {"orders", "bank", "orders.dead"};
    struct pl_call *out[CALLS];
    for (unsigned i = 0; i < CALLS; i++) {
        struct pl_call *call = open_one(100 + i, SECOND + (int)(i * 37 % CALLS));
        call->timeout_ms = 1000;
        strcpy(call->topic, names[i % 3]);
    }
    assert_true(pl_pending_waits(&p, "orders", 1));
    assert_false(pl_pending_waits(&p, "orders", 0));
    assert_false(pl_pending_waits(&p, "order", CALLS));
    size_t n = 0, more;
    while ((more = pl_pending_claim_topic(&p, "orders", CALLS / 2, out + n, 7))) n += more;
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(out[i]->topic, "orders");
        assert_true(out[i]->timer.due < SECOND + CALLS / 2);
    }
    assert_int_equal(n, 10);
    assert_false(pl_pending_waits(&p, "orders", CALLS / 2));
    assert_true(pl_pending_waits(&p, "orders", CALLS));
    n += pl_pending_close(&p, out + n, CALLS);
    assert_int_equal(n, CALLS);
    for (size_t i = 0; i < n; i++) {
        drop(out[i]);
        drop(out[i]);
    }
}

/* A claimed entry whose record is still under way must not be given to another call. */
static void an_entry_is_used_again_only_when_both_holders_let_go(void **state) {
    (void)state;
    struct pl_call *first = open_one(1, 10), *other, *second;
    const struct pl_uuid id = id_of(1);
    assert_ptr_equal(pl_pending_claim(&p, &id), first);
    drop(first);
    other = open_one(2, 10);
    assert_ptr_not_equal(other, first);
    drop(first);
    second = open_one(3, 10);
    assert_ptr_equal(second, first);
    assert_true(pl_pending_withdraw(&p, other));
    assert_true(pl_pending_withdraw(&p, second));
}

static void calls_expire_soonest_first_and_only_when_due(void **state) {
    (void)state;
    struct pl_call *late = open_one(1, 30), *soon = open_one(2, 10), *out[4];
    assert_int_equal(pl_pending_due(&p), 10);
    assert_int_equal(pl_pending_expire(&p, 9, out, 4), 0);
    assert_int_equal(pl_pending_expire(&p, 30, out, 1), 1);
    assert_ptr_equal(out[0], soon);
    assert_int_equal(pl_pending_due(&p), 30);
    assert_int_equal(pl_pending_expire(&p, 30, out, 4), 1);
    assert_ptr_equal(out[0], late);
    assert_int_equal(pl_pending_due(&p), INT64_MAX);
    drop(late);
    drop(late);
    drop(soon);
    drop(soon);
}

/* The client's thread sleeps until the deadline it knows, so only an earlier one must wake it. */
static void a_deadline_before_the_one_waited_for_is_told(void **state) {
    (void)state;
    struct pl_call *a, *b, *c;
    assert_int_equal(pl_pending_due(&p), INT64_MAX);
    a = open_one(1, 20);
    assert_true(sooner);
    assert_int_equal(pl_pending_due(&p), 20);
    b = open_one(2, 20);
    assert_false(sooner);
    c = open_one(3, 19);
    assert_true(sooner);
    pl_pending_withdraw(&p, a);
    pl_pending_withdraw(&p, b);
    pl_pending_withdraw(&p, c);
}

static void a_record_that_was_not_sent_is_withdrawn_unless_its_call_has_ended(void **state) {
    (void)state;
    struct pl_call *call = open_one(1, 10), *out[1];
    assert_true(pl_pending_is_open(&p, call));
    assert_true(pl_pending_withdraw(&p, call));
    call = open_one(2, 10);
    assert_int_equal(pl_pending_expire(&p, 10, out, 1), 1);
    assert_false(pl_pending_is_open(&p, call));
    assert_false(pl_pending_withdraw(&p, call));
    drop(call);
}

static void a_failed_call_is_given_at_once_with_its_error(void **state) {
    (void)state;
    struct pl_call *call = open_one(1, 1000), *out[2];
    const struct pl_uuid id = id_of(1);
    pl_pending_fail(&p, call, POUCH_E_OVERLOADED);
    assert_null(pl_pending_claim(&p, &id));
    assert_int_equal(pl_pending_due(&p), INT64_MIN);
    assert_int_equal(pl_pending_expire(&p, 0, out, 2), 1);
    assert_int_equal(out[0]->failed, POUCH_E_OVERLOADED);
    drop(call);
    call = open_one(2, 10);
    assert_int_equal(pl_pending_expire(&p, 10, out, 1), 1);
    pl_pending_fail(&p, call, POUCH_E_OVERLOADED);
    assert_int_equal(call->failed, POUCH_OK);
    assert_int_equal(pl_pending_expire(&p, 10, out, 1), 0);
    drop(call);
}

static void no_more_than_max_are_open(void **state) {
    (void)state;
    struct pl_call *calls[101], *one;
    assert_int_equal(pl_pending_reserve(&p, calls, 101), POUCH_E_OVERLOADED);
    assert_int_equal(pl_pending_reserve(&p, calls, 100), POUCH_OK);
    assert_int_equal(pl_pending_reserve(&p, &one, 1), POUCH_E_OVERLOADED);
    for (unsigned i = 0; i < 100; i++) calls[i]->id = id_of(i);
    assert_int_equal(pl_pending_open(&p, calls, 100, 5, &sooner), POUCH_OK);
    for (unsigned i = 0; i < 100; i++) assert_true(pl_pending_withdraw(&p, calls[i]));
    assert_int_equal(pl_pending_reserve(&p, &one, 1), POUCH_OK);
    pl_pending_settle(&p, one);
    drop(one);
}

/* The id that is there twice makes the third fail; then none is open. */
static void several_are_opened_all_or_none(void **state) {
    (void)state;
    struct pl_call *calls[3], *out[3];
    assert_int_equal(pl_pending_reserve(&p, calls, 3), POUCH_OK);
    for (unsigned i = 0; i < 3; i++) calls[i]->id = id_of(i % 2);
    assert_true(pl_pending_open(&p, calls, 3, 5, &sooner) != POUCH_OK);
    assert_int_equal(pl_pending_expire(&p, 5, out, 3), 0);
    assert_int_equal(atomic_load(&p.open), 0);
}

static void a_closed_table_takes_no_more(void **state) {
    (void)state;
    struct pl_call *a = open_one(1, 10), *b = open_one(2, 10), *reserved, *out[4];
    assert_int_equal(pl_pending_reserve(&p, &reserved, 1), POUCH_OK);
    reserved->id = id_of(3);
    pl_pending_fail(&p, b, POUCH_E_NO_MEMORY);
    assert_int_equal(pl_pending_close(&p, out, 4), 2);
    assert_int_equal(pl_pending_close(&p, out, 4), 0);
    assert_int_equal(pl_pending_open(&p, &reserved, 1, 10, &sooner), POUCH_E_CLOSED);
    assert_int_equal(pl_pending_reserve(&p, &reserved, 1), POUCH_E_CLOSED);
    drop(a);
    drop(a);
    drop(b);
}

static bool fill_the_table(void) {
    struct pl_pending q;
    struct pl_call *calls[80];
    size_t n = 0;
    bool done = false;
    if (pl_pending_init(&q, 100)) return false;
    if (!pl_pending_reserve(&q, calls, 80)) {
        for (unsigned i = 0; i < 80; i++) calls[i]->id = id_of(i);
        done = !pl_pending_open(&q, calls, 80, 10, &sooner);
        while (done && n < 80) done = pl_pending_withdraw(&q, calls[n++]);
    }
    assert_int_equal(atomic_load(&q.open), 0);
    pl_pending_free(&q);
    return done;
}

static void each_failed_allocation_leaves_the_table_sound(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(test_oom_each(fill_the_table) > 0);
}

#define ON_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_TABLE(a_call_is_claimed_once),
        ON_TABLE(an_answer_claims_its_call_but_for_one_of_a_gather),
        ON_TABLE(calls_are_found_by_topic_and_age),
        ON_TABLE(an_entry_is_used_again_only_when_both_holders_let_go),
        ON_TABLE(calls_expire_soonest_first_and_only_when_due),
        ON_TABLE(a_deadline_before_the_one_waited_for_is_told),
        ON_TABLE(a_record_that_was_not_sent_is_withdrawn_unless_its_call_has_ended),
        ON_TABLE(a_failed_call_is_given_at_once_with_its_error),
        ON_TABLE(no_more_than_max_are_open),
        ON_TABLE(several_are_opened_all_or_none),
        ON_TABLE(a_closed_table_takes_no_more),
        ON_TABLE(each_failed_allocation_leaves_the_table_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
