/* How a cluster stands, as it is told: a table, metrics and HTTP pages. */
#ifndef POUCH_OPS_HEALTH_H
#define POUCH_OPS_HEALTH_H

#include <admin/health.h>
#include <ops/ops.h>

/* For people; rows: each partition of each group. */
void ops_health_print(const struct admin_health *h, bool rows);

/* As metrics, whole lines. */
struct pl_buf;
POUCH_MUST_CHECK pouch_err ops_health_metrics(struct pl_buf *out, const struct admin_health *h);

/*
 * Measures every `every_ms` until stopped and shows the latest at `listen`; each goes to tell() too (may be NULL),
 * which ends it by giving false.
 */
struct ops_health_watch {
    struct admin_health_ask ask;
    int every_ms;
    const char *listen; /* NULL: nothing is served */
    bool (*tell)(const struct admin_health *h, void *arg);
    void *arg;
};
POUCH_MUST_CHECK pouch_err ops_health_watch(const struct ops_health_watch *w);

#endif
