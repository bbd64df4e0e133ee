#include <base/clock.h>
#include <base/log.h>
#include <base/why.h>
#include <inttypes.h>
#include <registry/kept.h>
#include <registry/source.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The time in the file is renewed that often while the routes stay the same; it matters after a day. */
enum { RENEW_MS = 10 * 60 * 1000, PAUSE_US = 1000000, FAILED_US = 10000000, PAUSE_TIMES = 9 };
#define TIDY_US (INT64_C(3600) * 1000000)

pouch_err pl_source_init(struct pl_source *s, const char *url) {
    *s = (struct pl_source){.url = url ? strdup(url) : NULL, .kept_version = -1};
    if (!url) {
        pouch_err e = pl_store_default_url(&s->url);
        if (e) return e;
    }
    if (s->url && !pl_store_beside(&s->kept, s->url, "routes.jsonl")) return POUCH_OK;
    s->kept = NULL;
    pl_source_free(s);
    return pl_fail(POUCH_E_NO_MEMORY, "no memory for the store's name");
}

void pl_source_free(struct pl_source *s) {
    pl_store_close(s->store);
    free(s->url);
    free(s->kept);
    *s = (struct pl_source){0};
}

static pouch_err older(int64_t version, const struct pl_snapshot *than) {
    return pl_fail(POUCH_E_STORE,
                   "the store's routes are of version %" PRId64 " and those in force of version %" PRId64
                   ": the store was replaced by an older one; those in force stay until a restart",
                   version, pl_snapshot_version(than));
}

static pouch_err read_all(struct pl_source *s, const struct pl_snapshot *than, struct pl_snapshot **snapshot) {
    struct pl_route_row *rows;
    size_t n;
    int64_t version;
    pouch_err e = pl_store_routes(s->store, &rows, &n, &version);
    if (e) return e;
    if (!than || version > pl_snapshot_version(than)) return pl_snapshot_new(snapshot, rows, n, version);
    pl_route_free(rows, n);
    return version < pl_snapshot_version(than) ? older(version, than) : POUCH_OK;
}

static pouch_err read_newer(struct pl_source *s, const struct pl_snapshot *than, struct pl_snapshot **snapshot) {
    int64_t version;
    pouch_err e = s->store ? POUCH_OK : pl_store_open(&s->store, s->url);
    if (!e && than) e = pl_store_version(s->store, &version);
    if (e) return e;
    if (than && version == pl_snapshot_version(than)) return POUCH_OK;
    return read_all(s, than, snapshot);
}

pouch_err pl_source_read(struct pl_source *s, const struct pl_snapshot *than, struct pl_snapshot **snapshot) {
    *snapshot = NULL;
    pouch_err e = read_newer(s, than, snapshot);
    if (e) { /* a file that was replaced under a store is found only by opening it again */
        char why[1024];
        snprintf(why, sizeof why, "%s", pouch_why());
        pl_store_close(s->store);
        s->store = NULL;
        return pl_fail(e, "%s", why);
    }
    s->read_ms = pl_wall_ms(&pl_clock_system);
    return POUCH_OK;
}

pouch_err pl_source_kept(struct pl_source *s, struct pl_snapshot **snapshot, int64_t *read_ms) {
    pouch_err e = pl_kept_read(s->kept, pl_wall_ms(&pl_clock_system), snapshot, read_ms);
    if (e) return e;
    s->kept_version = pl_snapshot_version(*snapshot);
    s->kept_ms = *read_ms;
    return POUCH_OK;
}

static bool is_kept(const struct pl_source *s, const struct pl_snapshot *snapshot) {
    int64_t older_ms = s->read_ms - s->kept_ms;
    bool renew = s->read_ms && (older_ms < 0 || older_ms > RENEW_MS);
    return s->kept_version == pl_snapshot_version(snapshot) && !renew;
}

int64_t pl_source_keep(struct pl_source *s, const struct pl_snapshot *snapshot, bool now) {
    if (is_kept(s, snapshot)) return INT64_MAX;
    int64_t start_us = pl_mono_us(&pl_clock_system);
    if (!now && start_us < s->keep_us) return s->keep_us;
    if (start_us >= s->tidy_us) {
        pl_kept_tidy(s->kept);
        s->tidy_us = start_us + TIDY_US;
    }
    pouch_err e = pl_kept_write(s->kept, snapshot, s->read_ms);
    int64_t end_us = pl_mono_us(&pl_clock_system), pause_us = (end_us - start_us) * PAUSE_TIMES;
    s->keep_us = end_us + (pause_us > PAUSE_US ? pause_us : PAUSE_US);
    if (e) {
        PL_LOG(PL_LOG_ERROR, "routes not kept", "why", pouch_why());
        return s->keep_us = end_us + FAILED_US;
    }
    s->kept_version = pl_snapshot_version(snapshot);
    s->kept_ms = s->read_ms;
    return INT64_MAX;
}
