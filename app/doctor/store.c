#include <base/clock.h>
#include <base/why.h>
#include <doctor/look.h>
#include <inttypes.h>
#include <store/waiting.h>

enum { SLOW_MS = 1000 };

static const char check[] = "store";

static void waiting(struct doctor *d, const char *url) {
    struct pl_waiting w;
    pl_waiting_count(&w, url, d->settings->trace_spool, 0, INT64_MAX);
    if (w.rows)
        doctor_bad(
            d, DOCTOR_WARN, "spool", w.folder ? w.folder : url,
            "see that the store answers, and that the process whose rows they are, or another on this host, runs",
            "%" PRIu64 " trace rows wait for the store", w.rows);
    if (w.missing)
        doctor_bad(d, DOCTOR_WARN, "spool", w.folder ? w.folder : url,
                   "give trace.spool_bytes more room; `pouch log` says which time is incomplete",
                   "%" PRIu64 " trace rows are missing", w.missing);
    pl_waiting_free(&w);
}

void doctor_store(struct doctor *d, const char *url, struct pl_route_row **routes, size_t *n) {
    struct pl_store *store = NULL;
    int64_t version = 0, began = pl_mono_us(&pl_clock_system);
    *routes = NULL;
    *n = 0;
    pouch_err e = pl_store_look(&store, url);
    if (!e) e = pl_store_routes(store, routes, n, &version);
    pl_store_close(store);
    int64_t took_ms = (pl_mono_us(&pl_clock_system) - began) / 1000;
    if (e == POUCH_E_NOT_FOUND)
        doctor_bad(d, DOCTOR_WARN, check, url, "`pouch route add` makes it; if it should be there, check --store",
                   "nothing is there yet: no routes, no traces");
    else if (e == POUCH_E_EXISTS)
        doctor_bad(d, DOCTOR_WARN, check, url,
                   "bring every host to this version: older ones do not open it afterwards; routes were not looked at",
                   "%s", pouch_why());
    else if (e)
        doctor_bad(d, DOCTOR_FAIL, check, url,
                   "see that it runs and that --store is right; centers go on by kept routes", "%s", pouch_why());
    else if (took_ms > SLOW_MS)
        doctor_bad(d, DOCTOR_WARN, check, url, "look at its load and at the way to it",
                   "reading %zu routes took %" PRId64 " ms", *n, took_ms);
    else
        doctor_good(d, check, url, "%zu routes, version %" PRId64 " of the registry", *n, version);
    waiting(d, url);
}
