/* A ring that is followed: changed files are taken by themselves, bad ones leave the keys as they were. */
#include <support.h>

#include "ringfile.h"
#include <crypto/seal.h>
#include <metrics/metrics.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { PATIENCE_MS = 60000 };

static char counts[64]; /* the file of the process's counts */

static void pause_briefly(void) {
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static const char *first_kid(pouch_keyring *ring, struct pl_key_use *use) {
    assert_int_equal(pl_keyring_uses(ring, use, 1), 1);
    return use->kid;
}

static void wait_for_kid(pouch_keyring *ring, const char *kid) {
    struct pl_key_use use;
    for (int ms = 0; strcmp(first_kid(ring, &use), kid); ms += 5) {
        assert_true(ms < PATIENCE_MS);
        pause_briefly();
    }
}

static void wait_for_metric(enum pl_metric m, int64_t value) {
    for (int ms = 0; pl_metric_get(m) < value; ms += 5) {
        assert_true(ms < PATIENCE_MS);
        pause_briefly();
    }
    assert_int_equal(pl_metric_get(m), value);
}

static pouch_keyring *followed(struct test_ringfile *f, const char *text) {
    pouch_keyring *ring = test_ring(f, text);
    assert_int_equal(pouch_keyring_follow(ring, counts), POUCH_OK);
    assert_int_equal(pouch_keyring_follow(ring, counts), POUCH_OK); /* does nothing */
    return ring;
}

static void a_changed_file_is_taken_by_itself(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = followed(&f, "a:" TEST_KEY_A);
    int64_t taken = pl_metric_get(PL_M_KEY_RELOADS);
    test_ringfile_write(&f, "b:" TEST_KEY_B "\na:" TEST_KEY_A);
    wait_for_kid(ring, "b");
    wait_for_metric(PL_M_KEY_RELOADS, taken + 1);
    pouch_keyring_free(ring);
    unlink(f.path);
}

static void a_file_written_in_place_is_taken_as_well(void **state) {
    (void)state;
    struct test_ringfile f;
    pouch_keyring *ring = followed(&f, "a:" TEST_KEY_A);
    FILE *file = fopen(f.path, "w");
    assert_non_null(file);
    assert_true(fputs("b:" TEST_KEY_B "\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    wait_for_kid(ring, "b");
    pouch_keyring_free(ring);
    unlink(f.path);
}

static void a_bad_file_is_refused_once_and_the_next_good_one_taken(void **state) {
    (void)state;
    struct test_ringfile f;
    struct pl_key_use use;
    pouch_keyring *ring = followed(&f, "a:" TEST_KEY_A);
    int64_t refused = pl_metric_get(PL_M_KEY_RELOADS_REFUSED);
    test_ringfile_write(&f, "b:" TEST_KEY_B "\nc:short\n");
    wait_for_metric(PL_M_KEY_RELOADS_REFUSED, refused + 1);
    assert_string_equal(first_kid(ring, &use), "a");
    unlink(f.path);
    wait_for_metric(PL_M_KEY_RELOADS_REFUSED, refused + 2);
    assert_string_equal(first_kid(ring, &use), "a");
    test_ringfile_write(&f, "d:" TEST_KEY_D "\n");
    wait_for_kid(ring, "d");
    assert_int_equal(pl_metric_get(PL_M_KEY_RELOADS_REFUSED), refused + 2);
    pouch_keyring_free(ring);
    unlink(f.path);
}

/* As Kubernetes changes a mounted secret. */
static void a_link_that_leads_elsewhere_is_a_change(void **state) {
    (void)state;
    struct test_ringfile old, new;
    char link[] = "/tmp/pouch-test-link-XXXXXX", next[80];
    test_ringfile_make(&old, "a:" TEST_KEY_A);
    test_ringfile_make(&new, "b:" TEST_KEY_B);
    assert_int_equal(close(mkstemp(link)), 0);
    snprintf(next, sizeof next, "%s.next", link);
    assert_int_equal(symlink(old.path, next), 0);
    assert_int_equal(rename(next, link), 0);
    pouch_keyring *ring;
    assert_int_equal(pouch_keyring_load(&ring, link), POUCH_OK);
    assert_int_equal(pouch_keyring_follow(ring, counts), POUCH_OK);
    assert_int_equal(symlink(new.path, next), 0);
    assert_int_equal(rename(next, link), 0);
    wait_for_kid(ring, "b");
    pouch_keyring_free(ring);
    unlink(link);
    unlink(old.path);
    unlink(new.path);
}

struct crowd {
    pouch_keyring *ring;
    atomic_bool done;
    atomic_int failed, opened;
};

/* Seals and opens without end, as many processes do, each time with the keys of the moment. */
static void *seal_and_open(void *arg) {
    struct crowd *c = arg;
    struct pl_sealer *sealing, *opening;
    if (pl_sealer_new(&sealing, c->ring, PL_OVER_LIMIT_WARN)) return NULL;
    if (pl_sealer_new(&opening, c->ring, PL_OVER_LIMIT_WARN)) return NULL;
    while (!atomic_load(&c->done)) {
        uint8_t text[4], iv[PL_IV_MAX], tag[PL_TAG_BYTES];
        const char *kid;
        bool good = !pl_sealer_seal(sealing, (const uint8_t *)"null", 4, text, iv, 12, tag, &kid) &&
                    !pl_sealer_open(opening, kid, strlen(kid), iv, 12, tag, text, 4, text);
        atomic_fetch_add(good ? &c->opened : &c->failed, 1);
    }
    pl_sealer_free(sealing);
    pl_sealer_free(opening);
    return NULL;
}

static void nothing_is_refused_while_a_followed_ring_rotates(void **state) {
    (void)state;
    static const char *const steps[][2] = {
        {"a:" TEST_KEY_A "\nb:" TEST_KEY_B, "a"},                   /* add */
        {"b:" TEST_KEY_B "\na:" TEST_KEY_A, "b"},                   /* activate */
        {"b:" TEST_KEY_B "\na:" TEST_KEY_A "\nc:" TEST_KEY_C, "b"}, /* add the next */
        {"c:" TEST_KEY_C "\nb:" TEST_KEY_B, "c"},                   /* retire the first, activate the third */
    };
    struct test_ringfile f;
    struct crowd c = {.ring = followed(&f, "a:" TEST_KEY_A)};
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++) assert_int_equal(pthread_create(&threads[i], NULL, seal_and_open, &c), 0);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int64_t taken = pl_metric_get(PL_M_KEY_RELOADS);
        int opened = atomic_load(&c.opened);
        test_ringfile_write(&f, steps[i][0]);
        wait_for_metric(PL_M_KEY_RELOADS, taken + 1);
        wait_for_kid(c.ring, steps[i][1]);
        for (int ms = 0; atomic_load(&c.opened) < opened + 100; ms += 5) {
            assert_true(ms < PATIENCE_MS);
            pause_briefly();
        }
    }
    atomic_store(&c.done, true);
    for (size_t i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.failed), 0);
    pouch_keyring_free(c.ring);
    unlink(f.path);
}

static void a_pipe_is_read_once_and_never_waited_for(void **state) {
    (void)state;
    int ends[2];
    char path[32];
    pouch_keyring *ring;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "a:" TEST_KEY_A "\n", 67), 67);
    assert_int_equal(close(ends[1]), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    assert_int_equal(pouch_keyring_load(&ring, path), POUCH_OK);
    assert_int_equal(pouch_keyring_follow(ring, counts), POUCH_OK);
    pouch_keyring_free(ring);
    close(ends[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_file_is_taken_by_itself),
        cmocka_unit_test(a_file_written_in_place_is_taken_as_well),
        cmocka_unit_test(a_bad_file_is_refused_once_and_the_next_good_one_taken),
        cmocka_unit_test(a_link_that_leads_elsewhere_is_a_change),
        cmocka_unit_test(nothing_is_refused_while_a_followed_ring_rotates),
        cmocka_unit_test(a_pipe_is_read_once_and_never_waited_for),
    };
    strcpy(counts, "/tmp/pouch-test-seals-XXXXXX");
    close(mkstemp(counts));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(counts);
    return failed;
}
