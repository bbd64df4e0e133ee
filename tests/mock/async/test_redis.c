/* Asynchronous requests of several gateways that share a Redis. */
#include <support.h>

#include <async/index.h>
#include <redis.h>
#include <stdatomic.h>

#include "stage.h"

#include "noted.h"

enum { GATES = 2 };

struct gates {
    struct stage *stage;
    struct redis redis;
    struct share *share[GATES];
    struct async *a[GATES];
};

static void open_gate(struct gates *g, int i) {
    if (share_open(&g->share[i], g->redis.url, i ? "pod-2" : "pod-1")) fail_msg("%s", pouch_why());
    g->a[i] = stage_open(g->stage, g->share[i]);
}

static int set_up(void **state) {
    struct gates *g = calloc(1, sizeof *g);
    assert_non_null(g);
    g->stage = stage_new();
    redis_start(&g->redis, NULL);
    for (int i = 0; i < GATES; i++) open_gate(g, i);
    for (int i = 0; i < GATES; i++) test_until(is_complete, g->a[i]);
    *state = g;
    return 0;
}

static int tear_down(void **state) {
    struct gates *g = *state;
    for (int i = 0; i < GATES; i++) {
        async_stop(g->a[i], 1000);
        async_free(g->a[i]);
        share_close(g->share[i]);
    }
    redis_kill(&g->redis);
    stage_free(g->stage);
    free(g);
    return 0;
}

/* acceptance: C23 */
static void any_gateway_has_the_answer(void **state) {
    struct gates *g = *state;
    for (int i = 0; i < GATES; i++) {
        struct told asked = ask_later(g->stage, g->a[i], "{\"n\":1}");
        struct told found = await_answer(g->a[1 - i], asked.id, 60000);
        assert_int_equal(found.e, POUCH_OK);
        assert_int_equal(found.state, ASYNC_DONE);
        assert_string_equal(found.text, "{\"n\":1}");
        assert_int_equal(find_as(g->a[1 - i], asked.id, "key:eve").e, POUCH_E_NOT_FOUND);
    }
}

/* Whoever was told of a request finds it at once, at every gateway. */
static void one_key_is_one_request_at_all_gateways(void **state) {
    struct gates *g = *state;
    char key[16];
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "k1-%d", i);
        struct told first = ask_later_with(g->stage, g->a[i % GATES], "{\"n\":3}", key, 20000);
        struct told again = ask_later_with(g->stage, g->a[(i + 1) % GATES], "{\"n\":3}", key, 20000);
        assert_int_equal(first.e, POUCH_OK);
        assert_int_equal(again.e, POUCH_OK);
        assert_true(again.before);
        assert_string_equal(again.id, first.id);
    }
    assert_int_equal(ask_later_with(g->stage, g->a[1], "{\"n\":4}", "k1-0", 20000).e, POUCH_E_EXISTS);
}

/* Its gateway was killed between the two; each of those that are asked now would send it, and one does. */
static void what_was_noted_and_not_sent_is_sent_once_by_whoever_is_asked(void **state) {
    struct gates *g = *state;
    struct async_note note = note_of("{\"n\":4}", "k4", 60000);
    struct sought sought = leave_noted(g->stage, g->a[0], &note);
    long before = heard(g->stage, g->a[0]);
    struct told asked[2 * GATES] = {{0}};
    for (int i = 0; i < 2 * GATES; i++) {
        const struct async_ask ask = {
            .to = g->stage->to, .json = "{\"n\":4}", .n = 7, .owner = "key:ada", .key = "k4", .timeout_ms = 20000};
        assert_int_equal(async_request(g->a[i % GATES], &ask, on_asked, &asked[i]), POUCH_OK);
    }
    int stored = 0;
    for (int i = 0; i < 2 * GATES; i++) {
        test_until(is_told, &asked[i]);
        assert_true(!asked[i].e || asked[i].e == POUCH_E_OVERLOADED);
        if (asked[i].e) continue;
        assert_string_equal(asked[i].id, sought.id);
        stored++;
    }
    assert_true(stored > 0);
    struct told found = await_answer(g->a[1], sought.id, 120000);
    assert_int_equal(found.state, ASYNC_DONE);
    assert_string_equal(found.text, "{\"n\":4}");
    assert_int_equal(heard(g->stage, g->a[0]), before + 2);
}

struct again {
    struct gates *g;
    struct told told;
};

static bool is_known(void *arg) {
    struct again *x = arg;
    x->told = ask_later_with(x->g->stage, x->g->a[1], "\"silence\"", "k5", 60000);
    return x->told.e != POUCH_E_STORE;
}

/* Until the topic has the note of a request and that it was sent, which is noted last. */
static void wait_noted(struct stage *s, const char *id) {
    rd_kafka_t *rk = peer_handle(&s->mock, RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(list, "gate.async-replies", i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    int64_t give_up = pl_mono_us(&pl_clock_system) + 120000000;
    for (int seen = 0; seen < 2;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 50);
        seen += m && !m->err && m->key_len == 36 && !memcmp(m->key, id, 36);
        if (m) rd_kafka_message_destroy(m);
        assert_true(pl_mono_us(&pl_clock_system) < give_up);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

/* The topic knows that too. */
static void what_was_sent_is_not_sent_again_when_redis_was_emptied(void **state) {
    struct gates *g = *state;
    struct told first = ask_later_with(g->stage, g->a[0], "\"silence\"", "k5", 60000);
    struct again again = {.g = g};
    assert_int_equal(first.e, POUCH_OK);
    wait_noted(g->stage, first.id);
    long before = heard(g->stage, g->a[0]);
    free(redis_say(&g->redis, "FLUSHALL"));
    test_until(is_known, &again);
    assert_int_equal(again.told.e, POUCH_OK);
    assert_string_equal(again.told.id, first.id);
    assert_int_equal(heard(g->stage, g->a[0]), before + 1);
}

/* A member of the gateways' group that commits nothing, as one that was killed a moment ago. */
static rd_kafka_t *join_idle(struct stage *s) {
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const pairs[] = {"bootstrap.servers",
                                 s->mock.brokers,
                                 "group.id",
                                 "gate.async-replies",
                                 "enable.auto.commit",
                                 "false",
                                 "auto.offset.reset",
                                 "earliest",
                                 "partition.assignment.strategy",
                                 "range",
                                 NULL};
    for (int i = 0; pairs[i]; i += 2)
        assert_int_equal(rd_kafka_conf_set(conf, pairs[i], pairs[i + 1], why, sizeof why), RD_KAFKA_CONF_OK);
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    assert_non_null(rk);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_add(list, "gate.async-replies", RD_KAFKA_PARTITION_UA);
    assert_int_equal(rd_kafka_subscribe(rk, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
    return rk;
}

static bool has_partitions(void *idle) {
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_message_t *m = rd_kafka_consumer_poll(idle, 10);
    if (m) rd_kafka_message_destroy(m);
    if (rd_kafka_assignment(idle, &list)) return false;
    int n = list->cnt;
    rd_kafka_topic_partition_list_destroy(list);
    return n > 0;
}

enum { SOME = 24, TIME_MS = 3000 /* the bank answers in */ };
struct some {
    struct gates *g;
    char id[SOME][37];
    int64_t deadline_ms; /* of the last one */
    rd_kafka_t *idle;
};

/* How many are pending, or cannot be known at present; none may be given up. */
static int pending(struct some *x) {
    int n = 0;
    for (int i = 0; i < SOME; i++) {
        struct told found = find_as(x->g->a[i % GATES], x->id[i], "key:ada");
        assert_true(!found.e || found.e == POUCH_E_STORE);
        assert_true(found.e || found.state == ASYNC_PENDING || found.state == ASYNC_DONE);
        n += found.e || found.state == ASYNC_PENDING;
    }
    return n;
}

static bool is_past(void *some) {
    struct some *x = some;
    has_partitions(x->idle);
    assert_true(pending(x) > 0);
    return pl_wall_ms(&pl_clock_system) > x->deadline_ms + 1000;
}

static bool are_answered(void *some) {
    return pending(some) == 0;
}

static void none_is_given_up_while_a_partition_is_not_read(void **state) {
    struct gates *g = *state;
    struct some x = {.g = g, .idle = join_idle(g->stage)};
    test_until(has_partitions, x.idle);
    for (int i = 0; i < SOME; i++) {
        struct told asked = ask_later_with(g->stage, g->a[i % GATES], "{\"n\":9}", NULL, TIME_MS);
        assert_int_equal(asked.e, POUCH_OK);
        memcpy(x.id[i], asked.id, sizeof asked.id);
    }
    x.deadline_ms = pl_wall_ms(&pl_clock_system) + TIME_MS;
    test_until(is_past, &x);
    rd_kafka_consumer_close(x.idle);
    rd_kafka_destroy(x.idle);
    test_until(are_answered, &x);
    struct told silent = ask_later_with(g->stage, g->a[0], "\"silence\"", NULL, 500);
    assert_int_equal(await_answer(g->a[1], silent.id, 120000).state, ASYNC_EXPIRED);
}

struct step {
    atomic_bool over;
    pouch_err e;
    struct pl_uuid winner;
};

static void step_kept(pouch_err e, void *arg) {
    struct step *s = arg;
    s->e = e;
    atomic_store(&s->over, true);
}

static void step_claimed(pouch_err e, const struct pl_uuid *winner, void *arg) {
    struct step *s = arg;
    if (winner) s->winner = *winner;
    step_kept(e, s);
}

static bool is_over(void *arg) {
    struct step *s = arg;
    return atomic_load(&s->over);
}

static void finish(pouch_err given, struct step *s) {
    assert_int_equal(given, POUCH_OK);
    test_until(is_over, s);
    assert_int_equal(s->e, POUCH_OK);
}

static struct async_record record_of(uint8_t id, int64_t after_ms) {
    return (struct async_record){{{id}}, {"note", 4}, pl_wall_ms(&pl_clock_system) + after_ms};
}

/* Whose the key is: the first byte of the id. */
static int holder(struct async_index *ix, const struct pl_uuid *key, uint8_t id) {
    struct step s = {0};
    const struct pl_uuid who = {{id}};
    finish(async_index_claim(ix, key, &who, step_claimed, &s), &s);
    return s.winner.b[0];
}

static void a_request_that_was_never_sent_takes_no_key_from_a_later_one(void **state) {
    struct gates *g = *state;
    struct async_index ix;
    const struct pl_uuid key = {{77}}, first = {{1}};
    const struct async_record note = record_of(1, -1000), later = record_of(2, 0);
    assert_int_equal(async_index_init(&ix, g->share[0], "gate", 60000, 1000), POUCH_OK);
    assert_int_equal(holder(&ix, &key, 1), 1);
    struct step dropped = {0};
    finish(async_index_drop(&ix, &first, &key, step_kept, &dropped), &dropped);
    assert_int_equal(holder(&ix, &key, 2), 2);
    for (int i = 0; i < 2; i++) { /* the first is read from the topic while the second has no note yet, and once more */
        struct step noted = {0}, dropped_again = {0}, noted_later = {0};
        finish(async_index_note(&ix, &note, &key, step_kept, &noted), &noted);
        assert_int_equal(holder(&ix, &key, 3), 2);
        finish(async_index_drop(&ix, &first, &key, step_kept, &dropped_again), &dropped_again);
        assert_int_equal(holder(&ix, &key, 3), 2);
        finish(async_index_note(&ix, &later, &key, step_kept, &noted_later), &noted_later);
    }
    assert_int_equal(holder(&ix, &key, 3), 2);
    async_index_free(&ix);
}

/* Redis has what is in the topic, as it came there: nobody reads it without the key. */
static void redis_has_only_what_is_sealed(void **state) {
    struct gates *g = *state;
    char command[128];
    struct told asked = ask_later(g->stage, g->a[0], "{\"n\":\"canary\"}");
    assert_int_equal(await_answer(g->a[0], asked.id, 60000).state, ASYNC_DONE);
    static const char *const kinds[] = {"note", "reply"};
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "GET pouch:async:gate:%s:%s", kinds[i], asked.id);
        char *text = redis_say(&g->redis, command);
        assert_non_null(text);
        assert_null(strstr(text, "canary"));
        assert_null(strstr(text, "key:ada"));
        free(text);
    }
}

/* A key is taken as soon as it is known what was asked before. */
static bool is_taken(void *arg) {
    struct gates *g = arg;
    struct told t = ask_later_with(g->stage, g->a[0], "1", "k9", 20000);
    assert_true(!t.e || t.e == POUCH_E_STORE);
    return !t.e;
}

static void what_others_left_there_does_no_harm(void **state) {
    struct gates *g = *state;
    static const char *const spoils[][2] = {
        {"SET", " garbage"},
        {"SET", " {\"request_id\":\"0b7f7e3e-6c7e-4a49-8a51-0d6a4f0e9b11\"}"},
        {"DEL", ""},
        {"DEL", ""},
    };
    char command[256];
    for (size_t i = 0; i < sizeof spoils / sizeof spoils[0]; i++) {
        struct told asked = ask_later(g->stage, g->a[0], "{\"n\":6}");
        assert_int_equal(await_answer(g->a[0], asked.id, 60000).state, ASYNC_DONE);
        for (int kind = 0; kind < 2; kind++) {
            snprintf(command, sizeof command, "%s pouch:async:gate:%s:%s%s", spoils[i][0], kind ? "note" : "reply",
                     asked.id, spoils[i][1]);
            free(redis_say(&g->redis, command));
            struct told found = find_as(g->a[1], asked.id, "key:ada");
            assert_true(found.e || found.state == ASYNC_PENDING);
        }
    }
    free(redis_say(&g->redis, "DEL pouch:async:gate:whole"));
    free(redis_say(&g->redis, "LPUSH pouch:async:gate:whole garbage"));
    free(redis_say(&g->redis, "LPUSH pouch:async:gate:reading garbage"));
    test_until(is_taken, g);
}

/* acceptance: C23 */
static void an_emptied_redis_is_filled_again(void **state) {
    struct gates *g = *state;
    free(redis_say(&g->redis, "FLUSHALL"));
    struct told asked = ask_later(g->stage, g->a[0], "{\"n\":7}");
    struct told unknown = await_answer(g->a[1], "0b7f7e3e-6c7e-4a49-8a51-0d6a4f0e9b11", 120000);
    assert_int_equal(unknown.e, POUCH_E_NOT_FOUND);
    assert_int_equal(await_answer(g->a[1], asked.id, 60000).state, ASYNC_DONE);
    free(redis_say(&g->redis, "FLUSHALL"));
    struct told keyed = ask_later_with(g->stage, g->a[0], "1", "k10", 20000);
    assert_true(!keyed.e || keyed.e == POUCH_E_STORE);
}

/* acceptance: C22 C23 */
static void without_redis_requests_are_taken_and_answered_when_it_is_back(void **state) {
    struct gates *g = *state;
    redis_kill(&g->redis);
    wait_for(share_is_away, g->share[0]);
    wait_for(share_is_away, g->share[1]);
    struct told asked = ask_later(g->stage, g->a[0], "{\"n\":8}");
    assert_int_equal(find_as(g->a[0], asked.id, "key:ada").e, POUCH_E_STORE);
    assert_int_equal(ask_later_with(g->stage, g->a[0], "1", "k11", 20000).e, POUCH_E_STORE);
    redis_spawn(&g->redis);
    wait_for(share_is_up, g->share[0]);
    wait_for(share_is_up, g->share[1]);
    struct told found = await_answer(g->a[1], asked.id, 120000);
    assert_int_equal(found.e, POUCH_OK);
    assert_int_equal(found.state, ASYNC_DONE);
}

/* It was not emptied: what it does not have is not read again, but comes in its turn. */
static void what_was_asked_while_redis_stood_still_is_never_unknown(void **state) {
    static const char never[] = "0b7f7e3e-6c7e-4a49-8a51-0d6a4f0e9b12";
    struct gates *g = *state;
    assert_int_equal(await_answer(g->a[1], never, 120000).e, POUCH_E_NOT_FOUND);
    kill(g->redis.pid, SIGSTOP);
    wait_for(share_is_away, g->share[0]);
    wait_for(share_is_away, g->share[1]);
    struct told asked = ask_later(g->stage, g->a[0], "{\"n\":11}");
    kill(g->redis.pid, SIGCONT);
    wait_for(share_is_up, g->share[1]);
    /* Nobody can tell yet which of the two it is that has not come. */
    assert_int_equal(find_as(g->a[1], never, "key:ada").e, POUCH_E_STORE);
    struct told found = await_answer(g->a[1], asked.id, 120000);
    assert_int_equal(found.e, POUCH_OK);
    assert_int_equal(found.state, ASYNC_DONE);
    assert_int_equal(await_answer(g->a[1], never, 120000).e, POUCH_E_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_gateway_has_the_answer),
        cmocka_unit_test(one_key_is_one_request_at_all_gateways),
        cmocka_unit_test(a_request_that_was_never_sent_takes_no_key_from_a_later_one),
        cmocka_unit_test(what_was_noted_and_not_sent_is_sent_once_by_whoever_is_asked),
        cmocka_unit_test(what_was_sent_is_not_sent_again_when_redis_was_emptied),
        cmocka_unit_test(none_is_given_up_while_a_partition_is_not_read),
        cmocka_unit_test(redis_has_only_what_is_sealed),
        cmocka_unit_test(what_others_left_there_does_no_harm),
        cmocka_unit_test(an_emptied_redis_is_filled_again),
        cmocka_unit_test(without_redis_requests_are_taken_and_answered_when_it_is_back),
        cmocka_unit_test(what_was_asked_while_redis_stood_still_is_never_unknown),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
