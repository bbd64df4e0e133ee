/* What is under way together, and what waits. A handle that never connects is enough: nothing is sent. */
#include <support.h>

#include <base/why.h>
#include <bus/batch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tsan.h>

enum { MOST = 5, NEAR = 1, OTHER = 2, MAX_BYTES = 4 * PL_LARGE_BYTES };

static int64_t now_us;

static int64_t read_clock(void *arg) {
    (void)arg;
    return now_us;
}

static const struct pl_clock clock_by_hand = {read_clock, read_clock, NULL};

struct stage {
    rd_kafka_t *rk;
    struct pl_batches batches;
    struct pl_topic topic, other;
    struct pl_buf out;
};

static void open_topic(struct stage *s, struct pl_topic *t, const char *name) {
    assert_int_equal(pl_topic_init(t, name, MAX_BYTES), POUCH_OK);
    t->rkt = rd_kafka_topic_new(s->rk, name, NULL);
    assert_non_null(t->rkt);
}

static struct stage *stage_new(void) {
    char why[256];
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
    assert_non_null(s->rk);
    assert_int_equal(pl_batches_init(&s->batches, MOST, &clock_by_hand), POUCH_OK);
    open_topic(s, &s->topic, "orders");
    open_topic(s, &s->other, "others");
    return s;
}

static void close_topic(struct pl_topic *t) {
    rd_kafka_topic_destroy(t->rkt);
    pl_topic_free(t);
}

static void stage_free(struct stage *s) {
    close_topic(&s->topic);
    close_topic(&s->other);
    pl_batches_free(&s->batches);
    rd_kafka_destroy(s->rk);
    free(s);
}

/* True when it may go at once. */
static bool enter_large(struct stage *s, struct pl_topic *t, const char *key, size_t n) {
    static const char value[PL_LARGE_BYTES];
    struct pl_entered in;
    struct pl_record r = {.topic = "orders", .key = key, .key_n = key ? strlen(key) : 0, .value = value, .value_n = n};
    assert_int_equal(pl_batches_enter(&s->batches, t, &r, NULL, &in), POUCH_OK);
    if (in.sooner) assert_true(pl_batches_due(&s->batches) < INT64_MAX);
    return !in.held;
}

static bool enter(struct stage *s, struct pl_topic *t, const char *key) {
    return enter_large(s, t, key, 1);
}

static struct pl_batch *of(struct stage *s, struct pl_topic *t, const char *key) {
    return pl_batch_by_key(&s->batches, t, key, key ? strlen(key) : 0);
}

static void reported(struct stage *s, struct pl_topic *t, const char *key, size_t n, int32_t broker) {
    (void)pl_batches_leave(&s->batches, of(s, t, key), n, broker);
}

/* How many records go out with the next batch; 0: there is none. */
static size_t next(struct stage *s, struct pl_batch **batch) {
    const void *key, *value;
    size_t n = 0, at = 0;
    *batch = pl_batches_next(&s->batches, &s->out);
    while (*batch && pl_held_record_next(&s->out, &at, &key, &value)) n++;
    if (*batch) pl_batches_give_back(&s->batches, &s->out);
    return n;
}

/* A key of that partition. */
static const char *key_of(struct stage *s, struct pl_topic *t, int32_t partition, int partitions, char out[16]) {
    (void)s;
    for (int i = 0; i < 10000; i++) {
        int n = snprintf(out, 16, "key-%d", i);
        if (rd_kafka_msg_partitioner_murmur2(t->rkt, out, (size_t)n, partitions, NULL, NULL) == partition) return out;
    }
    fail_msg("no key for partition %d", partition);
    return NULL;
}

/* Makes the topic known to have so many partitions, led by that broker. */
static void learn(struct stage *s, struct pl_topic *t, int partitions, int32_t broker) {
    char key[16];
    assert_true(enter(s, t, NULL));
    atomic_store(&t->partitions, partitions);
    reported(s, t, NULL, 1, broker);
    for (int i = 0; i < partitions; i++) {
        key_of(s, t, i, partitions, key);
        assert_true(enter(s, t, key));
        reported(s, t, key, 1, broker);
    }
}

static void what_comes_while_a_batch_is_under_way_goes_together(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch;
    assert_true(enter(s, &s->topic, NULL));
    for (int i = 0; i < 7; i++) assert_false(enter(s, &s->topic, NULL));
    assert_int_equal(next(s, &batch), 0);
    reported(s, &s->topic, NULL, 1, NEAR);
    assert_int_equal(next(s, &batch), 7);
    assert_ptr_equal(batch, of(s, &s->topic, NULL));
    assert_false(enter(s, &s->topic, NULL));
    reported(s, &s->topic, NULL, 6, NEAR);
    assert_int_equal(next(s, &batch), 0); /* one of the seven is still to be reported */
    reported(s, &s->topic, NULL, 1, NEAR);
    assert_int_equal(next(s, &batch), 1);
    reported(s, &s->topic, NULL, 1, NEAR);
    assert_true(enter(s, &s->topic, NULL));
    reported(s, &s->topic, NULL, 1, NEAR);
    stage_free(s);
}

static void a_partition_does_not_wait_for_another(void **state) {
    (void)state;
    struct stage *s = stage_new();
    char a[16], b[16];
    learn(s, &s->topic, 3, NEAR);
    key_of(s, &s->topic, 0, 3, a);
    key_of(s, &s->topic, 1, 3, b);
    assert_true(enter(s, &s->topic, a));
    assert_true(enter(s, &s->topic, b));
    assert_false(enter(s, &s->topic, a));
    assert_ptr_not_equal(of(s, &s->topic, a), of(s, &s->topic, b));
    stage_free(s);
}

static void records_that_waited_before_the_partitions_were_known_all_go(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch;
    char key[16];
    assert_true(enter(s, &s->topic, "first"));
    for (int i = 0; i < 12; i++) assert_false(enter(s, &s->topic, key_of(s, &s->topic, i % 4, 4, key)));
    atomic_store(&s->topic.partitions, 4);
    reported(s, &s->topic, "first", 1, NEAR);
    for (int i = 0; i < 4; i++) assert_int_equal(next(s, &batch), 3);
    assert_int_equal(next(s, &batch), 0);
    stage_free(s);
}

static void a_broker_has_as_many_batches_under_way_as_it_takes_requests(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch;
    char keys[MOST + 2][16];
    learn(s, &s->topic, MOST + 2, NEAR);
    for (int i = 0; i < MOST + 2; i++) {
        key_of(s, &s->topic, i, MOST + 2, keys[i]);
        assert_int_equal(enter(s, &s->topic, keys[i]), i < MOST);
    }
    assert_int_equal(next(s, &batch), 0);
    reported(s, &s->topic, keys[0], 1, NEAR);
    assert_int_equal(next(s, &batch), 1);
    assert_ptr_equal(batch, of(s, &s->topic, keys[MOST])); /* first come, first served */
    assert_int_equal(next(s, &batch), 0);
    stage_free(s);
}

static void some_large_batches_go_beyond_that_and_small_ones_wait_and_grow(void **state) {
    (void)state;
    enum { ALL = MOST + PL_AHEAD + 2 };
    struct stage *s = stage_new();
    struct pl_batch *batch;
    char keys[ALL][16];
    learn(s, &s->topic, ALL, NEAR);
    for (int i = 0; i < ALL; i++) {
        key_of(s, &s->topic, i, ALL, keys[i]);
        assert_int_equal(enter(s, &s->topic, keys[i]), i < MOST);
    }
    assert_int_equal(next(s, &batch), 0);
    for (int i = MOST; i < ALL; i++) assert_false(enter_large(s, &s->topic, keys[i], PL_LARGE_BYTES));
    for (int i = 0; i < PL_AHEAD; i++) {
        assert_true(pl_batches_due(&s->batches) == 0);
        assert_int_equal(next(s, &batch), 2);
        assert_ptr_equal(batch, of(s, &s->topic, keys[MOST + i]));
    }
    assert_true(pl_batches_due(&s->batches) > now_us);
    assert_int_equal(next(s, &batch), 0);
    reported(s, &s->topic, keys[0], 1, NEAR);
    assert_int_equal(next(s, &batch), 2);
    assert_false(enter(s, &s->topic, keys[0])); /* a small one, behind the last large one */
    reported(s, &s->topic, keys[1], 1, NEAR);
    assert_int_equal(next(s, &batch), 2);
    assert_int_equal(next(s, &batch), 0);
    for (int i = 2; i < MOST; i++) reported(s, &s->topic, keys[i], 1, NEAR);
    assert_int_equal(next(s, &batch), 0);
    reported(s, &s->topic, keys[MOST], 2, NEAR);
    assert_int_equal(next(s, &batch), 0);
    reported(s, &s->topic, keys[MOST + 1], 2, NEAR);
    assert_int_equal(next(s, &batch), 1);
    assert_ptr_equal(batch, of(s, &s->topic, keys[0]));
    stage_free(s);
}

static void another_broker_is_not_waited_for(void **state) {
    (void)state;
    struct stage *s = stage_new();
    char key[16];
    learn(s, &s->topic, MOST, NEAR);
    learn(s, &s->other, 2, OTHER);
    for (int i = 0; i < MOST; i++) assert_true(enter(s, &s->topic, key_of(s, &s->topic, i, MOST, key)));
    assert_true(enter(s, &s->other, key_of(s, &s->other, 0, 2, key)));
    stage_free(s);
}

static void topics_that_nobody_knows_do_not_hold_up_others(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_topic unknown[2 * MOST];
    for (size_t i = 0; i < 2 * MOST; i++) {
        char name[16];
        snprintf(name, sizeof name, "unknown-%zu", i);
        open_topic(s, &unknown[i], name);
        assert_true(enter(s, &unknown[i], NULL));
    }
    assert_true(enter(s, &s->topic, NULL));
    for (size_t i = 0; i < 2 * MOST; i++) close_topic(&unknown[i]);
    stage_free(s);
}

static void partitions_that_are_stuck_do_not_hold_up_their_broker_for_long(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch;
    char key[16];
    learn(s, &s->topic, MOST + 1, NEAR);
    for (int i = 0; i < MOST; i++) assert_true(enter(s, &s->topic, key_of(s, &s->topic, i, MOST + 1, key)));
    assert_false(enter(s, &s->topic, key_of(s, &s->topic, MOST, MOST + 1, key)));
    now_us += 50000;
    assert_int_equal(next(s, &batch), 0);
    now_us += 50000;
    assert_int_equal(next(s, &batch), 1);
    for (int i = 0; i < MOST; i++) /* reports of those that were forgiven do no harm */
        reported(s, &s->topic, key_of(s, &s->topic, i, MOST + 1, key), 1, NEAR);
    reported(s, &s->topic, key_of(s, &s->topic, MOST, MOST + 1, key), 1, NEAR);
    for (int i = 0; i < MOST; i++) assert_true(enter(s, &s->topic, key_of(s, &s->topic, i, MOST + 1, key)));
    stage_free(s);
}

static void a_batch_that_waits_for_stuck_ones_tells_when_its_turn_comes(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch;
    char key[16];
    learn(s, &s->topic, MOST + 1, NEAR);
    assert_true(pl_batches_due(&s->batches) == INT64_MAX);
    for (int i = 0; i < MOST; i++) assert_true(enter(s, &s->topic, key_of(s, &s->topic, i, MOST + 1, key)));
    assert_true(pl_batches_due(&s->batches) == INT64_MAX);
    int64_t last = now_us;
    now_us += 1000;
    assert_false(enter(s, &s->topic, key_of(s, &s->topic, MOST, MOST + 1, key)));
    int64_t due = pl_batches_due(&s->batches);
    assert_true(due > last && due < INT64_MAX);
    now_us = due - 1;
    assert_int_equal(next(s, &batch), 0);
    now_us = due;
    assert_int_equal(next(s, &batch), 1);
    assert_true(pl_batches_due(&s->batches) == INT64_MAX);
    stage_free(s);
}

static void a_batch_that_holds_nothing_keeps_no_memory(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch;
    char key[16];
    learn(s, &s->topic, 2, NEAR);
    for (int i = 0; i < 10; i++) {
        key_of(s, &s->topic, i % 2, 2, key);
        assert_true(enter(s, &s->topic, key));
        assert_false(enter(s, &s->topic, key));
        reported(s, &s->topic, key, 1, NEAR);
        assert_int_equal(next(s, &batch), 1);
        reported(s, &s->topic, key, 1, NEAR);
        assert_null(batch->held.at);
        assert_int_equal(s->batches.spares, 1); /* the one buffer serves all */
    }
    stage_free(s);
}

static void enter_text(struct stage *s, const char *letter) {
    struct pl_entered in;
    struct pl_record r = {.topic = "orders", .value = letter, .value_n = 1};
    assert_int_equal(pl_batches_enter(&s->batches, &s->topic, &r, NULL, &in), POUCH_OK);
    assert_true(in.held);
}

static pouch_err refuse(struct stage *s, const char *value, size_t n) {
    bool told;
    const struct pl_record r = {.topic = "orders", .value = value, .value_n = n};
    return pl_batches_again(&s->batches, of(s, &s->topic, NULL), &r, NULL, &told);
}

/*
 * A broker that takes batches of so many records at most; what it takes stands behind *stored. The size of the batch;
 * 0: there is none.
 */
static size_t offer(struct stage *s, size_t most, char *stored) {
    const void *key, *value;
    const struct pl_held_record *h;
    char letters[64] = "";
    size_t n = 0, at = 0;
    if (!pl_batches_next(&s->batches, &s->out)) return 0;
    while ((h = pl_held_record_next(&s->out, &at, &key, &value))) letters[n++] = *(const char *)value;
    pl_batches_give_back(&s->batches, &s->out);
    for (size_t i = 0; n > most && i < n; i++) assert_int_equal(refuse(s, &letters[i], 1), POUCH_OK);
    if (n <= most) strcat(stored, letters);
    reported(s, &s->topic, NULL, n, n > most ? -1 : NEAR);
    return n;
}

static void what_is_refused_for_the_size_of_its_batch_goes_again_in_order_with_fewer(void **state) {
    (void)state;
    struct stage *s = stage_new();
    char stored[64] = "";
    assert_true(enter(s, &s->topic, NULL));
    for (const char *at = "abcdefghijklm"; *at; at++) enter_text(s, at);
    reported(s, &s->topic, NULL, 1, NEAR);
    assert_int_equal(offer(s, 3, stored), 13);
    for (const char *at = "nopq"; *at; at++) enter_text(s, at);
    assert_int_equal(offer(s, 3, stored), 6);
    assert_int_equal(offer(s, 3, stored), 3);
    size_t n, all = strlen(stored);
    while ((n = offer(s, 3, stored))) all += n;
    assert_string_equal(stored, "abcdefghijklmnopq");
    assert_int_equal(all, strlen(stored)); /* nothing was refused again */

    now_us += 61000000;
    assert_true(enter(s, &s->topic, NULL));
    for (const char *at = "rstuvwxyz"; *at; at++) enter_text(s, at);
    reported(s, &s->topic, NULL, 1, NEAR);
    assert_int_equal(offer(s, 9, stored), 9); /* perhaps it takes more by now */
    stage_free(s);
}

static void what_is_refused_alone_is_too_large(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch;
    assert_true(enter(s, &s->topic, NULL));
    assert_int_equal(refuse(s, "x", 1), POUCH_E_TOO_LARGE);
    assert_false(enter(s, &s->topic, NULL));
    reported(s, &s->topic, NULL, 1, -1);
    assert_int_equal(next(s, &batch), 1);
    assert_int_equal(refuse(s, "x", 1), POUCH_E_TOO_LARGE);
    reported(s, &s->topic, NULL, 1, -1);
    assert_int_equal(next(s, &batch), 0);
    stage_free(s);
}

static void what_waits_is_bounded(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_entered in;
    char value[MAX_BYTES];
    memset(value, 'v', sizeof value);
    const struct pl_record r = {.topic = "orders", .value = value, .value_n = sizeof value};
    assert_true(enter(s, &s->topic, NULL));
    assert_int_equal(pl_batches_enter(&s->batches, &s->topic, &r, NULL, &in), POUCH_E_OVERLOADED);
    assert_false(in.held);
    assert_non_null(strstr(pouch_why(), "orders"));
    stage_free(s);
}

/* Where a record goes whose key orders nothing, and whether at once. */
static struct pl_batch *enter_any(struct stage *s, int32_t partition, int partitions, bool *held) {
    char key[16];
    struct pl_entered in;
    key_of(s, &s->topic, partition, partitions, key);
    const struct pl_record r = {.topic = "orders", .key = key, .key_n = strlen(key), .goes = PL_ANYWHERE};
    assert_int_equal(pl_batches_enter(&s->batches, &s->topic, &r, NULL, &in), POUCH_OK);
    *held = in.held;
    return in.batch;
}

static void records_for_any_partition_wait_for_each_other_and_for_no_others(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch, *any = &s->topic.any;
    char key[16];
    bool held;
    learn(s, &s->topic, 3, NEAR);
    assert_ptr_equal(enter_any(s, 0, 3, &held), any);
    assert_false(held);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(enter_any(s, i, 3, &held), any);
        assert_true(held);
    }
    assert_true(enter(s, &s->topic, key_of(s, &s->topic, 0, 3, key)));
    assert_int_equal(next(s, &batch), 0);
    (void)pl_batches_leave(&s->batches, any, 1, NEAR);
    assert_int_equal(next(s, &batch), 3);
    assert_ptr_equal(batch, any);
    (void)pl_batches_leave(&s->batches, any, 3, NEAR);
    stage_free(s);
}

static void where_one_partition_is_known_they_go_with_the_others(void **state) {
    (void)state;
    struct stage *s = stage_new();
    bool held;
    assert_ptr_equal(enter_any(s, 0, 3, &held), of(s, &s->topic, NULL));
    assert_false(held);
    assert_ptr_equal(enter_any(s, 1, 3, &held), of(s, &s->topic, NULL));
    assert_true(held);
    stage_free(s);
}

static void while_a_partition_takes_nothing_they_go_by_their_keys(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch;
    char key[16];
    bool held;
    learn(s, &s->topic, 3, NEAR);
    assert_ptr_equal(enter_any(s, 0, 3, &held), &s->topic.any);
    now_us += 99999;
    for (int i = 0; i < 6; i++) assert_ptr_equal(enter_any(s, 1 + i % 2, 3, &held), &s->topic.any);
    assert_true(held);
    assert_int_equal(next(s, &batch), 0);
    now_us++;
    assert_int_equal(next(s, &batch), 3);
    assert_ptr_equal(batch, of(s, &s->topic, key_of(s, &s->topic, 1, 3, key)));
    assert_int_equal(next(s, &batch), 3);
    assert_ptr_equal(batch, of(s, &s->topic, key_of(s, &s->topic, 2, 3, key)));
    assert_int_equal(next(s, &batch), 0);
    assert_ptr_equal(enter_any(s, 0, 3, &held), of(s, &s->topic, key_of(s, &s->topic, 0, 3, key)));
    assert_false(held);
    (void)pl_batches_leave(&s->batches, &s->topic.any, 1, NEAR);
    assert_ptr_equal(enter_any(s, 1, 3, &held), &s->topic.any);
    stage_free(s);
}

static void it_is_told_when_to_look_whether_a_partition_takes_nothing(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch;
    bool held;
    learn(s, &s->topic, 3, NEAR);
    (void)enter_any(s, 0, 3, &held);
    assert_true(pl_batches_due(&s->batches) == INT64_MAX); /* nothing waits for it */
    int64_t went_us = now_us;
    now_us += 50000;
    (void)enter_any(s, 0, 3, &held);
    assert_true(held);
    assert_true(pl_batches_due(&s->batches) == went_us + 100000);
    (void)pl_batches_leave(&s->batches, &s->topic.any, 1, NEAR);
    assert_int_equal(next(s, &batch), 1);
    int64_t again_us = now_us;
    (void)enter_any(s, 0, 3, &held);
    now_us = went_us + 100000;
    assert_int_equal(next(s, &batch), 0); /* others are under way by now, and not for long */
    assert_true(pl_batches_due(&s->batches) == again_us + 100000);
    now_us = again_us + 100000;
    assert_int_equal(next(s, &batch), 1);
    assert_true(pl_batches_due(&s->batches) == INT64_MAX);
    stage_free(s);
}

/* Where it goes, and is reported at once. */
static struct pl_batch *enter_by_turns(struct stage *s) {
    const struct pl_record r = {.topic = "orders", .key = "key", .key_n = 3, .goes = PL_BY_TURNS};
    struct pl_entered in;
    assert_int_equal(pl_batches_enter(&s->batches, &s->topic, &r, NULL, &in), POUCH_OK);
    assert_false(in.held);
    (void)pl_batches_leave(&s->batches, in.batch, 1, NEAR);
    return in.batch;
}

static void by_turns_as_many_go_to_one_partition_as_come_in_four_milliseconds(void **state) {
    (void)state;
    enum { FEW_US = 210, MANY_US = 100 };
    struct stage *s = stage_new();
    struct pl_batch *any = &s->topic.any, *batch;
    learn(s, &s->topic, 3, NEAR);
    now_us += 1000000;
    for (int us = 0; us <= 200000; us += FEW_US, now_us += FEW_US) assert_ptr_not_equal(enter_by_turns(s), any);
    for (int us = 0; us <= 200000; us += MANY_US, now_us += MANY_US) batch = enter_by_turns(s);
    assert_ptr_equal(batch, any);
    assert_in_range(any->run, 4000 / MANY_US - 1, 4000 / MANY_US + 1);
    now_us += 1000000;
    (void)enter_by_turns(s);
    assert_ptr_not_equal(enter_by_turns(s), any); /* after a silence */
    stage_free(s);
}

static void what_goes_anywhere_goes_to_one_partition_at_once(void **state) {
    (void)state;
    struct stage *s = stage_new();
    struct pl_batch *batch;
    bool held;
    learn(s, &s->topic, 3, NEAR);
    for (int us = 0; us <= 60000; us += 100, now_us += 100) (void)enter_any(s, 0, 3, &held);
    (void)pl_batches_leave(&s->batches, &s->topic.any, 1, NEAR);
    assert_true(next(s, &batch) > 500);
    assert_true(batch->run == SIZE_MAX);
    stage_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_while_a_batch_is_under_way_goes_together),
        cmocka_unit_test(a_partition_does_not_wait_for_another),
        cmocka_unit_test(records_that_waited_before_the_partitions_were_known_all_go),
        cmocka_unit_test(a_broker_has_as_many_batches_under_way_as_it_takes_requests),
        cmocka_unit_test(some_large_batches_go_beyond_that_and_small_ones_wait_and_grow),
        cmocka_unit_test(another_broker_is_not_waited_for),
        cmocka_unit_test(topics_that_nobody_knows_do_not_hold_up_others),
        cmocka_unit_test(partitions_that_are_stuck_do_not_hold_up_their_broker_for_long),
        cmocka_unit_test(a_batch_that_waits_for_stuck_ones_tells_when_its_turn_comes),
        cmocka_unit_test(a_batch_that_holds_nothing_keeps_no_memory),
        cmocka_unit_test(what_is_refused_for_the_size_of_its_batch_goes_again_in_order_with_fewer),
        cmocka_unit_test(what_is_refused_alone_is_too_large),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(records_for_any_partition_wait_for_each_other_and_for_no_others),
        cmocka_unit_test(where_one_partition_is_known_they_go_with_the_others),
        cmocka_unit_test(while_a_partition_takes_nothing_they_go_by_their_keys),
        cmocka_unit_test(it_is_told_when_to_look_whether_a_partition_takes_nothing),
        cmocka_unit_test(by_turns_as_many_go_to_one_partition_as_come_in_four_milliseconds),
        cmocka_unit_test(what_goes_anywhere_goes_to_one_partition_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
