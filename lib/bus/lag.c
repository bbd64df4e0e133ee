#include <base/buf.h>
#include <bus/lag.h>
#include <inttypes.h>
#include <metrics/metrics.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* holds the list, and whether it is collected */
static struct pl_status *shown;
static bool collected; /* stays so: the list is the process's */

#define SERIES(what, type, name, help) "# HELP " name " " help "\n# TYPE " name " " #type "\n"
#define NAME(what, type, name, help)   name

static pouch_err print(struct pl_buf *out, const struct pl_status_partition *p, bool *headed) {
    pouch_err e = *headed ? POUCH_OK : pl_buf_puts(out, PL_MEMBER_METRICS(SERIES));
    *headed = true;
    return e ? e
             : pl_buf_printf(out, PL_MEMBER_METRICS(NAME) "{topic=\"%s\",partition=\"%" PRId32 "\"} %" PRId64 "\n",
                             p->topic, p->id, p->lag);
}

static pouch_err collect_one(struct pl_buf *out, struct pl_status *s, bool *headed) {
    pouch_err e = POUCH_OK;
    pthread_mutex_lock(&s->lock);
    const struct pl_status_facts *f = &s->facts;
    for (size_t i = 0; i < f->n_partitions && i < PL_STATUS_PARTITIONS && !e; i++) {
        if (f->partitions[i].lag >= 0) e = print(out, &f->partitions[i], headed);
    }
    pthread_mutex_unlock(&s->lock);
    return e;
}

/* Lines that no longer fit are left out, as the collector's contract has no way to fail. */
static void collect(struct pl_buf *out, void *arg) {
    (void)arg;
    bool headed = false;
    pouch_err e = POUCH_OK;
    pthread_mutex_lock(&lock);
    for (struct pl_status *s = shown; s && !e; s = s->next_shown) e = collect_one(out, s, &headed);
    pthread_mutex_unlock(&lock);
}

pouch_err pl_lag_show(struct pl_status *s) {
    pthread_mutex_lock(&lock);
    s->next_shown = shown;
    shown = s;
    bool first = !collected;
    collected = true;
    pthread_mutex_unlock(&lock);
    /* Outside the lock: a read of the metrics holds theirs while it takes ours. */
    if (!first) return POUCH_OK;
    pouch_err e = pl_metrics_collect(collect, NULL);
    if (!e) return POUCH_OK;
    pthread_mutex_lock(&lock);
    collected = false;
    pthread_mutex_unlock(&lock);
    pl_lag_hide(s);
    return e;
}

void pl_lag_hide(struct pl_status *s) {
    pthread_mutex_lock(&lock);
    struct pl_status **at = &shown;
    while (*at && *at != s) at = &(*at)->next_shown;
    if (*at) *at = s->next_shown;
    pthread_mutex_unlock(&lock);
}
