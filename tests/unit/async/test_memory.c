/* The index of a gateway without Redis: what it keeps, for how long, and what goes when it is full. */
#include <support.h>

#include <async/memory.h>
#include <metrics/metrics.h>
#include <stdlib.h>

enum { ROOM = 4096 };

static struct pl_uuid id_of(int n) {
    struct pl_uuid id = {{0}};
    for (size_t i = 0; i < sizeof id.b; i++) id.b[i] = (uint8_t)(n * 31 + (int)i * 7);
    return id;
}

static struct pl_span text(const char *at) {
    return (struct pl_span){at, strlen(at)};
}

struct seen {
    char note[64], reply[64];
    bool sent, complete;
};

static void see(const struct async_look *look, void *arg) {
    struct seen *s = arg;
    *s = (struct seen){.sent = look->sent, .complete = look->complete};
    if (look->note.at) memcpy(s->note, look->note.at, look->note.n);
    if (look->reply.at) memcpy(s->reply, look->reply.at, look->reply.n);
}

static struct seen find(struct async_memory *m, int n, int64_t now_ms) {
    struct seen s;
    struct pl_uuid id = id_of(n);
    async_memory_find(m, &id, now_ms, see, &s);
    return s;
}

static void note(struct async_memory *m, int n, int key, const char *what, int64_t until_ms) {
    struct pl_uuid id = id_of(n), hash = id_of(1000 + key);
    assert_int_equal(async_memory_note(m, &id, key ? &hash : NULL, text(what), until_ms), POUCH_OK);
}

static void reply(struct async_memory *m, int n, const char *what, bool firm, int64_t until_ms) {
    struct pl_uuid id = id_of(n);
    assert_int_equal(async_memory_reply(m, &id, text(what), firm, until_ms), POUCH_OK);
}

static int claim(struct async_memory *m, int n, int key, int64_t now_ms) {
    struct pl_uuid id = id_of(n), hash = id_of(1000 + key), winner, other;
    pouch_err e = async_memory_claim(m, &hash, &id, now_ms, now_ms + 10, &winner);
    if (e) return -(int)e;
    for (int i = 0; i < 100; i++)
        if (other = id_of(i), !memcmp(&other, &winner, sizeof winner)) return i;
    fail_msg("no such winner");
    return 0;
}

static int set_up(void **state) {
    struct async_memory *m = calloc(1, sizeof *m);
    assert_non_null(m);
    assert_int_equal(async_memory_init(m, ROOM), POUCH_OK);
    async_memory_set_complete(m, true);
    *state = m;
    return 0;
}

static int tear_down(void **state) {
    async_memory_free(*state);
    free(*state);
    return 0;
}

static void note_and_reply_come_in_any_order_and_end_apart(void **state) {
    struct async_memory *m = *state;
    note(m, 1, 0, "note 1", 200);
    reply(m, 1, "reply 1", true, 100);
    reply(m, 2, "reply 2", true, 100);
    note(m, 2, 0, "note 2", 200);
    for (int n = 1; n <= 2; n++) {
        assert_true(*find(m, n, 50).note && *find(m, n, 50).reply);
        assert_true(*find(m, n, 150).note && !*find(m, n, 150).reply);
        assert_true(!*find(m, n, 250).note && !*find(m, n, 250).reply);
    }
    assert_true(find(m, 3, 50).complete);
    async_memory_expire(m, 250);
    assert_null(m->oldest);
    assert_int_equal(m->bytes, 0);
}

static void a_success_stands_in_place_of_an_error_and_not_the_other_way(void **state) {
    struct async_memory *m = *state;
    reply(m, 1, "error", false, 100);
    reply(m, 1, "error 2", false, 100);
    assert_string_equal(find(m, 1, 0).reply, "error");
    reply(m, 1, "success", true, 100);
    reply(m, 1, "error 3", false, 100);
    assert_string_equal(find(m, 1, 0).reply, "success");
}

static void the_oldest_go_when_it_is_full(void **state) {
    struct async_memory *m = *state;
    int64_t before = pl_metric_get(PL_M_ASYNC_FORGOTTEN);
    for (int n = 0; n < 90; n++) {
        note(m, n, n + 1, "a note of some length", 1000);
        assert_true(m->bytes <= ROOM);
    }
    assert_true(*find(m, 89, 0).note && !*find(m, 0, 0).note);
    assert_true(pl_metric_get(PL_M_ASYNC_FORGOTTEN) > before);
    assert_int_equal(claim(m, 95, 1, 0), 95);
    assert_int_equal(claim(m, 95, 90, 0), 89);
}

static void a_key_is_one_requests_until_it_is_dropped_or_its_time_is_over(void **state) {
    struct async_memory *m = *state;
    assert_int_equal(claim(m, 1, 1, 0), 1);
    assert_int_equal(claim(m, 2, 1, 5), 1);
    assert_int_equal(claim(m, 2, 1, 20), 2); /* no note of the first has come */
    note(m, 2, 1, "note", 1000);
    assert_int_equal(claim(m, 3, 1, 500), 2);
    struct pl_uuid id = id_of(2);
    async_memory_drop(m, &id);
    assert_false(*find(m, 2, 0).note);
    assert_int_equal(claim(m, 3, 1, 500), 3);
}

static void a_request_that_was_never_sent_takes_no_key_from_a_later_one(void **state) {
    struct async_memory *m = *state;
    struct pl_uuid id = id_of(1);
    assert_int_equal(claim(m, 1, 1, 0), 1);
    async_memory_drop(m, &id);
    assert_int_equal(claim(m, 2, 1, 5), 2);
    for (int i = 0; i < 2;
         i++) { /* the first one is read from the topic while the second has no note yet, and once more */
        note(m, 1, 1, "note 1", 1000);
        assert_int_equal(claim(m, 3, 1, 10), 2);
        async_memory_drop(m, &id);
        assert_int_equal(claim(m, 3, 1, 10), 2);
        note(m, 2, 1, "note 2", 1005);
    }
    assert_int_equal(claim(m, 3, 1, 500), 2);
}

static bool take(struct async_memory *m, int n, int64_t now_ms) {
    struct pl_uuid id = id_of(n);
    return async_memory_take(m, &id, now_ms, now_ms + 10);
}

static void a_request_is_ones_own_to_send_until_it_is_sent_or_the_time_for_it_is_over(void **state) {
    struct async_memory *m = *state;
    struct pl_uuid id = id_of(1);
    note(m, 1, 1, "note", 1000);
    assert_true(take(m, 1, 0));
    assert_false(take(m, 1, 9));
    assert_true(take(m, 1, 10)); /* whoever had taken it was killed */
    assert_false(find(m, 1, 0).sent);
    assert_int_equal(async_memory_sent(m, &id, 1000), POUCH_OK);
    assert_true(find(m, 1, 0).sent);
    assert_false(take(m, 1, 500));
    note(m, 1, 1, "note", 1000); /* read from the topic again */
    assert_true(find(m, 1, 0).sent);
    assert_true(take(m, 2, 0)); /* that had no room */
}

static void no_key_is_given_before_all_has_been_read(void **state) {
    struct async_memory *m = *state;
    async_memory_set_complete(m, false);
    assert_int_equal(claim(m, 1, 1, 0), -(int)POUCH_E_STORE);
    assert_false(find(m, 1, 0).complete);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(note_and_reply_come_in_any_order_and_end_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_success_stands_in_place_of_an_error_and_not_the_other_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_oldest_go_when_it_is_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_is_one_requests_until_it_is_dropped_or_its_time_is_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_was_never_sent_takes_no_key_from_a_later_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_is_ones_own_to_send_until_it_is_sent_or_the_time_for_it_is_over,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_key_is_given_before_all_has_been_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
