/* The latest measurement as Prometheus text. Names and helps stand in lib/metrics/list.h. */
#include <admin/health.h>
#include <base/buf.h>
#include <base/why.h>
#include <inttypes.h>
#include <metrics/list.h>
#include <ops/health.h>
#include <stdlib.h>

/* Of groups with their topics, so that a scrape stays small whatever a cluster has. */
enum { SERIES_MAX = 1000 };

static pouch_err head(struct pl_buf *out, const char *name, const char *type, const char *help) {
    return pl_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* ---- groups and their topics ---- */

struct series {
    const char *group, *topic;
    int64_t sum, most; /* negative: not known of any partition */
};

static size_t collect(const struct pl_lag_report *r, struct series *all) {
    size_t n = 0;
    for (size_t i = 0; r && i < r->n; i++) {
        const struct pl_group_lag *g = &r->groups[i];
        for (size_t k = 0; k < g->n; k++) {
            if (!k || g->at[k].topic != g->at[k - 1].topic)
                all[n++] = (struct series){g->group, g->at[k].topic, -1, -1};
            struct series *s = &all[n - 1];
            if (g->at[k].behind < 0) continue;
            s->sum = (s->sum < 0 ? 0 : s->sum) + g->at[k].behind;
            if (g->at[k].behind > s->most) s->most = g->at[k].behind;
        }
    }
    return n;
}

static int furthest_first(const void *a, const void *b) {
    int64_t x = ((const struct series *)a)->sum, y = ((const struct series *)b)->sum;
    return (x < y) - (x > y);
}

/* A group may be called anything, and as long as it likes. */
static pouch_err put_label(struct pl_buf *out, const char *text) {
    pouch_err e = POUCH_OK;
    for (; *text && !e; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n') e = pl_buf_putc(out, '\\');
        if (!e) e = pl_buf_putc(out, (char)(*text == '\n' ? 'n' : *text));
    }
    return e;
}

/* A line that does not fit is left out: with a part of one a scraper takes nothing at all. */
static pouch_err put_series(struct pl_buf *out, const char *name, const struct series *s, int64_t value) {
    if (value < 0) return POUCH_OK;
    size_t before = out->len;
    pouch_err e = pl_buf_printf(out, "%s{group=\"", name);
    if (!e) e = put_label(out, s->group);
    if (!e) e = pl_buf_puts(out, "\",topic=\"");
    if (!e) e = put_label(out, s->topic);
    if (!e) e = pl_buf_printf(out, "\"} %" PRId64 "\n", value);
    if (e && out->at) out->at[out->len = before] = 0;
    return e;
}

static int64_t group_lag(const struct series *s) {
    return s->sum;
}

static int64_t group_lag_most(const struct series *s) {
    return s->most;
}

static pouch_err put_groups(struct pl_buf *out, const struct series *all, size_t n) {
#define ROW(what, type, name, help) {(name), #type, (help), (what)},
    static const struct {
        const char *name, *type, *help;
        int64_t (*of)(const struct series *s);
    } rows[] = {PL_GROUP_METRICS(ROW)};
#undef ROW
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < sizeof rows / sizeof rows[0]; i++) {
        e = head(out, rows[i].name, rows[i].type, rows[i].help);
        for (size_t k = 0; !e && k < n && k < SERIES_MAX; k++)
            e = put_series(out, rows[i].name, &all[k], rows[i].of(&all[k]));
    }
    return e;
}

/* ---- brokers ---- */

static double broker_up(const struct pl_shape_broker *b) {
    return b->answers;
}

static double broker_ping(const struct pl_shape_broker *b) {
    return (double)b->took_us / 1e6;
}

static pouch_err put_brokers(struct pl_buf *out, const struct pl_shape *s) {
#define ROW(what, type, name, help) {(name), #type, (help), (what)},
    static const struct {
        const char *name, *type, *help;
        double (*of)(const struct pl_shape_broker *b);
    } rows[] = {PL_BROKER_METRICS(ROW)};
#undef ROW
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < sizeof rows / sizeof rows[0]; i++) {
        e = head(out, rows[i].name, rows[i].type, rows[i].help);
        for (size_t k = 0; s && !e && k < s->n_brokers; k++) {
            double v = rows[i].of(&s->brokers[k]);
            if (v >= 0) e = pl_buf_printf(out, "%s{broker=\"%d\"} %.9g\n", rows[i].name, s->brokers[k].id, v);
        }
    }
    return e;
}

/* ---- the cluster: a value below 0 is not known, and not shown ---- */

struct facts {
    const struct admin_health *h;
    size_t series;
};

static double of_shape(const struct facts *f, size_t n) {
    return f->h->shape ? (double)n : -1;
}

static double up(const struct facts *f) {
    return f->h->shape != NULL;
}

static double status(const struct facts *f) {
    return admin_health_status(f->h);
}

static double looked(const struct facts *f) {
    return (double)f->h->time_ms / 1000;
}

static double ping(const struct facts *f) {
    return f->h->shape ? (double)f->h->shape->ping_us / 1e6 : -1;
}

static double brokers(const struct facts *f) {
    return f->h->shape ? (double)f->h->shape->n_registered : -1;
}

static double answering(const struct facts *f) {
    size_t n = 0;
    for (size_t i = 0; f->h->shape && i < f->h->shape->n_brokers; i++) n += f->h->shape->brokers[i].answers;
    return of_shape(f, n);
}

static double topics(const struct facts *f) {
    return f->h->shape ? (double)(f->h->shape->n_topics - f->h->shape->n_internal) : -1;
}

static double partitions(const struct facts *f) {
    return f->h->shape ? (double)f->h->shape->partitions : -1;
}

static double under_replicated(const struct facts *f) {
    return f->h->shape ? (double)f->h->shape->under_replicated : -1;
}

static double offline(const struct facts *f) {
    return f->h->shape ? (double)f->h->shape->offline : -1;
}

static double under_min_insync(const struct facts *f) {
    return f->h->shape && f->h->shape->min_insync_known ? (double)f->h->shape->under_min_insync : -1;
}

static double groups(const struct facts *f) {
    return f->h->lag ? (double)f->h->lag->n : -1;
}

static double left_out(const struct facts *f) {
    return f->series > SERIES_MAX ? (double)(f->series - SERIES_MAX) : 0;
}

static pouch_err put_cluster(struct pl_buf *out, const struct facts *f) {
#define ROW(what, type, name, help) {(name), #type, (help), (what)},
    static const struct {
        const char *name, *type, *help;
        double (*of)(const struct facts *f);
    } rows[] = {PL_CLUSTER_METRICS(ROW)};
#undef ROW
    pouch_err e = POUCH_OK;
    for (size_t i = 0; !e && i < sizeof rows / sizeof rows[0]; i++) {
        double v = rows[i].of(f);
        if (v < 0) continue;
        e = head(out, rows[i].name, rows[i].type, rows[i].help);
        if (!e) e = pl_buf_printf(out, "%s %.13g\n", rows[i].name, v);
    }
    return e;
}

pouch_err ops_health_metrics(struct pl_buf *out, const struct admin_health *h) {
    size_t rows = 0;
    for (size_t i = 0; h->lag && i < h->lag->n; i++) rows += h->lag->groups[i].n;
    struct series *all = calloc(rows + 1, sizeof *all);
    if (!all) return pl_fail(POUCH_E_NO_MEMORY, "out of memory for the lag of groups");
    const struct facts f = {.h = h, .series = collect(h->lag, all)};
    if (f.series > SERIES_MAX) qsort(all, f.series, sizeof *all, furthest_first);
    pouch_err e = put_cluster(out, &f);
    if (!e) e = put_brokers(out, h->shape);
    if (!e) e = put_groups(out, all, f.series);
    free(all);
    return e;
}
