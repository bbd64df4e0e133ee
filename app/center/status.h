/* What a center is at, for status pages: what every member of a group tells, and what is the center's own. */
#ifndef POUCH_CENTER_STATUS_H
#define POUCH_CENTER_STATUS_H

#include <bus/status.h>
#include <center/center.h>
#include <stdint.h>

enum { CENTER_TOLD = 64 };

struct center_report {
    bool told;
    int64_t routes_age_ms; /* since the store was last read; negative: never, so these are kept ones */
    size_t routes;
    size_t awaiting;  /* requests whose routes have changed, but how is not known */
    bool trace_stuck; /* offsets do not wait for their trace rows, because the store stands still */
    size_t stalled, n_targets;
    struct center_target_facts {
        char topic[PL_NAME_MAX + 1];
        size_t in_flight, bytes;
        bool stalled;
        uint64_t routed, failed;
    } targets[CENTER_TOLD]; /* the first n_targets of them: those that have stalled, then the busiest */
    size_t n_publishers;
    struct center_publisher_facts {
        char publisher[PL_NAME_MAX + 1]; /* "": those beyond the ones that are told apart */
        uint64_t routed, failed, limited;
    } publishers[CENTER_TOLD]; /* the busiest */
};

/* Any thread, until center_free(). Nothing is told before center_run() routes. */
struct pl_status *center_status(struct center *c);
void center_report_read(struct center *c, struct center_report *out);

#endif
