/* Random bytes: no value twice, in no thread and in no forked child. */
#include <support.h>

#include <crypto/random.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IV = 12, MANY = 1000000, CHILD_DRAWS = 600 };

/* When set, this process is one on a kernel that cannot wipe on fork. */
static bool refuse_wipe;

int madvise(void *at, size_t n, int advice) {
    if (advice == MADV_WIPEONFORK && refuse_wipe) return -1;
    return (int)syscall(SYS_madvise, at, n, advice);
}

static int compare_iv(const void *a, const void *b) {
    return memcmp(a, b, IV);
}

static void assert_all_differ(uint8_t (*ivs)[IV], size_t n) {
    qsort(ivs, n, IV, compare_iv);
    for (size_t i = 1; i < n; i++) assert_memory_not_equal(ivs[i - 1], ivs[i], IV);
}

/* Runs in threads and children too, where nothing may be asserted. */
static bool draw_ivs(uint8_t (*ivs)[IV], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (pl_random(ivs[i], IV)) return false;
    return true;
}

/* acceptance: A6 */
static void a_million_ivs_all_differ(void **state) {
    (void)state;
    uint8_t(*ivs)[IV] = malloc(MANY * sizeof *ivs);
    assert_non_null(ivs);
    assert_true(draw_ivs(ivs, MANY));
    assert_all_differ(ivs, MANY);
    free(ivs);
}

static void every_length_is_filled(void **state) {
    (void)state;
    uint8_t out[257];
    for (size_t n = 0; n <= 256; n++) {
        bool filled[256] = {false};
        memset(out, 0, sizeof out);
        /* A byte is zero by chance once in 256 draws, in 40 draws never. */
        for (int draw = 0; draw < 40; draw++) {
            assert_int_equal(pl_random(out, n), POUCH_OK);
            for (size_t i = 0; i < n; i++) filled[i] |= out[i] != 0;
        }
        for (size_t i = 0; i < n; i++) assert_true(filled[i]);
        assert_int_equal(out[n], 0);
    }
}

static void *draw_thread(void *ivs) {
    return draw_ivs(ivs, CHILD_DRAWS) ? ivs : NULL;
}

static void threads_draw_from_blocks_of_their_own(void **state) {
    (void)state;
    uint8_t ivs[4 * CHILD_DRAWS][IV];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, draw_thread, ivs[i * CHILD_DRAWS]), 0);
    for (int i = 0; i < 4; i++) {
        void *drawn;
        assert_int_equal(pthread_join(threads[i], &drawn), 0);
        assert_non_null(drawn);
    }
    assert_all_differ(ivs, 4 * CHILD_DRAWS);
}

/* How a process is doubled, and the values of one family: its parent's first draw, then all of each member. */
struct family {
    pid_t (*fork)(void);
    uint8_t ivs[1 + 3 * CHILD_DRAWS][IV];
};

static int draw_and_write(int out) {
    uint8_t ivs[CHILD_DRAWS][IV];
    return draw_ivs(ivs, CHILD_DRAWS) && write(out, ivs, sizeof ivs) == (ssize_t)sizeof ivs ? 0 : 1;
}

/* In the child: a grandchild draws, then it draws itself; both write what they drew down the pipe. */
static int child_draws(const struct family *f, int out) {
    int status;
    pid_t grandchild = f->fork();
    if (grandchild < 0) return 1;
    if (grandchild == 0) _exit(draw_and_write(out));
    if (waitpid(grandchild, &status, 0) != grandchild || status != 0) return 1;
    return draw_and_write(out);
}

static bool read_whole(int in, uint8_t *at, const uint8_t *end) {
    while (at < end) {
        ssize_t n = read(in, at, (size_t)(end - at));
        if (n <= 0) return false;
        at += n;
    }
    return true;
}

/* Parent, child and grandchild draw from the block that the parent had begun; the family, or NULL. */
static void *fork_and_draw(void *family) {
    struct family *f = family;
    int ends[2], status;
    if (!draw_ivs(f->ivs, 1) || pipe(ends)) return NULL;
    pid_t child = f->fork();
    if (child < 0) return NULL;
    if (child == 0) _exit(child_draws(f, ends[1]));
    close(ends[1]);
    bool drawn = draw_ivs(f->ivs + 1, CHILD_DRAWS) &&
                 read_whole(ends[0], (uint8_t *)f->ivs + (1 + CHILD_DRAWS) * sizeof f->ivs[0],
                            (uint8_t *)f->ivs + sizeof f->ivs);
    close(ends[0]);
    return waitpid(child, &status, 0) == child && status == 0 && drawn ? f : NULL;
}

/* acceptance: A6 */
static void a_forked_child_repeats_nothing(void **state) {
    (void)state;
    static struct family f = {.fork = fork};
    assert_non_null(fork_and_draw(&f));
    assert_all_differ(f.ivs, sizeof f.ivs / IV);
}

static void nor_does_one_that_no_handler_knows_of(void **state) {
    (void)state;
    static struct family f = {.fork = _Fork};
    assert_non_null(fork_and_draw(&f));
    assert_all_differ(f.ivs, sizeof f.ivs / IV);
}

static void nor_where_the_kernel_cannot_wipe_on_fork(void **state) {
    (void)state;
    static struct family f = {.fork = fork};
    pthread_t thread; /* a new one, which has no block yet */
    void *drawn;
    refuse_wipe = true;
    assert_int_equal(pthread_create(&thread, NULL, fork_and_draw, &f), 0);
    assert_int_equal(pthread_join(thread, &drawn), 0);
    refuse_wipe = false;
    assert_non_null(drawn);
    assert_all_differ(f.ivs, sizeof f.ivs / IV);
}

/* acceptance: A7 */
static void uuids_are_version_4(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct pl_uuid u;
        assert_int_equal(pl_random_uuid(&u), POUCH_OK);
        assert_int_equal(u.b[6] >> 4, 4);
        assert_int_equal(u.b[8] >> 6, 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_ivs_all_differ),
        cmocka_unit_test(every_length_is_filled),
        cmocka_unit_test(threads_draw_from_blocks_of_their_own),
        cmocka_unit_test(a_forked_child_repeats_nothing),
        cmocka_unit_test(nor_does_one_that_no_handler_knows_of),
        cmocka_unit_test(nor_where_the_kernel_cannot_wipe_on_fork),
        cmocka_unit_test(uuids_are_version_4),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
