/* Many calls at once, with every outcome there is, at random: each ends exactly once. */
#include <support.h>

#include <base/clock.h>
#include <client_stage.h>
#include <metrics/metrics.h>

static atomic_bool waits; /* the peer does, until the test has seen that its calls are open */

static bool goes_on(void *unused) {
    (void)unused;
    return !atomic_load(&waits);
}

/* What to do is in the payload: a JSON string whose first letter says it. */
static void behave(struct peer *p, const struct peer_request *r) {
    test_until(goes_on, NULL);
    switch (r->payload[1]) {
    case 's': return;
    case 'e': peer_fail(p, r, "no", NULL); return;
    case 'p': peer_plain_error(p, r, POUCH_E_OVERLOADED, "busy"); return;
    case 'f': peer_plain_error(p, r, POUCH_E_HANDLER_ERROR, "forged"); return;
    case 't': peer_echo(p, r); break;
    default: break;
    }
    peer_echo(p, r);
}

static int set_up(void **state) {
    return stage_set_up(state, 4, behave);
}

enum { CALLS = 10000, THREADS = 4 };

static struct {
    atomic_int times;
    pouch_err error;
    bool right;
    char json[24];
} calls[CALLS];
static atomic_int ended, left;

static void note_call(pouch_err e, const pouch_reply *reply, void *arg) {
    size_t i = (size_t)arg, n;
    calls[i].error = e;
    calls[i].right = reply && !strcmp(pouch_reply_payload(reply, &n), calls[i].json);
    atomic_fetch_add(&calls[i].times, 1);
    atomic_fetch_add(&ended, 1);
}

static void note_storm_stored(pouch_err e, void *arg) {
    note_call(e, NULL, arg);
}

static bool all_ended(void *want) {
    return atomic_load(&ended) >= *(int *)want;
}

static void forget_calls(void) {
    memset(calls, 0, sizeof calls);
    atomic_store(&ended, 0);
}

/* acceptance: A15 */
static void ten_thousand_calls_at_once_each_get_their_own_answer(void **state) {
    struct stage *s = *state;
    pouch_client *c = stage_client(s, NULL);
    pouch_dest *to = pouch_dest_topic("orders");
    int want = CALLS;
    forget_calls();
    atomic_store(&waits, true);
    for (size_t i = 0; i < CALLS; i++) {
        snprintf(calls[i].json, sizeof calls[i].json, "\"%zu\"", i);
        pouch_err e =
            pouch_client_request(c, to, calls[i].json, strlen(calls[i].json), PEER_MS, NULL, note_call, (void *)i);
        if (e) fail_msg("%s", pouch_why());
    }
    assert_int_equal(pl_metric_get(PL_M_PENDING), CALLS);
    atomic_store(&waits, false);
    test_until(all_ended, &want);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(atomic_load(&calls[i].times), 1);
        assert_int_equal(calls[i].error, POUCH_OK);
        assert_true(calls[i].right);
    }
    assert_int_equal(pl_metric_get(PL_M_PENDING), 0);
    pouch_client_close(c, 0);
    pouch_dest_free(to);
}

struct caller {
    pthread_t thread;
    pouch_client *client;
    pouch_dest *to, *nowhere;
    unsigned seed;
    size_t first, n;
    int accepted, refused_closed, odd;
};

/* Odd means: an outcome that is not among those that this call may have. */
static void call_and_wait(struct caller *w, size_t i) {
    pouch_reply *reply;
    size_t n;
    pouch_err e = pouch_client_call(w->client, w->to, calls[i].json, strlen(calls[i].json), PEER_MS, NULL, &reply);
    if (e == POUCH_OK && strcmp(pouch_reply_payload(reply, &n), calls[i].json)) w->odd++;
    if (e && e != POUCH_E_CLOSED && e != POUCH_E_HANDLER_ERROR && e != POUCH_E_OVERLOADED && e != POUCH_E_TIMEOUT)
        w->odd++;
    pouch_reply_free(reply);
}

static void *ask_at_random(void *arg) {
    static const char kinds[] = "oooooosepft";
    struct caller *w = arg;
    for (size_t i = w->first; i < w->first + w->n; i++) {
        char kind = kinds[(unsigned)rand_r(&w->seed) % (sizeof kinds - 1)];
        int way = rand_r(&w->seed) % 10, timeout = 1 + rand_r(&w->seed) % 3000;
        pouch_dest *to = rand_r(&w->seed) % 20 ? w->to : w->nowhere;
        int len = snprintf(calls[i].json, sizeof calls[i].json, "\"%c%zu\"", kind, i);
        pouch_err e;
        if (way == 0 && kind == 'o') {
            call_and_wait(w, i);
            continue;
        }
        if (way == 1)
            e = pouch_client_send(w->client, to, calls[i].json, (size_t)len, NULL, note_storm_stored, (void *)i);
        else
            e = pouch_client_request(w->client, to, calls[i].json, (size_t)len, timeout, NULL, note_call, (void *)i);
        if (!e)
            w->accepted++;
        else
            calls[i].json[0] = '\0';
        if (e == POUCH_E_CLOSED) w->refused_closed++;
        if (e && e != POUCH_E_CLOSED && e != POUCH_E_OVERLOADED && e != POUCH_E_TARGET_REFUSED) w->odd++;
    }
    return NULL;
}

static bool is_possible(size_t i) {
    switch (calls[i].error) {
    case POUCH_OK: return true; /* right, or a record that was only sent */
    case POUCH_E_TIMEOUT:
    case POUCH_E_TARGET_REFUSED:
    case POUCH_E_CLOSED:
    case POUCH_E_OVERLOADED:
    case POUCH_E_HANDLER_ERROR: return true;
    default: return false;
    }
}

/* close_after: how many calls have ended when the client is closed under its callers; 0: when all are done. */
static void storm(struct stage *s, unsigned seed, int close_after) {
    struct caller callers[THREADS];
    pouch_client *c = stage_client(s, (const char *const[]){"client.max_pending", "3000", NULL});
    pouch_dest *to = pouch_dest_topic("orders"), *nowhere = pouch_dest_topic("nowhere");
    int accepted = 0, odd = 0, seen = 0;
    print_message("seed %u\n", seed);
    forget_calls();
    test_mock_no_topic(&s->mock, "nowhere");
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.client = c,
                                     .to = to,
                                     .nowhere = nowhere,
                                     .seed = seed + i,
                                     .first = i * CALLS / THREADS,
                                     .n = CALLS / THREADS};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, ask_at_random, &callers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        accepted += callers[i].accepted;
        odd += callers[i].odd;
    }
    int want = close_after ? close_after : accepted;
    if (want > accepted) want = accepted;
    test_until(all_ended, &want);
    pouch_client_close(c, 0);
    for (size_t i = 0; i < CALLS; i++) {
        seen += atomic_load(&calls[i].times);
        assert_true(atomic_load(&calls[i].times) <= 1);
        assert_true(is_possible(i));
    }
    assert_int_equal(odd, 0);
    assert_int_equal(seen, accepted);
    assert_int_equal(pl_metric_get(PL_M_PENDING), 0);
    pouch_dest_free(to);
    pouch_dest_free(nowhere);
}

static void under_a_storm_of_outcomes_each_callback_comes_once(void **state) {
    storm(*state, (unsigned)pl_wall_ms(&pl_clock_system), 0);
}

static void close_in_a_storm_ends_the_rest_once(void **state) {
    storm(*state, (unsigned)pl_wall_ms(&pl_clock_system), CALLS / 4);
}

/* Asks until the client says that it is closing; the closer frees it only when all have heard that. */
static void *ask_until_closed(void *arg) {
    struct caller *w = arg;
    for (size_t i = w->first; i < w->first + w->n && !w->refused_closed; i++) {
        pouch_err e = pouch_client_request(w->client, w->to, "\"o\"", 3, PEER_MS, NULL, note_call, (void *)i);
        if (!e) w->accepted++;
        if (e == POUCH_E_CLOSED) w->refused_closed++;
        if (e && e != POUCH_E_CLOSED && e != POUCH_E_OVERLOADED) w->odd++;
    }
    atomic_fetch_add(&left, 1);
    return NULL;
}

/* This call stays open until the callers have gone, so that close waits for them in its drain. */
static bool all_left(void *unused) {
    (void)unused;
    return atomic_load(&left) == THREADS;
}

static void answer_when_all_left(struct peer *p, const struct peer_request *r) {
    test_until(all_left, NULL);
    peer_echo(p, r);
}

static void close_under_its_callers_turns_them_away(void **state) {
    struct stage *s = *state;
    struct caller callers[THREADS];
    struct peer gate;
    struct ending last = {0};
    int accepted = 0, want = 500, seen = 0;
    forget_calls();
    atomic_store(&left, 0);
    test_mock_topic(&s->mock, "gate", 1);
    peer_start(&gate, &s->mock, s->ring, "gate", 1, answer_when_all_left);
    pouch_client *c = stage_client(s, NULL);
    pouch_dest *to = pouch_dest_topic("orders");
    ask(c, "gate", "1", PEER_MS, &last);
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.client = c, .to = to, .first = i * CALLS / THREADS, .n = CALLS / THREADS};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, ask_until_closed, &callers[i]), 0);
    }
    test_until(all_ended, &want);
    pouch_client_close(c, PEER_MS);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        accepted += callers[i].accepted;
        assert_int_equal(callers[i].odd, 0);
    }
    for (size_t i = 0; i < CALLS; i++) {
        seen += atomic_load(&calls[i].times);
        assert_int_equal(calls[i].error, POUCH_OK);
    }
    assert_int_equal(seen, accepted);
    assert_int_equal(last.error, POUCH_OK);
    peer_stop(&gate);
    pouch_dest_free(to);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_STAGE(ten_thousand_calls_at_once_each_get_their_own_answer),
        ON_STAGE(under_a_storm_of_outcomes_each_callback_comes_once),
        ON_STAGE(close_in_a_storm_ends_the_rest_once),
        ON_STAGE(close_under_its_callers_turns_them_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
