/*
 * How long things take in this process: for each of a few kinds of work a histogram that many threads record into and
 * any reads meanwhile. Buckets are an eighth of a doubling wide, so a quantile is at most 12.5 % too high, and a
 * few hundred numbers are all of it: who reads twice gets the quantiles of the time between by subtracting.
 */
#ifndef POUCH_METRICS_TIMING_H
#define POUCH_METRICS_TIMING_H

#include <base/buf.h>
#include <metrics/list.h>
#include <stddef.h>
#include <stdint.h>

#define PL_TIMING_ENUM(id, name, help) PL_T_##id,
enum pl_timing { PL_TIMINGS(PL_TIMING_ENUM) PL_TIMING_COUNT };
#undef PL_TIMING_ENUM

/* Up to 2^27 us, 134 s; what takes longer counts as that. */
enum { PL_TIMING_BUCKETS = 200 };

/* Any thread; a negative time counts as 0. */
void pl_timing_record(enum pl_timing t, int64_t us);

/* What was recorded so far, or between two readings. */
struct pl_times {
    uint64_t in[PL_TIMING_BUCKETS], count, sum_us;
};

/* A time that is recorded meanwhile is in it or not; count is always the sum of the buckets. */
void pl_timing_read(enum pl_timing t, struct pl_times *out);
void pl_times_since(struct pl_times *out, const struct pl_times *before); /* takes away what was in before */

/*
 * What was recorded in the last 10 to 20 s, for pages that people look at. Whoever records calls _tick about once
 * a second with the monotonic time; any thread.
 */
void pl_timings_tick(int64_t now_us);
void pl_timing_recent(enum pl_timing t, struct pl_times *out);

/* q in 0..1: the highest time of the bucket that it falls in; 0 when empty. */
int64_t pl_times_quantile(const struct pl_times *t, double q);

/* The bucket of a time, and the highest time in a bucket. */
size_t pl_times_bucket(int64_t us);
int64_t pl_times_bucket_top(size_t bucket);

/* All of them in Prometheus text. Errors as pl_buf_append(). */
POUCH_MUST_CHECK pouch_err pl_timings_text(struct pl_buf *out);

#endif
