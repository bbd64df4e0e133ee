#include <admin/anytext.h>
#include <admin/health.h>
#include <base/clock.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void admin_health_measure(struct admin_health *h, const struct admin_health_ask *ask) {
    *h = (struct admin_health){.time_ms = pl_wall_ms(&pl_clock_system), .lag_alert = ask->lag_alert};
    pl_outcome_set(&h->cluster, pl_shape_read(ask->rk, &h->shape, ask->timeout_ms));
}

static bool is_one_silent(const struct pl_shape *s) {
    bool silent = false;
    for (size_t i = 0; i < s->n_brokers; i++) silent = silent || !s->brokers[i].answers;
    return silent;
}

/* A broker that is known not to answer is not waited for as long again. */
void admin_health_measure_lag(struct admin_health *h, const struct admin_health_ask *ask) {
    if (h->cluster.error) return;
    int timeout = is_one_silent(h->shape) ? ask->timeout_ms / 2 : ask->timeout_ms;
    pl_outcome_set(&h->lagging, pl_lag_read(ask->rk, ask->groups, ask->n_groups, &h->lag, timeout));
}

void admin_health_free(struct admin_health *h) {
    pl_shape_free(h->shape);
    pl_lag_free(h->lag);
    *h = (struct admin_health){0};
}

/* ---- what is not well ---- */

enum { TEXT_MAX = 512, REASONS_MAX = 50 };

/* Texts as they are found; `from` is the least of what is wanted. */
struct reasons {
    json_t *texts; /* NULL: only the worst is looked for */
    enum pl_shape_status from, worst;
};

static void say(struct reasons *r, enum pl_shape_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct reasons *r, enum pl_shape_status status, const char *format, ...) {
    char text[TEXT_MAX];
    va_list args;
    if (status > r->worst) r->worst = status;
    if (!r->texts || status < r->from || json_array_size(r->texts) == REASONS_MAX) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->texts = admin_array_with(r->texts, admin_anytext_of(text)); /* a text that was cut may end within a character */
}

static void look_at_shape(struct reasons *r, const struct pl_shape *s) {
    if (s->offline)
        say(r, PL_SHAPE_UNHEALTHY, "%zu of %zu partitions are offline: no broker leads them, so that they take nothing",
            s->offline, s->partitions);
    if (s->under_min_insync)
        say(r, PL_SHAPE_UNHEALTHY,
            "%zu partitions have fewer replicas in sync than min.insync.replicas, so that they take nothing",
            s->under_min_insync);
    if (s->under_replicated)
        say(r, PL_SHAPE_DEGRADED, "%zu of %zu partitions are under-replicated", s->under_replicated, s->partitions);
    for (size_t i = 0; i < s->n_brokers; i++)
        if (!s->brokers[i].answers)
            say(r, PL_SHAPE_DEGRADED, "broker %d does not answer: %s", s->brokers[i].id, s->brokers[i].why);
}

/* The rows of one topic, from first on, stand together; gives where those of the next one begin. */
static size_t look_at_topic(struct reasons *r, const struct pl_group_lag *g, size_t first, int64_t alert) {
    const char *topic = g->at[first].topic;
    int64_t most = 0;
    size_t over = 0, i = first;
    for (; i < g->n && g->at[i].topic == topic; i++) {
        over += g->at[i].behind > alert;
        if (g->at[i].behind > most) most = g->at[i].behind;
    }
    if (over)
        say(r, PL_SHAPE_DEGRADED,
            "group %s is behind in %zu of %zu partitions of %s, by %lld records at most; the alarm is at %lld",
            g->group, over, i - first, topic, (long long)most, (long long)alert);
    return i;
}

static void look_at_lag(struct reasons *r, const struct admin_health *h) {
    if (h->lagging.error && h->lagging.error != POUCH_E_NOT_ALLOWED)
        say(r, PL_SHAPE_DEGRADED, "the lag of groups cannot be read: %s", h->lagging.why);
    for (size_t i = 0; h->lag && i < h->lag->n; i++) {
        const struct pl_group_lag *g = &h->lag->groups[i];
        if (g->outcome.error) say(r, PL_SHAPE_DEGRADED, "%s", g->outcome.why);
        for (size_t k = 0; h->lag_alert && k < g->n;) k = look_at_topic(r, g, k, h->lag_alert);
    }
}

static void look(struct reasons *r, const struct admin_health *h) {
    if (h->cluster.error) say(r, PL_SHAPE_UNHEALTHY, "%s", h->cluster.why);
    if (h->shape) look_at_shape(r, h->shape);
    look_at_lag(r, h);
}

enum pl_shape_status admin_health_status(const struct admin_health *h) {
    struct reasons r = {0};
    look(&r, h);
    return r.worst;
}

json_t *admin_health_reasons(const struct admin_health *h, enum pl_shape_status from) {
    struct reasons r = {.texts = json_array(), .from = from};
    if (r.texts) look(&r, h);
    return r.texts;
}
