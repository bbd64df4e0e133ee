/* Many requests at once that end in every way, with small bounds: each is answered exactly once. */
#include <support.h>

#include "fixture.h"

enum { REQUESTS = 2000, KEPT_MOST = 10, WAYS = 6 };

/* Jobs whose handlers have returned; the last that fits takes all to their end. */
static struct {
    pthread_mutex_t lock;
    pouch_job *jobs[KEPT_MOST];
    size_t n;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* With 50 ms a handler, any ending may come too late. */
static void ended(pouch_err e) {
    if (e != POUCH_E_HANDLER_TIMEOUT) expect(e, POUCH_OK);
}

static void end_kept(void) {
    while (kept.n > 0) ended(pouch_job_reply(kept.jobs[--kept.n], "\"late\"", 6));
}

static void keep(pouch_job *job) {
    pthread_mutex_lock(&kept.lock);
    kept.jobs[kept.n++] = job;
    if (kept.n == KEPT_MOST) end_kept();
    pthread_mutex_unlock(&kept.lock);
}

/* The payload is a number: its way of ending. */
static void handle(pouch_job *job, void *arg) {
    size_t n;
    const char *payload = pouch_job_payload(job, &n);
    (void)arg;
    switch (strtol(payload, NULL, 10) % WAYS) {
    case 0: ended(pouch_job_fail(job, "no")); break;
    case 1: ended(pouch_job_attempt(job) < 2 ? pouch_job_retry(job, "again") : pouch_job_reply(job, payload, n)); break;
    case 2: ended(pouch_job_retry(job, "for ever")); break;
    case 3: keep(job); break;
    default: ended(pouch_job_reply(job, payload, n));
    }
}

static void send_all(struct fixture *f, char ids[][ID_TEXT]) {
    char payload[16];
    for (int i = 0; i < REQUESTS; i++) {
        snprintf(payload, sizeof payload, "%d", i);
        request(f, payload, ids[i]);
        if (i % 50 == 0) produce(f, WORK, "garbage", 7, NULL);
    }
}

static int answers_to(const struct fixture *f, const char *id) {
    int n = 0;
    for (size_t i = 0; i < f->tap.n; i++) n += on_topic(f->tap.seen[i], REPLIES) && has_key(f->tap.seen[i], id);
    return n;
}

static void every_request_is_answered_once_whatever_its_handler_does(void **state) {
    static char ids[REQUESTS][ID_TEXT];
    static struct fixture f;
    const char *const settings[] = {
        "worker.max_in_flight", "50", "worker.concurrency", "8", "handler.timeout", "50ms", NULL};
    (void)state;
    fixture_start(&f, NULL);
    worker_start(&f, settings, handle, NULL);
    send_all(&f, ids);
    wait_for(&f, REPLIES, REQUESTS);
    pthread_mutex_lock(&kept.lock);
    end_kept();
    pthread_mutex_unlock(&kept.lock);
    worker_stop(&f);
    while (tap(&f)) continue;
    for (int i = 0; i < REQUESTS; i++) assert_int_equal(answers_to(&f, ids[i]), 1);
    assert_int_equal(committed_by(&f, WORK ".workers"), next_offset(&f));
    pouch_worker_free(f.worker);
    fixture_stop(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_answered_once_whatever_its_handler_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
