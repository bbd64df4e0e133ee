/* The outlet over a store that a test takes away, freezes, slows down or makes lie. */
#include <support.h>

#include "batches.h"
#include <base/why.h>
#include <errno.h>
#include <metrics/metrics.h>
#include <pthread.h>
#include <signal.h>
#include <store/outlet.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { ROWS_MOST = 20000, SEGMENT = 64 * 1024 };

static struct test_folder folder;
static const struct pl_gap none;

/* ---- the store ---- */

enum mood { WELL, DOWN, FROZEN, LYING }; /* lying: it has the rows and says that it has not */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum mood mood;
    size_t most_rows;         /* that it can take in time; 0: any */
    int slow_ms;              /* how long each write takes; more than it may: it fails */
    uint8_t times[ROWS_MOST]; /* how often it got each row */
    uint64_t rows, gap_rows;  /* different rows; of gaps with different ids */
    struct pl_gap gaps[64];
    size_t n_gaps;
    unsigned writes, by_writer, refused; /* by_writer: calls on the thread of the test */
    pthread_t writer;
} at = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep_row(int64_t number, void *arg) {
    (void)arg;
    assert_in_range(number, 0, ROWS_MOST - 1);
    at.rows += !at.times[number];
    at.times[number]++;
}

static void keep_gap(const struct pl_gap *gap) {
    assert_int_not_equal(gap->id, 0);
    for (size_t i = 0; i < at.n_gaps; i++) {
        if (at.gaps[i].id != gap->id) continue;
        assert_memory_equal(&at.gaps[i], gap, sizeof *gap); /* it never changes */
        return;
    }
    assert_true(at.n_gaps < 64);
    at.gaps[at.n_gaps++] = *gap;
    at.gap_rows += gap->rows;
}

/* Until the store is well, or the time is over. */
static void hang(int ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    while (pthread_cond_timedwait(&at.changed, &at.lock, &until) != ETIMEDOUT && at.mood == FROZEN) continue;
}

static pouch_err answer(int timeout_ms) {
    if (at.mood == FROZEN) hang(timeout_ms);
    if (at.slow_ms) hang(at.slow_ms < timeout_ms ? at.slow_ms : timeout_ms);
    return at.mood == FROZEN || at.slow_ms > timeout_ms ? POUCH_E_TIMEOUT : at.mood == WELL ? POUCH_OK : POUCH_E_STORE;
}

static pouch_err sink_write(struct pl_sink *s, const struct pl_trace_batch *b, const struct pl_gap *gap,
                            int timeout_ms) {
    (void)s;
    pthread_mutex_lock(&at.lock);
    at.writes++;
    at.by_writer += pthread_equal(pthread_self(), at.writer) != 0;
    pouch_err e = at.most_rows && b->rows > at.most_rows ? POUCH_E_TIMEOUT : answer(timeout_ms);
    at.refused += e != POUCH_OK;
    if (!e || at.mood == LYING) {
        test_batch_numbers(b, keep_row, NULL);
        if (gap->rows) keep_gap(gap);
    }
    pthread_cond_broadcast(&at.changed);
    pthread_mutex_unlock(&at.lock);
    if (e) pl_why_set("the test's store is not well");
    return e;
}

static pouch_err sink_open(struct pl_sink **s, const char *where, int64_t ttl_ms) {
    (void)where, (void)ttl_ms;
    *s = NULL;
    return POUCH_OK;
}

static void sink_nothing(struct pl_sink *s) {
    (void)s;
}

static const struct pl_store_kind kind = {.scheme = "test://",
                                          .sink_open = sink_open,
                                          .sink_close = sink_nothing,
                                          .sink_write = sink_write,
                                          .sink_tidy = sink_nothing};

static void be(enum mood mood) {
    pthread_mutex_lock(&at.lock);
    at.mood = mood;
    pthread_cond_broadcast(&at.changed);
    pthread_mutex_unlock(&at.lock);
}

/* One of the store's numbers, while others may be writing. */
static uint64_t now(const void *number, size_t n) {
    uint64_t value = 0;
    pthread_mutex_lock(&at.lock);
    memcpy(&value, number, n);
    pthread_mutex_unlock(&at.lock);
    return value;
}
#define NOW(member) now(&at.member, sizeof at.member)

static void be_slow(int ms) {
    pthread_mutex_lock(&at.lock);
    at.slow_ms = ms;
    pthread_mutex_unlock(&at.lock);
}

/* Waits until the store has that many different rows, those that gaps count with them. */
static void wait_rows(uint64_t rows) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += TEST_PATIENCE_MS / 1000;
    pthread_mutex_lock(&at.lock);
    while (at.rows + at.gap_rows < rows)
        if (pthread_cond_timedwait(&at.changed, &at.lock, &until) == ETIMEDOUT)
            fail_msg("%llu of %llu rows", (unsigned long long)(at.rows + at.gap_rows), (unsigned long long)rows);
    pthread_mutex_unlock(&at.lock);
}

/* ---- the outlet ---- */

static const struct pl_outlet_pace pace = {.write = 20,
                                           .replay_least = 40,
                                           .replay_most = 160,
                                           .pause_least = 2,
                                           .pause_most = 8,
                                           .calm_least = 100,
                                           .calm_most = 400,
                                           .adopt_first = 5,
                                           .adopt_every = 20};

static struct pl_outlet *open_outlet_of(size_t segment, size_t segments, size_t reserved) {
    struct pl_outlet *o;
    const struct pl_outlet_settings s = {
        .kind = &kind,
        .where = "",
        .ttl_ms = TEST_TTL_MS,
        .spool = {folder.path, 7},
        .bounds = {.segment = segment, .most = segments * segment, .reserve = reserved * segment},
        .pace = &pace};
    assert_int_equal(pl_outlet_new(&o, &s), POUCH_OK);
    return o;
}

static struct pl_outlet *open_outlet(size_t segments, size_t reserved) {
    return open_outlet_of(SEGMENT, segments, reserved);
}

static void write_rows(struct pl_outlet *o, int64_t first, int64_t last) {
    for (int64_t n = first; n < last; n += 100) {
        struct test_batch b = test_batch_of(n, n + 100 < last ? n + 100 : last, 0);
        struct pl_gap lost = none;
        pl_outlet_write(o, &b.batch, &b.rows, &lost);
        test_batch_free(&b);
    }
}

static size_t files(void) {
    return test_folder_count(&folder, "spool-", ".rows");
}

/* Waits until rows go to the store again. */
static void wait_direct(void) {
    int64_t until = pl_mono_us(&pl_clock_system) + (int64_t)TEST_PATIENCE_MS * 1000;
    while (pl_metric_get(PL_M_TRACE_SPOOLING)) assert_true(pl_mono_us(&pl_clock_system) < until);
}

static void assert_each_once(int64_t rows) {
    for (int64_t n = 0; n < rows; n++) assert_int_equal(at.times[n], 1);
}

static int setup(void **state) {
    (void)state;
    test_folder_make(&folder);
    at.mood = WELL;
    at.slow_ms = 0;
    at.most_rows = 0;
    memset(at.times, 0, sizeof at.times);
    at.rows = at.gap_rows = at.n_gaps = 0;
    at.writes = at.by_writer = at.refused = 0;
    at.writer = pthread_self();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    assert_int_equal(pl_metric_get(PL_M_TRACE_SPOOLING), 0);
    assert_int_equal(pl_metric_get(PL_M_TRACE_SPOOL_BYTES), 0);
    test_folder_remove(&folder);
    return 0;
}

/* ---- */

/* acceptance: A20 B17 B21 */
static void a_store_that_is_well_gets_its_rows_at_once_and_there_is_no_spool(void **state) {
    (void)state;
    struct pl_outlet *o = open_outlet(16, 0);
    write_rows(o, 0, 5000);
    assert_int_equal(NOW(rows), 5000);
    assert_int_equal(NOW(by_writer), NOW(writes));
    pl_outlet_free(o, 0);
    assert_int_equal(test_folder_count(&folder, "spool-", ""), 0);
}

/* acceptance: A20 B17 B21 */
static void what_a_store_did_not_take_is_there_after_it_came_back(void **state) {
    (void)state;
    int64_t spooled = pl_metric_get(PL_M_TRACE_SPOOLED), replayed = pl_metric_get(PL_M_TRACE_REPLAYED);
    struct pl_outlet *o = open_outlet(64, 0);
    for (int64_t n = 0; n < 10000; n += 1000) {
        be(n / 1000 % 2 ? DOWN : WELL);
        write_rows(o, n, n + 1000);
    }
    be(WELL);
    wait_rows(10000);
    wait_direct();
    write_rows(o, 10000, 11000);
    pl_outlet_free(o, 0);
    assert_each_once(11000);
    assert_int_equal(files(), 0);
    spooled = pl_metric_get(PL_M_TRACE_SPOOLED) - spooled;
    assert_true(spooled >= 5000);
    assert_int_equal(pl_metric_get(PL_M_TRACE_REPLAYED) - replayed, spooled);
}

/* The first write finds it out; those after it do not wait. */
/* acceptance: A20 B17 B21 */
static void a_frozen_store_holds_the_writer_up_once(void **state) {
    (void)state;
    struct pl_outlet *o = open_outlet(64, 0);
    write_rows(o, 0, 100);
    be(FROZEN);
    write_rows(o, 100, 10000);
    assert_int_equal(NOW(by_writer), 2);
    be(WELL);
    wait_rows(10000);
    pl_outlet_free(o, 0);
    assert_each_once(10000);
}

/* acceptance: A20 B17 B21 */
static void a_store_that_cannot_take_many_at_once_gets_few(void **state) {
    (void)state;
    struct pl_outlet *o = open_outlet_of(16 * SEGMENT, 4, 0);
    be(DOWN);
    write_rows(o, 0, 10000);
    pthread_mutex_lock(&at.lock);
    at.most_rows = 1000;
    pthread_mutex_unlock(&at.lock);
    be(WELL);
    wait_rows(10000);
    assert_true(NOW(refused) > 1);
    pl_outlet_free(o, TEST_PATIENCE_MS);
    assert_each_once(10000);
}

/* Each write takes longer than the writer waits, and less than the replay does. */
/* acceptance: A20 B17 B21 */
static void a_slow_store_gets_all_through_the_spool_without_to_and_fro(void **state) {
    (void)state;
    struct pl_outlet *o = open_outlet(64, 0);
    be_slow(25);
    for (int64_t n = 0; n < 10000; n += 1000) {
        write_rows(o, n, n + 1000);
        wait_rows((uint64_t)n + 1000);
    }
    assert_in_range(NOW(by_writer), 1, 3); /* and not each time */
    be_slow(0);
    write_rows(o, 10000, 10100);
    wait_rows(10100);
    wait_direct();
    pl_outlet_free(o, 0);
    assert_each_once(10100);
}

/* acceptance: A20 */
static void rows_that_were_written_although_the_store_failed_come_again_as_the_same(void **state) {
    (void)state;
    struct pl_outlet *o = open_outlet(64, 0);
    struct pl_gap lost = {.from_us = 1, .to_us = 2, .rows = 5};
    be(LYING);
    struct test_batch b = test_batch_of(0, 100, 0);
    pl_outlet_write(o, &b.batch, &b.rows, &lost);
    test_batch_free(&b);
    assert_int_equal(lost.rows, 0);
    wait_rows(105);
    pthread_mutex_lock(&at.lock);
    while (at.writes < 3) pthread_cond_wait(&at.changed, &at.lock);
    pthread_mutex_unlock(&at.lock);
    be(WELL);
    wait_direct();
    pl_outlet_free(o, 0);
    assert_int_equal(at.rows, 100);
    assert_int_equal(at.n_gaps, 1);
    assert_int_equal(at.gap_rows, 5);
    assert_true(at.times[0] >= 2);
}

/* acceptance: A20 B17 B21 */
static void what_is_beyond_the_spool_is_counted_and_the_store_says_so(void **state) {
    (void)state;
    struct pl_outlet *o = open_outlet(4, 0);
    be(DOWN);
    write_rows(o, 0, 10000);
    uint64_t missing = pl_outlet_missing(o);
    assert_true(missing > 0 && missing < 10000);
    be(WELL);
    wait_rows(10000);
    wait_direct();
    pl_outlet_free(o, 0);
    assert_int_equal(at.gap_rows, missing);
    assert_int_equal(at.rows, 10000 - missing);
}

/* acceptance: A20 B17 B21 */
static void without_a_spool_rows_are_counted_and_the_store_says_so(void **state) {
    (void)state;
    struct pl_outlet *o = open_outlet(0, 0);
    be(DOWN);
    write_rows(o, 0, 1000);
    assert_int_equal(pl_outlet_missing(o), 1000);
    be(WELL);
    wait_rows(1000);
    wait_direct();
    write_rows(o, 1000, 1100);
    pl_outlet_free(o, 0);
    assert_int_equal(at.rows, 100);
    assert_int_equal(at.gap_rows, 1000);
}

/* acceptance: A20 */
static void what_is_left_at_the_end_is_for_the_next_process(void **state) {
    (void)state;
    for (size_t reserved = 0; reserved <= 4; reserved += 4) {
        assert_int_equal(setup(NULL), 0);
        struct pl_outlet *o = open_outlet(64, reserved);
        be(DOWN);
        write_rows(o, 0, 3000);
        pl_outlet_free(o, 0);
        assert_int_equal(NOW(rows), 0);
        assert_true(files() > 0);
        be(WELL);
        o = open_outlet(64, reserved);
        wait_rows(3000);
        wait_direct();
        pl_outlet_free(o, 0);
        assert_each_once(3000);
        assert_int_equal(files(), 0);
    }
}

/* A frozen store does not keep a process that ends: no more than what it was given, and a write that has begun. */
static void an_end_does_not_wait_for_a_frozen_store(void **state) {
    (void)state;
    struct pl_outlet *o = open_outlet(64, 0);
    be(FROZEN);
    write_rows(o, 0, 1000);
    unsigned before = (unsigned)NOW(writes);
    pl_outlet_free(o, 1);
    assert_in_range(at.writes, before, before + 2);
    assert_int_equal(at.rows, 0);
    be(WELL);
    o = open_outlet(64, 0);
    wait_rows(1000);
    pl_outlet_free(o, 0);
    assert_each_once(1000);
}

/* With time left, an end empties the spool. */
static void an_end_with_time_empties_the_spool(void **state) {
    (void)state;
    struct pl_outlet *o = open_outlet(64, 0);
    be(DOWN);
    write_rows(o, 0, 5000);
    be(WELL);
    pl_outlet_free(o, TEST_PATIENCE_MS);
    assert_each_once(5000);
    assert_int_equal(files(), 0);
}

/* acceptance: A20 */
static void rows_of_a_killed_process_are_brought_to_the_store_by_another(void **state) {
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (!child) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL)) _exit(1);
        struct pl_outlet *o = open_outlet(64, 0);
        be(DOWN);
        write_rows(o, 0, 4000);
        if (write(pipes[1], "", 1) != 1) _exit(1);
        for (;;) pause();
    }
    struct pl_outlet *o = open_outlet(64, 0);
    char byte;
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    write_rows(o, 4000, 6000);
    assert_int_equal(NOW(rows), 2000);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    for (int64_t n = 6000; n < 8000; n += 100) write_rows(o, n, n + 100); /* meanwhile */
    wait_rows(8000);
    wait_direct();
    write_rows(o, 8000, 8100);
    pl_outlet_free(o, TEST_PATIENCE_MS);
    assert_each_once(8100);
    assert_int_equal(files(), 0);
    close(pipes[0]);
    close(pipes[1]);
}

#define WITH_FOLDER(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_store_that_is_well_gets_its_rows_at_once_and_there_is_no_spool),
        WITH_FOLDER(what_a_store_did_not_take_is_there_after_it_came_back),
        WITH_FOLDER(a_frozen_store_holds_the_writer_up_once),
        WITH_FOLDER(a_store_that_cannot_take_many_at_once_gets_few),
        WITH_FOLDER(a_slow_store_gets_all_through_the_spool_without_to_and_fro),
        WITH_FOLDER(rows_that_were_written_although_the_store_failed_come_again_as_the_same),
        WITH_FOLDER(what_is_beyond_the_spool_is_counted_and_the_store_says_so),
        WITH_FOLDER(without_a_spool_rows_are_counted_and_the_store_says_so),
        WITH_FOLDER(what_is_left_at_the_end_is_for_the_next_process),
        WITH_FOLDER(an_end_does_not_wait_for_a_frozen_store),
        WITH_FOLDER(an_end_with_time_empties_the_spool),
        WITH_FOLDER(rows_of_a_killed_process_are_brought_to_the_store_by_another),
    };
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&at.changed, &monotonic);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
