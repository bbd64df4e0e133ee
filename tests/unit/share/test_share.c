/* The connection to a real redis-server: commands, a server that goes and comes, and what is under way meanwhile. */
#include <support.h>

#include <redis.h>

#include <share/pending.h>
#include <share/state.h>

struct stage {
    struct redis redis;
    struct share *share;
};

static int set_up_with(void **state, const char *password) {
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    redis_start(&s->redis, password);
    if (share_open(&s->share, s->redis.url, "pod-1")) fail_msg("%s", pouch_why());
    wait_for(share_is_up, s->share);
    *state = s;
    return 0;
}

static int set_up(void **state) {
    return set_up_with(state, NULL);
}

static int set_up_secret(void **state) {
    return set_up_with(state, "hush-hush");
}

static int tear_down(void **state) {
    struct stage *s = *state;
    share_close(s->share);
    redis_kill(&s->redis);
    free(s);
    return 0;
}

/* What a callback was told. */
struct told {
    atomic_int times;
    pouch_err e;
    char text[256];
    size_t items;
    int64_t number;
    bool is_nil, is_ok;
};

static void tell(pouch_err e, const struct share_reply *r, void *arg) {
    struct told *t = arg;
    const char *at;
    size_t n;
    t->e = e;
    t->is_nil = share_is_nil(r);
    t->is_ok = share_is_ok(r);
    t->items = share_items(r);
    share_read_number(r, &t->number);
    snprintf(t->text, sizeof t->text, "%s", e ? pouch_why() : "");
    if (share_read_text(r, &at, &n)) snprintf(t->text, sizeof t->text, "%.*s", (int)n, at);
    atomic_fetch_add(&t->times, 1);
}

static bool is_told(void *t) {
    return atomic_load(&((struct told *)t)->times) > 0;
}

static pouch_err say(struct share *s, struct told *t, const char *const words[]) {
    struct share_arg args[16];
    size_t n = 0;
    for (; words[n]; n++) args[n] = share_text(words[n]);
    return share_command(s, args, n, t ? tell : NULL, t);
}
#define SAY(s, t, ...) say((s), (t), (const char *const[]){__VA_ARGS__, NULL})

static void an_answer_is_what_it_is(void **state) {
    struct stage *s = *state;
    struct told ok = {0}, text = {0}, number = {0}, nil = {0}, list = {0};
    assert_int_equal(SAY(s->share, &ok, "SET", "k", "value"), POUCH_OK);
    assert_int_equal(SAY(s->share, &text, "GET", "k"), POUCH_OK);
    assert_int_equal(SAY(s->share, &number, "STRLEN", "k"), POUCH_OK);
    assert_int_equal(SAY(s->share, &nil, "GET", "none"), POUCH_OK);
    assert_int_equal(SAY(s->share, &list, "MGET", "k", "none"), POUCH_OK);
    wait_for(is_told, &list);
    assert_true(ok.is_ok && !ok.e);
    assert_string_equal(text.text, "value");
    assert_int_equal(number.number, 5);
    assert_true(nil.is_nil && !nil.is_ok);
    assert_int_equal(list.items, 2);
}

static void an_error_of_redis_is_told_without_what_it_repeats(void **state) {
    struct stage *s = *state;
    struct told wrong = {0}, unknown = {0};
    assert_int_equal(SAY(s->share, NULL, "LPUSH", "l", "1"), POUCH_OK);
    assert_int_equal(SAY(s->share, &wrong, "GET", "l"), POUCH_OK);
    assert_int_equal(SAY(s->share, &unknown, "NOSUCH", "payload"), POUCH_OK);
    wait_for(is_told, &unknown);
    assert_int_equal(wrong.e, POUCH_E_STORE);
    assert_non_null(strstr(wrong.text, "WRONGTYPE"));
    assert_int_equal(unknown.e, POUCH_E_STORE);
    assert_null(strstr(unknown.text, "payload"));
}

enum { MANY = 5000 };

static void count(pouch_err e, const struct share_reply *r, void *arg) {
    (void)e;
    (void)r;
    atomic_fetch_add((atomic_int *)arg, 1);
}

static bool are_all_told(void *n) {
    return atomic_load((atomic_int *)n) == MANY;
}

static void each_command_is_answered_once_and_in_order(void **state) {
    struct stage *s = *state;
    atomic_int times = 0;
    struct told last = {0};
    const struct share_arg incr[] = {share_text("INCR"), share_text("n")};
    for (int i = 0; i < MANY; i++) assert_int_equal(share_command(s->share, incr, 2, count, &times), POUCH_OK);
    assert_int_equal(SAY(s->share, &last, "GET", "n"), POUCH_OK);
    wait_for(are_all_told, &times);
    wait_for(is_told, &last);
    assert_string_equal(last.text, "5000");
}

static void a_server_that_was_killed_comes_back_as_another_one(void **state) {
    struct stage *s = *state;
    char before[SHARE_SERVER_MAX], after[SHARE_SERVER_MAX];
    struct told away = {0};
    share_server(s->share, before);
    redis_kill(&s->redis);
    wait_for(share_is_away, s->share);
    assert_int_equal(SAY(s->share, &away, "GET", "k"), POUCH_E_STORE);
    assert_non_null(strstr(pouch_why(), "Redis"));
    redis_spawn(&s->redis);
    wait_for(share_is_up, s->share);
    assert_string_not_equal(share_server(s->share, after), before);
    assert_int_equal(SAY(s->share, &away, "PING"), POUCH_OK);
    wait_for(is_told, &away);
    assert_int_equal(away.e, POUCH_OK);
}

static void what_is_under_way_ends_with_the_server(void **state) {
    struct stage *s = *state;
    struct told blocked = {0}, behind = {0};
    assert_int_equal(SAY(s->share, &blocked, "BLPOP", "nothing", "0"), POUCH_OK);
    assert_int_equal(SAY(s->share, &behind, "GET", "k"), POUCH_OK);
    redis_kill(&s->redis);
    wait_for(is_told, &behind);
    assert_int_equal(blocked.e, POUCH_E_STORE);
    assert_int_equal(behind.e, POUCH_E_STORE);
    redis_spawn(&s->redis);
}

static void a_server_that_does_not_answer_is_left(void **state) {
    struct stage *s = *state;
    struct told t = {0};
    kill(s->redis.pid, SIGSTOP);
    assert_int_equal(SAY(s->share, &t, "GET", "k"), POUCH_OK);
    wait_for(is_told, &t);
    assert_int_equal(t.e, POUCH_E_STORE);
    wait_for(share_is_away, s->share);
    kill(s->redis.pid, SIGCONT);
    wait_for(share_is_up, s->share);
}

static void what_is_under_way_ends_with_the_connection(void **state) {
    struct stage *s = *state;
    struct told t = {0};
    assert_int_equal(SAY(s->share, &t, "BLPOP", "nothing", "0"), POUCH_OK);
    share_close(s->share);
    s->share = NULL;
    assert_int_equal(t.times, 1);
    assert_int_equal(t.e, POUCH_E_CLOSED);
}

static atomic_bool is_held, may_go;

static bool is_set(void *flag) {
    return atomic_load((atomic_bool *)flag);
}

/* Keeps the thread that Redis is spoken to on. */
static void hold(pouch_err e, const struct share_reply *r, void *arg) {
    (void)e, (void)r, (void)arg;
    atomic_store(&is_held, true);
    wait_for(is_set, &may_go);
}

/* By bytes, which take less time than so many commands. */
static void more_than_may_wait_is_refused(void **state) {
    struct stage *s = *state;
    const struct share_arg ping = share_text("PING");
    enum { LARGE = 4 * 1024 * 1024 };
    atomic_int times = 0;
    char *large = calloc(1, LARGE);
    assert_non_null(large);
    const struct share_arg set[] = {share_text("SET"), share_text("k"), {large, LARGE}};
    int given = 0;
    pouch_err e = POUCH_OK;
    atomic_store(&is_held, false);
    atomic_store(&may_go, false);
    assert_int_equal(share_command(s->share, &ping, 1, hold, NULL), POUCH_OK);
    wait_for(is_set, &is_held);
    while (!e && given <= SHARE_BYTES_MOST / LARGE) {
        e = share_command(s->share, set, 3, count, &times);
        given += !e;
    }
    assert_int_equal(e, POUCH_E_OVERLOADED);
    assert_int_equal(given, SHARE_BYTES_MOST / LARGE - 1);
    atomic_store(&may_go, true);
    share_close(s->share);
    s->share = NULL;
    assert_int_equal(atomic_load(&times), given);
    free(large);
}

static void a_password_is_given_and_never_told(void **state) {
    struct stage *s = *state;
    struct share_state st;
    struct told t = {0};
    assert_int_equal(SAY(s->share, &t, "PING"), POUCH_OK);
    wait_for(is_told, &t);
    assert_int_equal(t.e, POUCH_OK);
    assert_null(strstr(share_where(s->share), "hush"));
    share_close(s->share);
    char url[64];
    snprintf(url, sizeof url, "redis://:wrong-hush@127.0.0.1:%d", s->redis.port);
    assert_int_equal(share_open(&s->share, url, "pod-1"), POUCH_OK);
    wait_for(share_is_away, s->share);
    share_look(s->share, &st);
    assert_non_null(strstr(st.why, "WRONGPASS"));
    assert_null(strstr(st.why, "hush"));
}

/* ---- requests under way ---- */

#define ID "0b7f7e3e-6c7e-4a49-8a51-0d6a4f0e9b11"

static bool has_pending(void *arg) {
    return redis_is(arg, "1", "EXISTS kafka:pending-requests:" ID);
}

static bool has_no_pending(void *arg) {
    return redis_is(arg, "0", "EXISTS kafka:pending-requests:" ID);
}

static bool is_one_pending(void *share) {
    return share_pending_all(share) == 1;
}

static bool is_none_pending(void *share) {
    return share_pending_all(share) == 0;
}

/* acceptance: C22 */
static void a_request_under_way_is_written_down(void **state) {
    struct stage *s = *state;
    share_pending_begin(s->share, ID);
    wait_for(has_pending, &s->redis);
    char *text = redis_say(&s->redis, "GET kafka:pending-requests:" ID);
    assert_non_null(strstr(text, "\"requestId\":\"" ID "\""));
    assert_non_null(strstr(text, "\"podId\":\"pod-1\""));
    assert_non_null(strstr(text, "\"timestamp\":1"));
    char *ttl = redis_say(&s->redis, "TTL kafka:pending-requests:" ID);
    assert_true(atoi(ttl) > 200 && atoi(ttl) <= SHARE_PENDING_TTL_S);
    wait_for(is_one_pending, s->share);
    share_pending_end(s->share, ID);
    wait_for(has_no_pending, &s->redis);
    wait_for(is_none_pending, s->share);
    free(text);
    free(ttl);
}

static void a_request_that_ends_at_once_is_not(void **state) {
    struct stage *s = *state;
    struct told t = {0};
    for (int i = 0; i < 1000; i++) {
        share_pending_begin(s->share, ID);
        share_pending_begin(s->share, ID);
        share_pending_end(s->share, ID);
    }
    share_pending_end(s->share, ID);
    share_pending_begin(s->share, "no uuid");
    share_pending_end(s->share, "no uuid");
    wait_for(is_none_pending, s->share);
    assert_int_equal(SAY(s->share, &t, "EXISTS", "kafka:pending-requests:" ID), POUCH_OK);
    wait_for(is_told, &t);
    assert_int_equal(t.number, 0);
}

static bool is_not_known(void *share) {
    return share_pending_all(share) == -1;
}

static void what_others_left_in_its_place_does_no_harm(void **state) {
    struct stage *s = *state;
    free(redis_say(&s->redis, "SET kafka:pending-requests garbage"));
    free(redis_say(&s->redis, "LPUSH kafka:pending-requests:" ID " garbage"));
    share_pending_begin(s->share, ID);
    wait_for(is_not_known, s->share);
    share_pending_end(s->share, ID);
    share_pending_begin(NULL, ID);
    share_pending_end(NULL, ID);
    assert_int_equal(share_pending_all(NULL), -1);
}

/* It says nothing of the server when the gateway itself stands still. */
static void only_time_in_which_answers_are_looked_for_counts_as_silence(void **state) {
    struct share_command asked = {.n = 0};
    struct share s = {.sent.first = &asked};
    (void)state;
    assert_false(share_is_silent(&s, 1000000));
    assert_false(share_is_silent(&s, 9000000)); /* 8 s later, which were nobody's */
    assert_false(share_is_silent(&s, 9900000));
    assert_true(share_is_silent(&s, 10100000)); /* 2.1 s in three looks */
    s.sent.first = NULL;
    assert_false(share_is_silent(&s, 10200000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_time_in_which_answers_are_looked_for_counts_as_silence),
        cmocka_unit_test_setup_teardown(an_answer_is_what_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_error_of_redis_is_told_without_what_it_repeats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_command_is_answered_once_and_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_was_killed_comes_back_as_another_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_under_way_ends_with_the_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_does_not_answer_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_under_way_ends_with_the_connection, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_may_wait_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_password_is_given_and_never_told, set_up_secret, tear_down),
        cmocka_unit_test_setup_teardown(a_request_under_way_is_written_down, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_ends_at_once_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_others_left_in_its_place_does_no_harm, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
