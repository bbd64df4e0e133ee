/* The share's thread: gives commands to the connection, and keeps that, until it is told to end. */
#include <base/log.h>
#include <base/thread.h>
#include <base/why.h>
#include <hiredis/hiredis.h>
#include <metrics/metrics.h>
#include <poll.h>
#include <share/peers.h>
#include <share/state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* STILL_US: between two looks, longer than a turn takes where this thread runs when it should. */
enum { ANSWER_US = 2000000, RETRY_FIRST_MS = 50, RETRY_MOST_MS = 2000, TURN_MOST_US = 1000000, STILL_US = 1500000 };
enum { TURN_BYTES = 1 << 20 };

void share_line_init(struct share_line *l) {
    l->first = NULL;
    l->end = &l->first;
}

void share_line_put(struct share_line *l, struct share_command *c) {
    c->next = NULL;
    *l->end = c;
    l->end = &c->next;
}

struct share_command *share_line_take(struct share_line *l) {
    struct share_command *c = l->first;
    if (!c) return NULL;
    l->first = c->next;
    if (!l->first) l->end = &l->first;
    return c;
}

static void free_command(struct share_command *c) {
    redisFreeCommand(c->bytes);
    free(c);
}

void share_end(struct share *s, struct share_command *c, pouch_err e, const struct share_reply *reply) {
    pthread_mutex_lock(&s->lock);
    s->waiting--;
    s->waiting_bytes -= c->n;
    pl_metric_set(PL_M_SHARE_WAITING, (int64_t)s->waiting);
    pthread_mutex_unlock(&s->lock);
    if (c->done) c->done(e, reply, c->arg);
    free_command(c);
}

/* Each with the same why, which a callback may have changed. */
static void end_all(struct share *s, struct share_line *line, pouch_err e, const char *why) {
    for (struct share_command *c; (c = share_line_take(line));) {
        pl_why_set("%s", why);
        share_end(s, c, e, NULL);
    }
}

static struct share_line take_given(struct share *s) {
    struct share_line all;
    pthread_mutex_lock(&s->lock);
    all = s->given;
    if (!all.first) share_line_init(&all);
    share_line_init(&s->given);
    pthread_mutex_unlock(&s->lock);
    return all;
}

static void set_phase(struct share *s, enum share_phase phase, const char *why) {
    pthread_mutex_lock(&s->lock);
    if (s->phase != phase) s->since_ms = pl_wall_ms(s->clock);
    if (s->phase == SHARE_AWAY && phase == SHARE_UP) s->back_ms = s->since_ms;
    s->phase = phase;
    snprintf(s->why, sizeof s->why, "%s", why);
    pthread_mutex_unlock(&s->lock);
    pl_metric_set(PL_M_SHARE_UP, phase == SHARE_UP);
}

/* All that is under way ends. What was sent may have been carried out, and nobody knows. */
static void lose(struct share *s, pouch_err e) {
    char why[SHARE_WHY_MAX];
    bool was_up = s->phase == SHARE_UP;
    snprintf(why, sizeof why, "%s", pouch_why());
    if (s->phase != SHARE_AWAY && e != POUCH_E_CLOSED)
        PL_LOG(PL_LOG_WARN, "Redis is away; the gateway works on without it", "why", why);
    share_disconnect(s);
    set_phase(s, SHARE_AWAY, why); /* before the callbacks, or they would give more for ever */
    struct share_line given = take_given(s);
    end_all(s, &s->sent, e, why);
    end_all(s, &given, e, why);
    s->retry_ms = was_up ? RETRY_FIRST_MS : s->retry_ms * 2 < RETRY_MOST_MS ? s->retry_ms * 2 : RETRY_MOST_MS;
    s->retry_us = pl_mono_us(s->clock) + (int64_t)s->retry_ms * 1000;
}

static void reach(struct share *s) {
    if (pl_mono_us(s->clock) < s->retry_us) return;
    pouch_err e = share_connect(s);
    if (e) {
        lose(s, e);
        return;
    }
    PL_LOG(PL_LOG_INFO, "Redis is there", "at", s->url.shown);
    pl_metric_add(PL_M_SHARE_CONNECTS, 1);
    s->moved_us = s->looked_us = pl_mono_us(s->clock);
    set_phase(s, SHARE_UP, "");
}

/* A line that was copied has its end in itself when it is empty; else in its last command, which holds. */
static pouch_err send_given(struct share *s) {
    struct share_line given = take_given(s);
    pouch_err e = POUCH_OK;
    for (struct share_command *c; (c = given.first);) {
        given.first = c->next;
        if (e)
            share_line_put(&s->sent, c);
        else
            e = share_send(s, c);
    }
    return e;
}

/* While this thread stood still, Redis may have answered, or had nothing to answer. */
bool share_is_silent(struct share *s, int64_t now_us) {
    int64_t passed = now_us - s->looked_us;
    s->looked_us = now_us;
    if (passed > STILL_US) s->moved_us += passed;
    return s->sent.first && now_us - s->moved_us > ANSWER_US;
}

static void serve(struct share *s) {
    pouch_err e = send_given(s);
    if (!e) e = share_move(s);
    if (!e && share_is_silent(s, pl_mono_us(s->clock)))
        e = pl_fail(POUCH_E_STORE, "Redis at %s has not answered for %d s", s->url.shown, ANSWER_US / 1000000);
    if (e) lose(s, e);
}

static bool has_output(const struct share *s) {
    return s->redis && sdslen(s->redis->obuf);
}

/* Until there is something to do, or `due`, or it is time to look again. */
static void rest(struct share *s, int64_t due) {
    int64_t now = pl_mono_us(s->clock), until = now + TURN_MOST_US;
    if (due < until) until = due;
    if (!s->redis && s->url.host && s->retry_us < until) until = s->retry_us;
    if (s->sent.first && s->moved_us + ANSWER_US < until) until = s->moved_us + ANSWER_US;
    struct pollfd fds[] = {{.fd = s->wake.fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    if (s->redis) fds[1].fd = s->redis->fd;
    if (has_output(s)) fds[1].events |= POLLOUT;
    int64_t ms = until > now ? (until - now) / 1000 + 1 : 0;
    poll(fds, 2, (int)ms);
    pl_wake_clear(&s->wake);
}

static void *run(void *arg) {
    struct share *s = arg;
    while (!atomic_load(&s->closing)) {
        if (!s->redis && s->url.host) reach(s);
        if (s->redis) serve(s);
        int64_t now = pl_mono_us(s->clock), pending = share_pending_turn(s, now), peers = share_peers_turn(s, now);
        if (s->redis) serve(s);
        rest(s, pending < peers ? pending : peers);
    }
    pl_why_set("the connection to Redis is being closed");
    lose(s, POUCH_E_CLOSED);
    return NULL;
}

static pouch_err open_parts(struct share *s, const char *url, const char *instance) {
    pouch_err e = url ? share_url_read(&s->url, url) : POUCH_OK;
    if (e) return e;
    if (pthread_mutex_init(&s->lock, NULL)) {
        e = pl_fail(POUCH_E_NO_MEMORY, "out of memory for a lock");
        goto fail_lock;
    }
    if ((e = pl_wake_init(&s->wake))) goto fail_wake;
    if ((e = share_pending_init(&s->pending, instance))) goto fail_pending;
    if ((e = share_peers_new(&s->peers, instance))) goto fail_peers;
    if ((e = pl_thread_start(&s->thread, "pouch-redis", run, s))) goto fail_thread;
    return POUCH_OK;

fail_thread:
    share_peers_free(s->peers);
fail_peers:
    share_pending_free(&s->pending);
fail_pending:
    pl_wake_free(&s->wake);
fail_wake:
    pthread_mutex_destroy(&s->lock);
fail_lock:
    share_url_free(&s->url);
    return e;
}

pouch_err share_open(struct share **out, const char *url, const char *instance) {
    struct share *s = calloc(1, sizeof *s);
    if (!s) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a connection to Redis");
    s->clock = &pl_clock_system;
    s->retry_ms = RETRY_FIRST_MS;
    s->since_ms = pl_wall_ms(s->clock);
    s->phase = url ? SHARE_CONNECTING : SHARE_AWAY;
    strcpy(s->why, url ? "connecting" : "no Redis is set: gateway.redis");
    strcpy(s->server, "-");
    share_line_init(&s->given);
    share_line_init(&s->sent);
    pouch_err e = open_parts(s, url, instance);
    if (e)
        free(s);
    else
        *out = s;
    return e;
}

void share_close(struct share *s) {
    if (!s) return;
    atomic_store(&s->closing, true);
    pl_wake_signal(&s->wake);
    pthread_join(s->thread, NULL);
    share_peers_free(s->peers);
    share_pending_free(&s->pending);
    pl_wake_free(&s->wake);
    pthread_mutex_destroy(&s->lock);
    share_url_free(&s->url);
    free(s);
}

/* ---- any thread ---- */

struct share_arg share_text(const char *text) {
    return (struct share_arg){text, strlen(text)};
}

struct share_arg share_number(char digits[SHARE_NUMBER_MAX], int64_t number) {
    int n = snprintf(digits, SHARE_NUMBER_MAX, "%lld", (long long)number);
    return (struct share_arg){digits, (size_t)n};
}

static struct share_command *make(const struct share_arg args[], size_t n, share_done_fn *done, void *arg) {
    const char *argv[SHARE_ARGS_MOST];
    size_t lengths[SHARE_ARGS_MOST];
    struct share_command *c = calloc(1, sizeof *c);
    for (size_t i = 0; i < n; i++) {
        argv[i] = args[i].at;
        lengths[i] = args[i].n;
    }
    int bytes = c ? redisFormatCommandArgv(&c->bytes, (int)n, argv, lengths) : -1;
    if (bytes < 0) {
        free(c);
        return NULL;
    }
    c->n = (size_t)bytes;
    c->done = done;
    c->arg = arg;
    return c;
}

/* Under the lock. */
static pouch_err enter(struct share *s, struct share_command *c) {
    if (s->phase == SHARE_AWAY) return pl_fail(POUCH_E_STORE, "%s", s->why);
    if (s->waiting >= SHARE_COMMANDS_MOST || s->waiting_bytes + c->n > SHARE_BYTES_MOST)
        return pl_fail(POUCH_E_OVERLOADED, "too much waits for Redis already");
    share_line_put(&s->given, c);
    s->waiting++;
    s->waiting_bytes += c->n;
    pl_metric_set(PL_M_SHARE_WAITING, (int64_t)s->waiting);
    return POUCH_OK;
}

pouch_err share_command(struct share *s, const struct share_arg args[], size_t n, share_done_fn *done, void *arg) {
    if (n == 0 || n > SHARE_ARGS_MOST) return pl_fail(POUCH_E_CONFIG, "a command of %zu parts", n);
    struct share_command *c = make(args, n, done, arg);
    if (!c) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for a command to Redis");
    pthread_mutex_lock(&s->lock);
    pouch_err e = enter(s, c);
    pthread_mutex_unlock(&s->lock);
    if (e) {
        free_command(c);
        if (s->url.host) pl_metric_add(PL_M_SHARE_UNSENT, 1);
        return e;
    }
    pl_metric_add(PL_M_SHARE_COMMANDS, 1);
    pl_wake_signal(&s->wake);
    return POUCH_OK;
}

void share_look(struct share *s, struct share_state *out) {
    pthread_mutex_lock(&s->lock);
    *out = (struct share_state){
        .up = s->phase == SHARE_UP, .since_ms = s->since_ms, .back_ms = s->back_ms, .waiting = s->waiting};
    strcpy(out->why, s->why);
    pthread_mutex_unlock(&s->lock);
}

const char *share_where(const struct share *s) {
    return s->url.shown;
}
