/* The worker's life, and the poll thread's loop: a short list of phases. */
#include <base/log.h>
#include <base/why.h>
#include <crypto/keyring.h>
#include <stdio.h>
#include <stdlib.h>
#include <store/message_log.h>
#include <string.h>
#include <wire/dialect.h>
#include <wire/envelope.h>
#include <worker/worker.h>

enum {
    TURN_MOST_US = 1000000,   /* the group wants to be served each second */
    PRODUCER_FULL_US = 10000, /* deliveries that make room wake us; this is for when memory was short */
    FLUSH_LEAST_MS = 500,
    USUAL_BYTES = 4096,
};

pouch_err pouch_worker_new(pouch_worker **out, const pouch_options *o, pouch_keyring *ring) {
    struct pouch_worker *w = calloc(1, sizeof *w);
    if (!w) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a worker");
    pouch_err e = pl_settings_read(&w->settings, o);
    if (e) goto free_worker;
    e = pl_wake_init(&w->wake);
    if (e) goto free_settings;
    e = pl_status_init(&w->status);
    if (e) goto free_wake;
    e = pl_tiers_read(&w->tiers, w->settings.retry_tiers);
    if (e) goto free_status;
    pl_backoff_read(&w->backoff, &w->settings);
    w->ring = pl_keyring_ref(ring);
    w->clock = &pl_clock_system;
    atomic_init(&w->holds, 1);
    pl_heap_init(&w->waiting);
    w->usual_bytes = USUAL_BYTES;
    *out = w;
    return POUCH_OK;

free_status:
    pl_status_free(&w->status);
free_wake:
    pl_wake_free(&w->wake);
free_settings:
    pl_settings_free(&w->settings);
free_worker:
    free(w);
    return e;
}

static void route_free(struct pl_route *r) {
    free(r->topic);
    free(r->fallback);
}

void pl_worker_drop(struct pouch_worker *w) {
    if (atomic_fetch_sub(&w->holds, 1) > 1) return;
    pl_jobs_free(w);
    pl_dedupe_free(w->dedupe);
    pl_desks_free(&w->desks);
    pl_heap_free(&w->waiting);
    pl_targets_free(&w->targets);
    pl_queue_free(w->work);
    pl_queue_free(w->ended);
    for (size_t i = 0; i < w->n_routes; i++) route_free(&w->routes[i]);
    free(w->routes);
    free(w->own_id);
    pouch_keyring_free(w->ring);
    pl_status_free(&w->status);
    pl_wake_free(&w->wake);
    pl_settings_free(&w->settings);
    free(w);
}

static pouch_err check_route(const struct pouch_worker *w, const char *topic) {
    if (w->has_run) return pl_fail(POUCH_E_CONFIG, "topic %s: the worker is running; add handlers before that", topic);
    if (!pl_name_valid(topic, strlen(topic)))
        return pl_fail(POUCH_E_CONFIG, "\"%.300s\" is no topic name: 1 to 249 of A-Z a-z 0-9 . _ -", topic);
    for (size_t i = 0; i < w->n_routes; i++)
        if (!strcmp(w->routes[i].topic, topic)) return pl_fail(POUCH_E_CONFIG, "topic %s has a handler already", topic);
    return POUCH_OK;
}

pouch_err pouch_worker_handle(pouch_worker *w, const char *topic, pouch_handler_fn *fn, void *arg) {
    struct pl_route r = {.fn = fn, .arg = arg};
    pouch_err e = check_route(w, topic);
    if (e) return e;
    struct pl_route *routes = reallocarray(w->routes, w->n_routes + 1, sizeof *routes);
    if (routes) w->routes = routes;
    r.topic = strdup(topic);
    if (asprintf(&r.fallback, "%s%s", topic, pl_dialect_splp.reply_suffix) < 0) r.fallback = NULL;
    if (!routes || !r.topic || !r.fallback) {
        route_free(&r);
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the handler of topic %s", topic);
    }
    w->routes[w->n_routes++] = r;
    return POUCH_OK;
}

static struct pl_route *route_of(struct pouch_worker *w, const char *topic) {
    for (size_t i = 0; i < w->n_routes; i++)
        if (!strcmp(w->routes[i].topic, topic)) return &w->routes[i];
    return NULL;
}

/* Those that come are as large as those that came. */
size_t pl_worker_room(const struct pouch_worker *w) {
    const struct pl_settings *s = &w->settings;
    size_t used = w->in_use - w->kept;
    if (used >= s->max_in_flight || w->bytes >= s->max_in_flight_bytes) return 0;
    size_t jobs = s->max_in_flight - used, fitting = (s->max_in_flight_bytes - w->bytes) / w->usual_bytes + 1;
    if (fitting < jobs) jobs = fitting;
    return jobs < PL_BATCH ? jobs : PL_BATCH;
}

static void count(struct pouch_worker *w) {
    for (size_t i = 0; i < PL_METRIC_COUNT; i++) {
        if (!w->counts[i]) continue;
        pl_metric_add((enum pl_metric)i, w->counts[i]);
        w->counts[i] = 0;
    }
    pl_metric_set(PL_M_IN_FLIGHT, (int64_t)w->live);
}

/* All that can end a job. */
static void serve(struct pouch_worker *w) {
    pl_producer_poll(w->producer);
    pl_jobs_collect(w);
    pl_posts_due(w);
    pl_jobs_time_out(w);
    pl_jobs_queued_look(w);
    pl_gates_look(w);
    pl_stalls_look(w);
    count(w);
    pl_worker_publish(w);
}

static void dispatch(struct pouch_worker *w, const struct pl_taken taken[], size_t n) {
    void *jobs[PL_BATCH];
    size_t admitted = 0, waiting = w->pace.call_ns ? pl_queue_length(w->work) : 0;
    int64_t newest = -1, now = pl_mono_us(w->clock);
    for (size_t i = 0; i < n; i++) {
        struct pl_partition *p = taken[i].partition;
        rd_kafka_timestamp_type_t type;
        int64_t written = rd_kafka_message_timestamp(taken[i].message, &type);
        if (written > newest) newest = written;
        if (!p->arg) p->arg = route_of(w, p->topic);
        struct pouch_job *j = pl_job_new(w, &taken[i]);
        j->taken_us = now;
        if (pl_job_admit(j, pl_pace_wait_us(w, waiting + admitted))) jobs[admitted++] = j;
    }
    pl_clockcheck_record(&w->clockcheck, newest);
    w->queued += admitted;
    pl_queue_put(w->work, jobs, admitted);
}

static bool is_paused(const char *topic, void *owner) {
    return atomic_load(&route_of(owner, topic)->paused);
}

/* Not in workers that never pause. */
static void heed_pauses(struct pouch_worker *w) {
    size_t n = atomic_load(&w->pausing) ? pl_group_partitions(w->group, NULL, 0) : 0;
    for (size_t i = 0; i < n; i++) {
        struct pl_partition *p = pl_group_partition(w->group, i);
        p->paused = is_paused(p->topic, w);
    }
}

static void take(struct pouch_worker *w) {
    struct pl_taken taken[PL_BATCH];
    heed_pauses(w);
    size_t n = pl_group_take(w->group, taken, pl_jobs_ready(w, pl_worker_room(w)));
    if (!n) return;
    size_t before = w->bytes;
    dispatch(w, taken, n);
    w->usual_bytes = (7 * w->usual_bytes + (w->bytes - before) / n) / 8 + 1;
}

static int64_t until_next(const struct pouch_worker *w) {
    int64_t now = pl_mono_us(w->clock), next = now + TURN_MOST_US;
    const struct pl_heap_node *first = pl_heap_first(&w->waiting);
    int64_t due = w->producer_full ? now + PRODUCER_FULL_US : first ? first->due : next;
    if (due < next) next = due;
    if (w->live && w->look_us < next) next = w->look_us;
    if (w->live && w->stall_look_us < next) next = w->stall_look_us;
    int64_t gates = pl_gates_due(w);
    if (gates < next) next = gates;
    int64_t send = pl_producer_due(w->producer);
    if (send < next) next = send;
    return next < now ? 0 : next - now;
}

static void wait_until(struct pouch_worker *w, int64_t until_us) {
    int64_t us = until_next(w), left = until_us - pl_mono_us(w->clock);
    if (left < us) us = left;
    pl_wake_wait(&w->wake, us > 0 ? us : 0);
}

static bool any_open(struct pl_partition *const parts[], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (pl_watermark_open(&parts[i]->watermark)) return true;
    return false;
}

/*
 * Whether waiting may be of use. What is held at a gate or cannot be checked is left to the next worker, and so is what
 * waits for it.
 */
static bool may_finish(const struct pouch_worker *w) {
    return w->live > pl_gates_hold(w) + pl_jobs_unchecked(w);
}

/* What is not done in time is done twice: by its handler here, and by the partition's next owner. */
static void revoke(struct pl_partition *const parts[], size_t n, bool lost, void *owner) {
    struct pouch_worker *w = owner;
    int64_t until = pl_mono_us(w->clock) + (int64_t)w->settings.drain_ms * 1000;
    if (w->drain_until_us && w->drain_until_us < until) until = w->drain_until_us;
    while (!lost && !w->closing && any_open(parts, n) && may_finish(w) && pl_mono_us(w->clock) < until) {
        wait_until(w, until);
        serve(w);
    }
}

static pouch_err work(struct pouch_worker *w) {
    bool joined = false;
    while (!atomic_load(&w->stopping)) {
        pl_wake_wait(&w->wake, until_next(w));
        pl_clockcheck_tick(&w->clockcheck);
        serve(w);
        take(w);
        pouch_err e = pl_group_failed(w->group);
        if (e) return e;
        if (!joined && (joined = pl_group_joined(w->group)))
            PL_LOG(PL_LOG_INFO, "taking requests", "group", w->group_id, "client", w->client_id);
    }
    return POUCH_OK;
}

/* Finishes what is in flight, as far as drain allows. */
static void drain(struct pouch_worker *w) {
    struct pl_taken none[1];
    w->drain_until_us = pl_mono_us(w->clock) + (int64_t)w->settings.drain_ms * 1000;
    pl_worker_publish(w);
    while (may_finish(w) && pl_mono_us(w->clock) < w->drain_until_us) {
        wait_until(w, w->drain_until_us);
        serve(w);
        pl_group_take(w->group, none, 0); /* stay a member meanwhile */
    }
}

/* Takes the open jobs from whoever has them. After this no other thread reads a record or uses the producer. */
static void take_back_jobs(struct pouch_worker *w) {
    void *job;
    w->closing = true;
    pl_queue_close(w->work);
    pl_pool_close(&w->pool);
    while (pl_queue_take(w->work, &job, 1, 0)) pl_job_drop(job);
    for (struct pouch_job *j = w->jobs; j; j = j->next)
        if (j->taken.message) pl_job_take_over(j);
    pl_desk_give(&w->desks, w->desk);
    pl_desks_close(&w->desks);
    if (w->dedupe) pl_jobs_wait_no_more(w);
}

/* What is left ends without an outcome and comes again, to us or to another member. */
static void abandon_jobs(struct pouch_worker *w) {
    size_t left = w->live;
    take_back_jobs(w);
    pl_gates_drop(w);
    pl_jobs_collect(w);
    for (struct pouch_job *j = w->jobs; j; j = j->next)
        if (j->taken.message && !j->waiting) pl_job_drop(j);
    pl_posts_drop(w);
    if (!left) return;
    char n[24];
    snprintf(n, sizeof n, "%zu", left);
    PL_LOG(PL_LOG_WARN, "requests were not finished within drain; they will be handled again", "requests", n);
}

static int flush_ms(const struct pouch_worker *w) {
    int64_t left = (w->drain_until_us - pl_mono_us(w->clock)) / 1000;
    return left < FLUSH_LEAST_MS ? FLUSH_LEAST_MS : (int)left;
}

static void leave(struct pouch_worker *w) {
    pl_group_leave(w->group);
    w->group = NULL;
    for (struct pouch_job *j = w->jobs; j; j = j->next)
        if (j->taken.partition)
            pl_group_done(NULL, j->taken.partition, j->taken.ticket); /* bookkeeping of dropped ones */
}

/* Undoes as much of pl_worker_start() as was done. */
static void end(struct pouch_worker *w) {
    pl_redeliver_stop(w->redeliverer);
    if (w->group) drain(w);
    if (w->desk) abandon_jobs(w);
    pl_producer_free(w->producer, w->live ? flush_ms(w) : 0); /* what was given up is not waited for */
    w->producer = NULL;
    leave(w);
    pl_redeliver_free(w->redeliverer);
    pl_dedupe_file_stop(w->dedupe_file);
    pl_kafka_health_free(w->health);
    pl_tracer_free(w->tracer, PL_MESSAGE_LOG_FLUSH_MS);
    count(w);
}

static pouch_err name(struct pouch_worker *w) {
    w->client_id = w->settings.client_id;
    if (!w->client_id) {
        if (asprintf(&w->own_id, "%s.workers", w->routes[0].topic) < 0) {
            w->own_id = NULL;
            return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the client id");
        }
        w->client_id = w->own_id;
    }
    w->group_id = w->settings.group ? w->settings.group : w->client_id;
    return POUCH_OK;
}

pouch_err pouch_worker_run(pouch_worker *w) {
    const struct pl_group_hooks hooks = {revoke, w, is_paused};
    char why[1024];
    if (!w->n_routes) return pl_fail(POUCH_E_CONFIG, "the worker handles no topic; call pouch_worker_handle() first");
    if (w->has_run) return pl_fail(POUCH_E_CONFIG, "a worker runs once; make a new one");
    pouch_err e = name(w);
    if (e) return e;
    w->has_run = true;
    pl_clockcheck_init(&w->clockcheck, w->clock, w->settings.deadline_skew_ms);
    e = pl_message_log_open(&w->tracer, &w->settings);
    if (!e) e = pl_worker_start(w, &hooks);
    if (!e) e = work(w);
    snprintf(why, sizeof why, "%s", pouch_why());
    end(w);
    return e ? pl_fail(e, "%s", why) : POUCH_OK;
}

static pouch_err set_paused(struct pouch_worker *w, const char *topic, bool paused) {
    struct pl_route *r = route_of(w, topic);
    if (!r) return pl_fail(POUCH_E_CONFIG, "the worker has no handler for topic %s", topic);
    atomic_store(&r->paused, paused);
    if (paused) atomic_store(&w->pausing, true);
    pl_wake_signal(&w->wake);
    return POUCH_OK;
}

pouch_err pouch_worker_pause(pouch_worker *w, const char *topic) {
    return set_paused(w, topic, true);
}

pouch_err pouch_worker_resume(pouch_worker *w, const char *topic) {
    return set_paused(w, topic, false);
}

void pouch_worker_stop(pouch_worker *w) {
    atomic_store(&w->stopping, true);
    pl_wake_signal(&w->wake);
}

void pouch_worker_free(pouch_worker *w) {
    if (!w) return;
    pl_pool_join(&w->pool);
    pl_worker_drop(w);
}
