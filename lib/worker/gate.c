#include <base/log.h>
#include <stdio.h>
#include <string.h>
#include <worker/worker.h>

enum { LOOK_US = 500000 }; /* at the deadlines of what is held */

void pl_gate_set_up(struct pl_gate *g, const struct pl_settings *s, int64_t now_us) {
    const struct pl_breaker_limits limits = {.failures = s->breaker_failures,
                                             .period_us = (int64_t)s->breaker_period_ms * 1000,
                                             .recovery_us = (int64_t)s->breaker_recovery_ms * 1000};
    pl_breaker_init(&g->breaker, &limits, now_us);
    atomic_init(&g->shut, false);
    atomic_init(&g->well, false);
    g->probe = g->first = NULL;
    g->last = &g->first;
    g->held = 0;
}

bool pl_gate_lets(const struct pouch_job *j) {
    return !atomic_load_explicit(&j->route->gate.shut, memory_order_relaxed) || j->is_probe;
}

/* Written once in a while, so that threads which end jobs do not take the line from each other. */
void pl_gate_ended_well(const struct pouch_job *j) {
    struct pl_gate *g = &j->route->gate;
    if (!pl_gate_lets(j) || atomic_load_explicit(&g->well, memory_order_relaxed)) return;
    atomic_store_explicit(&g->well, true, memory_order_relaxed);
}

static void tell(enum pl_log_level level, const char *what, const struct pl_route *r) {
    char n[24];
    snprintf(n, sizeof n, "%zu", r->gate.breaker.failures);
    PL_LOG(level, what, "topic", r->topic, "failures", level == PL_LOG_INFO ? NULL : n);
}

/* One whose partition has got another owner is done there. */
static bool dropped(struct pouch_job *j) {
    if (!j->taken.partition->revoked) return false;
    pl_job_drop(j);
    return true;
}

static struct pouch_job *take_held(struct pl_gate *g, struct pouch_job **at) {
    struct pouch_job *j = *at;
    *at = j->next_held;
    if (g->last == &j->next_held) g->last = at;
    g->held--;
    j->worker->held--;
    return j;
}

static void go_as_probe(struct pl_gate *g, struct pouch_job *j) {
    atomic_store(&g->well, false);
    g->probe = j;
    j->is_probe = true;
    pl_job_run(j);
}

/* Half open: the oldest that is held is the next probe. */
static void try(struct pl_gate *g) {
    while (g->first && g->first->taken.partition->revoked) pl_job_drop(take_held(g, &g->first));
    if (g->first && pl_breaker_probe(&g->breaker)) go_as_probe(g, take_held(g, &g->first));
}

static void opened(struct pl_route *r) {
    atomic_store(&r->gate.shut, true);
    pl_metric_add(PL_M_BREAKER_OPENED, 1);
    tell(PL_LOG_ERROR, "a handler keeps failing: it is not called for breaker.recovery, and requests for it wait", r);
}

static void probe_succeeded(struct pl_route *r, int64_t now_us) {
    struct pl_gate *g = &r->gate;
    g->probe = NULL;
    (void)pl_breaker_succeeded(&g->breaker, true, now_us);
    atomic_store(&g->shut, false);
    tell(PL_LOG_INFO, "a handler works again", r);
    while (g->first) {
        struct pouch_job *j = take_held(g, &g->first);
        if (!dropped(j)) pl_job_run(j);
    }
}

/* What ended well before this failure ends the row of those before it. */
void pl_gate_failed(struct pouch_job *j) {
    struct pl_gate *g = &j->route->gate;
    int64_t now = pl_mono_us(j->worker->clock);
    bool probe = g->probe == j;
    j->is_probe = false;
    if (probe) g->probe = NULL;
    if (g->breaker.state == PL_BREAKER_CLOSED && atomic_exchange(&g->well, false))
        (void)pl_breaker_succeeded(&g->breaker, false, now);
    if (pl_breaker_failed(&g->breaker, probe, now)) opened(j->route);
}

void pl_gate_over(struct pouch_job *j) {
    struct pl_gate *g = &j->route->gate;
    if (g->probe != j) return;
    if (atomic_load(&g->well)) {
        probe_succeeded(j->route, pl_mono_us(j->worker->clock));
        return;
    }
    g->probe = NULL;
    pl_breaker_unknown(&g->breaker);
    if (!j->worker->closing) try(g);
}

static bool has_room(const struct pouch_worker *w, const struct pl_gate *g) {
    const struct pl_settings *s = &w->settings;
    return g->held < s->breaker_max_held && w->held < s->max_in_flight / 2 && w->bytes < s->max_in_flight_bytes / 2;
}

static void hold(struct pl_gate *g, struct pouch_job *j) {
    j->next_held = NULL;
    j->held_us = pl_mono_us(j->worker->clock);
    *g->last = j;
    g->last = &j->next_held;
    g->held++;
    j->worker->held++;
}

void pl_gate_hold_back(struct pouch_job *j) {
    struct pl_gate *g = &j->route->gate;
    if (dropped(j)) return;
    if (g->breaker.state == PL_BREAKER_CLOSED)
        pl_job_run(j);
    else if (!g->first && pl_breaker_probe(&g->breaker))
        go_as_probe(g, j);
    else if (has_room(j->worker, g))
        hold(g, j);
    else
        pl_job_end_uncalled(j, POUCH_E_OVERLOADED, "its handler keeps failing, and as many requests wait as may");
}

/* What ends the wait of one that is held; POUCH_OK: nothing yet. */
static pouch_err waited(const struct pouch_job *j, int64_t now_us) {
    if (pl_job_expired(j)) return POUCH_E_EXPIRED;
    bool long_enough = now_us - j->held_us >= (int64_t)j->worker->settings.handler_timeout_ms * 1000;
    return long_enough ? POUCH_E_OVERLOADED : POUCH_OK;
}

/* Those that need not wait any more, since their time is up or another has their partition. */
static void look_at_held(struct pl_gate *g, int64_t now_us) {
    struct pouch_job **at = &g->first;
    while (*at) {
        struct pouch_job *j = *at;
        pouch_err e = waited(j, now_us);
        if (!e && !j->taken.partition->revoked) {
            at = &j->next_held;
            continue;
        }
        (void)take_held(g, at);
        if (!dropped(j)) pl_job_end_uncalled(j, e, "its handler keeps failing, and was not called in time");
    }
}

static void look(struct pl_route *r, int64_t now_us, bool deadlines) {
    struct pl_gate *g = &r->gate;
    if (g->breaker.state == PL_BREAKER_CLOSED) return;
    if (deadlines) look_at_held(g, now_us);
    (void)pl_breaker_look(&g->breaker, now_us);
    if (g->probe && atomic_load(&g->well))
        probe_succeeded(r, now_us);
    else
        try(g);
}

void pl_gates_look(struct pouch_worker *w) {
    int64_t now = pl_mono_us(w->clock);
    bool deadlines = now >= w->held_look_us;
    if (deadlines) w->held_look_us = now + LOOK_US;
    for (size_t i = 0; i < w->n_routes; i++) look(&w->routes[i], now, deadlines);
}

void pl_gates_drop(struct pouch_worker *w) {
    for (size_t i = 0; i < w->n_routes; i++) {
        struct pl_gate *g = &w->routes[i].gate;
        while (g->first) pl_job_drop(take_held(g, &g->first));
    }
}

size_t pl_gates_hold(const struct pouch_worker *w) {
    size_t n = w->held;
    if (!n || !w->dedupe) return n;
    for (size_t i = 0; i < w->n_routes; i++)
        for (const struct pouch_job *j = w->routes[i].gate.first; j; j = j->next_held)
            if (j->entry) n += pl_dedupe_waiting(w->dedupe, j->entry);
    return n;
}

int64_t pl_gates_due(const struct pouch_worker *w) {
    int64_t due = w->held ? w->held_look_us : INT64_MAX;
    for (size_t i = 0; i < w->n_routes; i++) {
        int64_t of_this = pl_breaker_due(&w->routes[i].gate.breaker);
        if (of_this < due) due = of_this;
    }
    return due;
}

static void publish_one(struct pl_status *s, const struct pl_route *r) {
    const struct pl_gate *g = &r->gate;
    struct pl_status_breaker b = {
        .state = g->breaker.state, .since_us = g->breaker.since_us, .failures = g->breaker.failures, .held = g->held};
    snprintf(b.name, sizeof b.name, "%s", r->topic);
    pl_status_breaker(s, &b);
}

void pl_gates_publish(struct pouch_worker *w) {
    size_t in[PL_BREAKER_HALF_OPEN + 1] = {0};
    for (size_t i = 0; i < w->n_routes; i++) {
        publish_one(&w->status, &w->routes[i]);
        in[w->routes[i].gate.breaker.state]++;
    }
    pl_metric_set(PL_M_BREAKERS_CLOSED, (int64_t)in[PL_BREAKER_CLOSED]);
    pl_metric_set(PL_M_BREAKERS_OPEN, (int64_t)in[PL_BREAKER_OPEN]);
    pl_metric_set(PL_M_BREAKERS_HALF_OPEN, (int64_t)in[PL_BREAKER_HALF_OPEN]);
    pl_metric_set(PL_M_HELD, (int64_t)w->held);
}
