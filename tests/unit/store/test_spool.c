/* The spool: what is put comes back once, in order, whatever has become of the process or the files meanwhile. */
#include <support.h>

#include "batches.h"
#include <fcntl.h>
#include <metrics/metrics.h>
#include <signal.h>
#include <store/spool.h>
#include <store/spool_record.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { SEGMENT = 64 * 1024, MOST = 16 * SEGMENT, ROWS_A_BATCH = 100 };

static struct test_folder folder;
static const struct pl_spool_bounds bounds = {.segment = SEGMENT, .most = MOST};

static int make_folder(void **state) {
    (void)state;
    test_folder_make(&folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    test_folder_remove(&folder);
    assert_int_equal(pl_metric_get(PL_M_TRACE_SPOOL_BYTES), 0);
    return 0;
}

static struct pl_spool_place place(void) {
    return (struct pl_spool_place){folder.path, 7};
}

static struct pl_spool *open_spool(const struct pl_spool_bounds *b) {
    struct pl_spool *s;
    const struct pl_spool_place p = place();
    assert_int_equal(pl_spool_open(&s, &p, b), POUCH_OK);
    return s;
}

static struct pl_spool *adopt(void) {
    struct pl_spool *s;
    const struct pl_spool_place p = place();
    assert_int_equal(pl_spool_adopt(&s, &p), POUCH_OK);
    return s;
}

/* Rows first to last - 1; how many found no room. */
static uint64_t put(struct pl_spool *s, int64_t first, int64_t last) {
    struct pl_gap left = {0};
    for (int64_t n = first; n < last; n += ROWS_A_BATCH) {
        struct test_batch b = test_batch_of(n, n + ROWS_A_BATCH < last ? n + ROWS_A_BATCH : last, 0);
        pouch_err e = pl_spool_put(s, &b.batch, &left);
        assert_true(e == POUCH_OK || e == POUCH_E_STORE);
        test_batch_free(&b);
    }
    return left.rows;
}

struct seen {
    int64_t rows, next; /* next: the number after the last one */
    uint64_t missing;
    bool ordered;
};

static void see(int64_t number, void *arg) {
    struct seen *s = arg;
    s->ordered = s->ordered && number >= s->next;
    s->next = number + 1;
    s->rows++;
}

/* Reads until the spool is empty, or so many times. */
static struct seen read_some(struct pl_spool *s, int times) {
    struct seen seen = {.ordered = true};
    struct pl_spool_rows rows;
    while (times-- && !pl_spool_next(s, SIZE_MAX, &rows) && (rows.batch.rows || rows.gap.rows)) {
        assert_true(rows.batch.again);
        test_batch_numbers(&rows.batch, see, &seen);
        if (rows.gap.rows) assert_true(rows.gap.id != 0 && rows.gap.from_us <= rows.gap.to_us);
        seen.missing += rows.gap.rows;
        pl_spool_done(s);
    }
    return seen;
}

static struct seen read_all(struct pl_spool *s) {
    return read_some(s, -1);
}

static size_t files(void) {
    return test_folder_count(&folder, "spool-", ".rows");
}

/* acceptance: A20 */
static void what_is_put_is_read_once_and_in_order(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    assert_int_equal(read_all(s).rows, 0);
    for (int64_t n = 0; n < 30000; n += 3000) {
        assert_int_equal(put(s, n, n + 3000), 0);
        if (n == 0) assert_true(files() > 1);
        assert_true(pl_metric_get(PL_M_TRACE_SPOOL_BYTES) > 3000 * 64);
        struct seen seen = read_all(s);
        assert_int_equal(seen.rows, 3000);
        assert_int_equal(seen.next, n + 3000);
        assert_true(seen.ordered);
        assert_int_equal(files(), 1);
    }
    pl_spool_close(s);
    assert_int_equal(files(), 0);
}

static void rows_come_again_until_they_are_done(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    put(s, 0, 10);
    for (int i = 0; i < 3; i++) {
        struct pl_spool_rows rows;
        assert_int_equal(pl_spool_next(s, SIZE_MAX, &rows), POUCH_OK);
        assert_int_equal(rows.batch.rows, 10);
    }
    put(s, 10, 20);
    assert_int_equal(read_all(s).rows, 20);
    pl_spool_close(s);
}

static size_t rows_within(struct pl_spool *s, size_t bytes) {
    struct pl_spool_rows rows;
    assert_int_equal(pl_spool_next(s, bytes, &rows), POUCH_OK);
    return rows.batch.rows;
}

static void as_many_rows_come_as_are_wanted_and_a_record_of_them_at_least(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    put(s, 0, 10);
    put(s, 10, 20);
    assert_int_equal(rows_within(s, 1), 10);
    assert_int_equal(rows_within(s, SIZE_MAX), 20);
    assert_int_equal(rows_within(s, 1), 10);
    pl_spool_done(s);
    assert_int_equal(read_all(s).rows, 10);
    pl_spool_close(s);
}

static void files_are_for_their_owner_alone(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    put(s, 0, 10);
    char path[PATH_MAX];
    struct stat st;
    for (size_t i = 0; test_folder_find(&folder, "spool-", "", i, path); i++) {
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    pl_spool_close(s);
}

/* acceptance: A20 */
static void what_is_beyond_the_bound_is_counted(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    uint64_t left = put(s, 0, 20000);
    assert_true(left > 0 && left < 20000);
    assert_true(files() * SEGMENT <= MOST);
    struct seen seen = read_all(s);
    assert_int_equal((uint64_t)seen.rows + left, 20000);
    assert_int_equal(put(s, 20000, 21000), 0); /* there is room again */
    assert_int_equal(read_all(s).rows, 1000);
    pl_spool_close(s);
}

static void gaps_are_kept_between_the_rows(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    const struct pl_gap gap = {.from_us = 5, .to_us = 9, .rows = 42, .id = 11};
    put(s, 0, 10);
    assert_int_equal(pl_spool_put_gap(s, &gap), POUCH_OK);
    put(s, 10, 20);
    struct pl_spool_rows rows;
    assert_int_equal(pl_spool_next(s, SIZE_MAX, &rows), POUCH_OK);
    assert_int_equal(rows.batch.rows, 10);
    assert_int_equal(rows.gap.rows, 0);
    pl_spool_done(s);
    assert_int_equal(pl_spool_next(s, SIZE_MAX, &rows), POUCH_OK);
    assert_memory_equal(&rows.gap, &gap, sizeof gap);
    assert_int_equal(rows.batch.rows, 0);
    pl_spool_done(s);
    assert_int_equal(read_all(s).rows, 10);
    pl_spool_close(s);
}

static void a_row_that_is_larger_than_a_segment_has_one_of_its_own(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    put(s, 0, 10);
    struct test_batch large = test_batch_of(10, 13, 2 * SEGMENT);
    struct pl_gap left = {0};
    assert_int_equal(pl_spool_put(s, &large.batch, &left), POUCH_OK);
    test_batch_free(&large);
    put(s, 13, 20);
    struct seen seen = read_all(s);
    assert_int_equal(seen.rows, 20);
    assert_true(seen.ordered);
    pl_spool_close(s);
}

static off_t bytes_of_files(void) {
    char path[PATH_MAX];
    struct stat st;
    off_t sum = 0;
    for (size_t i = 0; test_folder_find(&folder, "spool-", ".rows", i, path); i++) {
        assert_int_equal(stat(path, &st), 0);
        sum += st.st_blocks * 512;
    }
    return sum;
}

static void the_reserve_is_taken_at_once_and_used_again(void **state) {
    (void)state;
    const struct pl_spool_bounds kept = {.segment = SEGMENT, .most = MOST, .reserve = 4 * SEGMENT};
    struct pl_spool *s = open_spool(&kept);
    assert_int_equal(files(), 4);
    assert_true(bytes_of_files() >= 4 * SEGMENT);
    for (int64_t n = 0; n < 10; n++) {
        assert_int_equal(put(s, n * 1000, n * 1000 + 1000), 0);
        assert_int_equal(files(), 4);
        assert_int_equal(read_all(s).next, n * 1000 + 1000);
    }
    pl_spool_close(s);
    assert_int_equal(files(), 0);
}

static void a_reserve_of_a_process_that_is_gone_is_used(void **state) {
    (void)state;
    const struct pl_spool_bounds kept = {.segment = SEGMENT, .most = MOST, .reserve = 4 * SEGMENT};
    pid_t child = fork();
    if (!child) {
        struct pl_spool *s = open_spool(&kept);
        put(s, 0, 100);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    assert_int_equal(files(), 4);
    struct pl_spool *s = open_spool(&kept);
    assert_int_equal(files(), 5); /* one of them has rows */
    assert_true(pl_spool_has_rows(s));
    assert_int_equal(read_all(s).rows, 100);
    assert_int_equal(files(), 4);
    pl_spool_close(s);
    assert_int_equal(files(), 0);
}

static void what_was_not_read_is_there_for_the_next(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    put(s, 0, 20000 / 4);
    struct seen first = read_some(s, 1);
    pl_spool_close(s);
    s = open_spool(&bounds);
    assert_true(pl_spool_has_rows(s));
    struct seen rest = read_all(s);
    assert_int_equal(first.rows + rest.rows, 5000); /* none twice */
    assert_true(first.rows > 0 && rest.rows > 0 && rest.ordered);
    pl_spool_close(s);
    assert_int_equal(files(), 0);
}

static void a_few_rows_that_are_left_take_little_room(void **state) {
    (void)state;
    for (int64_t n = 0; n < 100; n++) { /* more than there are segments */
        struct pl_spool *s = open_spool(&bounds);
        assert_int_equal(put(s, n * 10, n * 10 + 10), 0);
        pl_spool_close(s);
    }
    assert_int_equal(files(), 100);
    struct pl_spool *s = adopt();
    assert_int_equal(read_all(s).rows, 1000);
    pl_spool_close(s);
    assert_int_equal(files(), 0);
}

/* acceptance: A20 */
static void a_spool_is_adopted_when_its_process_is_gone_and_not_before(void **state) {
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (!child) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL)) _exit(1);
        struct pl_spool *s = open_spool(&bounds);
        put(s, 0, 3000);
        if (write(pipes[1], "", 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte;
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    assert_null(adopt());
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    struct pl_spool *s = adopt();
    assert_non_null(s);
    struct pl_spool *own = open_spool(&bounds);
    assert_int_equal(put(own, 3000, 3010), 0);
    assert_null(adopt()); /* nor is our own */
    assert_int_equal(read_all(s).rows, 3000);
    pl_spool_close(s);
    assert_int_equal(read_all(own).rows, 10);
    pl_spool_close(own);
    assert_int_equal(files(), 0);
    close(pipes[0]);
    close(pipes[1]);
}

static void spools_of_other_stores_are_left_alone(void **state) {
    (void)state;
    const struct pl_spool_place other = {folder.path, 8};
    struct pl_spool *s;
    assert_int_equal(pl_spool_open(&s, &other, &bounds), POUCH_OK);
    put(s, 0, 10);
    pl_spool_close(s);
    assert_null(adopt());
    const struct pl_spool_place nowhere = {"/nonexistent/folder", 7};
    assert_int_equal(pl_spool_adopt(&s, &nowhere), POUCH_OK);
    assert_null(s);
    s = open_spool(&bounds);
    assert_false(pl_spool_has_rows(s));
    pl_spool_close(s);
    assert_int_equal(pl_spool_open(&s, &other, &bounds), POUCH_OK);
    assert_int_equal(read_all(s).rows, 10);
    pl_spool_close(s);
}

static void a_folder_that_was_deleted_is_made_again(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    put(s, 0, 100);
    test_folder_remove(&folder);
    assert_int_equal(put(s, 100, 5000), 0);
    struct seen seen = read_all(s);
    assert_int_equal(seen.next, 5000);
    assert_int_equal((uint64_t)seen.rows + seen.missing, 5000);
    struct pl_spool *other = open_spool(&bounds); /* the lock was retaken */
    pl_spool_close(other);
    assert_int_equal(test_folder_count(&folder, "spool-", ".lock"), 2);
    pl_spool_close(s);
}

/* ---- damage ---- */

enum { BATCHES = 20, ROWS = BATCHES * ROWS_A_BATCH, UNUSED = 32 * 1024 /* room that a killed process did not need */ };

static char *image; /* of the one file that BATCHES records make */
static size_t image_n, record_n;

static char file_path[PATH_MAX];

static void write_image(const char *bytes, size_t n) {
    int fd = open(file_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

static void make_image(void) {
    struct pl_spool *s = open_spool(&(struct pl_spool_bounds){.segment = 1 << 20, .most = 8 << 20});
    put(s, 0, ROWS);
    pl_spool_close(s);
    assert_true(test_folder_find(&folder, "spool-", ".rows", 0, file_path));
    int fd = open(file_path, O_RDONLY);
    image = calloc(1, 1 << 20);
    image_n = (size_t)read(fd, image, 1 << 20) + UNUSED;
    close(fd);
    struct pl_record r;
    assert_true(pl_record_read(&r, image + PL_SEGMENT_HEAD, 1));
    record_n = pl_record_room(&r);
}

enum what { FLIP, ZERO, CUT };

static struct seen read_damaged(enum what what, size_t at, size_t n) {
    char *bytes = malloc(image_n);
    memcpy(bytes, image, image_n);
    if (what == FLIP) bytes[at] = (char)(bytes[at] ^ 0x20);
    if (what == ZERO) memset(bytes + at, 0, n);
    write_image(bytes, what == CUT ? at : image_n);
    free(bytes);
    struct pl_spool *s = adopt();
    struct seen seen = {.ordered = true};
    if (s) seen = read_all(s);
    pl_spool_close(s);
    assert_int_equal(files(), 0);
    assert_true(seen.ordered);
    return seen;
}

static size_t record_at(size_t i) {
    return PL_SEGMENT_HEAD + i * record_n;
}

/* One byte of the file is another: what it belonged to is missing and counted, all else is there. */
/* acceptance: A20 */
static void a_flipped_byte_costs_one_record_which_is_counted(void **state) {
    (void)state;
    make_image();
    for (size_t i = 0; i < BATCHES; i++) {
        for (size_t at = record_at(i); at < record_at(i) + PL_RECORD_HEAD + 200; at += 7) {
            struct seen seen = read_damaged(FLIP, at, 1);
            bool last_head = i == BATCHES - 1 && at < record_at(i) + PL_RECORD_HEAD;
            assert_int_equal(seen.rows, ROWS - ROWS_A_BATCH);
            assert_int_equal(seen.missing, last_head ? 0 : ROWS_A_BATCH); /* as if its writer had stopped before it */
        }
    }
    for (size_t at = 0; at < PL_SEGMENT_HEAD; at++) assert_int_equal(read_damaged(FLIP, at, 1).rows, ROWS);
    free(image);
}

static void a_file_that_ends_early_is_read_up_to_its_last_whole_record(void **state) {
    (void)state;
    make_image();
    const size_t ends[] = {0, 1, PL_SEGMENT_HEAD, PL_SEGMENT_HEAD + 1, PL_SEGMENT_HEAD + PL_RECORD_HEAD - 1};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) assert_int_equal(read_damaged(CUT, ends[i], 0).rows, 0);
    for (size_t i = 1; i <= BATCHES; i++) {
        for (size_t more = 0; more < record_n; more += 997) {
            struct seen seen = read_damaged(CUT, record_at(i) + more, 0);
            assert_int_equal(seen.rows, i * ROWS_A_BATCH);
            assert_int_equal(seen.missing, 0);
        }
    }
    free(image);
}

/* A writer that was killed: the rows without their head, or the head without what follows it. */
static void a_torn_end_is_no_damage(void **state) {
    (void)state;
    make_image();
    for (size_t i = 0; i < BATCHES; i++) {
        struct seen seen = read_damaged(ZERO, record_at(i), image_n - record_at(i));
        assert_int_equal(seen.rows, i * ROWS_A_BATCH);
        assert_int_equal(seen.missing, 0);
    }
    struct seen seen = read_damaged(ZERO, record_at(BATCHES - 1), PL_RECORD_HEAD);
    assert_int_equal(seen.rows, ROWS - ROWS_A_BATCH);
    assert_int_equal(seen.missing, 0);
    free(image);
}

static void several_records_in_a_row_are_counted_as_many(void **state) {
    (void)state;
    make_image();
    for (size_t n = 1; n < BATCHES - 1; n++) {
        struct seen seen = read_damaged(ZERO, record_at(1), n * record_n);
        assert_int_equal(seen.rows, ROWS - n * ROWS_A_BATCH);
        assert_int_equal(seen.missing, n * ROWS_A_BATCH);
    }
    free(image);
}

/* ---- what is not ours to read, and what cannot be ---- */

static void write_layout(uint64_t version) {
    const uint64_t layout[] = {version, ~version};
    int fd = open(file_path, O_WRONLY);
    assert_int_equal(pwrite(fd, layout, sizeof layout, 32), sizeof layout);
    close(fd);
}

/* Taken for torn, its rows would be gone. */
static void a_file_of_another_version_is_left_alone(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    put(s, 0, 10);
    pl_spool_close(s);
    assert_true(test_folder_find(&folder, "spool-", ".rows", 0, file_path));
    write_layout(2);
    assert_null(adopt());
    s = open_spool(&bounds);
    assert_false(pl_spool_has_rows(s));
    assert_int_equal(put(s, 10, 30), 0);
    assert_int_equal(read_all(s).rows, 20);
    pl_spool_close(s);
    assert_int_equal(access(file_path, F_OK), 0);
    write_layout(1);
    s = adopt();
    assert_non_null(s);
    assert_int_equal(read_all(s).rows, 10);
    pl_spool_close(s);
}

static void a_spool_that_cannot_be_had_keeps_no_other_back(void **state) {
    (void)state;
    static const char *const ends[] = {".lock", ".rows"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct pl_spool *bad = open_spool(&bounds), *good = open_spool(&bounds);
        put(bad, 0, 10);
        put(good, 10, 30);
        pl_spool_close(bad);
        pl_spool_close(good);
        char path[PATH_MAX];
        size_t n = 0;
        do assert_true(test_folder_find(&folder, "spool-", ends[i], n++, path));
        while (!strstr(path, "-000.lock") && !strstr(path, "-000-"));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0700), 0); /* which not even root can open for writing */
        struct pl_spool *s = adopt();
        assert_non_null(s);
        assert_int_equal(read_all(s).rows, 20);
        pl_spool_close(s);
        const struct pl_spool_place p = place();
        assert_int_not_equal(pl_spool_adopt(&s, &p), POUCH_OK);
        assert_null(s);
        assert_int_equal(rmdir(path), 0);
        s = adopt();
        if (s) assert_int_equal(read_all(s).rows, 10);
        pl_spool_close(s);
        assert_int_equal(files(), 0);
    }
}

/* Or it would count twice in a store that was not sure to have it. */
static void what_is_lost_with_its_file_is_the_same_loss_until_it_is_done(void **state) {
    (void)state;
    struct pl_spool *s = open_spool(&bounds);
    struct pl_spool_rows first, again;
    put(s, 0, 10);
    pl_spool_close(s);
    assert_true(test_folder_find(&folder, "spool-", ".rows", 0, file_path));
    s = adopt();
    assert_int_equal(unlink(file_path), 0);
    assert_int_equal(pl_spool_next(s, SIZE_MAX, &first), POUCH_OK);
    assert_int_equal(pl_spool_next(s, SIZE_MAX, &again), POUCH_OK);
    assert_true(first.gap.rows > 0 && first.gap.to_us > 0);
    assert_memory_equal(&first.gap, &again.gap, sizeof first.gap);
    pl_spool_done(s);
    assert_int_equal(read_all(s).missing, 0);
    pl_spool_close(s);
}

static void an_empty_reserve_is_not_adopted_but_deleted(void **state) {
    (void)state;
    pid_t child = fork();
    if (!child) {
        open_spool(&(struct pl_spool_bounds){.segment = SEGMENT, .most = MOST, .reserve = 4 * SEGMENT});
        _exit(0);
    }
    waitpid(child, NULL, 0);
    assert_int_equal(files(), 4);
    assert_null(adopt());
    assert_int_equal(files(), 0);
}

#define WITH_FOLDER(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(what_is_put_is_read_once_and_in_order),
        WITH_FOLDER(rows_come_again_until_they_are_done),
        WITH_FOLDER(as_many_rows_come_as_are_wanted_and_a_record_of_them_at_least),
        WITH_FOLDER(files_are_for_their_owner_alone),
        WITH_FOLDER(what_is_beyond_the_bound_is_counted),
        WITH_FOLDER(gaps_are_kept_between_the_rows),
        WITH_FOLDER(a_row_that_is_larger_than_a_segment_has_one_of_its_own),
        WITH_FOLDER(the_reserve_is_taken_at_once_and_used_again),
        WITH_FOLDER(a_reserve_of_a_process_that_is_gone_is_used),
        WITH_FOLDER(what_was_not_read_is_there_for_the_next),
        WITH_FOLDER(a_few_rows_that_are_left_take_little_room),
        WITH_FOLDER(a_spool_is_adopted_when_its_process_is_gone_and_not_before),
        WITH_FOLDER(spools_of_other_stores_are_left_alone),
        WITH_FOLDER(a_folder_that_was_deleted_is_made_again),
        WITH_FOLDER(a_flipped_byte_costs_one_record_which_is_counted),
        WITH_FOLDER(a_file_that_ends_early_is_read_up_to_its_last_whole_record),
        WITH_FOLDER(a_torn_end_is_no_damage),
        WITH_FOLDER(several_records_in_a_row_are_counted_as_many),
        WITH_FOLDER(a_file_of_another_version_is_left_alone),
        WITH_FOLDER(a_spool_that_cannot_be_had_keeps_no_other_back),
        WITH_FOLDER(what_is_lost_with_its_file_is_the_same_loss_until_it_is_done),
        WITH_FOLDER(an_empty_reserve_is_not_adopted_but_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
