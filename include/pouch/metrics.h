/* What this process has counted, for its own /metrics. */
#ifndef POUCH_METRICS_H
#define POUCH_METRICS_H

#include <pouch/error.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * All metrics of the library in Prometheus text format 0.0.4; the caller's, freed with pouch_free(). NULL: out of
 * memory.
 */
POUCH_API char *pouch_metrics_text(size_t *n);

#ifdef __cplusplus
}
#endif
#endif
