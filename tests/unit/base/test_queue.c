/* The queue: order, bounds, fair shares, and many threads at once. */
#include <support.h>

#include <base/queue.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static int item[16];

static void fill(struct pl_queue *q, size_t n) {
    void *items[16];
    for (size_t i = 0; i < n; i++) items[i] = &item[i];
    assert_int_equal(pl_queue_put(q, items, n), n);
}

static void items_leave_in_the_order_they_came(void **state) {
    (void)state;
    struct pl_queue *q;
    void *out[5];
    assert_int_equal(pl_queue_new(&q, 5), POUCH_OK);
    for (int round = 0; round < 20; round++) { /* 3 of 5 at a time, so that the ring wraps everywhere */
        fill(q, 3);
        assert_int_equal(pl_queue_length(q), 3);
        assert_int_equal(pl_queue_take(q, out, 2, 0), 2);
        assert_ptr_equal(out[0], &item[0]);
        assert_ptr_equal(out[1], &item[1]);
        assert_int_equal(pl_queue_take(q, out, 5, 0), 1);
        assert_ptr_equal(out[0], &item[2]);
    }
    pl_queue_free(q);
}

static void a_full_queue_takes_what_fits(void **state) {
    (void)state;
    struct pl_queue *q;
    void *in[4] = {&item[0], &item[1], &item[2], &item[3]}, *out[4];
    assert_int_equal(pl_queue_new(&q, 3), POUCH_OK);
    assert_int_equal(pl_queue_put(q, in, 4), 3);
    assert_int_equal(pl_queue_put(q, in + 3, 1), 0);
    assert_int_equal(pl_queue_take(q, out, 4, 0), 3);
    assert_ptr_equal(out[2], &item[2]);
    pl_queue_free(q);
}

static void an_empty_queue_gives_nothing_when_the_time_is_over(void **state) {
    (void)state;
    struct pl_queue *q;
    void *out[1];
    assert_int_equal(pl_queue_new(&q, 3), POUCH_OK);
    assert_int_equal(pl_queue_take(q, out, 1, 0), 0);
    int64_t start = pl_mono_us(&pl_clock_system);
    assert_int_equal(pl_queue_take(q, out, 1, 3000), 0);
    assert_true(pl_mono_us(&pl_clock_system) - start >= 3000);
    pl_queue_free(q);
}

static void a_closed_queue_lets_out_and_not_in(void **state) {
    (void)state;
    struct pl_queue *q;
    void *out[4], *one = &item[0];
    assert_int_equal(pl_queue_new(&q, 8), POUCH_OK);
    fill(q, 2);
    pl_queue_close(q);
    assert_int_equal(pl_queue_put(q, &one, 1), 0);
    assert_int_equal(pl_queue_take(q, out, 4, -1), 2);
    assert_int_equal(pl_queue_take(q, out, 4, -1), 0);
    pl_queue_free(q);
}

static void freeing_none_is_allowed(void **state) {
    (void)state;
    pl_queue_free(NULL);
}

enum { CONSUMERS = 4, PATIENCE_US = 60 * 1000 * 1000 };

struct party {
    struct pl_queue *q;
    _Atomic pid_t thread[CONSUMERS];
    atomic_int taken, served;
};

struct seat {
    struct party *party;
    int number;
};

static void *take_once(void *arg) {
    struct seat *seat = arg;
    void *out[16];
    seat->party->thread[seat->number] = gettid();
    size_t n = pl_queue_take(seat->party->q, out, 16, PATIENCE_US);
    seat->party->taken += (int)n;
    seat->party->served += n > 0;
    return NULL;
}

static void start(struct party *p, struct seat seats[], pthread_t threads[]) {
    assert_int_equal(pl_queue_new(&p->q, 16), POUCH_OK);
    for (int i = 0; i < CONSUMERS; i++) {
        seats[i] = (struct seat){p, i};
        assert_int_equal(pthread_create(&threads[i], NULL, take_once, &seats[i]), 0);
    }
}

static void finish(struct party *p, pthread_t threads[]) {
    for (int i = 0; i < CONSUMERS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    pl_queue_free(p->q);
}

static bool sleeps(pid_t thread) {
    if (thread == 0) return false;
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    int read = fscanf(f, "%*d (%*[^)]) %c", &state);
    fclose(f);
    return read == 1 && state == 'S';
}

/* A consumer that sleeps for the lock and not for items goes on at once, so all must sleep several times in a row. */
static void wait_until_all_wait(struct party *p) {
    for (int seen = 0; seen < 2 * CONSUMERS; seen++) {
        for (int i = 0; i < CONSUMERS; i++) {
            if (sleeps(p->thread[i])) continue;
            seen = -1;
            sched_yield();
            break;
        }
    }
}

static void closing_wakes_all_who_wait(void **state) {
    (void)state;
    struct party p = {0};
    struct seat seats[CONSUMERS];
    pthread_t threads[CONSUMERS];
    start(&p, seats, threads);
    wait_until_all_wait(&p);
    int64_t before = pl_mono_us(&pl_clock_system);
    pl_queue_close(p.q);
    finish(&p, threads);
    assert_int_equal(p.taken, 0);
    assert_true(pl_mono_us(&pl_clock_system) - before < PATIENCE_US / 2);
}

static void a_batch_is_shared_among_all_who_wait(void **state) {
    (void)state;
    struct party p = {0};
    struct seat seats[CONSUMERS];
    pthread_t threads[CONSUMERS];
    start(&p, seats, threads);
    wait_until_all_wait(&p);
    int64_t before = pl_mono_us(&pl_clock_system);
    fill(p.q, 2 * CONSUMERS);
    finish(&p, threads);
    assert_true(pl_mono_us(&pl_clock_system) - before < PATIENCE_US / 2);
    assert_int_equal(p.taken, 2 * CONSUMERS);
    assert_int_equal(p.served, CONSUMERS);
}

enum { PRODUCERS = 3, EACH = 20000, BATCH = 7 };

struct traffic {
    struct pl_queue *q;
    atomic_int left; /* items that no consumer has taken yet */
    atomic_uchar seen[PRODUCERS * EACH];
};

struct lane {
    struct traffic *traffic;
    size_t first; /* into seen */
};

static void *produce(void *arg) {
    struct lane *lane = arg;
    for (size_t i = 0; i < EACH;) {
        void *items[BATCH];
        size_t n = EACH - i < BATCH ? EACH - i : BATCH;
        for (size_t k = 0; k < n; k++) items[k] = &lane->traffic->seen[lane->first + i + k];
        size_t put = pl_queue_put(lane->traffic->q, items, n);
        if (put == 0) sched_yield();
        i += put;
    }
    return NULL;
}

/* The items of one producer come to one consumer in the producer's order. */
static void *consume(void *arg) {
    struct traffic *t = arg;
    atomic_uchar *last[PRODUCERS] = {NULL};
    void *items[BATCH];
    bool ordered = true;
    for (size_t n; (n = pl_queue_take(t->q, items, BATCH, PATIENCE_US)) > 0;) {
        for (size_t i = 0; i < n; i++) {
            atomic_uchar *one = items[i];
            size_t producer = (size_t)(one - t->seen) / EACH;
            ordered = ordered && one > last[producer];
            last[producer] = one;
            (*one)++;
            if (--t->left == 0) pl_queue_close(t->q);
        }
    }
    return ordered ? t : NULL;
}

static void many_threads_lose_and_double_nothing(void **state) {
    (void)state;
    static struct traffic t = {.left = PRODUCERS * EACH};
    pthread_t producers[PRODUCERS], consumers[CONSUMERS];
    struct lane lanes[PRODUCERS];
    assert_int_equal(pl_queue_new(&t.q, 50), POUCH_OK);
    for (size_t i = 0; i < CONSUMERS; i++) assert_int_equal(pthread_create(&consumers[i], NULL, consume, &t), 0);
    for (size_t i = 0; i < PRODUCERS; i++) {
        lanes[i] = (struct lane){&t, i * EACH};
        assert_int_equal(pthread_create(&producers[i], NULL, produce, &lanes[i]), 0);
    }
    for (size_t i = 0; i < PRODUCERS; i++) assert_int_equal(pthread_join(producers[i], NULL), 0);
    for (size_t i = 0; i < CONSUMERS; i++) {
        void *ordered;
        assert_int_equal(pthread_join(consumers[i], &ordered), 0);
        assert_non_null(ordered);
    }
    for (size_t i = 0; i < PRODUCERS * EACH; i++) assert_int_equal(t.seen[i], 1);
    assert_int_equal(pl_queue_length(t.q), 0);
    pl_queue_free(t.q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_leave_in_the_order_they_came),
        cmocka_unit_test(a_full_queue_takes_what_fits),
        cmocka_unit_test(an_empty_queue_gives_nothing_when_the_time_is_over),
        cmocka_unit_test(a_closed_queue_lets_out_and_not_in),
        cmocka_unit_test(freeing_none_is_allowed),
        cmocka_unit_test(closing_wakes_all_who_wait),
        cmocka_unit_test(a_batch_is_shared_among_all_who_wait),
        cmocka_unit_test(many_threads_lose_and_double_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
