#include <base/buf.h>
#include <base/log.h>
#include <base/why.h>
#include <inttypes.h>
#include <metrics/metrics.h>
#include <metrics/timing.h>
#include <pouch/metrics.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4 * 1024 * 1024 };

/* A cache line each, so that threads that count different things do not wait for each other. */
static struct { alignas(64) _Atomic int64_t value; } metrics[PL_METRIC_COUNT];

static const struct {
    const char *name, *type, *labels, *help;
} described[] = {
#define ROW(id, type, name, labels, help) {name, #type, labels, help},
    PL_METRICS(ROW)
#undef ROW
};

struct collector {
    struct collector *next;
    pl_collect_fn *fn;
    void *arg;
};

static pthread_mutex_t collecting = PTHREAD_MUTEX_INITIALIZER; /* holds the list, and is held while collectors run */
static struct collector *collectors;

void pl_metric_add(enum pl_metric m, int64_t n) {
    atomic_fetch_add_explicit(&metrics[m].value, n, memory_order_relaxed);
}

void pl_metric_each(const char *name, void (*each)(const char *label, int64_t value, void *arg), void *arg) {
    for (enum pl_metric m = 0; m < PL_METRIC_COUNT; m++) {
        if (strcmp(described[m].name, name) != 0) continue;
        char label[64] = "";
        sscanf(described[m].labels, "%*[^\"]\"%63[^\"]", label);
        each(label, pl_metric_get(m), arg);
    }
}

void pl_metric_set(enum pl_metric m, int64_t v) {
    atomic_store_explicit(&metrics[m].value, v, memory_order_relaxed);
}

int64_t pl_metric_get(enum pl_metric m) {
    return atomic_load_explicit(&metrics[m].value, memory_order_relaxed);
}

pouch_err pl_metrics_collect(pl_collect_fn *fn, void *arg) {
    struct collector *c = malloc(sizeof *c);
    if (!c) return pl_fail(POUCH_E_NO_MEMORY, "out of memory: metrics could not be announced");
    c->fn = fn;
    c->arg = arg;
    pthread_mutex_lock(&collecting);
    c->next = collectors;
    collectors = c;
    pthread_mutex_unlock(&collecting);
    return POUCH_OK;
}

void pl_metrics_forget(pl_collect_fn *fn, void *arg) {
    pthread_mutex_lock(&collecting);
    struct collector **at = &collectors;
    while (*at && ((*at)->fn != fn || (*at)->arg != arg)) at = &(*at)->next;
    struct collector *gone = *at;
    if (gone) *at = gone->next;
    pthread_mutex_unlock(&collecting);
    free(gone);
}

static pouch_err append_metric(struct pl_buf *out, enum pl_metric m) {
    const char *name = described[m].name, *labels = described[m].labels;
    if (m == 0 || strcmp(name, described[m - 1].name) != 0) {
        pouch_err e =
            pl_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, described[m].help, name, described[m].type);
        if (e) return e;
    }
    const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    return pl_buf_printf(out, "%s%s%s%s %" PRId64 "\n", name, open, labels, close, pl_metric_get(m));
}

char *pouch_metrics_text(size_t *n) {
    struct pl_buf out;
    pl_buf_init(&out, TEXT_MAX);
    pl_metric_set(PL_M_LOG_LEFT_OUT, (int64_t)pl_log_left_out());
    pouch_err e = POUCH_OK;
    for (enum pl_metric m = 0; m < PL_METRIC_COUNT && !e; m++) e = append_metric(&out, m);
    if (!e) e = pl_timings_text(&out);
    if (e) {
        pl_buf_free(&out);
        return NULL;
    }
    pthread_mutex_lock(&collecting);
    for (struct collector *c = collectors; c; c = c->next) c->fn(&out, c->arg);
    pthread_mutex_unlock(&collecting);
    return pl_buf_take(&out, n);
}
