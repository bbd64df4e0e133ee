#include <metrics/metrics.h>
#include <ops/times.h>

static json_t *buckets_of(const struct pl_times *t) {
    json_t *all = json_array();
    for (size_t i = 0; all && i < PL_TIMING_BUCKETS; i++)
        if (t->in[i])
            json_array_append_new(all, json_pack("[I, I]", (json_int_t)pl_times_bucket_top(i), (json_int_t)t->in[i]));
    return all;
}

json_t *ops_times(enum pl_timing timing) {
    struct pl_times all, recent;
    pl_timing_read(timing, &all);
    pl_timing_recent(timing, &recent);
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "count", (json_int_t)all.count, "sum_us", (json_int_t)all.sum_us,
                     "p50_us", (json_int_t)pl_times_quantile(&recent, 0.5), "p99_us",
                     (json_int_t)pl_times_quantile(&recent, 0.99), "buckets", buckets_of(&all));
}

static void add(const char *label, int64_t value, void *into) {
    json_object_set_new(into, label, json_integer((json_int_t)value));
}

json_t *ops_outcomes(const char *metric) {
    json_t *all = json_object();
    if (all) pl_metric_each(metric, add, all);
    return all;
}
