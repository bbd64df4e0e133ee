/* A loop: its thread, what other threads hand it to do, and its end. */
#include <base/thread.h>
#include <base/why.h>
#include <httpd/state.h>
#include <stdio.h>
#include <stdlib.h>

/* The fields that answers add, and our own. */
enum { HEAD_MAX = HTTPD_ANSWER_FIELDS_MAX + 1024 };

bool httpd_post(struct httpd *h, int loop, struct httpd_job *job) {
    struct httpd_loop *l = &h->loops[loop];
    job->next = NULL;
    pthread_mutex_lock(&l->lock);
    bool taken = !l->ended;
    if (taken) {
        *l->tail = job;
        l->tail = &job->next;
        pl_wake_signal(&l->wake); /* under the lock: the job may bring the end of the server */
    }
    pthread_mutex_unlock(&l->lock);
    return taken;
}

/* All that has been posted so far; ended: nothing more may be. */
static struct httpd_job *take_jobs(struct httpd_loop *l, bool ended) {
    pthread_mutex_lock(&l->lock);
    struct httpd_job *first = l->first;
    l->first = NULL;
    l->tail = &l->first;
    l->ended = ended;
    pthread_mutex_unlock(&l->lock);
    return first;
}

static void run_jobs(struct httpd_job *job) {
    while (job) {
        struct httpd_job *next = job->next;
        job->run(job);
        job = next;
    }
}

static void end_if_done(struct httpd_loop *l) {
    if (l->stopping && !l->n_conns && !atomic_load(&l->arriving)) event_base_loopbreak(l->base);
}

void httpd_loop_has_closed(struct httpd_loop *l) {
    end_if_done(l);
}

static void begin_to_stop(struct httpd_loop *l) {
    int ms = l->server->options.limits.stop_ms;
    const struct timeval left = {ms / 1000, ms % 1000 * 1000};
    struct httpd_conn *c;
    l->stopping = true;
    if (event_add(l->late, &left)) event_base_loopbreak(l->base);
    if (!l->number) httpd_accept_stop(l->server);
    while ((c = TAILQ_FIRST(&l->waiting))) httpd_conn_close(c, HTTPD_STOPPED);
    while ((c = TAILQ_FIRST(&l->live))) httpd_stream_stopping(c->live);
    end_if_done(l);
}

static void on_woken(evutil_socket_t fd, short what, void *arg) {
    struct httpd_loop *l = arg;
    (void)fd, (void)what;
    pl_wake_clear(&l->wake);
    run_jobs(take_jobs(l, false));
    if (atomic_load(&l->stop) && !l->stopping) begin_to_stop(l);
    end_if_done(l);
}

static void on_late(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    event_base_loopbreak(((struct httpd_loop *)arg)->base);
}

pouch_err httpd_loop_init(struct httpd_loop *l, struct httpd *server, int number) {
    *l = (struct httpd_loop){.server = server, .number = number, .wake = {.fd = -1}};
    TAILQ_INIT(&l->waiting);
    TAILQ_INIT(&l->busy);
    TAILQ_INIT(&l->live);
    l->tail = &l->first;
    pl_buf_init(&l->head, HEAD_MAX);
    pthread_mutex_init(&l->lock, NULL);
    pouch_err e = pl_wake_init(&l->wake);
    if (e) return e;
    l->base = event_base_new();
    if (!l->base) return pl_fail(POUCH_E_NO_MEMORY, "no event loop for HTTP can be had");
    l->woken = event_new(l->base, l->wake.fd, EV_READ | EV_PERSIST, on_woken, l);
    l->late = evtimer_new(l->base, on_late, l);
    if (!l->woken || !l->late || event_add(l->woken, NULL))
        return pl_fail(POUCH_E_NO_MEMORY, "out of memory for an HTTP server");
    return POUCH_OK;
}

static void *run(void *arg) {
    event_base_dispatch(((struct httpd_loop *)arg)->base);
    return NULL;
}

pouch_err httpd_loop_start(struct httpd_loop *l) {
    char name[16];
    snprintf(name, sizeof name, "http-%d", l->number);
    pouch_err e = pl_thread_start(&l->thread, name, run, l);
    l->running = !e;
    return e;
}

void httpd_loop_stop(struct httpd_loop *l) {
    atomic_store(&l->stop, true);
    if (l->running) pl_wake_signal(&l->wake);
}

static void close_all(struct httpd_conns *list) {
    struct httpd_conn *c;
    while ((c = TAILQ_FIRST(list))) httpd_conn_close(c, HTTPD_STOPPED);
}

void httpd_loop_join(struct httpd_loop *l) {
    if (l->running) pthread_join(l->thread, NULL);
    l->running = l->stopping = false; /* no loop is left to be broken */
    close_all(&l->waiting);
    close_all(&l->live);
    close_all(&l->busy);
    run_jobs(take_jobs(l, true));
}

void httpd_loop_free(struct httpd_loop *l) {
    if (l->late) event_free(l->late);
    if (l->woken) event_free(l->woken);
    if (l->base) event_base_loop(l->base, EVLOOP_NONBLOCK); /* what it had put off holds connections that are closed */
    if (l->base) event_base_free(l->base);
    pl_buf_free(&l->head);
    l->late = l->woken = NULL;
    l->base = NULL;
}

void httpd_release(struct httpd *h) {
    if (atomic_fetch_sub(&h->refs, 1) != 1) return;
    for (int i = 0; i < h->n_loops; i++) {
        pl_wake_free(&h->loops[i].wake);
        pthread_mutex_destroy(&h->loops[i].lock);
    }
    httpd_peers_free(&h->peers);
    free(h);
}
