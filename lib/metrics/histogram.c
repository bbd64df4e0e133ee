#include <base/why.h>
#include <metrics/histogram.h>
#include <stdlib.h>
#include <string.h>

/*
 * Values below 2 * HALF have a bucket each. Above, each doubling of the value is cut into HALF
 * buckets, so a bucket is never wider than 1/1024 of its values: 3 significant digits.
 * bucket(v) = shift * HALF + (v >> shift), where shift brings v into [HALF, 2 * HALF).
 */
enum { HALF_BITS = 10, HALF = 1 << HALF_BITS };

struct pl_histogram {
    int64_t highest, min, max; /* min and max hold only while count > 0 */
    uint64_t count;
    double sum;
    size_t buckets;
    uint64_t in[];
};

uint32_t pl_histogram_bucket(int64_t value) {
    if (value < 2 * HALF) return (uint32_t)value;
    int shift = 63 - __builtin_clzll((unsigned long long)value) - HALF_BITS;
    return (uint32_t)shift * HALF + (uint32_t)(value >> shift);
}

int64_t pl_histogram_bucket_top(uint32_t bucket) {
    if (bucket < 2 * (uint32_t)HALF) return (int64_t)bucket;
    uint32_t shift = bucket / HALF - 1;
    uint64_t step = bucket - shift * HALF;
    return (int64_t)(((step + 1) << shift) - 1);
}

pouch_err pl_histogram_new(struct pl_histogram **out, int64_t highest) {
    if (highest < 1) highest = 1;
    size_t buckets = pl_histogram_bucket(highest) + 1;
    struct pl_histogram *h = calloc(1, sizeof *h + buckets * sizeof h->in[0]);
    if (!h) return pl_fail(POUCH_E_NO_MEMORY, "out of memory: a histogram of %zu buckets could not be had", buckets);
    h->highest = highest;
    h->buckets = buckets;
    *out = h;
    return POUCH_OK;
}

void pl_histogram_free(struct pl_histogram *h) {
    free(h);
}

void pl_histogram_reset(struct pl_histogram *h) {
    h->min = h->max = 0;
    h->count = 0;
    h->sum = 0;
    memset(h->in, 0, h->buckets * sizeof h->in[0]);
}

static void widen(struct pl_histogram *h, int64_t min, int64_t max) {
    if (h->count == 0 || min < h->min) h->min = min;
    if (h->count == 0 || max > h->max) h->max = max;
}

void pl_histogram_record(struct pl_histogram *h, int64_t value) {
    if (value < 0) value = 0;
    if (value > h->highest) value = h->highest;
    widen(h, value, value);
    h->in[pl_histogram_bucket(value)]++;
    h->count++;
    h->sum += (double)value;
}

void pl_histogram_merge(struct pl_histogram *into, const struct pl_histogram *from) {
    if (from->count == 0) return;
    widen(into, from->min, from->max);
    for (size_t i = 0; i < from->buckets && i < into->buckets; i++) into->in[i] += from->in[i];
    into->count += from->count;
    into->sum += from->sum;
}

int64_t pl_histogram_quantile(const struct pl_histogram *h, double q) {
    if (h->count == 0) return 0;
    if (!(q > 0)) return h->min;
    double rank = q * (double)h->count;
    uint64_t seen = 0;
    for (size_t i = 0; i < h->buckets; i++) {
        seen += h->in[i];
        if ((double)seen < rank) continue;
        int64_t top = pl_histogram_bucket_top((uint32_t)i);
        return top < h->max ? top : h->max;
    }
    return h->max;
}

int64_t pl_histogram_max(const struct pl_histogram *h) {
    return h->count ? h->max : 0;
}

int64_t pl_histogram_min(const struct pl_histogram *h) {
    return h->count ? h->min : 0;
}

double pl_histogram_mean(const struct pl_histogram *h) {
    return h->count ? h->sum / (double)h->count : 0;
}

uint64_t pl_histogram_count(const struct pl_histogram *h) {
    return h->count;
}
