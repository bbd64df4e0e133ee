/* Schemas at hand: how often the registry is asked, and what happens while it cannot be. */
#include <support.h>

#include <base/why.h>
#include <pthread.h>
#include <schema/cache.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

enum { TTL_MS = 60000 };

/* A registry that has one schema for all subjects and ids, or an error. */
static struct {
    struct test_clock clock;
    struct cache *cache;
    pouch_err error;
    uint32_t id;
    int asked, timeout_ms;
    bool unusable; /* the schema; not the registry */
    atomic_bool slow, waits;
} t;

static pouch_err fetch(void *arg, const char *subject, uint32_t id, int timeout_ms, bool *answered,
                       struct schema_doc **doc) {
    (void)arg;
    t.asked++;
    t.timeout_ms = timeout_ms;
    atomic_store(&t.waits, true);
    while (atomic_load(&t.slow)) sched_yield();
    *answered = !t.error || t.unusable;
    if (t.error) return pl_fail(t.error, "the registry says %d", t.error);
    struct registry_schema schema = {
        .id = subject ? t.id : id, .type = (char[]){"AVRO"}, .text = (char[]){"\"string\""}};
    return schema_doc_read(doc, &schema);
}

static int set_up(void **state) {
    (void)state;
    memset(&t, 0, sizeof t);
    t.clock = (struct test_clock){.mono_us = 1000000000};
    t.clock.clock = (struct pl_clock){test_clock_mono, NULL, &t.clock};
    t.id = 7;
    assert_int_equal(schema_cache_new(&t.cache, fetch, NULL, TTL_MS, &t.clock.clock), POUCH_OK);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    schema_cache_free(t.cache);
    return 0;
}

static void pass_ms(int64_t ms) {
    t.clock.mono_us += ms * 1000;
}

/* The id of what is given, 0 with an error, which is in *e. */
static uint32_t got(const char *subject, uint32_t id, pouch_err *e) {
    struct schema_doc *doc;
    *e = schema_cache_get(t.cache, subject, id, &doc);
    uint32_t found = *e ? 0 : schema_doc_id(doc);
    schema_doc_drop(doc);
    return found;
}

static void a_schema_is_asked_for_once(void **state) {
    (void)state;
    pouch_err e;
    for (int i = 0; i < 3; i++) assert_int_equal(got("s", 0, &e), 7);
    assert_int_equal(t.asked, 1);
    assert_int_equal(got(NULL, 7, &e), 7); /* known by its id as well */
    assert_int_equal(t.asked, 1);
    assert_int_equal(got(NULL, 8, &e), 8);
    assert_int_equal(t.asked, 2);
}

static void a_subject_is_asked_for_again_when_its_time_is_over_and_an_id_never(void **state) {
    (void)state;
    pouch_err e;
    got("s", 0, &e);
    pass_ms(TTL_MS);
    t.id = 9;
    assert_int_equal(got("s", 0, &e), 9);
    pass_ms(100 * TTL_MS);
    assert_int_equal(got(NULL, 7, &e), 7);
    assert_int_equal(t.asked, 2);
}

static void what_is_at_hand_outlives_the_registry(void **state) {
    (void)state;
    static const pouch_err errors[] = {POUCH_E_NO_RESPONDERS, POUCH_E_TIMEOUT,     POUCH_E_CLOSED,
                                       POUCH_E_NOT_FOUND,     POUCH_E_NOT_ALLOWED, POUCH_E_CONFIG};
    pouch_err e;
    got("s", 0, &e);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        pass_ms(10 * TTL_MS);
        t.error = errors[i];
        int before = t.asked;
        for (int k = 0; k < 5; k++) assert_int_equal(got("s", 0, &e), 7);
        assert_int_equal(t.asked, before + 1); /* and it is not asked all the time */
        assert_int_equal(t.timeout_ms, CACHE_HURRY_MS);
    }
    t.error = POUCH_OK;
    t.id = 8;
    pass_ms(CACHE_STALE_AGAIN_MS);
    assert_int_equal(got("s", 0, &e), 8);
}

static void a_newer_schema_of_an_unknown_kind_is_not_passed_over(void **state) {
    (void)state;
    pouch_err e;
    got("s", 0, &e);
    pass_ms(TTL_MS);
    t.error = POUCH_E_CONFIG;
    t.unusable = true;
    got("s", 0, &e);
    assert_int_equal(e, POUCH_E_CONFIG);
}

static void what_cannot_be_had_is_asked_for_again_after_a_while(void **state) {
    (void)state;
    pouch_err e;
    t.error = POUCH_E_NOT_FOUND;
    for (int i = 0; i < 3; i++) {
        got("s", 0, &e);
        assert_int_equal(e, POUCH_E_NOT_FOUND);
        assert_string_equal(pouch_why(), "the registry says 22");
    }
    assert_int_equal(t.asked, 1);
    assert_int_equal(t.timeout_ms, 0);
    t.error = POUCH_OK;
    pass_ms(CACHE_AGAIN_MS);
    assert_int_equal(got("s", 0, &e), 7);
}

static void a_newer_schema_is_found_before_its_time(void **state) {
    (void)state;
    struct schema_doc *doc, *newer;
    assert_int_equal(schema_cache_get(t.cache, "s", 0, &doc), POUCH_OK);
    t.id = 8;
    assert_int_equal(schema_cache_newer(t.cache, "s", doc, &newer), POUCH_OK);
    assert_null(newer); /* it was asked for just now */
    pass_ms(CACHE_AGAIN_MS);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(schema_cache_newer(t.cache, "s", doc, &newer), POUCH_OK);
        assert_int_equal(schema_doc_id(newer), 8);
        schema_doc_drop(newer);
    }
    schema_doc_drop(doc);
    assert_int_equal(t.asked, 2);
}

static void a_registry_that_is_away_cannot_say_that_a_schema_is_the_newest(void **state) {
    (void)state;
    struct schema_doc *doc, *newer;
    assert_int_equal(schema_cache_get(t.cache, "s", 0, &doc), POUCH_OK);
    pass_ms(CACHE_AGAIN_MS);
    t.error = POUCH_E_TIMEOUT;
    for (int i = 0; i < 3; i++) assert_int_equal(schema_cache_newer(t.cache, "s", doc, &newer), POUCH_E_TIMEOUT);
    assert_int_equal(t.asked, 2);
    t.error = POUCH_OK;
    pass_ms(CACHE_AGAIN_MS);
    assert_int_equal(schema_cache_newer(t.cache, "s", doc, &newer), POUCH_OK);
    assert_null(newer);
    schema_doc_drop(doc);
}

static void more_than_can_be_kept_pushes_out_the_oldest(void **state) {
    (void)state;
    pouch_err e;
    char name[16];
    for (int i = 0; i <= CACHE_SUBJECTS; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_int_equal(got(name, 0, &e), 7);
        if (i) got("s0", 0, &e); /* in use */
    }
    int before = t.asked;
    got("s0", 0, &e);
    got("s2", 0, &e);
    assert_int_equal(t.asked, before);
    got("s1", 0, &e);
    assert_int_equal(t.asked, before + 1);
}

static void *get_one(void *arg) {
    pouch_err e;
    *(uint32_t *)arg = got("s", 0, &e);
    return NULL;
}

static void threads_that_want_the_same_wait_for_one_call(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    uint32_t found[THREADS] = {0};
    atomic_store(&t.slow, true);
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, get_one, &found[i]), 0);
    while (!atomic_load(&t.waits)) sched_yield();
    atomic_store(&t.slow, false);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(found[i], 7);
    }
    assert_int_equal(t.asked, 1);
}

static void *get_newer(void *than) {
    struct schema_doc *newer = NULL;
    pouch_err e = schema_cache_newer(t.cache, "s", than, &newer);
    bool found = !e && newer && schema_doc_id(newer) == 8;
    schema_doc_drop(newer);
    return found ? than : NULL;
}

/* Else all but the one that asks would take the older one for the newest. */
static void threads_that_want_what_is_newer_wait_for_who_asks(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    struct schema_doc *doc;
    assert_int_equal(schema_cache_get(t.cache, "s", 0, &doc), POUCH_OK);
    pass_ms(CACHE_AGAIN_MS);
    t.id = 8;
    atomic_store(&t.waits, false);
    atomic_store(&t.slow, true);
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, get_newer, doc), 0);
    while (!atomic_load(&t.waits)) sched_yield();
    atomic_store(&t.slow, false);
    for (size_t i = 0; i < THREADS; i++) {
        void *found;
        pthread_join(threads[i], &found);
        assert_ptr_equal(found, doc);
    }
    assert_int_equal(t.asked, 2);
    schema_doc_drop(doc);
}

static void *ask_newer(void *than) {
    struct schema_doc *newer;
    pouch_err e = schema_cache_newer(t.cache, "s", than, &newer);
    return e ? than : NULL;
}

/*
 * Else each thread that finds a payload doubtful waits as long as the registry keeps silent, and none is left for the
 * others.
 */
static void a_registry_that_did_not_answer_keeps_one_thread_waiting_and_not_all(void **state) {
    (void)state;
    pthread_t asks;
    struct schema_doc *doc, *newer;
    void *failed;
    assert_int_equal(schema_cache_get(t.cache, "s", 0, &doc), POUCH_OK);
    t.error = POUCH_E_TIMEOUT;
    pass_ms(CACHE_AGAIN_MS);
    assert_int_equal(schema_cache_newer(t.cache, "s", doc, &newer), POUCH_E_TIMEOUT);
    pass_ms(CACHE_AGAIN_MS);
    atomic_store(&t.waits, false);
    atomic_store(&t.slow, true);
    assert_int_equal(pthread_create(&asks, NULL, ask_newer, doc), 0);
    while (!atomic_load(&t.waits)) sched_yield();
    assert_int_equal(schema_cache_newer(t.cache, "s", doc, &newer), POUCH_E_TIMEOUT);
    atomic_store(&t.slow, false);
    pthread_join(asks, &failed);
    assert_ptr_equal(failed, doc);
    assert_int_equal(t.asked, 3);
    schema_doc_drop(doc);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_schema_is_asked_for_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_subject_is_asked_for_again_when_its_time_is_over_and_an_id_never, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_at_hand_outlives_the_registry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_schema_of_an_unknown_kind_is_not_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_had_is_asked_for_again_after_a_while, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_schema_is_found_before_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_registry_that_is_away_cannot_say_that_a_schema_is_the_newest, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(threads_that_want_what_is_newer_wait_for_who_asks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_registry_that_did_not_answer_keeps_one_thread_waiting_and_not_all, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(more_than_can_be_kept_pushes_out_the_oldest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_that_want_the_same_wait_for_one_call, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
