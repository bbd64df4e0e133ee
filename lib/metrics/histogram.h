/*
 * A log-linear histogram in the manner of HdrHistogram: 64-bit values, 3 significant digits,
 * fixed memory, mergeable. One writer; merge to combine threads.
 */
#ifndef POUCH_METRICS_HISTOGRAM_H
#define POUCH_METRICS_HISTOGRAM_H

#include <pouch/error.h>
#include <stdint.h>

struct pl_histogram;

/* values above count as highest; NO_MEMORY */
POUCH_MUST_CHECK pouch_err pl_histogram_new(struct pl_histogram **h, int64_t highest);
void pl_histogram_free(struct pl_histogram *h);
void pl_histogram_reset(struct pl_histogram *h);
void pl_histogram_record(struct pl_histogram *h, int64_t value);                     /* negative counts as 0 */
void pl_histogram_merge(struct pl_histogram *into, const struct pl_histogram *from); /* of the same highest */
int64_t pl_histogram_quantile(const struct pl_histogram *h, double q);               /* 0..1; 0 when empty */
int64_t pl_histogram_max(const struct pl_histogram *h);                              /* exact */
int64_t pl_histogram_min(const struct pl_histogram *h);                              /* exact */
double pl_histogram_mean(const struct pl_histogram *h);
uint64_t pl_histogram_count(const struct pl_histogram *h);

/* The buckets: values that a histogram does not tell apart. value >= 0. */
uint32_t pl_histogram_bucket(int64_t value);
int64_t pl_histogram_bucket_top(uint32_t bucket); /* the highest of its values */

#endif
