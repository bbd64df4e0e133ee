/* Running out of memory where a worker is made and where answers are sealed: an error, and nothing left behind. */
#include <support.h>

#include <oom.h>
#include <wire/dest.h>
#include <worker/worker.h>

#define KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static pouch_options *options;
static pouch_keyring *ring;
static struct pouch_worker worker;
static struct pouch_job job;
static struct pl_header request_headers[] = {{"colour", "red", 3}, {"traceparent", "00-1", 4}};

static int set_up(void **state) {
    (void)state;
    options = pouch_options_new();
    assert_non_null(options);
    setenv("ENCRYPTION_KEY", KEY, 1);
    assert_int_equal(pouch_keyring_load(&ring, NULL), POUCH_OK);
    assert_int_equal(pl_settings_read(&worker.settings, options), POUCH_OK);
    worker.clock = &pl_clock_system;
    worker.record_max = 100000;
    job.worker = &worker;
    strcpy(job.request_id, "19e71e54-17fd-4d1d-bec8-604c18a90ee5");
    strcpy(job.source, "calculate/0/1");
    job.reply_topic = "me.replies";
    job.iv_bytes = 16;
    job.headers = (struct pl_headers){request_headers, 2, 2};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    pl_settings_free(&worker.settings);
    pouch_keyring_free(ring);
    pouch_options_free(options);
    return 0;
}

static void handle(pouch_job *j, void *arg) {
    (void)j;
    (void)arg;
}

static bool make_worker(void) {
    pouch_worker *w;
    pouch_err e = pouch_worker_new(&w, options, ring);
    if (!e) {
        e = pouch_worker_handle(w, "calculate", handle, NULL);
        if (!e) e = pouch_worker_handle(w, "get-user", handle, NULL);
        pouch_worker_free(w);
    }
    if (e && e != POUCH_E_NO_MEMORY) fail_msg("%s", pouch_why());
    return !e;
}

/* Seals one of each kind at one desk, as endings do. */
static pouch_err seal_all(struct pl_desk *desk) {
    static struct pl_header more[] = {{"colour", "blue", 4}};
    static const pouch_dest next = {.topic = "next", .key = "k", .key_n = 1, .headers = more, .n_headers = 1};
    pouch_err e = pl_answer_reply(&job, desk, "1", 1);
    pl_desk_clear(desk);
    if (!e) e = pl_answer_error(&job, desk, POUCH_E_HANDLER_ERROR, "no");
    pl_desk_clear(desk);
    if (!e) e = pl_answer_plain_error(&job, desk, POUCH_E_BAD_ENVELOPE, "no");
    pl_desk_clear(desk);
    return e ? e : pl_answer_pass_on(&job, desk, &next, "1", 1);
}

static bool seal_at_a_new_desk(void) {
    struct pl_desks desks;
    pouch_err e = pl_desks_init(&desks, 2, ring, PL_OVER_LIMIT_WARN, worker.record_max);
    if (!e) {
        struct pl_desk *desk = pl_desk_take(&desks);
        e = seal_all(desk);
        pl_desk_give(&desks, desk);
        pl_desks_free(&desks);
    }
    if (e && e != POUCH_E_NO_MEMORY) fail_msg("%s", pouch_why());
    return !e;
}

static void a_worker_that_cannot_be_made_leaves_nothing(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(make_worker()); /* once with memory, so that what is made once in a process is there */
    assert_true(test_oom_each(make_worker) > 5);
}

static void an_answer_that_cannot_be_sealed_leaves_nothing(void **state) {
    (void)state;
    if (!test_oom_works()) skip();
    assert_true(seal_at_a_new_desk());
    assert_true(test_oom_each(seal_at_a_new_desk) > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_that_cannot_be_made_leaves_nothing),
        cmocka_unit_test(an_answer_that_cannot_be_sealed_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
