#include <inttypes.h>
#include <metrics/timing.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

/*
 * Values below 2 * PARTS have a bucket each; above, each doubling is cut into PARTS:
 * bucket(v) = shift * PARTS + (v >> shift), where shift brings v into [PARTS, 2 * PARTS).
 */
enum { PARTS_BITS = 3, PARTS = 1 << PARTS_BITS, HIGHEST_BITS = 27 };
_Static_assert(PL_TIMING_BUCKETS == (HIGHEST_BITS - PARTS_BITS + 1) * PARTS, "each value has a bucket");

/* The bounds that Prometheus is shown: every doubling, so that buckets are never cut in two. */
enum { SHOWN_LEAST_BITS = 8, SHOWN_MOST_BITS = 26 };

/* On cache lines of their own: different work is recorded by different threads. */
static struct {
    alignas(64) _Atomic uint64_t sum_us;
    _Atomic uint64_t in[PL_TIMING_BUCKETS];
} timings[PL_TIMING_COUNT];

enum { RECENT_US = 10000000 };

/* Two readings of each, at least RECENT_US apart; older is the one that recent times begin with. */
static pthread_mutex_t recent_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    int64_t at_us; /* of newer; 0: none yet */
    struct pl_times older[PL_TIMING_COUNT], newer[PL_TIMING_COUNT];
} recent;

static const struct {
    const char *name, *help;
} described[] = {
#define ROW(id, name, help) {name, help},
    PL_TIMINGS(ROW)
#undef ROW
};

size_t pl_times_bucket(int64_t us) {
    const int64_t most = (INT64_C(1) << HIGHEST_BITS) - 1;
    uint64_t v = us < 0 ? 0 : (uint64_t)(us < most ? us : most);
    if (v < 2 * PARTS) return (size_t)v;
    int shift = 63 - __builtin_clzll(v) - PARTS_BITS;
    return (size_t)shift * PARTS + (size_t)(v >> shift);
}

int64_t pl_times_bucket_top(size_t bucket) {
    if (bucket < 2 * (size_t)PARTS) return (int64_t)bucket;
    size_t shift = bucket / PARTS - 1;
    return (int64_t)((bucket - shift * PARTS + 1) << shift) - 1;
}

void pl_timing_record(enum pl_timing t, int64_t us) {
    size_t bucket = pl_times_bucket(us);
    atomic_fetch_add_explicit(&timings[t].in[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&timings[t].sum_us, us < 0 ? 0 : (uint64_t)us, memory_order_relaxed);
}

void pl_timing_read(enum pl_timing t, struct pl_times *out) {
    out->count = 0;
    for (size_t i = 0; i < PL_TIMING_BUCKETS; i++)
        out->count += out->in[i] = atomic_load_explicit(&timings[t].in[i], memory_order_relaxed);
    out->sum_us = atomic_load_explicit(&timings[t].sum_us, memory_order_relaxed);
}

void pl_times_since(struct pl_times *out, const struct pl_times *before) {
    for (size_t i = 0; i < PL_TIMING_BUCKETS; i++) out->in[i] -= before->in[i];
    out->count -= before->count;
    out->sum_us -= before->sum_us;
}

void pl_timings_tick(int64_t now_us) {
    pthread_mutex_lock(&recent_lock);
    if (!recent.at_us || now_us - recent.at_us >= RECENT_US) {
        memcpy(recent.older, recent.newer, sizeof recent.older);
        for (enum pl_timing t = 0; t < PL_TIMING_COUNT; t++) pl_timing_read(t, &recent.newer[t]);
        recent.at_us = now_us;
    }
    pthread_mutex_unlock(&recent_lock);
}

void pl_timing_recent(enum pl_timing t, struct pl_times *out) {
    pthread_mutex_lock(&recent_lock);
    pl_timing_read(t, out);
    pl_times_since(out, &recent.older[t]);
    pthread_mutex_unlock(&recent_lock);
}

int64_t pl_times_quantile(const struct pl_times *t, double q) {
    uint64_t seen = 0;
    size_t last = 0;
    for (size_t i = 0; i < PL_TIMING_BUCKETS; i++) {
        if (!t->in[i]) continue;
        seen += t->in[i];
        last = i;
        if ((double)seen >= q * (double)t->count) break;
    }
    return t->count ? pl_times_bucket_top(last) : 0;
}

/* Times are whole microseconds, cut off: those in the buckets below 2^bits took less than 2^bits. */
static pouch_err bound_text(struct pl_buf *out, const char *name, const struct pl_times *t, int bits) {
    uint64_t below = 0;
    size_t end = pl_times_bucket(INT64_C(1) << bits);
    for (size_t i = 0; i < end; i++) below += t->in[i];
    return pl_buf_printf(out, "%s_bucket{le=\"%.6f\"} %" PRIu64 "\n", name, (double)(INT64_C(1) << bits) / 1e6, below);
}

static pouch_err text_of(struct pl_buf *out, enum pl_timing timing) {
    const char *name = described[timing].name;
    struct pl_times t;
    pl_timing_read(timing, &t);
    pouch_err e = pl_buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, described[timing].help, name);
    for (int bits = SHOWN_LEAST_BITS; bits <= SHOWN_MOST_BITS && !e; bits++) e = bound_text(out, name, &t, bits);
    if (e) return e;
    return pl_buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.6f\n%s_count %" PRIu64 "\n", name, t.count,
                         name, (double)t.sum_us / 1e6, name, t.count);
}

pouch_err pl_timings_text(struct pl_buf *out) {
    pouch_err e = POUCH_OK;
    for (enum pl_timing t = 0; t < PL_TIMING_COUNT && !e; t++) e = text_of(out, t);
    return e;
}
