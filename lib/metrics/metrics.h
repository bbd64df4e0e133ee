/*
 * What the process counts. Names and helps stand in one list (metrics/list.h); counting is a
 * relaxed atomic add. Read as a whole by pouch_metrics_text().
 */
#ifndef POUCH_METRICS_METRICS_H
#define POUCH_METRICS_METRICS_H

#include <metrics/list.h>
#include <pouch/error.h>
#include <stdint.h>

#define PL_METRIC_ENUM(id, type, name, labels, help) PL_M_##id,
enum pl_metric { PL_METRICS(PL_METRIC_ENUM) PL_METRIC_COUNT };
#undef PL_METRIC_ENUM

void pl_metric_add(enum pl_metric m, int64_t n); /* counters only up; gauges either way */
void pl_metric_set(enum pl_metric m, int64_t v); /* gauges */
int64_t pl_metric_get(enum pl_metric m);

/* All metrics of that name, in the order of the list, each with the value of its one label. */
void pl_metric_each(const char *name, void (*each)(const char *label, int64_t value, void *arg), void *arg);

/*
 * For values that live elsewhere or have labels of their own (seals per kid): called at each
 * read with a buffer to append whole lines to. Removal waits until no read runs the collector.
 */
struct pl_buf;
typedef void pl_collect_fn(struct pl_buf *out, void *arg);
POUCH_MUST_CHECK pouch_err pl_metrics_collect(pl_collect_fn *fn, void *arg); /* NO_MEMORY */
void pl_metrics_forget(pl_collect_fn *fn, void *arg);

#endif
